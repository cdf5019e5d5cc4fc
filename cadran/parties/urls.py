"""Addresses of the parties room."""

from django.urls import path

from cadran.parties import views

app_name = "parties"
urlpatterns = [
    path("beneficiaires/", views.organisations, name="organisations"),
    path("beneficiaires/importer/", views.import_, name="import"),
    path("beneficiaires/importer/modele.csv", views.import_template, name="import-template"),
    path("beneficiaires/<int:organisation_id>/", views.organisation, name="organisation"),
    path("accords-cadres/", views.agreements, name="agreements"),
    path("accords-cadres/<str:code>/", views.agreement, name="agreement"),
]
