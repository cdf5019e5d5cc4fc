"""The contract clock vectors, and the bug families other service desks have had, each under its own name."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadran.kernel.calendars import (
    ALWAYS,
    HO,
    WIFI_8_18_6_7,
    Calendar,
    CalendarError,
    Hours,
    Territory,
    Window,
    advance,
    deadline,
    elapsed,
    end_of_nth_day,
    is_open,
    next_opening,
)

VECTORS = Path(__file__).parents[1] / "captures" / "sla_vectors.md"
PARIS = Calendar.of(HO, Territory.FR)
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def vectors() -> list[tuple[str, str, str, str]]:
    rows = []
    for line in VECTORS.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.match(r"\d{4}-", cells[1]):
            rows.append((cells[0], cells[1], cells[2], cells[3]))
    return rows


# What the case's name says and its columns do not: where the site is, which hours, which pauses.
SITES = {
    "Reunion, 20 Dec holiday": Territory.RE,
    "Guadeloupe, 27 May": Territory.GP,
}
HOURS = {
    "spring DST, 24/7": ALWAYS,
    "autumn DST, 24/7": ALWAYS,
    "second 02:30 (fold=1)": ALWAYS,
    "8-18-6/7 (Wi-Fi lot)": WIFI_8_18_6_7,
}
PAUSES = {
    "pause 10-12": [("2026-06-08T10:00+02", "2026-06-08T12:00+02")],
    "pause over the night only": [("2026-06-08T18:00+02", "2026-06-09T08:00+02")],
    "pause Fri 17:00 - Mon 09:00": [("2026-06-05T17:00+02", "2026-06-08T09:00+02")],
    "overlapping pauses 10-12 and 11-13": [
        ("2026-06-08T10:00+02", "2026-06-08T12:00+02"),
        ("2026-06-08T11:00+02", "2026-06-08T13:00+02"),
    ],
}


def test_every_vector_of_the_file_is_read() -> None:
    assert len(vectors()) == 17
    named = {case for case, *_ in vectors()}
    assert named >= set(SITES) | set(HOURS) | set(PAUSES)


@pytest.mark.parametrize(("case", "start", "budget", "expected"), [pytest.param(*row, id=row[0]) for row in vectors()])
def test_vector(case: str, start: str, budget: str, expected: str) -> None:
    calendar = Calendar.of(HOURS.get(case, HO), SITES.get(case, Territory.FR))
    hours = re.match(r"\d+", budget)
    due = re.match(r"\S+ \S+", expected)
    assert hours
    assert due
    pauses = [(at(first), at(last)) for first, last in PAUSES.get(case, [])]
    found = deadline(at(start), int(hours[0]) * 60, calendar, pauses)
    assert found == at(due[0])
    assert elapsed(at(start), found, calendar, pauses) == timedelta(hours=int(hours[0]))


def test_wrong_zone_vector_is_right_in_the_zone_of_the_site() -> None:
    guadeloupe = Calendar.of(HO, Territory.GP)
    assert deadline(at("2026-06-08T16:00-04"), 60, guadeloupe) == at("2026-06-08T17:00-04")


# --- properties -------------------------------------------------------------------------------------------------

calendars = st.builds(Calendar.of, st.sampled_from([HO, ALWAYS, WIFI_8_18_6_7]), st.sampled_from(sorted(Territory)))
instants = st.datetimes(
    min_value=datetime.fromisoformat("2020-01-01"),
    max_value=datetime.fromisoformat("2035-01-01"),
    timezones=st.just(UTC),
)
budgets = st.integers(0, 20_000)


@st.composite
def pause_lists(draw: st.DrawFn) -> list[tuple[datetime, datetime]]:
    begins = draw(st.lists(instants, max_size=3))
    return [(begin, begin + timedelta(minutes=draw(st.integers(0, 50_000)))) for begin in begins]


@given(calendar=calendars, start=instants, first=budgets, second=budgets, pauses=pause_lists())
def test_budgets_add_up(
    calendar: Calendar, start: datetime, first: int, second: int, pauses: list[tuple[datetime, datetime]]
) -> None:
    stepwise = deadline(deadline(start, first, calendar, pauses), second, calendar, pauses)
    assert deadline(start, first + second, calendar, pauses) == stepwise


@given(calendar=calendars, start=instants, minutes=budgets, pauses=pause_lists())
def test_elapsed_at_the_deadline_is_the_budget(
    calendar: Calendar, start: datetime, minutes: int, pauses: list[tuple[datetime, datetime]]
) -> None:
    due = deadline(start, minutes, calendar, pauses)
    assert elapsed(start, due, calendar, pauses) == minutes * MINUTE
    if minutes:
        assert elapsed(start, due - timedelta(microseconds=1), calendar, pauses) < minutes * MINUTE


@given(calendar=calendars, start=instants, minutes=st.integers(1, 20_000), margin=st.integers(0, 20_000))
def test_an_escalation_point_is_itself_a_business_time_point(
    calendar: Calendar, start: datetime, minutes: int, margin: int
) -> None:
    left = max(0, minutes - margin)
    point = advance(start, left * MINUTE, calendar)
    assert elapsed(point, deadline(start, minutes, calendar), calendar) == (minutes - left) * MINUTE


@given(start=instants, minutes=budgets, week=st.integers(0, 700))
def test_a_pause_outside_open_time_never_moves_a_deadline(start: datetime, minutes: int, week: int) -> None:
    saturday = datetime(2020, 1, 4, tzinfo=UTC) + timedelta(weeks=week)
    weekend = (saturday, saturday + timedelta(hours=40))
    assert deadline(start, minutes, PARIS, [weekend]) == deadline(start, minutes, PARIS)


@given(start=instants, pauses=pause_lists(), minutes=budgets)
def test_the_order_and_the_overlap_of_pauses_change_nothing(
    start: datetime, pauses: list[tuple[datetime, datetime]], minutes: int
) -> None:
    doubled = [*reversed(pauses), *pauses]
    assert deadline(start, minutes, PARIS, doubled) == deadline(start, minutes, PARIS, pauses)


@settings(max_examples=50)
@given(calendar=calendars, start=instants)
def test_next_opening_is_the_first_open_instant(calendar: Calendar, start: datetime) -> None:
    opening = next_opening(start, calendar)
    assert is_open(opening, calendar)
    assert elapsed(start, opening, calendar) == timedelta(0)


def test_result_does_not_depend_on_the_zone_of_the_server() -> None:
    script = (
        "from datetime import datetime\n"
        "from cadran.kernel.calendars import Calendar, HO, Territory, deadline, end_of_nth_day\n"
        "start = datetime.fromisoformat('2026-10-23T23:30+04:00')\n"
        "for territory in Territory:\n"
        "    calendar = Calendar.of(HO, territory)\n"
        "    print(deadline(start, 700, calendar), end_of_nth_day(start, 2, calendar))\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"TZ": zone, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for zone in ("UTC", "Pacific/Kiritimati", "America/Anchorage", "Europe/Paris")
    }
    assert len(answers) == 1
    assert len(answers.pop().splitlines()) == len(Territory)


# --- families of clock bugs -------------------------------------------------------------------------------------


def test_bug_1_a_pause_over_the_weekend_does_not_lengthen_a_budget_in_days() -> None:
    received = at("2026-06-05T09:00+02")
    weekend = (at("2026-06-05T18:00+02"), at("2026-06-08T08:00+02"))
    assert end_of_nth_day(received, 5, PARIS, [weekend]) == end_of_nth_day(received, 5, PARIS)
    long_weekend = (at("2026-06-05T16:00+02"), at("2026-06-08T08:00+02"))
    assert end_of_nth_day(received, 5, PARIS, [long_weekend]) == at("2026-06-15T10:00+02")


def test_bug_3_one_hour_before_a_deadline_of_the_morning_is_the_evening_before() -> None:
    start = at("2026-06-05T14:30+02")
    assert deadline(start, 240, PARIS) == at("2026-06-08T08:30+02")
    assert advance(start, timedelta(hours=3), PARIS) == at("2026-06-05T17:30+02")


def test_bug_8_around_the_clock_is_not_closed_one_minute_at_midnight() -> None:
    around = Hours.weekly("jour et nuit", {day: ["00:00-24:00"] for day in range(7)}, closed_on_holidays=False)
    calendar = Calendar.of(around, Territory.FR)
    start = at("2026-06-08T23:00+02")
    assert deadline(start, 120, calendar) == at("2026-06-09T01:00+02")
    assert elapsed(start, start + timedelta(days=7), calendar) == timedelta(days=7)
    with pytest.raises(CalendarError, match="24:00"):
        Window.parse("00:00-23:59")


def test_bug_11_last_winter_is_judged_with_the_offset_of_last_winter() -> None:
    assert deadline(at("2026-01-15T09:00+01"), 60, PARIS) == at("2026-01-15T10:00+01")
    assert elapsed(at("2026-01-15T07:00+00"), at("2026-01-15T18:00+00"), PARIS) == timedelta(hours=10)


def test_bug_11_a_week_without_monday() -> None:
    tuesday_to_saturday = Hours.weekly(
        "mar-sam", {day: ["09:00-17:00"] for day in range(1, 6)}, closed_on_holidays=True
    )
    calendar = Calendar.of(tuesday_to_saturday, Territory.FR)
    assert deadline(at("2026-06-06T16:00+02"), 120, calendar) == at("2026-06-09T10:00+02")
    assert end_of_nth_day(at("2026-06-06T16:00+02"), 1, calendar) == at("2026-06-09T17:00+02")


def test_bug_11_a_case_raised_on_a_day_off_or_a_holiday_starts_at_the_next_opening() -> None:
    assert deadline(at("2026-06-07T12:00+02"), 60, PARIS) == at("2026-06-08T09:00+02")
    assert deadline(at("2026-07-14T12:00+02"), 60, PARIS) == at("2026-07-15T09:00+02")
    assert end_of_nth_day(at("2026-06-07T12:00+02"), 1, PARIS) == at("2026-06-08T18:00+02")


def test_bug_12_outside_opening_hours_never_gives_a_delay_of_zero() -> None:
    assert deadline(at("2026-06-08T20:00+02"), 30, PARIS) == at("2026-06-09T08:30+02")


def test_bug_12_lunch_is_not_counted_and_a_pause_over_lunch_moves_nothing() -> None:
    lunch = Hours.weekly("midi", {day: ["08:00-12:00", "14:00-18:00"] for day in range(5)}, closed_on_holidays=True)
    calendar = Calendar.of(lunch, Territory.FR)
    start = at("2026-06-08T11:00+02")
    assert deadline(start, 120, calendar) == at("2026-06-08T15:00+02")
    over_lunch = (at("2026-06-08T12:00+02"), at("2026-06-08T14:00+02"))
    assert deadline(start, 120, calendar, [over_lunch]) == at("2026-06-08T15:00+02")
    assert end_of_nth_day(start, 1, calendar) == at("2026-06-09T18:00+02")


def test_a_window_inside_the_repeated_hour_is_open_twice_and_a_skipped_one_never() -> None:
    small_hours = Hours.weekly("nuit", {day: ["02:00-03:00"] for day in range(7)}, closed_on_holidays=False)
    calendar = Calendar.of(small_hours, Territory.FR)
    autumn, spring = at("2026-10-25T00:00+02"), at("2026-03-29T00:00+01")
    assert elapsed(autumn, at("2026-10-26T00:00+01"), calendar) == timedelta(hours=2)
    assert elapsed(spring, at("2026-03-30T00:00+02"), calendar) == timedelta(0)
    assert end_of_nth_day(at("2026-03-28T12:00+01"), 1, calendar) == at("2026-03-30T03:00+02")


# --- n working days ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "days", "expected"),
    [
        pytest.param("2026-06-05T17:00+02", 5, "2026-06-12T18:00+02", id="receipt day excluded"),
        pytest.param("2026-06-08T06:00+02", 1, "2026-06-09T18:00+02", id="received before opening"),
        pytest.param("2026-06-08T19:00+02", 1, "2026-06-09T18:00+02", id="received after closing"),
        pytest.param("2026-06-06T10:00+02", 5, "2026-06-12T18:00+02", id="received on a Saturday"),
        pytest.param("2026-05-13T10:00+02", 1, "2026-05-15T18:00+02", id="Ascension is skipped"),
        pytest.param("2026-12-23T10:00+01", 5, "2026-12-31T18:00+01", id="over Christmas"),
        pytest.param("2026-12-30T10:00+01", 2, "2027-01-04T18:00+01", id="over the year's end"),
    ],
)
def test_end_of_nth_day(received: str, days: int, expected: str) -> None:
    assert end_of_nth_day(at(received), days, PARIS) == at(expected)


def test_the_receipt_day_is_the_local_one() -> None:
    reunion = Calendar.of(HO, Territory.RE)
    assert end_of_nth_day(at("2026-06-07T21:00+00"), 1, reunion) == at("2026-06-09T18:00+04")


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: deadline(datetime(2026, 6, 8, 9), 60, PARIS), "sans décalage"),  # noqa: DTZ001
        (lambda: deadline(at("2026-06-08T09:00+02"), -1, PARIS), "-1 minutes"),
        (lambda: deadline(at("2026-06-08T09:00+02"), 10**9, PARIS), "dix ans"),
        (lambda: deadline(at("1815-06-18T09:00+00"), 1, PARIS), "1970 à 2199"),
        (lambda: deadline(at("0001-01-01T00:00+14"), 0, PARIS), "1970 à 2199"),
        (lambda: deadline(at("2199-12-31T17:00+00"), 600, PARIS), "1970 à 2199"),
        (lambda: next_opening(at("2199-12-31T19:00+00"), PARIS), "1970 à 2199"),
        (lambda: elapsed(at("2026-06-08T09:00+02"), at("2026-06-08T08:00+02"), PARIS), "précède"),
        (
            lambda: deadline(
                at("2026-06-08T09:00+02"), 1, PARIS, [(at("2026-06-08T12:00+02"), at("2026-06-08T10:00+02"))]
            ),
            "la fin précède",
        ),
        (lambda: end_of_nth_day(at("2026-06-08T09:00+02"), 0, PARIS), "0 jours"),
        (lambda: advance(at("2026-06-08T09:00+02"), timedelta(seconds=-1), PARIS), "négative"),
    ],
)
def test_a_refusal_says_what_is_wrong(call: object, said: str) -> None:
    assert callable(call)
    with pytest.raises(CalendarError, match=said):
        call()
