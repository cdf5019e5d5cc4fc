"""The room as a Django app."""

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    """Registers the room."""

    name = "cadran.inventory"
    label = "inventory"
    default_auto_field = "django.db.models.BigAutoField"
