"""The room as a Django app."""

from django.apps import AppConfig


class LorawanConfig(AppConfig):
    """Registers the room and offers its cards."""

    name = "cadran.lorawan"
    label = "lorawan"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Offer cards to the inventory's pages, and tell telemetry which silences are the gateways' own."""
        from cadran.lorawan import panels, selectors
        from cadran.telemetry import services as telemetry
        from cadran.ui.panels import offer

        telemetry.explain_silence_with(selectors.silence_explained)

        offer("inventory.site", panels.gateways_of_site, rank=40)
        offer("inventory.equipment", panels.radio_of_equipment, rank=20)
        offer("inventory.equipment.frames", panels.frames_of_equipment)
        offer("inventory.equipment.keys", panels.keys_of_equipment)
        offer("inventory.map", panels.places)
