"""The room as a Django app."""

from django.apps import AppConfig


class PartiesConfig(AppConfig):
    """Registers the room."""

    name = "cadran.parties"
    label = "parties"
    default_auto_field = "django.db.models.BigAutoField"
