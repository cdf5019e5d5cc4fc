"""The open time of one calendar as numbers: UTC microseconds since 1970, one index per UTC year.

All arithmetic is on UTC integers: adding a duration to a local ``datetime`` loses or invents an hour when the clocks
change. An instant is open when its local wall clock reads a minute inside a window of its local day; so a skipped hour
has no instant at all, and a repeated hour counts twice. Each year keeps its windows with their running total, built
once on first use: a deadline is then two binary searches.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cadran.kernel.calendars.errors import CalendarError
from cadran.kernel.calendars.holidays import Holiday, HolidayCalendar
from cadran.kernel.calendars.hours import Hours, Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 1440 * MINUTE

# Bounds of what is computed: no contract of this market starts before or ends after, and a typing error such as
# the year 0205 or a budget of a billion minutes gets an answer at once instead of minutes of work.
FIRST_YEAR = 1970
LAST_YEAR = 2199
_FIRST_DAY = date(1970, 1, 1).toordinal()
_YEAR_STARTS = [(date(year, 1, 1).toordinal() - _FIRST_DAY) * DAY for year in range(FIRST_YEAR, LAST_YEAR + 2)]
# No zone changes its offset twice within this step.
_SCAN_STEP = 6 * 60 * MINUTE


def year_of(at: int) -> int:
    """Return the UTC year of the instant ``at``; CalendarError outside FIRST_YEAR..LAST_YEAR."""
    index = bisect_right(_YEAR_STARTS, at) - 1
    if not 0 <= index <= LAST_YEAR - FIRST_YEAR:
        raise CalendarError(
            f"Date hors du calendrier : seules les années {FIRST_YEAR} à {LAST_YEAR} sont calculées."
            " Vérifiez la date de début et la durée."
        )
    return FIRST_YEAR + index


def offset_at(zone: ZoneInfo, at: int) -> int:
    """Return the zone's offset from UTC at the instant ``at``, in microseconds."""
    moment = EPOCH + at * MICROSECOND
    return (moment.astimezone(zone).replace(tzinfo=UTC) - moment) // MICROSECOND


@lru_cache(maxsize=512)
def offset_pieces(zone: ZoneInfo, year: int) -> tuple[tuple[int, int, int], ...]:
    """Return (start, end, offset) over the UTC ``year``: one piece between two changes of the clocks."""
    start, end = _YEAR_STARTS[year - FIRST_YEAR], _YEAR_STARTS[year - FIRST_YEAR + 1]
    pieces = []
    piece_start, offset = start, offset_at(zone, start)
    for at in range(start, end, _SCAN_STEP):
        following = min(at + _SCAN_STEP, end - SECOND)
        if offset_at(zone, following) == offset:
            continue
        low, high = at, following  # offset holds at low, not at high: find the second of the change
        while high - low > SECOND:
            middle = low + (high - low) // (2 * SECOND) * SECOND
            low, high = (middle, high) if offset_at(zone, middle) == offset else (low, middle)
        pieces.append((piece_start, high, offset))
        piece_start, offset = high, offset_at(zone, high)
    pieces.append((piece_start, end, offset))
    return tuple(pieces)


@dataclass(frozen=True, slots=True)
class Cell:
    """A stretch of one local day at a constant offset: the instants ``start``..``end`` and its open windows."""

    start: int
    end: int
    day: date
    midnight: int
    windows: tuple[Window, ...]

    def openings(self) -> Iterator[tuple[int, int]]:
        """Yield the open instants (start, end) of this stretch, in order."""
        for window in self.windows:
            opens = max(self.start, self.midnight + window.opens * MINUTE)
            closes = min(self.end, self.midnight + window.closes * MINUTE)
            if opens < closes:
                yield opens, closes


@dataclass(frozen=True, slots=True)
class YearIndex:
    """The open windows of one UTC year: where each opens and closes, and the open time up to each close."""

    opens: list[int]
    closes: list[int]
    open_until_close: list[int]
    total: int

    def open_before(self, at: int) -> int:
        """Return the open microseconds of this year before ``at``."""
        index = bisect_right(self.opens, at) - 1
        if index < 0:
            return 0
        return self.open_until_close[index] - max(0, self.closes[index] - at)


class Timeline:
    """The open time of (hours, holidays, zone), computed year by year and kept."""

    __slots__ = ("_holidays", "_holidays_by_year", "_hours", "_years", "_zone")

    def __init__(self, hours: Hours, holidays: HolidayCalendar, zone: ZoneInfo) -> None:
        self._hours = hours
        self._holidays = holidays
        self._zone = zone
        self._holidays_by_year: dict[int, dict[date, tuple[Holiday, ...]]] = {}
        self._years: dict[int, YearIndex] = {}

    def holidays_on(self, day: date) -> tuple[Holiday, ...]:
        """Return the holidays on ``day``, whether or not the hours close on them."""
        by_day = self._holidays_by_year.get(day.year)
        if by_day is None:
            by_day = {}
            for holiday in self._holidays.for_year(day.year):
                by_day[holiday.day] = (*by_day.get(holiday.day, ()), holiday)
            self._holidays_by_year[day.year] = by_day
        return by_day.get(day, ())

    def closing_holidays(self, day: date) -> tuple[Holiday, ...]:
        """Return the holidays that close ``day``: none when it would be closed anyway, none in 24/7."""
        if self._hours.closed_on_holidays and self._hours.week[day.weekday()]:
            return self.holidays_on(day)
        return ()

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """Return the open windows of the local ``day``."""
        return () if self.closing_holidays(day) else self._hours.week[day.weekday()]

    def cells(self, start: int, end: int) -> Iterator[Cell]:
        """Yield ``start``..``end`` cut at local midnights and at changes of the clocks, in order."""
        if end <= start:
            return
        for year in range(year_of(start), year_of(end - 1) + 1):
            for piece_start, piece_end, offset in offset_pieces(self._zone, year):
                at, last = max(start, piece_start), min(end, piece_end)
                while at < last:
                    ordinal = (at + offset) // DAY
                    midnight = ordinal * DAY - offset
                    day = date.fromordinal(_FIRST_DAY + ordinal)
                    cut = min(last, midnight + DAY)
                    yield Cell(at, cut, day, midnight, self.windows_on(day))
                    at = cut

    def year(self, year: int) -> YearIndex:
        """Return the index of the UTC ``year``, built on first use."""
        index = self._years.get(year)
        if index is None:
            index = self._years[year] = self._build(year)
        return index

    def _build(self, year: int) -> YearIndex:
        opens: list[int] = []
        closes: list[int] = []
        for cell in self.cells(_YEAR_STARTS[year - FIRST_YEAR], _YEAR_STARTS[year - FIRST_YEAR + 1]):
            for opening, closing in cell.openings():
                if closes and closes[-1] == opening:
                    closes[-1] = closing
                else:
                    opens.append(opening)
                    closes.append(closing)
        total = 0
        open_until_close = []
        for opening, closing in zip(opens, closes, strict=True):
            total += closing - opening
            open_until_close.append(total)
        return YearIndex(opens, closes, open_until_close, total)

    def spent(self, start: int, end: int) -> int:
        """Return the open microseconds in ``start``..``end``."""
        first, last = year_of(start), year_of(end)
        before = self.year(first).open_before(start)
        between = sum(self.year(year).total for year in range(first, last))
        return between + self.year(last).open_before(end) - before

    def reach(self, start: int, amount: int) -> int:
        """Return the earliest instant by which ``amount`` open microseconds have passed since ``start``.

        The earliest: a budget that ends at closing time ends there, not at the next opening.
        """
        if amount == 0:
            return start
        number = year_of(start)
        index = self.year(number)
        target = index.open_before(start) + amount
        while target > index.total:
            target -= index.total
            number += 1
            if number > LAST_YEAR:
                year_of(_YEAR_STARTS[-1])
            index = self.year(number)
        position = bisect_left(index.open_until_close, target)
        return index.closes[position] - (index.open_until_close[position] - target)

    def is_open(self, at: int) -> bool:
        """Say whether the instant ``at`` is open (opening included, closing excluded)."""
        index = self.year(year_of(at))
        position = bisect_right(index.opens, at) - 1
        return position >= 0 and at < index.closes[position]

    def next_opening(self, at: int) -> int:
        """Return ``at`` when it is open, otherwise the next opening."""
        if self.is_open(at):
            return at
        number = year_of(at)
        position = bisect_right(self.year(number).opens, at)
        while position == len(self.year(number).opens):
            number, position = number + 1, 0
            if number > LAST_YEAR:
                year_of(_YEAR_STARTS[-1])
        return self.year(number).opens[position]

    def closing_of(self, day: date) -> int | None:
        """Return the instant at which the local ``day`` closes, or None when it is not a working day."""
        middle = (day.toordinal() - _FIRST_DAY) * DAY
        closing = None
        for cell in self.cells(middle - DAY, middle + 2 * DAY):  # no zone is a whole day away from UTC
            if cell.day == day:
                for _, closes in cell.openings():
                    closing = closes
        return closing


@lru_cache(maxsize=256)
def timeline_for(hours: Hours, holidays: HolidayCalendar, zone: ZoneInfo) -> Timeline:
    """Return the one timeline of equal calendars, so that every case frozen alike shares its index."""
    return Timeline(hours, holidays, zone)
