"""What an equipment measures: its card, its tabs, and its line of the fleet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from cadran.inventory import selectors as inventory
from cadran.kernel.calendars import zone_named
from cadran.kernel.viewer import Viewer
from cadran.telemetry import selectors
from cadran.telemetry.lists import (
    heard_column,
    heard_filter,
    measured_column,
    unit_words,
    value_words,
    with_last_heard,
)
from cadran.telemetry.models import Measurement, MeasurementDay, Source
from cadran.ui import times
from cadran.ui.http import Request
from cadran.ui.icons import State, badge

if TYPE_CHECKING:
    from cadran.inventory.models import Equipment

FRAMES_SHOWN: Final = 50
FRAMES_SINCE: Final = timedelta(days=7)


def of_equipment(request: HttpRequest, equipment: Equipment) -> str:
    """Whether the equipment is heard, and what it last said (four queries); nothing for one that sends no measure."""
    return _card(request, equipment, "telemetry/_latest.html")


def measurements_of_equipment(request: HttpRequest, equipment: Equipment) -> str:
    """The tab of measurements: every quantity's last value, and the curves of the points it measured."""
    return _card(request, equipment, "telemetry/_measurements.html")


def _card(request: HttpRequest, equipment: Equipment, template: str) -> str:
    viewer, now = cast(Request, request).viewer, cast(Request, request).now
    source = selectors.sources(viewer=viewer).filter(pk=equipment.pk).first()
    if source is None:
        return ""
    latest = selectors.latest_values(viewer=viewer, device_ids=[equipment.pk]).get(equipment.pk)
    failure = selectors.decode_failures(viewer=viewer).filter(device_id=equipment.pk).first()
    readings = [
        {"label": one.label, "value": value_words(one.value, unit=one.unit, quantity=one.quantity), "at": one.at}
        for one in (latest.readings if latest else ())
    ]
    context = {
        "equipment": equipment,
        "source": source,
        "state": badge(*_heard(source, latest.at if latest else None, now)),
        "latest": latest,
        "readings": readings,
        "failure": failure,
        "every": times.duration(timedelta(seconds=source.expected_every_s)),
        "silent_after": times.duration(timedelta(seconds=source.silent_after_s)),
        "zone": zone_named(equipment.site.zone),
        "now": now,
    }
    if template == "telemetry/_measurements.html":
        context["points"] = _points(viewer, equipment)
    return render_to_string(template, context, request=request)


def _heard(source: Source, at: datetime | None, now: datetime) -> tuple[State, str]:
    """Whether the equipment is heard; retired ones are expected no more."""
    if source.equipment.retired_on is not None:
        return State.OFF, _("Retiré")
    late = max(at or source.registered_at, source.registered_at) + timedelta(seconds=source.silent_after_s) < now
    if late:
        return State.UNKNOWN, _("Muet") if at else _("Jamais entendu")
    return (State.OK, _("Entendu")) if at else (State.WAIT, _("En attente de sa première mesure"))


def _points(viewer: Viewer, equipment: Equipment) -> list[dict[str, Any]]:
    """The points it measured, the newest first (two queries)."""
    mountings = inventory.mountings_of_equipment(viewer=viewer, equipment_id=equipment.pk)
    return [{"point": one.point, "since": one.during.lower, "until": one.during.upper} for one in mountings]


# --- frames, decoded ------------------------------------------------------------------------------------------------


def frames_of_equipment(request: HttpRequest, equipment: Equipment) -> str:
    """The last frames as values (``?forme=decodees``, the default): the radio room shows them raw."""
    if request.GET.get("forme", "decodees") != "decodees":
        return ""
    viewer, now = cast(Request, request).viewer, cast(Request, request).now
    source = selectors.sources(viewer=viewer).filter(pk=equipment.pk).first()
    if source is None:
        return ""
    quantities = source.profile.quantities
    rows = [
        {
            "at": at,
            "cells": [
                value_words(value, unit=one["unit"], quantity=one["quantity"])
                for one, value in zip(quantities, [*values, *[None] * len(quantities)], strict=False)
            ],
        }
        for at, values in last_frames(viewer=viewer, source=source, now=now)
    ]
    context = {
        "equipment": equipment,
        "heads": [_headed(one) for one in quantities],
        "rows": rows,
        "profile": source.profile,
        "zone": zone_named(equipment.site.zone),
    }
    return render_to_string("telemetry/_frames.html", context, request=request)


def _headed(quantity: dict[str, str]) -> str:
    unit = unit_words(quantity["unit"])
    return f"{quantity['label']} ({unit})" if unit else quantity["label"]


def last_frames(*, viewer: Viewer, source: Source, now: datetime) -> list[tuple[datetime, list[float | None]]]:
    """Return the last frames of a visible source, newest first: rows of their own, then closed days (two queries)."""
    if not viewer.may("measurement.read", owner_id=source.owner_id, site_id=source.equipment.site_id):
        return []
    since = now - FRAMES_SINCE
    own = Measurement.objects.filter(device_id=source.pk, owner_id=source.owner_id, ts__gte=since, ts__lte=now)
    found = [(row.ts, list(row.values)) for row in own.order_by("-ts")[:FRAMES_SHOWN]]
    if len(found) == FRAMES_SHOWN:
        return found
    days = MeasurementDay.objects.filter(
        device_id=source.pk, owner_id=source.owner_id, day__gte=since.date(), day__lte=now.date()
    ).order_by("-day")
    seen = {at for at, _values in found}
    older = ((at, values) for day in days for at, values in _unfolded(day) if at not in seen and at >= since)
    return sorted([*found, *islice(older, FRAMES_SHOWN)], key=lambda frame: frame[0], reverse=True)[:FRAMES_SHOWN]


def _unfolded(day: MeasurementDay) -> Iterator[tuple[datetime, list[float | None]]]:
    """Yield the frames of a closed day, newest first."""
    midnight = datetime(day.day.year, day.day.month, day.day.day, tzinfo=UTC)
    length = len(day.offsets_ms)
    for place in range(length - 1, -1, -1):
        values = [day.values[column * length + place] for column in range(day.width)]
        yield midnight + timedelta(milliseconds=day.offsets_ms[place]), values


# --- the fleet ------------------------------------------------------------------------------------------------------


def complete_fleet(request: HttpRequest, fleet: Any) -> str:
    """Tell the fleet which equipment is heard and when it last measured; says nothing itself."""
    viewer, now = cast(Request, request).viewer, cast(Request, request).now
    if viewer.may("measurement.read"):
        fleet.rows = with_last_heard(fleet.rows)
        named, *others = fleet.columns
        fleet.columns = (named, heard_column(now), *others, measured_column())
        fleet.filters = (*fleet.filters, heard_filter(now))
    return ""
