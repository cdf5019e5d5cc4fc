"""The room as a Django app."""

from django.apps import AppConfig


class LorawanConfig(AppConfig):
    """Registers the room."""

    name = "cadran.lorawan"
    label = "lorawan"
    default_auto_field = "django.db.models.BigAutoField"
