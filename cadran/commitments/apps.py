"""The room as a Django app."""

from django.apps import AppConfig


class CommitmentsConfig(AppConfig):
    """Registers the room and its cards."""

    name = "cadran.commitments"
    label = "commitments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Offer what an agreement promises to its page."""
        from cadran.commitments import panels
        from cadran.ui.panels import offer

        offer("parties.agreement", panels.agreement, rank=10)
