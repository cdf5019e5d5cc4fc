"""Devices that measure in the tests' world: one call gives an equipment, its point, its mounting and its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.telemetry import services
from cadran.telemetry.models import DeviceProfile
from cadran.telemetry.rules import DecodedUplink, RawUplink
from tests.support.world import NOW, World

LONG_AGO = NOW - timedelta(days=300)
QUANTITIES = [
    {"key": "temperature_1", "quantity": "temperature", "unit": "°C", "label": "Température"},
    {"key": "relative_humidity_2", "quantity": "humidity", "unit": "%", "label": "Humidité"},
]


@dataclass(frozen=True, slots=True)
class Sensor:
    """A mounted sensor, by its ids."""

    device_id: int
    owner_id: int
    profile_id: int
    point_id: int
    site_id: int

    def said(self, at: datetime, *values: float | None) -> DecodedUplink:
        """A decoded frame of this sensor."""
        return DecodedUplink(self.device_id, self.owner_id, self.profile_id, at, values)

    def sent(self, at: datetime, payload: bytes, f_port: int = 2) -> RawUplink:
        """A raw frame of this sensor."""
        return RawUplink(self.device_id, self.owner_id, self.profile_id, at, f_port, payload)


def cayenne(temperature: float, humidity: float) -> bytes:
    """A Cayenne payload: 0.1 °C on channel 1, 0.5 % on channel 2."""
    return b"\x01\x67" + round(temperature * 10).to_bytes(2, "big", signed=True) + bytes((2, 0x68, round(humidity * 2)))


def make_profile(
    code: str = "test/cayenne@1.0",
    *,
    codec: str = "cayenne",
    source: str = "",
    quantities: Sequence[dict[str, str]] = QUANTITIES,
) -> int:
    """Write a profile and return its id."""
    with scoped(SYSTEM):
        return DeviceProfile.objects.create(
            code=code, name=code, maker="Test", quantities=list(quantities), codec=codec, codec_source=source,
            pack_digest="0" * 64,
        ).pk  # fmt: skip


def make_sensor(
    world: World,
    profile_id: int,
    serial: str = "1",
    *,
    of: str = "bob",
    point: Any = None,
    since: datetime = LONG_AGO,
    until: datetime | None = None,
    now: datetime = NOW,
) -> Sensor:
    """Write a sensor of Bob's or Charlie's site, mounted on ``point`` (a new one by default)."""
    from cadran.inventory.models import Equipment, MeasuringPoint, Mounting

    site, service = getattr(world, f"{of}_site"), getattr(world, f"{of}_service")
    with scoped(SYSTEM):
        equipment = Equipment.objects.create(
            owner_id=site.owner_id, site=site, service=service, kind="sensor", name=f"Sonde {serial}", serial=serial
        )
        if point is None:
            point = MeasuringPoint.objects.create(
                owner_id=site.owner_id, site=site, service=service, name=f"Point {serial}", kind="cold_room"
            ).pk
        Mounting.objects.create(
            owner_id=site.owner_id, equipment=equipment, point_id=point, during=DateTimeTZRange(since, until)
        )
        services.register_source(
            viewer=SYSTEM, equipment_id=equipment.pk, profile_id=profile_id, now=now, expected_every_s=900
        )
    return Sensor(equipment.pk, site.owner_id, profile_id, point, site.pk)
