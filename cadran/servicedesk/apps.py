"""The room as a Django app."""

from django.apps import AppConfig


class ServiceDeskConfig(AppConfig):
    """Registers the room."""

    name = "cadran.servicedesk"
    label = "servicedesk"
    default_auto_field = "django.db.models.BigAutoField"
