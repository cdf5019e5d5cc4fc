"""The room as a Django app."""

from django.apps import AppConfig


class ServicedeskConfig(AppConfig):
    """Registers the room and its cards."""

    name = "cadran.servicedesk"
    label = "servicedesk"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Offer the running incidents to the pages of what they are about."""
        from cadran.servicedesk import panels
        from cadran.ui.panels import offer

        offer("portal.home", panels.of_home, rank=10)
        offer("inventory.service", panels.of_service, rank=10)
        offer("inventory.site", panels.of_site, rank=10)
        offer("inventory.equipment", panels.of_equipment, rank=10)
        offer("telemetry.alarm", panels.of_alarm, rank=10)
        offer("parties.organisation", panels.of_organisation, rank=10)
        offer("parties.agreement", panels.of_agreement, rank=20)
