"""Each reader sees their own, quickly; a forgotten filter shows nothing more."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from cadran.kernel.errors import NotFound
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM, Grant, Side, Viewer
from cadran.telemetry import selectors, services
from cadran.telemetry.days import ClosedDay
from cadran.telemetry.models import (
    Alarm,
    DecodeFailure,
    Latest,
    Measurement,
    MeasurementDay,
    RuleState,
    Source,
    ThresholdRule,
)
from tests.rooms.telemetry.fleet import LONG_AGO, QUANTITIES, Sensor, make_profile, make_sensor
from tests.support.world import NOW, World

YEAR_AGO = datetime(2025, 11, 16, tzinfo=UTC)


def record(*uplinks: Any, now: datetime = NOW) -> services.Recorded:
    return services.record_uplinks(uplinks, now=now)


@pytest.fixture
def pair(world: World) -> tuple[Sensor, Sensor]:
    """A sensor of Bob's and one of Charlie's, each with measurements, a closed day, a failure, a rule and an alarm."""
    profile = make_profile()
    sensors = make_sensor(world, profile), make_sensor(world, profile, "2", of="charlie")
    for one in sensors:
        with scoped(SYSTEM):
            services.create_rule(
                viewer=SYSTEM, point_id=one.point_id, quantity="temperature", comparison="above", threshold=8.0,
                label="Trop chaud", now=NOW - timedelta(days=3),
            )  # fmt: skip
        record(one.said(NOW - timedelta(days=1), 4.0, 50.0), one.said(NOW, 9.0, 51.0), one.sent(NOW, b"\x01"))
    with scoped(SYSTEM):
        from cadran.telemetry import store

        yesterday = (NOW - timedelta(days=1)).date()
        assert store.close(day=yesterday, devices=[one.device_id for one in sensors]) == 2
    return sensors


def lot_restricted(lot_id: int) -> Viewer:
    """Somebody of a consortium member, who sees one lot."""
    capabilities = frozenset({"measurement.read", "alarm.read"})
    return Viewer(7, "Sous-traitant", Side.STAFF, (Grant("holder.agent", capabilities, lot_ids=frozenset({lot_id})),))


# --- who sees what --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    "model", [Measurement, MeasurementDay, Latest, DecodeFailure, Source, ThresholdRule, RuleState, Alarm]
)
def test_a_forgotten_filter_shows_nothing_of_another(pair: tuple[Sensor, Sensor], world: World, model: Any) -> None:
    for person, mine in ((world.bob, pair[0]), (world.charlie, pair[1])):
        with scoped(world.viewer(person)):
            assert set(model.objects.values_list("owner_id", flat=True)) == {mine.owner_id}
    with scoped(SYSTEM):
        assert set(model.objects.values_list("owner_id", flat=True)) == {one.owner_id for one in pair}


@pytest.mark.django_db
def test_a_selector_without_its_filter_leaks_nothing(
    pair: tuple[Sensor, Sensor], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row-level security alone, the service layer's filter taken out."""
    def everything(queryset: QuerySet[Any], viewer: Viewer, **lookups: Any) -> QuerySet[Any]:
        return queryset

    for name in ("telemetry.selectors.alarms", "telemetry.selectors.readings", "inventory.selectors"):
        monkeypatch.setattr(import_module(f"cadran.{name}"), "visible", everything)
    charlie = world.viewer(world.charlie)
    mine, theirs = pair[1], pair[0]
    with scoped(charlie):
        ids = [one.device_id for one in pair]
        assert set(selectors.latest_values(viewer=charlie, device_ids=ids)) == {mine.device_id}
        points = [one.point_id for one in pair]
        assert set(selectors.latest_of_points(viewer=charlie, point_ids=points, now=NOW)) == {mine.point_id}
        assert {one.owner_id for one in selectors.alarms(viewer=charlie)} == {mine.owner_id}
        assert {one.owner_id for one in selectors.rules(viewer=charlie)} == {mine.owner_id}
        assert {one.owner_id for one in selectors.decode_failures(viewer=charlie)} == {mine.owner_id}
        assert selectors.device_counts(viewer=charlie, now=NOW).expected == 1
        with pytest.raises(NotFound):
            selectors.series(
                viewer=charlie, point_id=theirs.point_id, quantity="temperature", start=LONG_AGO, end=NOW
            )


@pytest.mark.django_db
def test_another_lot_is_out_of_sight_of_its_neighbours_staff(pair: tuple[Sensor, Sensor], world: World) -> None:
    inside, outside = lot_restricted(world.lot.pk), lot_restricted(world.lot.pk + 1)
    ids = [one.device_id for one in pair]
    with scoped(inside):
        assert len(selectors.latest_values(viewer=inside, device_ids=ids)) == 2
        assert selectors.alarms(viewer=inside).count() == 2
        assert selectors.alarm_counts(viewer=inside) == selectors.AlarmCounts(service=0, business=2, waiting=2)
    with scoped(outside):
        assert selectors.latest_values(viewer=outside, device_ids=ids) == {}
        assert selectors.alarms(viewer=outside).count() == 0
        with pytest.raises(NotFound):
            selectors.rules_of_point(viewer=outside, point_id=pair[0].point_id)


# --- latest ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_latest_values_are_named_and_dated(
    pair: tuple[Sensor, Sensor], world: World, django_assert_num_queries: Any
) -> None:
    mine = pair[0]
    later = NOW + timedelta(minutes=1)
    record(mine.said(later, None, 52.0), now=later)
    bob = world.viewer(world.bob)
    with scoped(bob), django_assert_num_queries(2):
        found = selectors.latest_values(viewer=bob, device_ids=[one.device_id for one in pair])
    reading = found[mine.device_id]
    temperature, humidity = reading.readings
    assert reading.at == later
    assert (temperature.value, temperature.unit, temperature.label, temperature.at) == (9.0, "°C", "Température", NOW)
    assert (humidity.value, humidity.at) == (52.0, later)
    assert reading.of("humidity") == reading.of("relative_humidity_2") == humidity
    with scoped(bob), django_assert_num_queries(3):
        of_points = selectors.latest_of_points(viewer=bob, point_ids=[one.point_id for one in pair], now=later)
    assert of_points == {mine.point_id: reading}


@pytest.mark.django_db
def test_silent_devices_are_counted(
    pair: tuple[Sensor, Sensor], world: World, django_assert_num_queries: Any
) -> None:
    bob = world.viewer(world.bob)
    hour = timedelta(hours=1)
    with scoped(bob), django_assert_num_queries(2):
        assert selectors.device_counts(viewer=bob, now=NOW + hour) == selectors.DeviceCounts(expected=1, silent=0)
    with scoped(bob):
        assert selectors.device_counts(viewer=bob, now=NOW + 2 * hour).silent == 1
    record(pair[0].sent(NOW + hour, b"\x01"), now=NOW + hour)  # unreadable, but a sign of life
    with scoped(bob):
        assert selectors.device_counts(viewer=bob, now=NOW + 2 * hour).silent == 0
        assert selectors.device_counts(viewer=bob, now=NOW + 3 * hour).silent == 1


@pytest.mark.django_db
def test_profile_ids_are_for_the_edges(pair: tuple[Sensor, Sensor]) -> None:
    with scoped(SYSTEM):
        assert selectors.profile_ids() == {one.device_id: one.profile_id for one in pair}


# --- series ---------------------------------------------------------------------------------------------------------


def curve(viewer: Viewer, point_id: int, start: datetime, end: datetime, **more: Any) -> selectors.Series:
    with scoped(viewer):
        return selectors.series(viewer=viewer, point_id=point_id, quantity="temperature", start=start, end=end, **more)


@pytest.mark.django_db(transaction=True)
def test_a_series_survives_the_swap_of_its_device_and_the_closing_of_its_days(
    world: World, django_assert_num_queries: Any
) -> None:
    swap = NOW - timedelta(days=1, hours=3)
    reversed_ = [QUANTITIES[1], QUANTITIES[0]]  # the new model sends the same quantities in another order
    old = make_sensor(world, make_profile(), until=swap)
    new = make_sensor(world, make_profile("test/other@1.0", quantities=reversed_), "2", point=old.point_id, since=swap)
    start = NOW - timedelta(days=3)
    expected = []
    for n in range(200):
        at = start + timedelta(minutes=20 * n)
        value = 4 + n / 100
        record(old.said(at, value if at < swap else -99.0, 50.0), new.said(at, 50.0, value if at >= swap else -99.0))
        expected.append((at, value))
    bob = world.viewer(world.bob)
    for _ in range(2):
        with scoped(bob), django_assert_num_queries(5):
            found = selectors.series(
                viewer=bob, point_id=old.point_id, quantity="temperature", start=start, end=NOW
            )
        assert list(zip(found.instants, found.values, strict=True)) == expected
        assert (found.total, found.thinned, found.unit, found.label) == (200, False, "°C", "Température")
        services.close_days(now=NOW)
    part = curve(bob, old.point_id, start + timedelta(hours=1), start + timedelta(hours=2))
    assert part.instants == [at for at, _ in expected[3:6]]
    with scoped(bob):
        assert [one["quantity"] for one in selectors.quantities_of_point(viewer=bob, point_id=old.point_id)] == [
            "humidity",
            "temperature",
        ]


@pytest.mark.django_db
def test_missing_values_and_silences_do_not_draw_a_line(pair: tuple[Sensor, Sensor], world: World) -> None:
    mine = pair[0]
    start = NOW + timedelta(hours=2)
    record(
        mine.said(start, 5.0, 1.0),
        mine.said(start + timedelta(minutes=15), None, 1.0),
        mine.said(start + timedelta(minutes=30), 6.0, 1.0),
        mine.said(start + timedelta(hours=5), 7.0, 1.0),
        now=start,
    )
    found = curve(world.viewer(world.bob), mine.point_id, start, start + timedelta(hours=6))
    assert found.values == [5.0, 6.0, None, 7.0]
    assert found.total == 3


@pytest.mark.django_db
def test_an_unknown_quantity_or_point_is_not_found(pair: tuple[Sensor, Sensor], world: World) -> None:
    bob = world.viewer(world.bob)
    with scoped(bob):
        for point, quantity in ((pair[0].point_id, "co2"), (pair[1].point_id, "temperature"), (987_654, "temperature")):
            with pytest.raises(NotFound):
                selectors.series(viewer=bob, point_id=point, quantity=quantity, start=LONG_AGO, end=NOW)
        empty = selectors.series(
            viewer=bob, point_id=pair[0].point_id, quantity="temperature", start=YEAR_AGO, end=LONG_AGO
        )
    assert (empty.total, empty.values) == (0, [])


def write_year(sensor: Sensor, days: int = 365) -> tuple[float, float]:
    """A year of 15-minute history; return its lowest and highest temperature."""
    dice = random.Random(1)
    chunks = [
        ClosedDay(
            sensor.device_id,
            sensor.owner_id,
            (YEAR_AGO + timedelta(days=n)).date(),
            range(0, 86_400_000, 900_000),
            [[round(dice.gauss(4, 1), 2) for _ in range(96)], [55.5] * 96],
        )
        for n in range(days)
    ]
    assert services.write_history(days=chunks) == days
    values = [value for chunk in chunks for value in chunk.columns[0] if value is not None]
    return min(values), max(values)


@pytest.mark.django_db(transaction=True)
def test_a_year_is_read_fast_and_keeps_its_extremes(world: World) -> None:
    sensor = make_sensor(world, make_profile(), since=YEAR_AGO)
    extremes = write_year(sensor)
    bob = world.viewer(world.bob)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        found = curve(bob, sensor.point_id, YEAR_AGO, YEAR_AGO + timedelta(days=365))
        took.append(time.perf_counter() - began)
    assert (found.total, found.thinned) == (365 * 96, True)
    assert 300 <= len(found.values) <= 500
    kept = [value for value in found.values if value is not None]
    assert (min(kept), max(kept)) == extremes
    assert min(took) < 0.1  # about 10 ms when the machine is quiet; an array read element by element takes 150


# --- plans ----------------------------------------------------------------------------------------------------------


def plan(viewer: Viewer, act: Callable[[], Any]) -> str:
    """Return the plans of every statement that ``act`` runs as the viewer."""
    found: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(("SELECT", "WITH")):
            with connection.connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + sql, params)
                found.extend(row[0] for row in cursor.fetchall())
        return execute(sql, params, many, context)

    with scoped(viewer), connection.execute_wrapper(explain):
        act()
    return "\n".join(found)


@pytest.fixture
def busy(pair: tuple[Sensor, Sensor], world: World) -> tuple[Sensor, Sensor]:
    """Enough rows of others that a sequential scan would be the wrong plan."""
    with scoped(SYSTEM), connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO telemetry_latest (device_id, owner_id, ts, "values")'
            " SELECT 1000 + n, %s, %s, '{1}' FROM generate_series(1, 20000) n",
            [pair[1].owner_id, NOW],
        )
        cursor.execute(
            'INSERT INTO telemetry_measurement (device_id, ts, owner_id, "values")'
            " SELECT 1000 + n, %s, %s, '{1}' FROM generate_series(1, 20000) n",
            [NOW, pair[1].owner_id],
        )
        cursor.execute(
            "INSERT INTO telemetry_alarm (owner_id, origin_key, code, kind, state, title, detail, site_id, raised_at,"
            " cleared_at, acknowledged_by) SELECT %s, 'x:' || n, 'device.silent', 'service', 'cleared', 't', '', %s,"
            " %s::timestamptz - n * interval '1 minute', %s, '' FROM generate_series(1, 20000) n",
            [pair[1].owner_id, world.charlie_site.pk, NOW, NOW],
        )
    return pair


@pytest.mark.django_db
def test_lists_and_curves_go_through_indexes_under_both_roles(busy: tuple[Sensor, Sensor], world: World) -> None:
    mine = busy[0]
    alice = world.viewer(world.alice)

    def latest(viewer: Viewer) -> Any:
        return selectors.latest_values(viewer=viewer, device_ids=[mine.device_id])

    def series(viewer: Viewer) -> Any:
        return selectors.series(
            viewer=viewer, point_id=mine.point_id, quantity="temperature", start=LONG_AGO, end=NOW
        )

    def alarms(viewer: Viewer) -> Any:
        return list(selectors.alarms(viewer=viewer)[:50])

    acts = {"telemetry_latest": latest, "telemetry_measurement": series, "telemetry_alarm": alarms}
    for viewer in (world.viewer(world.bob), alice, SYSTEM):
        for table, act in acts.items():
            text = plan(viewer, partial(act, viewer))
            assert table in text
            assert f"Seq Scan on {table}" not in text, f"{viewer.name}:\n{text}"
