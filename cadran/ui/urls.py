"""Addresses of the kit itself, mounted by the portal under ``/ui/``."""

from django.urls import path

from cadran.ui import views

app_name = "ui"

urlpatterns = [
    path("preferences/", views.preferences, name="preferences"),
    path("galerie/", views.gallery, name="gallery"),
    path("galerie/erreurs/<int:status>/", views.gallery_error, name="gallery-error"),
]
