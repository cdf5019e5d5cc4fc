"""The contract clock: how much business time has passed, and when a budget of it runs out.

Instants come in with any offset and go out in UTC; screens show them in the calendar's zone. Pauses are half-open
(start included, end excluded) and united before they count, so that two overlapping pauses never count twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cadran.kernel.calendars.calendar import Calendar, to_instant, to_moment
from cadran.kernel.calendars.errors import CalendarError
from cadran.kernel.calendars.timeline import MICROSECOND, MINUTE, Timeline

# Ten years of 24/7. More is a typing error, and would cost years of index.
MAX_MINUTES = 10 * 366 * 1440
MAX_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Pause:
    """Time that does not count, from ``start`` (included) to ``end`` (excluded). ``reason`` is shown, not computed."""

    start: datetime
    end: datetime
    reason: str = ""


PauseLike = Pause | tuple[datetime, datetime]


def as_pause(pause: PauseLike) -> Pause:
    """Return ``pause`` as a Pause, whichever of the two forms it came in."""
    return pause if isinstance(pause, Pause) else Pause(*pause)


def united(pauses: Iterable[PauseLike]) -> list[tuple[int, int]]:
    """Return the union of ``pauses`` as sorted, disjoint, non-empty (start, end) in UTC microseconds.

    Raises CalendarError for a pause that ends before it starts or has no offset.
    """
    merged: list[tuple[int, int]] = []
    for start, end in sorted(bounds_of(as_pause(pause)) for pause in pauses):
        if start == end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def bounds_of(pause: Pause) -> tuple[int, int]:
    """Return (start, end) of ``pause`` in UTC microseconds; CalendarError when reversed or without offset."""
    start, end = to_instant(pause.start, "Début de pause"), to_instant(pause.end, "Fin de pause")
    if end < start:
        raise CalendarError(
            f"Pause de {pause.start.isoformat()} à {pause.end.isoformat()} : la fin précède le début."
            " Inversez les deux dates."
        )
    return start, end


def deadline(start: datetime, minutes: int, calendar: Calendar, pauses: Iterable[PauseLike] = ()) -> datetime:
    """Return when ``minutes`` of business time have passed since ``start`` (UTC).

    A deadline that falls at closing time stays there; a budget of 0 ends at ``start``.
    Raises CalendarError: a naive instant, a reversed pause, minutes outside 0..MAX_MINUTES.
    """
    if not 0 <= minutes <= MAX_MINUTES:
        raise CalendarError(f"Durée de {minutes} minutes impossible : donnez un entier de 0 à {MAX_MINUTES} (dix ans).")
    begin = to_instant(start, "Début")
    return to_moment(_reach(calendar.timeline, begin, minutes * MINUTE, united(pauses)))


def advance(start: datetime, amount: timedelta, calendar: Calendar, pauses: Iterable[PauseLike] = ()) -> datetime:
    """Return when ``amount`` (>= 0) of business time has passed since ``start``, as ``deadline`` does for minutes."""
    if amount < timedelta(0):
        raise CalendarError(f"Durée {amount} négative : donnez une durée positive ou nulle.")
    begin = to_instant(start, "Début")
    return to_moment(_reach(calendar.timeline, begin, amount // MICROSECOND, united(pauses)))


def elapsed(start: datetime, end: datetime, calendar: Calendar, pauses: Iterable[PauseLike] = ()) -> timedelta:
    """Return the business time in ``start``..``end``, pauses left out. CalendarError when ``end`` is before."""
    begin, finish = to_instant(start, "Début"), to_instant(end, "Fin")
    if finish < begin:
        raise CalendarError(f"La fin {end.isoformat()} précède le début {start.isoformat()}. Inversez les deux dates.")
    total = calendar.timeline.spent(begin, finish)
    for pause_start, pause_end in united(pauses):
        first, last = max(begin, pause_start), min(finish, pause_end)
        if first < last:
            total -= calendar.timeline.spent(first, last)
    return timedelta(microseconds=total)


def end_of_nth_day(start: datetime, days: int, calendar: Calendar, pauses: Iterable[PauseLike] = ()) -> datetime:
    """Return the close of the ``days``-th working day after the day of ``start`` (UTC).

    The local day of receipt never counts, whatever its hour. Pauses move the result by the business time they took,
    exactly as for a budget in minutes: a pause over a night or a weekend moves nothing.
    Raises CalendarError: days outside 1..MAX_DAYS.
    """
    if not 1 <= days <= MAX_DAYS:
        raise CalendarError(f"Délai de {days} jours impossible : donnez un entier de 1 à {MAX_DAYS}.")
    begin = to_instant(start, "Début")
    closing = _nth_closing(calendar.timeline, calendar.local(start).date(), days)
    stopped = united(pauses)
    if not stopped:
        return to_moment(closing)
    return to_moment(_reach(calendar.timeline, begin, calendar.timeline.spent(begin, closing), stopped))


def is_open(moment: datetime, calendar: Calendar) -> bool:
    """Say whether the clock runs at ``moment`` (opening included, closing excluded)."""
    return calendar.timeline.is_open(to_instant(moment, "Instant"))


def next_opening(moment: datetime, calendar: Calendar) -> datetime:
    """Return ``moment`` when the calendar is open, otherwise its next opening (UTC)."""
    return to_moment(calendar.timeline.next_opening(to_instant(moment, "Instant")))


def _nth_closing(timeline: Timeline, receipt_day: date, days: int) -> int:
    day, counted = receipt_day, 0
    while True:
        day += timedelta(days=1)
        closing = timeline.closing_of(day) if timeline.windows_on(day) else None
        if closing is None:
            continue
        counted += 1
        if counted == days:
            return closing


def _reach(timeline: Timeline, start: int, amount: int, pauses: list[tuple[int, int]]) -> int:
    """Walk from pause to pause; the budget ends in the first stretch long enough to hold the rest."""
    if amount == 0:
        return start
    for pause_start, pause_end in pauses:
        if pause_end <= start:
            continue
        if pause_start > start:
            available = timeline.spent(start, pause_start)
            if available >= amount:
                break
            amount -= available
        start = pause_end
    return timeline.reach(start, amount)
