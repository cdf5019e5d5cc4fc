"""Why this deadline: a stretch of time cut into segments, each with the reason why it counts or not.

Pure code cannot call gettext: a segment carries a stable ``label`` code and a French ``name`` taken from data (the
holiday, the reason of the pause). Screens translate the codes of ``LABELS``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from cadran.kernel.calendars.calendar import Calendar, to_instant, to_moment
from cadran.kernel.calendars.clock import Pause, PauseLike, as_pause, bounds_of, deadline
from cadran.kernel.calendars.errors import CalendarError
from cadran.kernel.calendars.timeline import Cell


class SegmentKind(StrEnum):
    """Open time counts; the three others do not."""

    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"
    PAUSE = "pause"


OPEN = "open"
OUTSIDE_HOURS = "closed.outside_hours"
DAY_OFF = "closed.day_off"
HOLIDAY = "holiday"
PAUSE = "pause"
LABELS = frozenset({OPEN, OUTSIDE_HOURS, DAY_OFF, HOLIDAY, PAUSE})


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch with one reason. ``counted`` is its business time: its whole length when open, else zero.

    ``name``: the holidays (French) or the reasons of the pauses. ``paused``: a pause also covers this stretch; over
    closed time it changes nothing, which is worth showing.
    """

    start: datetime
    end: datetime
    kind: SegmentKind
    label: str
    name: str
    counted: timedelta
    paused: bool


def explain(
    start: datetime, end: datetime | int, calendar: Calendar, pauses: Iterable[PauseLike] = ()
) -> list[Segment]:
    """Cut ``start``..``end`` into contiguous segments (UTC); ``end`` is an instant, or a budget in minutes.

    The counted times add up to ``elapsed(start, end, calendar, pauses)``.
    Raises CalendarError: as ``deadline``, or an end before the start.
    """
    given = [as_pause(pause) for pause in pauses]
    finish = deadline(start, end, calendar, given) if isinstance(end, int) else end
    first, last = to_instant(start, "Début"), to_instant(finish, "Fin")
    if last < first:
        raise CalendarError(
            f"La fin {finish.isoformat()} précède le début {start.isoformat()}. Inversez les deux dates."
        )
    stretches = [(*bounds_of(pause), pause) for pause in given]
    segments: list[Segment] = []
    for cell in calendar.timeline.cells(first, last):
        for piece in _reasons(calendar, cell):
            for segment in _with_pauses(piece, stretches):
                if segments and _same_reason(segments[-1], segment):
                    segment = replace(segment, start=segments[-1].start, counted=segments[-1].counted + segment.counted)
                    segments.pop()
                segments.append(segment)
    return segments


def _reasons(calendar: Calendar, cell: Cell) -> Iterator[tuple[int, int, SegmentKind, str, str]]:
    holidays = calendar.timeline.closing_holidays(cell.day)
    if holidays:
        yield cell.start, cell.end, SegmentKind.HOLIDAY, HOLIDAY, ", ".join(holiday.name for holiday in holidays)
        return
    if not cell.windows:
        yield cell.start, cell.end, SegmentKind.CLOSED, DAY_OFF, ""
        return
    at = cell.start
    for opens, closes in cell.openings():
        if at < opens:
            yield at, opens, SegmentKind.CLOSED, OUTSIDE_HOURS, ""
        yield opens, closes, SegmentKind.OPEN, OPEN, ""
        at = closes
    if at < cell.end:
        yield at, cell.end, SegmentKind.CLOSED, OUTSIDE_HOURS, ""


def _with_pauses(
    piece: tuple[int, int, SegmentKind, str, str], stretches: list[tuple[int, int, Pause]]
) -> Iterator[Segment]:
    start, end, kind, label, name = piece
    over = [(a, b, pause) for a, b, pause in stretches if a < end and b > start and a < b]
    cuts = sorted({start, end, *(a for a, _, _ in over if a > start), *(b for _, b, _ in over if b < end)})
    for left, right in pairwise(cuts):
        covering = [pause for a, b, pause in over if a <= left and b >= right]
        reasons = ", ".join(dict.fromkeys(pause.reason for pause in covering if pause.reason))
        stopped = bool(covering) and kind is SegmentKind.OPEN
        yield Segment(
            start=to_moment(left),
            end=to_moment(right),
            kind=SegmentKind.PAUSE if stopped else kind,
            label=PAUSE if stopped else label,
            name=reasons if stopped else name,
            counted=timedelta(microseconds=right - left) if kind is SegmentKind.OPEN and not covering else timedelta(0),
            paused=bool(covering),
        )


def _same_reason(before: Segment, after: Segment) -> bool:
    return (before.kind, before.label, before.name, before.paused) == (
        after.kind,
        after.label,
        after.name,
        after.paused,
    )
