"""The room as a Django app."""

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Registers the room."""

    name = "cadran.messaging"
    label = "messaging"
    default_auto_field = "django.db.models.BigAutoField"
