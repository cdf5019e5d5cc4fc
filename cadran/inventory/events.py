"""What happened to the inventory."""

from __future__ import annotations

from datetime import date, datetime

from cadran.kernel.events import Event


class SiteRegistered(Event, frozen=True):
    """A site of a beneficiary is known."""

    site_id: int
    owner_id: int


class ServiceOpened(Event, frozen=True):
    """A service runs on a site under a lot."""

    service_id: int
    owner_id: int
    site_id: int
    lot_id: int


class ServiceStateChanged(Event, frozen=True):
    """A service runs, is degraded or is down."""

    service_id: int
    owner_id: int
    state: str


class ServiceEnded(Event, frozen=True):
    """A service is no longer owed after that day."""

    service_id: int
    owner_id: int
    ended_on: date


class EquipmentRegistered(Event, frozen=True):
    """A thing with a serial number entered the inventory."""

    equipment_id: int
    owner_id: int
    kind: str


class PointRegistered(Event, frozen=True):
    """Something to measure is named."""

    point_id: int
    owner_id: int
    site_id: int


class EquipmentMounted(Event, frozen=True):
    """An equipment measures a point from ``at``; ``replaced_id`` is the one it took the place of."""

    equipment_id: int
    point_id: int
    owner_id: int
    at: datetime
    replaced_id: int | None = None


class EquipmentUnmounted(Event, frozen=True):
    """An equipment measures that point no more."""

    equipment_id: int
    point_id: int
    owner_id: int
    at: datetime


class EquipmentRetired(Event, frozen=True):
    """An equipment left service for good."""

    equipment_id: int
    owner_id: int
    retired_on: date
