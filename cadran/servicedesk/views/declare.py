"""Declare an incident: choose the service, describe, read the recap, send. Sending twice opens one incident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from cadran.commitments import selectors as commitments
from cadran.commitments.packs import commitments_for
from cadran.commitments.rules import Fact, FactKind, IncidentType, Priority, PriorityRefused, verdict
from cadran.inventory import selectors as inventory
from cadran.kernel.calendars import Territory, zone_named
from cadran.kernel.errors import DomainError, NotFound
from cadran.kernel.viewer import Side
from cadran.servicedesk import page, services, words
from cadran.servicedesk.forms import DeclareForm
from cadran.servicedesk.forms.criteria import GROUP
from cadran.servicedesk.lists import ServicesToChoose
from cadran.servicedesk.models import Incident
from cadran.ui.http import Request
from cadran.ui.lists import render_list

if TYPE_CHECKING:
    from cadran.inventory.models import Equipment, Service

LONGEST_ID = 19  # digits of a bigint: Python itself refuses to read thousands of them
RECAP, EDIT, SEND = "relire", "corriger", "envoyer"


@dataclass(frozen=True, slots=True)
class Subject:
    """What broke: the service, the equipment when it is known, and what is promised for it."""

    service: Service
    equipment: Equipment | None
    levels: commitments.Levels


def declare(request: Request) -> HttpResponseBase:
    """GET: choose a service, then describe. POST: recap, correction or sending, as the button says."""
    request.viewer.require("incident.declare")
    asked = request.POST if request.method == "POST" else request.GET
    if not asked.get("service"):
        return _choose(request)
    subject = _subject(request, asked.get("service", ""), asked.get("equipement", ""))
    staff = request.viewer.side is not Side.BENEFICIARY
    options: dict[str, Any] = {
        "levels": subject.levels.content,
        "staff": staff,
        "zone": zone_named(subject.service.site.zone),
        "now": request.now,
    }
    if request.method != "POST":
        return _form(request, subject, DeclareForm(**options))
    form = DeclareForm(request.POST, **options)
    step = request.POST.get("etape", RECAP)
    if step == EDIT:
        return _form(request, subject, DeclareForm(initial=_typed(request, form), **options))
    if not form.is_valid() or (typing := _typing(form, subject)) is None:
        return _form(request, subject, form, status=422)
    informed_at = form.moment or request.now
    if step == SEND:
        return _send(request, subject, form, informed_at)
    return _recap(request, subject, form, typing, informed_at)


def _choose(request: Request) -> HttpResponseBase:
    rows = inventory.services(viewer=request.viewer).exclude(state="ended")
    return render_list(
        request, ServicesToChoose(), rows, viewer=request.viewer, template="servicedesk/declare_choose.html"
    )


def _subject(request: Request, service_id: str, equipment_id: str) -> Subject:
    viewer = request.viewer
    if not service_id.isdecimal() or not (equipment_id.isdecimal() or not equipment_id):
        raise NotFound("Le service", service_id)
    if max(len(service_id), len(equipment_id)) > LONGEST_ID:
        raise NotFound("Le service", service_id[:LONGEST_ID])
    service = inventory.service(viewer=viewer, service_id=int(service_id))
    viewer.require("incident.declare", owner_id=service.owner_id, lot_id=service.lot_id, site_id=service.site_id)
    equipment = inventory.equipment(viewer=viewer, equipment_id=int(equipment_id)) if equipment_id else None
    if equipment is not None and equipment.owner_id != service.owner_id:
        raise NotFound("L’équipement", equipment_id)
    levels = commitments.levels_in_force(agreement_code=service.lot.agreement.code)
    return Subject(service, equipment, levels)


def _typed(request: Request, form: DeclareForm) -> dict[str, Any]:
    """Return what was typed as initial values, so that a correction shows it without a word of reproach."""
    lists = {name: request.POST.getlist(name) for name in form.fields if name.startswith(GROUP)}
    return {name: request.POST.get(name, "") for name in form.fields} | lists


def _typing(form: DeclareForm, subject: Subject) -> tuple[IncidentType, Priority] | None:
    """Return the type and priority of what was ticked; none, with the error on its field, when they do not agree."""
    given = form.cleaned_data
    try:
        return commitments.typing_of(
            levels=subject.levels,
            criteria=form.criteria,
            priority=given["priority"] or None,
            priority_reason=given["priority_reason"],
        )
    except PriorityRefused as error:
        pair = subject.levels.content.pair(error.type, error.priority)
        form.add_error("priority" if pair is None else "priority_reason", error.message)
    except DomainError as error:
        form.add_error(None, error.message)
    return None


def _send(request: Request, subject: Subject, form: DeclareForm, informed_at: datetime) -> HttpResponse:
    given = form.cleaned_data
    try:
        row = services.declare_incident(
            viewer=request.viewer,
            service_id=subject.service.pk,
            title=given["title"],
            description=given["description"],
            criteria=form.criteria,
            priority=given["priority"] or None,
            priority_reason=given["priority_reason"],
            channel=given.get("channel") or Incident.Channel.PORTAL.value,
            informed_at=informed_at,
            origin_key=f"portal:{request.viewer.user_id}:{given['token']}",
            equipment_id=subject.equipment.pk if subject.equipment else None,
            now=request.now,
        )
    except DomainError as error:
        form.add_error(None, error.message)
        return _form(request, subject, form, status=422)
    messages.success(request, _("Incident {number} déclaré : ses horloges courent.").format(number=row.number))
    return redirect("servicedesk:incident", incident_id=row.pk)


def _recap(
    request: Request,
    subject: Subject,
    form: DeclareForm,
    typing: tuple[IncidentType, Priority],
    informed_at: datetime,
) -> HttpResponse:
    service = subject.service
    promised = commitments_for(
        subject.levels.content,
        lot=service.lot.number,
        service_class=service.service_class,
        incident_type=typing[0],
        option_24_7=service.option_24_7,
        territory=Territory.parse(service.site.territory),
        zone=zone_named(service.site.zone),
    )
    informed = [Fact(FactKind.INFORMED, informed_at, request.now)]
    verdicts = {each.name: verdict(informed, each, request.now) for each in promised}
    texts = {criterion.code: criterion.text for criterion in subject.levels.content.criteria}
    context = {
        "subject": subject,
        "form": form,
        "given": form.cleaned_data,
        "kept": [
            (name, value)
            for name, values in request.POST.lists()
            if name not in ("csrfmiddlewaretoken", "etape")
            for value in values
        ],
        "type_word": words.type_word(typing[0]),
        "priority": typing[1],
        "criteria": [texts[code] for code in form.criteria],
        "channel": words.channel_word(form.cleaned_data.get("channel") or Incident.Channel.PORTAL),
        "informed_at": informed_at,
        "zone": form.zone,
        "now": request.now,
        "clocks": page.clock_cards(verdicts),
    }
    return render(request, "servicedesk/declare_recap.html", context)


def _form(request: Request, subject: Subject, form: DeclareForm, *, status: int = 200) -> HttpResponse:
    context = {"subject": subject, "form": form}
    return render(request, "servicedesk/declare.html", context, status=status)
