"""What is written is what is read, once, newest first, and closing a day loses nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, connection
from hypothesis import given
from hypothesis import strategies as st

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.telemetry import copying, services, store
from cadran.telemetry.days import DAY_MS, ClosedDay, from_rows, merged, thinned
from cadran.telemetry.models import Latest, Measurement, MeasurementDay
from cadran.telemetry.rules import DecodedUplink
from tests.rooms.telemetry.fleet import make_profile, make_sensor
from tests.support.world import NOW, World

numbers = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | numbers


# --- pure -----------------------------------------------------------------------------------------------------------


@given(st.lists(maybe, max_size=300))
def test_a_float_array_reads_back(values: list[float | None]) -> None:
    assert list(copying.read_floats(copying.float_array(values)[4:])) == values


@given(st.lists(st.integers(0, DAY_MS - 1), max_size=300))
def test_an_int_array_reads_back(values: list[int]) -> None:
    assert list(copying.read_ints(copying.int_array(values)[4:])) == values


rows_of_a_day = st.dictionaries(
    st.integers(0, DAY_MS - 1), st.lists(maybe, min_size=1, max_size=4).map(tuple), min_size=1, max_size=40
)


def as_rows(day: ClosedDay) -> dict[int, tuple[float | None, ...]]:
    return dict(zip(day.offsets_ms, zip(*day.columns, strict=True), strict=True))


def padded(rows: dict[int, tuple[float | None, ...]], width: int) -> dict[int, tuple[float | None, ...]]:
    return {at: values + (None,) * (width - len(values)) for at, values in rows.items()}


@given(known=rows_of_a_day, more=rows_of_a_day)
def test_merging_days_is_a_union_where_the_known_wins(
    known: dict[int, tuple[float | None, ...]], more: dict[int, tuple[float | None, ...]]
) -> None:
    day = date(2026, 11, 1)
    result = merged(from_rows(1, 1, day, sorted(known.items())), from_rows(1, 1, day, sorted(more.items())))
    width = max(len(values) for values in [*known.values(), *more.values()])
    assert as_rows(result) == padded(more | known, width)
    assert list(result.offsets_ms) == sorted(known | more)
    assert merged(result, result) == result


@given(
    curve=st.dictionaries(st.integers(0, 10_000), numbers, max_size=400),
    at_most=st.integers(3, 100),
    gap=st.integers(1, 5_000),
)
def test_thinning_keeps_the_extremes_in_few_points(curve: dict[int, float], at_most: int, gap: int) -> None:
    at = sorted(curve)
    kept_at, kept = thinned(at, [curve[one] for one in at], start=0, end=10_001, at_most=at_most, gap=gap)
    assert len(kept_at) == len(kept) <= at_most
    assert kept_at == sorted(kept_at)
    real = {one: value for one, value in zip(kept_at, kept, strict=True) if value is not None}
    assert real.items() <= curve.items()
    if curve:
        assert min(real.values()) == min(curve.values())
        assert max(real.values()) == max(curve.values())
    if len(curve) <= at_most // 2:
        assert real == curve


def test_a_gap_breaks_the_curve() -> None:
    at, values = thinned([0, 10, 20, 90, 100], [1, 2, 3, 4, 5], start=0, end=101, at_most=50, gap=30)
    assert list(zip(at, values, strict=True)) == [(0, 1), (10, 2), (20, 3), (55, None), (90, 4), (100, 5)]


# --- database -------------------------------------------------------------------------------------------------------


def said(device: int, at: datetime, *values: float | None, owner: int = 1) -> DecodedUplink:
    return DecodedUplink(device, owner, 1, at, values)


def record(*uplinks: DecodedUplink, now: datetime = NOW) -> services.Recorded:
    return services.record_uplinks(uplinks, now=now)


def stored() -> list[tuple[Any, ...]]:
    with scoped(SYSTEM):
        return list(Measurement.objects.order_by("device_id", "ts").values_list("device_id", "ts", "values"))


@pytest.mark.django_db
@pytest.mark.parametrize("values", [(), (1.5,), (1.5, None, -2.0), (None,)])
def test_postgresql_writes_arrays_as_we_do(values: Sequence[float | None]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_send(%s::float8[])", [list(values)])
        sent = bytes(cursor.fetchone()[0])
    assert list(copying.read_floats(sent)) == list(values)
    if None not in values:  # PostgreSQL and we agree to the byte
        assert copying.float_array(values)[4:] == sent


@pytest.mark.django_db
def test_a_frame_is_stored_once_to_the_millisecond() -> None:
    at = NOW.replace(microsecond=123_456)
    first = record(said(1, at, 20.5, 40.0), said(1, at, 20.5, 40.0), said(2, at, 3.0))
    assert (first.measurements, first.duplicates) == (2, 1)
    assert record(said(1, at, 20.5, 40.0)).duplicates == 1
    exact = at.replace(microsecond=123_000)
    assert stored() == [(1, exact, [20.5, 40.0]), (2, exact, [3.0])]


@pytest.mark.django_db
def test_late_frames_are_kept_and_change_no_latest_value() -> None:
    record(said(1, NOW, 20.0), said(1, NOW - timedelta(minutes=5), 19.0))
    record(said(1, NOW - timedelta(minutes=10), 18.0))
    with scoped(SYSTEM):
        latest = Latest.objects.get(device_id=1)
    assert (latest.ts, latest.values, latest.times) == (NOW, [20.0], None)
    assert [values for _, _, values in stored()] == [[18.0], [19.0], [20.0]]


@pytest.mark.django_db
def test_a_partial_frame_leaves_the_other_values_with_their_own_instant() -> None:
    t1, t2, t3 = NOW, NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    record(said(1, t1, 20.0, None, 90.0))
    record(said(1, t2, None, 41.0, None), said(1, t3, 22.0, None, None))  # two in one batch
    with scoped(SYSTEM):
        latest = Latest.objects.get(device_id=1)
    assert (latest.ts, latest.values, latest.times) == (t3, [22.0, 41.0, 90.0], [t3, t2, t1])
    record(said(1, t3 + timedelta(minutes=1), 23.0, 42.0, 89.0))
    with scoped(SYSTEM):
        latest = Latest.objects.get(device_id=1)
    assert (latest.values, latest.times) == ([23.0, 42.0, 89.0], None)


@pytest.mark.django_db
def test_a_partial_frame_shows_nothing_of_an_earlier_owner() -> None:
    record(said(1, NOW, 20.0, 50.0, owner=1))
    record(said(1, NOW + timedelta(minutes=1), 21.0, None, owner=2))
    with scoped(SYSTEM):
        latest = Latest.objects.get(device_id=1)
    assert (latest.owner_id, latest.values, latest.times) == (2, [21.0, None], None)


@pytest.mark.django_db
def test_an_instant_that_cannot_be_is_counted_and_left_out() -> None:
    done = record(said(1, NOW - timedelta(days=500), 1.0), said(2, NOW + timedelta(days=3), 1.0), said(3, NOW, 1.0))
    assert (done.implausible, done.measurements) == (2, 1)
    assert [device for device, _, _ in stored()] == [3]


@pytest.mark.django_db
def test_a_late_frame_of_a_month_nobody_prepared_finds_its_partition() -> None:
    at = NOW - timedelta(days=200)
    assert record(said(1, at, 7.0)).measurements == 1
    assert stored() == [(1, at, [7.0])]


@pytest.mark.django_db
def test_two_batches_in_one_transaction_do_not_mix() -> None:
    with scoped(SYSTEM):
        assert record(said(1, NOW, 1.0)).measurements == 1
        again = record(said(2, NOW, 2.0))
    assert (again.measurements, again.duplicates) == (1, 0)


@pytest.mark.django_db
def test_without_a_scope_the_tables_are_shut() -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        Measurement.objects.count()


@pytest.mark.django_db
def test_the_batch_size_does_not_change_the_number_of_statements(django_assert_max_num_queries: Any) -> None:
    record(said(1, NOW, 1.0))
    batch = [said(device, NOW + timedelta(seconds=device % 7), 1.0, 2.0) for device in range(1, 501)]
    with django_assert_max_num_queries(12):
        assert record(*batch).measurements == 500


# --- closed days ----------------------------------------------------------------------------------------------------

YESTERDAY = datetime(2026, 11, 15, tzinfo=UTC)


def a_day(seed: int, device: int = 1, start: datetime = YESTERDAY) -> list[DecodedUplink]:
    dice = random.Random(seed)
    instants = [start + timedelta(minutes=15 * n, milliseconds=dice.randrange(60_000)) for n in range(96)]
    return [said(device, at, dice.gauss(4, 1), dice.choice([None, 55.5])) for at in instants]


def everything() -> list[tuple[Any, ...]]:
    """Every measurement, wherever it is kept, in a comparable form."""
    with scoped(SYSTEM):
        own = Measurement.objects.values_list("device_id", "ts", "values")
        rows = [(device, store.milliseconds(ts), tuple(values)) for device, ts, values in own]
        for day in MeasurementDay.objects.all():
            midnight = store.milliseconds(datetime(day.day.year, day.day.month, day.day.day, tzinfo=UTC))
            count = len(day.offsets_ms)
            columns = [day.values[i * count : (i + 1) * count] for i in range(day.width)]
            pairs = zip(day.offsets_ms, zip(*columns, strict=True), strict=True)
            rows += [(day.device_id, midnight + at, values) for at, values in pairs]
    return sorted(rows, key=lambda row: row[:2])


@pytest.mark.django_db(transaction=True)
def test_closing_days_loses_nothing_and_can_be_repeated() -> None:
    record(*a_day(1), *a_day(2, device=2), *a_day(3, start=YESTERDAY - timedelta(days=1)), said(1, NOW, 5.0, None))
    before = everything()
    assert len(before) == 3 * 96 + 1
    assert services.close_days(now=NOW) == 3 * 96
    assert everything() == before
    assert len(stored()) == 1  # today's
    assert services.close_days(now=NOW) == 0
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_a_frame_late_by_a_day_joins_its_closed_day() -> None:
    day = a_day(1)
    record(*day[:50], *day[60:])
    services.close_days(now=NOW)
    new_quantity = said(1, day[0].received_at + timedelta(seconds=1), 1.0, 2.0, 3.0)
    record(*day[48:62], new_quantity)  # some of them twice
    services.close_days(now=NOW)
    kept = everything()
    assert len(kept) == 97
    assert stored() == []
    assert all(len(values) == 3 for _, _, values in kept)
    assert [values[:2] for _, at, values in kept if at != kept[1][1]] == [one.values for one in day]


@pytest.mark.django_db(transaction=True)
def test_a_day_stays_open_for_an_hour_after_midnight() -> None:
    record(*a_day(1), now=YESTERDAY + timedelta(hours=12))
    midnight = YESTERDAY + timedelta(days=1)
    assert services.close_days(now=midnight + timedelta(minutes=59)) == 0
    assert services.close_days(now=midnight + timedelta(minutes=61)) == 96


@pytest.mark.django_db(transaction=True)
def test_owners_of_one_device_and_day_keep_rows_of_their_own() -> None:
    record(said(1, YESTERDAY, 1.0, owner=1), said(1, YESTERDAY + timedelta(hours=1), 2.0, owner=2))
    services.close_days(now=NOW)
    with scoped(SYSTEM):
        assert sorted(MeasurementDay.objects.values_list("owner_id", "values")) == [(1, [1.0]), (2, [2.0])]


@pytest.mark.django_db(transaction=True)
def test_history_is_written_once_and_leaves_known_days_alone() -> None:
    days = [
        ClosedDay(device, 1, date(2026, 8, 1) + timedelta(days=n), [0, 900_000], [[1.0, 2.0], [None, 50.0]])
        for device in (1, 2)
        for n in range(40)
    ]
    assert services.write_history(days=days) == 80
    assert services.write_history(days=days) == 0
    with pytest.raises(ValueError, match="3 values for 1 times 2 instants"):
        services.write_history(days=[ClosedDay(3, 1, date(2026, 8, 1), [0, 1], [[1.0, 2.0, 3.0]])])


@pytest.mark.django_db(transaction=True)
def test_the_view_for_questions_in_sql_obeys_the_readers_scope(world: World) -> None:
    profile = make_profile()
    mine, theirs = make_sensor(world, profile), make_sensor(world, profile, "2", of="charlie")
    at = [YESTERDAY, YESTERDAY + timedelta(hours=1), NOW]
    record(*(one.said(t, 4.0 + n, None if n == 1 else 60.0) for one in (mine, theirs) for n, t in enumerate(at)))
    services.close_days(now=NOW)
    query = "SELECT device_id, ts, quantity, value, unit FROM telemetry_reading ORDER BY device_id, ts, quantity"
    expected = [
        (at[0], "humidity", 60.0, "%"),
        (at[0], "temperature", 4.0, "°C"),
        (at[1], "temperature", 5.0, "°C"),
        (at[2], "humidity", 60.0, "%"),
        (at[2], "temperature", 6.0, "°C"),
    ]
    with scoped(world.viewer(world.bob)), connection.cursor() as cursor:
        cursor.execute(query)
        assert cursor.fetchall() == [(mine.device_id, *row) for row in expected]
    with scoped(SYSTEM), connection.cursor() as cursor:
        cursor.execute(query)
        assert len(cursor.fetchall()) == 10
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(query)
