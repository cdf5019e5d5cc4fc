"""Addresses of the inventory."""

from django.urls import path

from cadran.inventory import views

app_name = "inventory"
urlpatterns = [
    path("sites/", views.sites, name="sites"),
    path("sites/<int:site_id>/", views.site, name="site"),
    path("services/", views.services, name="services"),
    path("services/<int:service_id>/", views.service, name="service"),
    path("parc/", views.fleet, name="fleet"),
    path("parc/<int:equipment_id>/", views.equipment, name="equipment"),
    path("carte/", views.map_page, name="map"),
    path("carte/donnees/", views.map_data, name="map-data"),
]
