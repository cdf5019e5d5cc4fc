"""Alarms: the console, one alarm, and taking it in charge."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from cadran.kernel.calendars import zone_named
from cadran.telemetry import selectors, services
from cadran.telemetry.lists import (
    ALARM_KINDS,
    OPEN,
    Alarms,
    alarm_badge,
    alarm_lasted,
    condition_words,
    value_words,
)
from cadran.telemetry.models import Alarm
from cadran.telemetry.selectors import AlarmCounts
from cadran.telemetry.views.curves import curve
from cadran.telemetry.views.points import live_refetch, several_owners
from cadran.ui import charts, times
from cadran.ui.http import Request
from cadran.ui.lists import render_list


@require_GET
def alarms(request: Request) -> HttpResponseBase:
    """The console: open alarms first, all of them one choice away."""
    viewer = request.viewer
    viewer.require("alarm.read")
    if not request.GET:  # nobody chose yet: the filter says so itself, and can be cleared
        request.GET = QueryDict(f"etat={OPEN}")
    return render_list(
        request,
        Alarms(now=request.now, owners=several_owners(viewer)),
        selectors.alarms(viewer=viewer),
        viewer=viewer,
        template="telemetry/alarms.html",
        context={"title": _("Alarmes"), "finding": _finding(selectors.alarm_counts(viewer=viewer))},
    )


def _finding(counts: AlarmCounts) -> str:
    """Say how many alarms are open, and how many wait for somebody."""
    opened = counts.service + counts.business
    if not opened:
        return _("Aucune alarme ouverte : ni seuil franchi, ni équipement muet.")
    said = ngettext(
        "{n} alarme ouverte ({service} de service, {business} métier)",
        "{n} alarmes ouvertes ({service} de service, {business} métier)",
        opened,
    ).format(n=opened, service=counts.service, business=counts.business)
    if not counts.waiting:
        return said + _(", toutes prises en compte.")
    return said + ngettext(
        ", {n} attend d’être prise en compte.", ", {n} attendent d’être prises en compte.", counts.waiting
    ).format(n=counts.waiting)


@require_GET
def alarm(request: Request, alarm_id: int) -> HttpResponse:
    """One alarm: what, where, since when, who took it, the curve around it, and what happens next."""
    viewer = request.viewer
    viewer.require("alarm.read")
    found = selectors.alarm(viewer=viewer, alarm_id=alarm_id)
    place = {
        "owner_id": found.owner_id,
        "lot_id": found.service.lot_id if found.service else None,
        "site_id": found.site_id,
    }
    meaning = _meaning(request, found)
    unit = meaning["unit"] if meaning else "1"
    context = {
        "alarm": found,
        "owners": several_owners(viewer),
        "zone": zone_named(found.site.zone),
        "lede": "" if found.rule and found.value is not None else found.detail,  # else the figures below say it
        "badge": alarm_badge(found),
        "kind": ALARM_KINDS[found.kind],
        "lasted": times.duration(alarm_lasted(found, request.now)),
        "value": value_words(found.value, unit=unit) if found.value is not None else "",
        "condition": condition_words(found.rule, unit) if found.rule else "",
        "may_acknowledge": found.state == Alarm.State.ACTIVE and viewer.may("alarm.acknowledge", **place),
        "chart": _around(request, found, meaning) if meaning and not live_refetch(request) else None,
        "now": request.now,
    }
    return render(request, "telemetry/alarm.html", context)


@require_POST
def acknowledge(request: Request, alarm_id: int) -> HttpResponse:
    """Take an alarm in charge, then go back to it."""
    found = services.acknowledge_alarm(viewer=request.viewer, alarm_id=alarm_id, now=request.now)
    messages.success(request, _("Vous prenez en compte l’alarme « {title} ».").format(title=found.title))
    return redirect("telemetry:alarm", alarm_id=found.pk)


def _meaning(request: Request, found: Alarm) -> dict[str, str] | None:
    """The quantity the alarm's rule watches, when the reader may see measurements (a few queries)."""
    if found.rule is None or found.point_id is None or not request.viewer.may("measurement.read"):
        return None
    quantities = selectors.quantities_of_point(viewer=request.viewer, point_id=found.point_id)
    return next((one for one in quantities if found.rule.quantity in (one["quantity"], one["key"])), None)


AROUND: Final = timedelta(hours=12)  # shown before the alarm and after its end
LONGEST: Final = timedelta(days=7)


def _around(request: Request, found: Alarm, meaning: dict[str, str]) -> charts.Chart | None:
    start = found.raised_at - AROUND
    end: datetime = min(request.now, (found.cleared_at or request.now) + AROUND, start + LONGEST)
    assert found.point_id is not None
    assert found.rule is not None
    return curve(
        viewer=request.viewer,
        point_id=found.point_id,
        zone=found.site.zone,
        quantity=meaning,
        start=start,
        end=end,
        rules=[found.rule],
        alarms=[found],
    )
