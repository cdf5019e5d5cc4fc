"""The kernel as a Django app."""

from django.apps import AppConfig, apps


class KernelConfig(AppConfig):
    """Loads every room's events and handlers once all models are there."""

    name = "cadran.kernel"
    label = "kernel"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import events and handlers so that the registry is complete in every process."""
        from cadran.kernel import events

        for config in apps.get_app_configs():
            if config.name.startswith("cadran.") and config.name != self.name:
                events.load(config.name)
