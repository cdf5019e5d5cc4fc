"""Addresses of telemetry."""

from django.urls import path

from cadran.telemetry import views

app_name = "telemetry"
urlpatterns = [
    path("points/", views.points, name="points"),
    path("points/<int:point_id>/", views.point, name="point"),
    path("points/<int:point_id>/serie/", views.series, name="series"),
    path("points/<int:point_id>/seuils/ajouter/", views.rule_add, name="rule-add"),
    path("seuils/<int:rule_id>/", views.rule, name="rule"),
    path("alarmes/", views.alarms, name="alarms"),
    path("alarmes/<int:alarm_id>/", views.alarm, name="alarm"),
    path("alarmes/<int:alarm_id>/prendre-en-compte/", views.acknowledge, name="acknowledge"),
]
