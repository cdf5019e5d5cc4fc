"""Acts on an incident: a page that says what the act will do and asks what it needs, then the act itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from cadran.commitments.rules import PriorityRefused
from cadran.kernel.calendars import zone_named
from cadran.kernel.errors import InvalidInput, NotAllowed, NotFound
from cadran.servicedesk import page, selectors, services, words
from cadran.servicedesk.forms import FORM_OF, ActForm
from cadran.servicedesk.forms.acts import RequalifyForm
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import ALLOWED, Action, check
from cadran.ui.http import Request

VERBS: dict[Action, Callable[..., Any]] = {
    Action.ACKNOWLEDGE: services.acknowledge,
    Action.CONFIRM_IN_WRITING: services.confirm_in_writing,
    Action.TAKE_IN_CHARGE: services.take_in_charge,
    Action.START_INTERVENTION: services.start_intervention,
    Action.PAUSE: services.pause,
    Action.RESUME: services.resume,
    Action.RESTORE: services.restore,
    Action.CONFIRM_RESTORED: services.confirm_restored,
    Action.REFUSE_RESTORATION: services.refuse_restoration,
    Action.REOPEN: services.reopen,
    Action.REQUALIFY: services.requalify,
    Action.COMMENT: services.comment,
    Action.CLOSE: services.close,
}


def act(request: Request, incident_id: int, verb: str) -> HttpResponse:
    """GET: what the act will do, and its form. POST: do it; what was typed stays when it is refused."""
    row = selectors.incident(viewer=request.viewer, reference=incident_id)
    action = words.ACTION_OF.get(verb)
    if action is None:
        raise NotFound("L’action", verb)
    levels = selectors.levels_of_incident(viewer=request.viewer, incident_id=row.pk).content
    kind = FORM_OF[action]
    given = request.POST if request.method == "POST" else None
    form = kind(given, levels=levels, ticked=row.criteria, zone=zone_named(row.site.zone), now=request.now)
    if given is None or not form.is_valid():
        _refuse_early(request, row, action)
        return _page(request, row, action, form, status=200 if given is None else 422)
    try:
        VERBS[action](viewer=request.viewer, incident_id=row.pk, now=request.now, **form.given())
    except (InvalidInput, PriorityRefused) as error:
        form.add_error(None, error.message)
        return _page(request, row, action, form, status=422)
    messages.success(request, _("{act} : c’est fait.").format(act=words.action_word(action)))
    return redirect("servicedesk:incident", incident_id=row.pk)


def _refuse_early(request: Request, row: Incident, action: Action) -> None:
    """The page of an act that could only be refused is refused at once (the service checks again)."""
    wanted = ALLOWED[action][1]
    viewer = request.viewer
    if not any(viewer.may(one, owner_id=row.owner_id, lot_id=row.lot_id, site_id=row.site_id) for one in wanted):
        raise NotAllowed(capability=wanted[0])
    check(action, selectors.situation_of(row))


def _page(
    request: Request, row: Incident, action: Action, form: ActForm | RequalifyForm, *, status: int
) -> HttpResponse:
    verdicts = selectors.clocks_of(viewer=request.viewer, rows=[row], now=request.now)[row.pk]
    context = {
        "incident": row,
        "form": form,
        "word": words.action_word(action),
        "consequence": words.CONSEQUENCES[action],
        "slug": words.SLUGS[action],
        "clocks": page.clock_cards(verdicts),
    }
    return render(request, "servicedesk/act.html", context, status=status)
