"""The incident's sheet: PDF, and the same content as a page."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse
from django.templatetags.static import static
from django.utils.translation import gettext as _

from cadran.kernel import documents
from cadran.servicedesk import page, selectors
from cadran.servicedesk.sheet import sheet_of
from cadran.ui.http import Request

STYLES = ("vendor/bootstrap/bootstrap.css", "ui/tokens.css", "ui/cadran.css", "ui/pieces.css")


def sheet(request: Request, incident_id: int) -> HttpResponse:
    """The sheet as PDF/A and PDF/UA."""
    document, number = _document(request, incident_id)
    response = HttpResponse(document.pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{number}.pdf"'
    response["Cache-Control"] = "private, no-store"
    return response


def sheet_html(request: Request, incident_id: int) -> HttpResponse:
    """The sheet as a page without anything around it."""
    styles = [static(path) for path in STYLES]
    document, _number = _document(request, incident_id, styles)
    return HttpResponse(document.html)


def _document(request: Request, incident_id: int, styles: Sequence[str] = ()) -> tuple[documents.Document, str]:
    shown = page.read(viewer=request.viewer, incident_id=incident_id, now=request.now)
    explanations = [
        selectors.why(viewer=request.viewer, incident_id=incident_id, commitment=card.name, now=request.now)
        for card in shown.clocks
    ]
    title = _("Fiche de l’incident {number}").format(number=shown.row.number)
    data = sheet_of(shown, explanations, now=request.now, styles=styles)
    document = documents.render("servicedesk/incident", data, title=title, issued_at=request.now.replace(microsecond=0))
    return document, shown.row.number
