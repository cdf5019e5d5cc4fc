"""An alarm begins, is taken in charge, ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from cadran.kernel import audit, live, outbox
from cadran.kernel.errors import Conflict
from cadran.kernel.viewer import SYSTEM, Viewer
from cadran.telemetry import selectors
from cadran.telemetry.events import AlarmAcknowledged, AlarmCleared, AlarmRaised
from cadran.telemetry.models import Alarm


@transaction.atomic
def raise_alarm(
    *,
    owner_id: int,
    origin_key: str,
    code: str,
    kind: str,
    title: str,
    site_id: int,
    raised_at: datetime,
    service_id: int | None = None,
    equipment_id: int | None = None,
    point_id: int | None = None,
    rule_id: int | None = None,
    value: float | None = None,
    detail: str = "",
) -> tuple[Alarm, bool]:
    """Open the alarm of an origin, or return the one already open; tell whether it is new.

    To be called in the system's scope. ``code`` is one of the agreement's alarms (``device.silent``), ``kind``
    ``service`` or ``business``, ``title`` and ``detail`` are French sentences. Of two callers at once, one opens the
    alarm and the other gets it (constraint ``one_open_alarm_per_origin``); one event leaves.
    """
    alarm, created = Alarm.objects.get_or_create(
        owner_id=owner_id,
        origin_key=origin_key,
        cleared_at=None,
        defaults={
            "code": code,
            "kind": kind,
            "title": title[:200],
            "detail": detail,
            "site_id": site_id,
            "service_id": service_id,
            "equipment_id": equipment_id,
            "point_id": point_id,
            "rule_id": rule_id,
            "value": value,
            "raised_at": raised_at,
        },
    )
    if created:
        outbox.publish(AlarmRaised(raised_at=raised_at, **_about(alarm)))
        _trace(alarm, "alarm.raise", viewer=SYSTEM, now=raised_at)
    return alarm, created


@transaction.atomic
def clear_alarm(*, owner_id: int, origin_key: str, at: datetime, viewer: Viewer = SYSTEM) -> bool:
    """End the open alarm of an origin; tell whether there was one (never before the instant it was raised at)."""
    alarm = (
        Alarm.objects.select_for_update()
        .filter(owner_id=owner_id, origin_key=origin_key, cleared_at__isnull=True)
        .first()
    )
    if alarm is None:
        return False
    cleared_at = max(at, alarm.raised_at)
    Alarm.objects.filter(pk=alarm.pk).update(state=Alarm.State.CLEARED, cleared_at=cleared_at)
    outbox.publish(AlarmCleared(cleared_at=cleared_at, **_about(alarm)))
    _trace(alarm, "alarm.clear", viewer=viewer, now=cleared_at)
    return True


@transaction.atomic
def acknowledge_alarm(*, viewer: Viewer, alarm_id: int, now: datetime) -> Alarm:
    """Note that the viewer takes the alarm in charge.

    Raises:
        NotFound: no such alarm for this viewer.
        NotAllowed: the viewer may read it, not acknowledge it.
        Conflict: it is over, or somebody else took it first.
    """
    alarm = selectors.alarm(viewer=viewer, alarm_id=alarm_id)
    lot_id = alarm.service.lot_id if alarm.service else None
    viewer.require("alarm.acknowledge", owner_id=alarm.owner_id, lot_id=lot_id, site_id=alarm.site_id)
    changed = Alarm.objects.filter(pk=alarm.pk, state=Alarm.State.ACTIVE).update(
        state=Alarm.State.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=viewer.name
    )
    if not changed:
        raise Conflict(f"L’alarme « {alarm.title} »")
    alarm.refresh_from_db(fields=["state", "acknowledged_at", "acknowledged_by"])
    outbox.publish(
        AlarmAcknowledged(
            alarm_id=alarm.pk,
            owner_id=alarm.owner_id,
            code=alarm.code,
            kind=alarm.kind,
            acknowledged_at=now,
            acknowledged_by=viewer.name,
        )
    )
    _trace(alarm, "alarm.acknowledge", viewer=viewer, now=now)
    return alarm


def _about(alarm: Alarm) -> dict[str, Any]:
    return {
        "alarm_id": alarm.pk,
        "owner_id": alarm.owner_id,
        "code": alarm.code,
        "kind": alarm.kind,
        "site_id": alarm.site_id,
        "service_id": alarm.service_id,
        "equipment_id": alarm.equipment_id,
        "point_id": alarm.point_id,
        "rule_id": alarm.rule_id,
    }


def _trace(alarm: Alarm, action: str, *, viewer: Viewer, now: datetime) -> None:
    audit.record(
        viewer=viewer,
        action=action,
        object_type="alarm",
        object_id=alarm.pk,
        owner_id=alarm.owner_id,
        now=now,
        details={"code": alarm.code, "origin": alarm.origin_key},
    )
    live.touch("alarm", alarm.pk, alarm.owner_id)
