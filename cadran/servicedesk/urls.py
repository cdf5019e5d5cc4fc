"""Addresses of the service desk."""

from django.urls import path

from cadran.servicedesk import views

app_name = "servicedesk"
urlpatterns = [
    path("incidents/", views.incidents, name="incidents"),
    path("incidents/declarer/", views.declare, name="declare"),
    path("incidents/<int:incident_id>/", views.incident, name="incident"),
    path("incidents/<int:incident_id>/fiche.pdf", views.sheet, name="sheet"),
    path("incidents/<int:incident_id>/fiche/", views.sheet_html, name="sheet-html"),
    path("incidents/<int:incident_id>/pourquoi/<str:commitment>/", views.why, name="why"),
    path("incidents/<int:incident_id>/<str:verb>/", views.act, name="act"),
]
