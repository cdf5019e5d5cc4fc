"""Addresses of the private network."""

from django.urls import path

from cadran.lorawan import views

app_name = "lorawan"
urlpatterns = [
    path("passerelles/", views.gateways, name="gateways"),
    path("passerelles/<int:gateway_id>/", views.gateway, name="gateway"),
    path("reseau/", views.network, name="network"),
]
