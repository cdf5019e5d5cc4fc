"""Measure what the database part of an uplink costs, and what reading a year costs.

    python -m bench.telemetry

A durable cluster of its own in a temporary directory, the application's role, row-level security on. Time is the
wall clock of one ingesting thread, PostgreSQL beside it on the same machine.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DEVICES = 2_000
BATCH = 1_000
BATCHES = 40
HISTORY_DAYS = 180
HISTORY_PER_DAY = 24
FLOOR_PER_S = 15_000
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CHANNEL = b"\x01\x67\x00\x2a\x02\x68\x5a"  # Cayenne: 4.2 °C, 45 %


def main() -> None:
    """Run everything and end with one line of JSON."""
    from cadran.kernel.postgres import APPLICATION_ROLE, OWNER_ROLE, start_cluster

    directory = Path(tempfile.mkdtemp(prefix="cadran-bench-"))
    data = directory / "var"
    data.mkdir()
    cluster = start_cluster(directory / "postgres", durable=True)
    try:
        cluster.create_database("bench")
        os.environ |= {
            "CADRAN_CONFIG": "",
            "CADRAN_DATA_DIR": str(data),
            "CADRAN_DATABASE_URL": cluster.url(APPLICATION_ROLE, "bench"),
            "CADRAN_DATABASE_OWNER_URL": cluster.url(OWNER_ROLE, "bench"),
            "DJANGO_SETTINGS_MODULE": "cadran.processes.settings",
        }
        subprocess.run([sys.executable, "-m", "cadran", "migrate"], check=True, stdout=subprocess.DEVNULL)
        figures, yardsticks = measure()
    finally:
        cluster.stop()
        cluster.destroy()
        shutil.rmtree(directory, ignore_errors=True)
    for name, value in (figures | yardsticks).items():
        print(f"  {name:<34}{value:>12}")
    print(json.dumps({"bench": "telemetry", "figures": figures, "yardsticks": yardsticks}))


def measure() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures and the yardsticks."""
    import django

    django.setup()
    from django.db import connection

    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.telemetry.models import Measurement

    point, devices = build()
    figures: dict[str, Any] = {}
    batches = list(uplinks(devices))
    split: dict[str, float] = {}
    ruleless = ingest(batches[:BATCHES], split)
    figures["record_uplinks_per_s"] = round(BATCHES * BATCH / ruleless)
    figures |= {f"{name}_us": round(1e6 * seconds / (BATCHES * BATCH), 1) for name, seconds in split.items()}
    database = sum(seconds for name, seconds in split.items() if name != "decode")
    figures["database_part_per_s"] = round(BATCHES * BATCH / database)
    write_rules()
    split = {}
    ingest(batches[BATCHES:], split)
    figures["rules_us_when_each_device_has_one"] = round(1e6 * split["rules"] / (BATCHES * BATCH), 1)
    with scoped(SYSTEM):  # nothing was dropped as a double on the way
        assert Measurement.objects.count() == 2 * BATCHES * BATCH
    seconds, rows = history(devices)
    figures["history_days_written"], figures["history_s"] = rows, round(seconds, 1)
    figures |= curves(point, devices[0])
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()")
        server = cursor.fetchone()[0].split()[1]
    return figures, {"floor_database_part_per_s": FLOOR_PER_S, "plain_copy_per_s": plain_copy(), "postgresql": server}


def build() -> tuple[int, list[Any]]:
    """Write the small world and its fleet; return a point and the devices' (id, owner, profile)."""
    from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

    from cadran.inventory.models import Equipment, MeasuringPoint, Mounting
    from cadran.kernel import partitions
    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.telemetry.models import DeviceProfile, Source
    from tests.support.world import build as build_world

    world = build_world()
    site, service = world.bob_site, world.bob_service
    common = {"owner_id": site.owner_id, "site": site, "service": service}
    with scoped(SYSTEM):
        partitions.ensure(first=(NOW - timedelta(days=370)).date(), last=NOW.date())
        profile = DeviceProfile.objects.create(
            code="bench", name="bench", maker="bench", codec="cayenne", pack_digest="",
            quantities=[
                {"key": "temperature_1", "quantity": "temperature", "unit": "°C", "label": "Température"},
                {"key": "relative_humidity_2", "quantity": "humidity", "unit": "%", "label": "Humidité"},
            ],
        )  # fmt: skip
        equipment = Equipment.objects.bulk_create(
            Equipment(**common, kind="sensor", name=f"D{n}", serial=str(n)) for n in range(DEVICES)
        )
        points = MeasuringPoint.objects.bulk_create(MeasuringPoint(**common, name=f"P{n}") for n in range(DEVICES))
        during = DateTimeTZRange(NOW - timedelta(days=370), None)
        Mounting.objects.bulk_create(
            Mounting(owner_id=site.owner_id, equipment=one, point=point, during=during)
            for one, point in zip(equipment, points, strict=True)
        )
        Source.objects.bulk_create(
            Source(equipment=one, owner_id=site.owner_id, profile=profile, registered_at=NOW) for one in equipment
        )
    return points[0].pk, [(one.pk, site.owner_id, profile.pk) for one in equipment]


def uplinks(devices: list[Any]) -> Iterator[list[Any]]:
    """Yield batches of raw uplinks, devices in turn, a tenth of a second a batch."""
    from cadran.telemetry.rules import RawUplink

    dice = random.Random(2)
    for number in range(2 * BATCHES):
        at = NOW + timedelta(milliseconds=100 * number)
        yield [
            RawUplink(device, owner, profile, at + timedelta(microseconds=dice.randrange(99_000)), 2, CHANNEL)
            for device, owner, profile in (devices[(number * BATCH + n) % DEVICES] for n in range(BATCH))
        ]


def ingest(batches: list[list[Any]], split: dict[str, float]) -> float:
    """Record the batches, step by step as ``record_uplinks`` does; return the seconds of the undivided verb.

    ``split`` receives the seconds of each step; the commit is part of ``commit``.
    """
    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.telemetry import services, store, thresholds

    def timed(name: str, act: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = act()
        split[name] = split.get(name, 0.0) + time.perf_counter() - began
        return result

    for batch in batches[::2]:
        decoded: Any = timed("decode", lambda batch=batch: services.decode_uplinks(batch))  # type: ignore[misc]
        began = time.perf_counter()
        inside = sum(split.values())
        with scoped(SYSTEM):
            rows = timed("copy", lambda decoded=decoded: store.rows_of(decoded, now=NOW))  # type: ignore[misc]
            turns = timed("copy", lambda rows=rows: store.copy(rows))  # type: ignore[misc]
            timed("insert", store.insert)
            timed("latest", lambda turns=turns: store.latest(turns))  # type: ignore[misc]
            timed("rules", lambda decoded=decoded: thresholds.judge(decoded))  # type: ignore[misc]
            timed("announce", lambda rows=rows: store.announce({row[2] for row in rows}))  # type: ignore[misc]
        spent = time.perf_counter() - began - (sum(split.values()) - inside)
        split["commit"] = split.get("commit", 0.0) + spent
    for name in split:
        split[name] *= 2  # half of the batches went this way
    began = time.perf_counter()
    for batch in batches[1::2]:
        services.record_uplinks(batch, now=NOW)
    return 2 * (time.perf_counter() - began)


def write_rules() -> None:
    """Give each point a rule that never fires."""
    from cadran.inventory.models import MeasuringPoint
    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.telemetry.models import RuleState, ThresholdRule

    with scoped(SYSTEM):
        rules = ThresholdRule.objects.bulk_create(
            ThresholdRule(
                owner_id=point.owner_id, point=point, quantity="temperature", comparison="above", threshold=8.0,
                kind="business", label="Trop chaud",
            )
            for point in MeasuringPoint.objects.all()
        )  # fmt: skip
        RuleState.objects.bulk_create(RuleState(rule=rule, owner_id=rule.owner_id, last_at=NOW) for rule in rules)


def history(devices: list[Any]) -> tuple[float, int]:
    """Write half a year of hourly history of the whole fleet; return the seconds it took and the days written."""
    from cadran.telemetry import services
    from cadran.telemetry.days import ClosedDay

    dice = random.Random(3)
    offsets = [3_600_000 * hour for hour in range(HISTORY_PER_DAY)]
    temperatures = [[round(dice.gauss(4, 1), 1) for _ in offsets] for _ in range(97)]
    humidity = [55.0] * HISTORY_PER_DAY
    first = (NOW - timedelta(days=HISTORY_DAYS + 2)).date()
    days = (
        ClosedDay(device, owner, first + timedelta(days=n), offsets, (temperatures[(device + n) % 97], humidity))
        for n in range(HISTORY_DAYS)
        for device, owner, _ in devices
    )
    began = time.perf_counter()
    written = services.write_history(days=days)
    return time.perf_counter() - began, written


def curves(point_id: int, device: tuple[int, int, int]) -> dict[str, Any]:
    """Return how long a year of 15-minute data takes to 500 points, and how many bytes a reading takes on disk."""
    from django.db import connection

    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.telemetry import selectors, services
    from cadran.telemetry.days import ClosedDay
    from cadran.telemetry.models import MeasurementDay

    dice = random.Random(4)
    first = (NOW - timedelta(days=368)).date()
    with scoped(SYSTEM):
        MeasurementDay.objects.filter(device_id=device[0]).delete()
    services.write_history(
        days=[
            ClosedDay(
                device[0], device[1], first + timedelta(days=n), range(0, 86_400_000, 900_000),
                [[round(dice.gauss(4, 1), 1) for _ in range(96)], [float(dice.randrange(40, 60)) for _ in range(96)]],
            )
            for n in range(365)
        ]
    )  # fmt: skip
    took = []
    for _ in range(20):
        began = time.perf_counter()
        with scoped(SYSTEM):
            found = selectors.series(
                viewer=SYSTEM, point_id=point_id, quantity="temperature",
                start=NOW - timedelta(days=368), end=NOW - timedelta(days=2),
            )  # fmt: skip
        took.append(time.perf_counter() - began)
    with scoped(SYSTEM), connection.cursor() as cursor:
        cursor.execute(
            'SELECT sum(pg_column_size(d.*))::float / sum(cardinality(d."values")) FROM telemetry_measurementday d'
            " WHERE device_id = %s",
            [device[0]],
        )
        size = cursor.fetchone()[0]
    return {
        "year_points": found.total,
        "year_ms_best": round(1e3 * min(took), 1),
        "year_ms_median": round(1e3 * sorted(took)[len(took) // 2], 1),
        "bytes_per_reading": round(size, 1),
    }


def plain_copy() -> int:
    """Return rows per second of the same COPY into a temporary table and nothing else."""
    from django.db import connection

    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.telemetry import store

    start = store.milliseconds(NOW)
    rows: list[store.Row] = [(n, start, 1, (4.2, 45.0)) for n in range(BATCH)]
    began = time.perf_counter()
    for _ in range(20):
        with scoped(SYSTEM):
            store.copy(rows)
    assert not connection.in_atomic_block
    return round(20 * BATCH / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
