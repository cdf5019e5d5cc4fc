"""A slow, obvious contract clock to measure the real one against: it looks at every minute, one by one.

The yardstick shares nothing with ``cadran.kernel.calendars``: holidays are written out by hand, hours are plain
predicates. The tests below compare the two on random sites, pauses and days on which the clocks change.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from cadran.kernel.calendars import (
    ALWAYS,
    HO,
    WIFI_8_18_6_7,
    Calendar,
    Hours,
    SegmentKind,
    Territory,
    deadline,
    elapsed,
    end_of_nth_day,
    explain,
)

EASTER = {2024: date(2024, 3, 31), 2025: date(2025, 4, 20), 2026: date(2026, 4, 5), 2027: date(2027, 3, 28)}
EASTER |= {2028: date(2028, 4, 16), 2029: date(2029, 4, 1)}
NATIONAL = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]
LOCAL = {
    "FR": [],
    "AM": [(12, 26)],
    "GP": [(5, 27)],
    "MQ": [(5, 22)],
    "GF": [(6, 10)],
    "RE": [(12, 20)],
    "YT": [(4, 27)],
    "BL": [(10, 9)],
    "MF": [(5, 28)],
    "PM": [],
    "PF": [(3, 5)],
    "NC": [(9, 24)],
    "WF": [(4, 28), (6, 29), (7, 29)],
}
MINUTE = timedelta(minutes=1)
IsOpen = Callable[[datetime], bool]
Pauses = Sequence[tuple[datetime, datetime]]


def holidays(territory: str, year: int) -> set[date]:
    days = {date(year, month, day) for month, day in NATIONAL + LOCAL[territory]}
    days |= {EASTER[year] + timedelta(days=offset) for offset in (1, 39, 50)}
    if territory in ("AM", "PF"):
        days.add(EASTER[year] - timedelta(days=2))
    if territory == "PF":
        days.add(date(year, 6, 29) if year <= 2025 else date(year, 11, 20))
    return days


def opening_hours(week: dict[int, list[tuple[int, int]]], territory: str, *, closed_on_holidays: bool) -> IsOpen:
    """``week``: for each weekday (0 = Monday) its (opens, closes) in minutes of the local day."""
    closed = {day for year in EASTER for day in holidays(territory, year)} if closed_on_holidays else set()

    def is_open(local: datetime) -> bool:
        if local.date() in closed:
            return False
        minute = local.hour * 60 + local.minute
        return any(opens <= minute < closes for opens, closes in week.get(local.weekday(), []))

    return is_open


def counts(at: datetime, is_open: IsOpen, zone: ZoneInfo, pauses: Pauses) -> bool:
    return is_open(at.astimezone(zone)) and not any(start <= at < end for start, end in pauses)


def slow_deadline(start: datetime, minutes: int, is_open: IsOpen, zone: ZoneInfo, pauses: Pauses = ()) -> datetime:
    at = start.astimezone(UTC)
    while minutes:
        if counts(at, is_open, zone, pauses):
            minutes -= 1
        at += MINUTE
    return at


def slow_elapsed(start: datetime, end: datetime, is_open: IsOpen, zone: ZoneInfo, pauses: Pauses = ()) -> int:
    at, minutes = start.astimezone(UTC), 0
    while at < end:
        minutes += counts(at, is_open, zone, pauses)
        at += MINUTE
    return minutes


HOURS = {
    "HO": HO,
    "24/7": ALWAYS,
    "8-18-6/7": WIFI_8_18_6_7,
    "lunch": Hours.weekly(
        "lunch", {0: ["09:00-12:00", "14:00-17:30"], 2: ["00:00-24:00"], 5: ["22:00-24:00"]}, closed_on_holidays=True
    ),
    "night": Hours.weekly("night", {day: ["00:00-03:15", "20:00-24:00"] for day in range(7)}, closed_on_holidays=False),
    "small hours": Hours.weekly("small hours", {day: ["02:00-02:30"] for day in range(7)}, closed_on_holidays=False),
}
# Sites of the territories, and zones that change their clocks at midnight, by half an hour, or the other way round.
ZONES = [None, "Africa/Cairo", "Australia/Lord_Howe", "America/Santiago", "Europe/Dublin", "Pacific/Marquesas"]
CLOCK_CHANGES = [
    datetime(2026, 3, 8, 6, tzinfo=UTC),  # Saint-Pierre-et-Miquelon springs forward
    datetime(2026, 3, 28, 18, tzinfo=UTC),
    datetime(2026, 4, 23, 20, tzinfo=UTC),  # Cairo, at midnight
    datetime(2026, 10, 24, 18, tzinfo=UTC),
    datetime(2026, 10, 29, 18, tzinfo=UTC),
    datetime(2026, 11, 1, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 12, tzinfo=UTC),  # Lord Howe, half an hour
]
anywhen = st.integers(0, 4 * 525_600).map(lambda minutes: datetime(2025, 1, 2, tzinfo=UTC) + minutes * MINUTE)
near_a_clock_change = st.builds(
    lambda change, minutes: change + minutes * MINUTE, st.sampled_from(CLOCK_CHANGES), st.integers(-2880, 2880)
)
near_a_year_end = st.integers(-4320, 4320).map(lambda minutes: datetime(2027, 1, 1, tzinfo=UTC) + minutes * MINUTE)
starts = st.one_of(anywhen, near_a_clock_change, near_a_year_end)


@st.composite
def sites(draw: st.DrawFn) -> tuple[Calendar, IsOpen]:
    """A calendar and the obvious predicate that means the same."""
    hours = HOURS[draw(st.sampled_from(sorted(HOURS)))]
    territory = draw(st.sampled_from(sorted(Territory)))
    key = draw(st.sampled_from(ZONES))
    calendar = Calendar.of(hours, territory, zone=ZoneInfo(key) if key else None)
    week = {day: [(w.opens, w.closes) for w in windows] for day, windows in enumerate(hours.week)}
    return calendar, opening_hours(week, territory, closed_on_holidays=hours.closed_on_holidays)


@st.composite
def paused_cases(draw: st.DrawFn) -> tuple[datetime, list[tuple[datetime, datetime]]]:
    """A start and up to four pauses around it: nested, overlapping, touching, empty, begun before the start."""
    start = draw(starts)
    pauses = []
    for _ in range(draw(st.integers(0, 4))):
        begin = start + draw(st.integers(-600, 4000)) * MINUTE
        pauses.append((begin, begin + draw(st.integers(0, 3000)) * MINUTE))
    return start, pauses


@settings(max_examples=300, deadline=None)
@given(site=sites(), case=paused_cases(), minutes=st.integers(0, 700))
def test_deadline_agrees_with_looking_at_every_minute(
    site: tuple[Calendar, IsOpen], case: tuple[datetime, list[tuple[datetime, datetime]]], minutes: int
) -> None:
    (calendar, is_open), (start, pauses) = site, case
    expected = slow_deadline(start, minutes, is_open, calendar.zone, pauses)
    assert deadline(start, minutes, calendar, pauses) == expected


@settings(max_examples=300, deadline=None)
@given(site=sites(), case=paused_cases(), length=st.integers(0, 9000))
def test_elapsed_agrees_with_looking_at_every_minute(
    site: tuple[Calendar, IsOpen], case: tuple[datetime, list[tuple[datetime, datetime]]], length: int
) -> None:
    (calendar, is_open), (start, pauses) = site, case
    end = start + length * MINUTE
    assert elapsed(start, end, calendar, pauses) == slow_elapsed(start, end, is_open, calendar.zone, pauses) * MINUTE


@settings(max_examples=150, deadline=None)
@given(site=sites(), start=starts, days=st.integers(1, 4))
def test_end_of_nth_day_agrees_with_looking_at_every_minute(
    site: tuple[Calendar, IsOpen], start: datetime, days: int
) -> None:
    calendar, is_open = site
    at, closing = start, start
    worked: set[date] = set()
    received = start.astimezone(calendar.zone).date()
    while len(worked) <= days:
        local = at.astimezone(calendar.zone)
        if local.date() > received and is_open(local):
            worked.add(local.date())
            if len(worked) <= days:
                closing = at + MINUTE
        at += MINUTE
    assert end_of_nth_day(start, days, calendar) == closing


@settings(max_examples=150, deadline=None)
@given(site=sites(), case=paused_cases(), length=st.integers(0, 9000))
def test_explanation_covers_the_stretch_and_gives_each_minute_its_reason(
    site: tuple[Calendar, IsOpen], case: tuple[datetime, list[tuple[datetime, datetime]]], length: int
) -> None:
    (calendar, is_open), (start, pauses) = site, case
    end = start + length * MINUTE
    segments = explain(start, end, calendar, pauses)
    edges = [start, *(segment.end for segment in segments)]
    assert [segment.start for segment in segments] == edges[:-1]
    assert edges[-1] == end
    assert sum((segment.counted for segment in segments), timedelta(0)) == elapsed(start, end, calendar, pauses)
    for segment in segments:
        middle = segment.start + (segment.end - segment.start) / 2
        opened = is_open(middle.astimezone(calendar.zone))
        stopped = any(a <= middle < b for a, b in pauses)
        assert segment.paused == stopped
        assert (segment.kind is SegmentKind.OPEN) == (opened and not stopped)
        assert (segment.kind is SegmentKind.PAUSE) == (opened and stopped)
