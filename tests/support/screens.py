"""A furnished world for tests of screens: sensors that measured, a gateway that heard them, alarms and thresholds.

Views read the real clock, so everything is dated from the instant of the test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.telemetry import services as telemetry
from cadran.ui import assets
from tests.rooms.telemetry.fleet import Sensor, make_profile, make_sensor
from tests.support.world import World

GATEWAY_EUI = "a84041ffff1e2d3c"


@dataclass(frozen=True, slots=True)
class Furnished:
    """The world and what was put in it."""

    world: World
    now: datetime
    profile_id: int
    sensor: Sensor
    gateway: Any
    rule: Any

    def more(self, count: int, *, first: int = 100) -> None:
        """Put that many more of Bob's sensors, each with a point, measurements, an alarm, a site and a gateway."""
        from cadran.inventory.models import Equipment, Service, Site
        from cadran.lorawan.models import Gateway

        town = self.world.bobville
        for number in range(first, first + count):
            sensor = make_sensor(self.world, self.profile_id, str(number), since=self.now - timedelta(days=30))
            with scoped(SYSTEM):
                telemetry.record_uplinks([sensor.said(self.now - timedelta(minutes=5), 5.5, 60.0)], now=self.now)
                raise_alarm(self, sensor, f"Muet {number}", key=f"test:{number}")
                site = Site.objects.create(
                    owner=town, code=f"S{number}", name=f"Annexe {number}", latitude=45.8, longitude=4.9
                )
                Service.objects.create(
                    owner=town, site=site, lot=self.world.lot, code=f"SVC{number}", name=f"Réseau {number}",
                    service_class="standard", started_on=self.now.date(),
                )  # fmt: skip
                hub = Equipment.objects.create(
                    owner=town, site=self.world.bob_site, kind="gateway", name=f"Passerelle {number}",
                    serial=f"GW-{number}",
                )  # fmt: skip
                Gateway.objects.create(owner=town, equipment=hub, eui=f"{number:016x}", last_seen_at=self.now)


@pytest.fixture(autouse=True)
def plain_files(settings: Any) -> Iterator[None]:
    """Serve static files under their own names: pages are read here without gathering the site's files first."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    assets.forget()
    yield
    assets.forget()


@pytest.fixture
def scene(world: World) -> Furnished:
    """Give the test its furnished world."""
    return furnish(world)


def furnish(world: World) -> Furnished:
    """Write Bob's cold room, its sensor, a day of measurements, a threshold it passed, a gateway and its frames."""
    from cadran.inventory.models import Equipment
    from cadran.lorawan.models import Device, Gateway, Session, Uplink

    now = datetime.now(UTC)
    profile_id = make_profile()
    sensor = make_sensor(world, profile_id, "1", since=now - timedelta(days=30), now=now - timedelta(days=30))
    with scoped(SYSTEM):
        rule = telemetry.create_rule(
            viewer=SYSTEM, point_id=sensor.point_id, quantity="temperature", comparison="above", threshold=8.0,
            label="Chambre froide trop chaude", recipients=["astreinte@example.org"], now=now - timedelta(days=2),
        )  # fmt: skip
        day = [sensor.said(now - timedelta(minutes=15 * n), 9.5 if n < 4 else 4.5, 60.0) for n in range(90, 0, -1)]
        telemetry.record_uplinks(day, now=now)
        Equipment.objects.filter(pk=sensor.device_id).update(
            eui="70b3d57ed0051a2c", maker="Cadran Démonstration", model="cold-room",
            delivered_on=now.date(), warranty_until=now.date() + timedelta(days=400),
        )  # fmt: skip
        hub = Equipment.objects.create(
            owner=world.bobville, site=world.bob_site, kind="gateway", name="Passerelle du toit", serial="GW-1",
            eui=GATEWAY_EUI,
        )  # fmt: skip
        gateway = Gateway.objects.create(
            owner=world.bobville, equipment=hub, eui=GATEWAY_EUI, last_seen_at=now - timedelta(seconds=12),
            last_stat={"time": "2026-11-16 09:00:00 GMT", "rxnb": 200, "rxok": 196, "rxfw": 196, "ackr": 99.5,
                       "dwnb": 4, "txnb": 4, "temp": 41.5},
        )  # fmt: skip
        device = Device.objects.create(
            equipment_id=sensor.device_id, owner=world.bobville, dev_eui="70b3d57ed0051a2c",
            join_eui="70b3d57ed0000001", app_key_sealed=b"a sealed root key",
        )  # fmt: skip
        Session.objects.create(
            device=device, owner_id=world.bobville.pk, join_nonce=3, dev_addr="260b1a2c",
            nwk_s_key_sealed=b"sealed one", app_s_key_sealed=b"sealed two", fcnt_up=41,
            joined_at=now - timedelta(days=3),
        )  # fmt: skip
        Uplink.objects.create(
            device_id=sensor.device_id, ts=now - timedelta(minutes=15), owner_id=world.bobville.pk, fcnt=41, f_port=2,
            data_rate=5, frequency_hz=868_100_000, confirmed=False, payload=bytes.fromhex("0167005f02683c"),
            receptions=[[GATEWAY_EUI, -97.0, 6.5], ["ffffffffffffffff", -118.0, -9.0]],
        )  # fmt: skip
    return Furnished(world, now, profile_id, sensor, gateway, rule)


def raise_alarm(scene: Furnished, sensor: Sensor, title: str, *, key: str) -> Any:
    """Open a service alarm about a sensor of Bob's; to be called in the system's scope."""
    alarm, _new = telemetry.raise_alarm(
        owner_id=sensor.owner_id, origin_key=key, code="device.silent", kind="service", title=title,
        site_id=sensor.site_id, service_id=scene.world.bob_service.pk, equipment_id=sensor.device_id,
        point_id=sensor.point_id, raised_at=scene.now - timedelta(hours=2),
    )  # fmt: skip
    return alarm


def opened(client: Client, user: Any, url: str, status: int = 200) -> str:
    """Open a page as a person, check its status, return what a reader sees of it (tags out, spaces joined)."""
    client.force_login(user)
    response = client.get(url)
    assert response.status_code == status, (url, response.status_code)
    return text_of(response)


def text_of(response: Any) -> str:
    """Return the words of an answer."""
    page = b"".join(response.streaming_content) if response.streaming else response.content
    html = page.decode()
    assert "<c-" not in html, "a component was not rendered"
    without = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", html)
    words = re.sub(r"<[^>]+>", " ", without)
    for entity, sign in (("&#x27;", "'"), ("&amp;", "&"), ("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">")):
        words = words.replace(entity, sign)
    return re.sub(r"\s+", " ", words)


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Count the queries of a block."""
    with CaptureQueriesContext(connection) as context:
        yield lambda: len(context.captured_queries)


def queries_of(client: Client, user: Any, url: str) -> int:
    """Return how many queries a page costs once its caches are warm."""
    client.force_login(user)
    assert client.get(url).status_code == 200
    with counted() as count:
        response: Any = client.get(url)
        if response.streaming:
            b"".join(response.streaming_content)
    assert response.status_code == 200
    return count()
