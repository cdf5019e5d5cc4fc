"""The room as a Django app."""

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Registers the room and offers its cards."""

    name = "cadran.telemetry"
    label = "telemetry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Offer cards to the inventory's pages."""
        from cadran.telemetry import panels
        from cadran.ui.panels import offer

        offer("inventory.site", panels.alarms_of_site, rank=10)
        offer("inventory.service", panels.alarms_of_service, rank=20)
        offer("inventory.equipment", panels.of_equipment, rank=10)
        offer("inventory.equipment.measurements", panels.measurements_of_equipment)
        offer("inventory.equipment.frames", panels.frames_of_equipment)
        offer("inventory.fleet", panels.complete_fleet)
