"""The list of incidents, the page of one, and « Pourquoi ? »."""

from __future__ import annotations

from datetime import datetime, tzinfo

from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from cadran.kernel.calendars import name_of
from cadran.kernel.viewer import Side
from cadran.servicedesk import page, selectors, words
from cadran.servicedesk import why as clocks
from cadran.servicedesk.forms import CommentForm
from cadran.servicedesk.lists import SOON, Incidents, late_count, with_clocks
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import Action
from cadran.ui import times
from cadran.ui.http import Request
from cadran.ui.lists import render_list

FIRST_VIEW = "etat=en_cours&tri=gtr"  # what is still broken, nearest deadline first


def incidents(request: Request) -> HttpResponseBase:
    """The incidents in the reader's scope with both clocks; without a choice, those not restored yet."""
    viewer, now = request.viewer, request.now
    viewer.require("incident.read")
    if not request.GET:
        request.GET = QueryDict(FIRST_VIEW)
    declare_url = reverse("servicedesk:declare") if viewer.may("incident.declare") else ""
    several = viewer.side is not Side.BENEFICIARY or len(viewer.scope) > 1
    liste = Incidents(now=now, owner=several, declare_url=declare_url)
    visible = selectors.incidents(viewer=viewer)
    rows = with_clocks(visible, liste.faces, viewer=viewer, now=now)
    missed = late_count(visible, now)
    needs = selectors.needs(viewer=viewer, now=now, within=SOON)
    asked = (request.GET.get("etat", ""), request.GET.get("echeance", ""))
    tabs = [
        (label, f"?etat={state}&echeance={due}&tri={order}", count, asked == (state, due))
        for label, state, due, order, count in (
            (_("Non rétablis"), "en_cours", "", "gtr", needs.running),
            (_("Échéance dépassée"), "en_cours", "depassee", "gtr", missed),
            (_("À confirmer"), "a_confirmer", "", "-informe", needs.to_confirm),
            (_("Tous"), "", "", "-informe", 0),
        )
    ]
    context = {"tabs": tabs, "declare_url": declare_url}
    return render_list(request, liste, rows, viewer=viewer, template="servicedesk/incidents.html", context=context)


def incident(request: Request, incident_id: int) -> HttpResponse:
    """One incident: clocks, thread, acts open to the reader, what it is about, audit trail."""
    viewer = request.viewer
    shown = page.read(viewer=viewer, incident_id=incident_id, now=request.now)
    row = shown.row
    may_audit = viewer.may("audit.read", owner_id=row.owner_id, lot_id=row.lot_id, site_id=row.site_id)
    context = {
        "page": shown,
        "incident": row,
        "may_open_owner": viewer.may("organisation.read", owner_id=row.owner_id),
        "comment_form": CommentForm(levels=shown.levels.content, zone=shown.zone, now=request.now),
        "comment_slug": words.SLUGS[Action.COMMENT],
        "audit": page.audit_lines(row, shown.zone, now=request.now) if may_audit else None,
        **_instants(row, shown.zone, request.now),
    }
    return render(request, "servicedesk/incident.html", context)


def _instants(row: Incident, zone: tzinfo, now: datetime) -> dict[str, str]:
    """The instants of the page in few letters, on the site's clock; empty when it did not happen."""
    alarm = row.alarm
    instants = {
        "informed": row.informed_at,
        "created": row.created_at,
        "restored": row.restored_at,
        "alarm_raised": alarm.raised_at if alarm else None,
        "alarm_cleared": alarm.cleared_at if alarm else None,
    }
    return {name: clocks.short_html(at, zone, now=now) if at else "" for name, at in instants.items()}


def why(request: Request, incident_id: int, commitment: str) -> HttpResponse:
    """Why a clock stands where it stands: the same page for both parties."""
    row = selectors.incident(viewer=request.viewer, reference=incident_id)
    found = selectors.why(
        viewer=request.viewer, incident_id=incident_id, commitment=commitment.upper(), now=request.now
    )
    calendar = found.commitment.calendar
    zone = calendar.zone

    def short(at: datetime | None) -> str:
        return clocks.short_html(at, zone, now=request.now) if at else ""

    context = {
        "incident": row,
        "why": found,
        "face": clocks.face_of(found.verdict),
        "zone": zone,
        "zone_name": times.zone_name(zone),
        "zone_note": clocks.zone_note(request.now, zone),
        "name": found.commitment.name,
        "budget": clocks.budget_words(found.commitment),
        "hours": clocks.hours_words(calendar),
        "territory": name_of(calendar.territory),
        "lines": clocks.lines_of(found.segments, calendar, now=found.verdict.as_of),
        "starts_on": words.fact_word(found.commitment.starts_on),
        "stops_on": _(" ou ").join(words.fact_word(kind) for kind in sorted(found.commitment.stops_on)),
        "pauses": [(pause, short(pause.start), short(pause.end)) for pause in found.pauses],
        "facts": [
            (fact, words.fact_word(fact.kind), short(fact.happened_at), short(fact.recorded_at)) for fact in found.facts
        ],
        "targets": [
            (target, words.type_word(target.incident_type), short(target.recorded_at)) for target in found.targets
        ],
        "others": [name for name in ("GTI", "GTR") if name != found.commitment.name],
    }
    return render(request, "servicedesk/why.html", context)
