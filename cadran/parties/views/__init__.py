"""Pages of the parties room."""

from cadran.parties.views.agreements import agreement, agreements
from cadran.parties.views.imports import import_, import_template
from cadran.parties.views.organisations import organisation, organisations

__all__ = ["agreement", "agreements", "import_", "import_template", "organisation", "organisations"]
