"""The portal as a Django app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Gives every page its shell."""

    name = "cadran.portal"
    label = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Describe the shell to the interface kit."""
        from cadran.portal.shell import shell_of
        from cadran.ui.menu import provide

        provide(shell_of)
