"""The room as a Django app."""

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Registers the room."""

    name = "cadran.telemetry"
    label = "telemetry"
    default_auto_field = "django.db.models.BigAutoField"
