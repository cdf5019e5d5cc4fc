"""The newest values, and who should be sending."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Greatest

from cadran.inventory import selectors as inventory
from cadran.kernel.querysets import visible
from cadran.kernel.viewer import Side, Viewer
from cadran.telemetry.models import DecodeFailure, DeviceProfile, Latest, Source

CAPABILITY = "measurement.read"


@dataclass(frozen=True, slots=True)
class Reading:
    """One quantity's newest value (``None``: never measured) and when it was measured."""

    key: str
    quantity: str
    unit: str
    label: str
    value: float | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class LatestReading:
    """What a device last said; ``at`` is its newest measurement."""

    device_id: int
    at: datetime
    readings: tuple[Reading, ...]

    def of(self, quantity: str) -> Reading | None:
        """Return the reading of a quantity (or of a key), if the device measures it."""
        return next((one for one in self.readings if quantity in (one.quantity, one.key)), None)


def sources(*, viewer: Viewer) -> QuerySet[Source]:
    """Return the visible sources with equipment and profile (one query)."""
    rows = visible(
        Source.objects.all(),
        viewer,
        capability=CAPABILITY,
        lot="equipment__service__lot_id",
        site="equipment__site_id",
    )
    return rows.select_related("equipment", "profile").order_by("equipment_id")


def latest_values(*, viewer: Viewer, device_ids: Iterable[int]) -> dict[int, LatestReading]:
    """Return the newest values of those of the devices that are visible and have measured, by id (two queries)."""
    wanted = list(device_ids)
    quantities: dict[int, list[dict[str, Any]]] = dict(
        sources(viewer=viewer)
        .filter(pk__in=wanted)
        .select_related(None)
        .order_by()
        .values_list("equipment_id", "profile__quantities")
    )
    rows = visible(Latest.objects.filter(device_id__in=list(quantities)), viewer, capability=CAPABILITY)
    return {row.device_id: _reading(row, quantities[row.device_id]) for row in rows}


def latest_of_points(*, viewer: Viewer, point_ids: Iterable[int], now: datetime) -> dict[int, LatestReading]:
    """Return the newest values of the device mounted now on each visible point, by point id (three queries)."""
    points = inventory.points(viewer=viewer).filter(pk__in=list(point_ids)).order_by().values("pk")
    devices: dict[int, int] = dict(
        Source.objects.filter(
            equipment__mountings__point_id__in=points, equipment__mountings__during__contains=now
        ).values_list("equipment__mountings__point_id", "equipment_id")
    )
    values = latest_values(viewer=viewer, device_ids=devices.values())
    return {point: values[device] for point, device in devices.items() if device in values}


def _reading(row: Latest, quantities: Sequence[dict[str, Any]]) -> LatestReading:
    times = row.times or [row.ts] * len(row.values)
    readings = []
    for place, one in enumerate(quantities):
        value = row.values[place] if place < len(row.values) else None
        at = times[place] if place < len(times) and value is not None else None
        readings.append(Reading(one["key"], one["quantity"], one["unit"], one["label"], value, at))
    return LatestReading(device_id=row.device_id, at=row.ts, readings=tuple(readings))


def quantities_of_point(*, viewer: Viewer, point_id: int) -> list[dict[str, str]]:
    """Return what the point's devices measured over time: ``key quantity unit label`` each, by quantity once.

    The newest device's wording wins. Three queries; NotFound when the point is absent or another's.
    """
    devices = [mounting.equipment_id for mounting in inventory.mountings_of(viewer=viewer, point_id=point_id)]
    of_device: dict[int, list[dict[str, str]]] = dict(
        Source.objects.filter(pk__in=devices).values_list("equipment_id", "profile__quantities")
    )
    found: dict[str, dict[str, str]] = {}
    for device in devices:  # newest first
        for one in of_device.get(device, ()):
            found.setdefault(one["quantity"], one)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class DeviceCounts:
    """Devices that should be sending; ``silent``: not one frame for their time of silence."""

    expected: int
    silent: int


def device_counts(*, viewer: Viewer, now: datetime) -> DeviceCounts:
    """Count the visible devices in service and those that are silent at ``now`` (two queries)."""
    rows = sources(viewer=viewer).select_related(None).order_by().filter(equipment__retired_on__isnull=True)
    measured = Latest.objects.filter(device_id=OuterRef("pk")).values("ts")
    failed = DecodeFailure.objects.filter(device_id=OuterRef("pk"))
    # due = last sign of life + silent_after < now, written so that one number a row is multiplied, not an interval
    due = ExpressionWrapper(
        Value(now) - F("silent_after_s") * Value(timedelta(seconds=1)), output_field=DateTimeField()
    )
    silent = (
        rows.annotate(due=due, heard_at=Greatest("registered_at", Subquery(measured)))
        .filter(heard_at__lt=F("due"))
        .filter(~Exists(failed.filter(last_at__gte=OuterRef("due"))))
    )
    return DeviceCounts(expected=rows.count(), silent=silent.count())


def decode_failures(*, viewer: Viewer) -> QuerySet[DecodeFailure]:
    """Return the visible devices with frames nobody could read, newest failure first (one query)."""
    mine = sources(viewer=viewer).select_related(None).order_by().values("pk")
    return visible(DecodeFailure.objects.filter(pk__in=mine), viewer, capability=CAPABILITY).order_by("-last_at")


def profiles() -> QuerySet[DeviceProfile]:
    """Return every device profile by maker and name (one query); the same for everybody."""
    return DeviceProfile.objects.order_by("maker", "name")


def profile_ids(*, viewer: Viewer | None = None) -> dict[int, int]:
    """Return the profile of every visible source by device (one query); all of them in the system's scope."""
    rows = Source.objects.all() if viewer is None or viewer.side is Side.SYSTEM else sources(viewer=viewer)
    return dict(rows.filter(Q(equipment__retired_on__isnull=True)).values_list("equipment_id", "profile_id"))
