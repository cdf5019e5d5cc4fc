"""Alarms and the rules that raise them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from cadran.inventory import selectors as inventory
from cadran.kernel.errors import NotFound
from cadran.kernel.querysets import visible
from cadran.kernel.viewer import Viewer
from cadran.telemetry.models import Alarm, AlarmKind, ThresholdRule


def alarms(*, viewer: Viewer, open_only: bool = False) -> QuerySet[Alarm]:
    """Return the visible alarms with owner, site, service, point and equipment, newest first (one query)."""
    rows = visible(Alarm.objects.all(), viewer, capability="alarm.read", lot="service__lot_id", site="site_id")
    if open_only:
        rows = rows.filter(cleared_at__isnull=True)
    return rows.select_related("owner", "site", "service", "point", "equipment").order_by("-raised_at", "-id")


def alarm(*, viewer: Viewer, alarm_id: int) -> Alarm:
    """Return one visible alarm (one query); NotFound when absent or another's."""
    found = alarms(viewer=viewer).filter(pk=alarm_id).first()
    if found is None:
        raise NotFound("L’alarme", alarm_id)
    return found


@dataclass(frozen=True, slots=True)
class AlarmCounts:
    """Open alarms by kind; ``waiting``: those nobody has acknowledged."""

    service: int
    business: int
    waiting: int


def alarm_counts(*, viewer: Viewer) -> AlarmCounts:
    """Count the visible open alarms (one query)."""
    counts = (
        alarms(viewer=viewer, open_only=True)
        .select_related(None)
        .order_by()
        .aggregate(
            service=Count("id", filter=Q(kind=AlarmKind.SERVICE)),
            business=Count("id", filter=Q(kind=AlarmKind.BUSINESS)),
            waiting=Count("id", filter=Q(state=Alarm.State.ACTIVE)),
        )
    )
    return AlarmCounts(**counts)


def rules(*, viewer: Viewer) -> QuerySet[ThresholdRule]:
    """Return the visible threshold rules with point, site and state, by point and label (one query)."""
    rows = visible(
        ThresholdRule.objects.all(),
        viewer,
        capability="measurement.read",
        lot="point__service__lot_id",
        site="point__site_id",
    )
    return rows.select_related("owner", "point__site", "point__service", "state").order_by("point__name", "label", "id")


def rules_of_point(*, viewer: Viewer, point_id: int) -> QuerySet[ThresholdRule]:
    """Return the rules of one visible measuring point (two queries); NotFound when absent or another's."""
    point = inventory.point(viewer=viewer, point_id=point_id)
    return rules(viewer=viewer).filter(owner_id=point.owner_id, point=point)


def rule(*, viewer: Viewer, rule_id: int) -> ThresholdRule:
    """Return one visible rule (one query); NotFound when absent or another's."""
    found = rules(viewer=viewer).filter(pk=rule_id).first()
    if found is None:
        raise NotFound("La règle", rule_id)
    return found
