"""What happens in telemetry that other rooms react to."""

from __future__ import annotations

from datetime import datetime

from cadran.kernel.events import Event


class AlarmRaised(Event, frozen=True, kw_only=True):
    """Something became abnormal; ``kind`` is ``service`` (the holder's commitments) or ``business``."""

    alarm_id: int
    owner_id: int
    code: str
    kind: str
    site_id: int
    raised_at: datetime
    service_id: int | None = None
    equipment_id: int | None = None
    point_id: int | None = None
    rule_id: int | None = None


class AlarmCleared(Event, frozen=True, kw_only=True):
    """It is over since ``cleared_at``."""

    alarm_id: int
    owner_id: int
    code: str
    kind: str
    site_id: int
    cleared_at: datetime
    service_id: int | None = None
    equipment_id: int | None = None
    point_id: int | None = None
    rule_id: int | None = None


class AlarmAcknowledged(Event, frozen=True, kw_only=True):
    """A person took the alarm in charge."""

    alarm_id: int
    owner_id: int
    code: str
    kind: str
    acknowledged_at: datetime
    acknowledged_by: str
