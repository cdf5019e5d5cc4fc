"""Cards offered to other rooms' pages: the incidents that run there, with their clocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from cadran.kernel.viewer import Viewer
from cadran.servicedesk import selectors, why, words
from cadran.servicedesk.lists import NOT_RESTORED
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import Confirmation

if TYPE_CHECKING:
    from cadran.inventory.models import Equipment, Service, Site
    from cadran.parties.models import Agreement, Organisation
    from cadran.telemetry.models import Alarm

MOST_ROWS = 5
Which = Callable[[QuerySet[Incident]], QuerySet[Incident]]


def of_service(request: HttpRequest, subject: Service) -> str:
    """Return the card of a service."""
    return _card(request, lambda rows: rows.filter(service_id=subject.pk), declare=_declare(request, subject))


def of_site(request: HttpRequest, subject: Site) -> str:
    """Return the card of a site."""
    return _card(request, lambda rows: rows.filter(site_id=subject.pk), all_query={"site": subject.code})


def of_equipment(request: HttpRequest, subject: Equipment) -> str:
    """Return the card of an equipment."""
    service = subject.service
    declare = _declare(request, service, equipement=subject.pk) if service else ""
    return _card(request, lambda rows: rows.filter(equipment_id=subject.pk), declare=declare)


def of_alarm(request: HttpRequest, subject: Alarm) -> str:
    """Return the card of an alarm: its incident, running or over."""
    same = Q(alarm_id=subject.pk)
    if subject.cleared_at is None:  # what it is about had an incident before it was raised again
        same |= Q(owner_id=subject.owner_id, alarm_origin=subject.origin_key, state__in=NOT_RESTORED)
    return _card(request, lambda rows: rows.filter(same), running_only=False)


def of_organisation(request: HttpRequest, subject: Organisation) -> str:
    """Return the card of a beneficiary."""
    return _card(request, lambda rows: rows.filter(owner_id=subject.pk))


def of_home(request: HttpRequest, subject: object) -> str:
    """Return the reader's running incidents, nearest deadline first, for the home page."""
    return _card(request, lambda rows: rows)


def of_agreement(request: HttpRequest, subject: Agreement) -> str:
    """Return which alarms open an incident under an agreement, and as what."""
    policy = selectors.alarm_policy(agreement_code=subject.code)
    context = {"policy": policy, "types": words.TYPES}
    return render_to_string("servicedesk/_alarm_policy.html", context, request=request)


def _declare(request: HttpRequest, service: Service, **more: int) -> str:
    viewer: Viewer = request.viewer  # type: ignore[attr-defined]
    may = viewer.may("incident.declare", owner_id=service.owner_id, lot_id=service.lot_id, site_id=service.site_id)
    if not may or service.state == "ended":
        return ""
    return f"{reverse('servicedesk:declare')}?{urlencode({'service': service.pk, **more})}"


def _card(
    request: HttpRequest,
    which: Which,
    *,
    declare: str = "",
    running_only: bool = True,
    all_query: dict[str, Any] | None = None,
) -> str:
    """Render the card (four queries); nothing without the right to read incidents."""
    viewer: Viewer = request.viewer  # type: ignore[attr-defined]
    now = request.now  # type: ignore[attr-defined]
    if not viewer.may("incident.read"):
        return ""
    rows = which(selectors.incidents(viewer=viewer))
    if running_only:
        rows = rows.filter(Q(state__in=NOT_RESTORED) | Q(confirmation=Confirmation.AWAITED))
        rows = rows.order_by("gtr_due_at", "id")
    found = list(rows[: MOST_ROWS + 1])
    clocks = selectors.clocks_of(viewer=viewer, rows=found[:MOST_ROWS], now=now) if found else {}
    query = {"etat": "en_cours", "tri": "gtr", **(all_query or {})}
    context = {
        "lines": [
            (row, words.state_word(row), words.state_badge(row).value,
             [why.face_of(verdict) for verdict in clocks[row.pk].values()])
            for row in found[:MOST_ROWS]
        ],
        "more": len(found) > MOST_ROWS,
        "all_url": f"{reverse('servicedesk:incidents')}?{urlencode(query)}",
        "declare": declare,
        "running_only": running_only,
    }  # fmt: skip
    return render_to_string("servicedesk/_incidents_card.html", context, request=request)
