"""Clocks and « Pourquoi ? » on a screen: from a verdict to a dial, from its segments to sentences.

Everything here turns values into words; the verdicts come from ``commitments``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from django.utils import dateformat
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.commitments.rules import ClockState, Commitment, Verdict
from cadran.kernel.calendars import ALWAYS, Calendar, Pause, Segment, SegmentKind, explain, name_of
from cadran.ui import clock, times

STATES = {
    ClockState.UPCOMING: clock.ClockState.COMING,
    ClockState.RUNNING: clock.ClockState.RUNNING,
    ClockState.PAUSED: clock.ClockState.PAUSED,
    ClockState.MET: clock.ClockState.MET,
    ClockState.MISSED: clock.ClockState.MISSED,
}
MOST_SPANS = 60  # counted periods sent to the page; a longer clock does not tick there, it is refetched


def face_of(verdict: Verdict) -> clock.Face:
    """Return the dial of a verdict, as it stood at its own instant."""
    calendar = verdict.commitment.calendar
    fraction, pauses = _dial(verdict)
    missed = verdict.state is ClockState.MISSED
    return clock.Face(
        name=verdict.commitment.name,
        state=STATES[verdict.state],
        zone=calendar.zone,
        budget=budget_words(verdict.commitment),
        due_at=verdict.due_at,
        remaining=-verdict.overrun if missed else verdict.remaining,
        fraction=fraction,
        pauses=pauses,
        elapsed=verdict.elapsed,
        day=day_length(calendar),
        business=calendar.hours.code != ALWAYS.code,
        now=verdict.as_of,
        spans=_spans(verdict),
    )


def _dial(verdict: Verdict) -> tuple[float, tuple[tuple[float, float], ...]]:
    if verdict.started_at is None or verdict.budget <= timedelta(0):
        return 0.0, ()
    parts = [
        (segment.kind is SegmentKind.OPEN, segment.counted if segment.counted else segment.end - segment.start)
        for segment in _segments(verdict, verdict.stopped_at or verdict.as_of)
        if segment.kind in (SegmentKind.OPEN, SegmentKind.PAUSE)
    ]
    return clock.dial(parts, verdict.budget)


def _segments(verdict: Verdict, end: datetime) -> list[Segment]:
    if verdict.started_at is None or end <= verdict.started_at:
        return []
    return explain(verdict.started_at, end, verdict.commitment.calendar, verdict.pauses + verdict.held)


def _spans(verdict: Verdict) -> tuple[tuple[datetime, datetime], ...]:
    if verdict.state is not ClockState.RUNNING or verdict.due_at is None or verdict.due_at <= verdict.as_of:
        return ()
    coming = explain(verdict.as_of, verdict.due_at, verdict.commitment.calendar, verdict.pauses)
    spans = tuple((one.start, one.end) for one in coming if one.kind is SegmentKind.OPEN)
    return spans if len(spans) <= MOST_SPANS else ()


def budget_words(commitment: Commitment) -> str:
    """Return the promised delay: "4 h", "5 jours ouvrés"."""
    if commitment.minutes is None:
        return _("{n} jours ouvrés").format(n=commitment.working_days)
    hours, minutes = divmod(commitment.minutes, 60)
    text = (f"{hours} h {minutes:02d}" if minutes else f"{hours} h") if hours else f"{minutes} min"
    return text.replace(" ", times.THIN)


def day_length(calendar: Calendar) -> timedelta:
    """Return how long one open day of the calendar is, the longest of its week."""
    minutes = max(sum(window.closes - window.opens for window in windows) for windows in calendar.hours.week)
    return timedelta(minutes=minutes)


def hours_words(calendar: Calendar) -> str:
    """Return the calendar in words: its hours and whose holidays close it."""
    hours = calendar.hours
    if hours.code == ALWAYS.code:
        return _("24 h/24, 7 j/7")
    territory = name_of(calendar.territory)
    if hours.closed_on_holidays:
        return _("{hours}, hors jours fériés de : {territory}").format(hours=week_words(calendar), territory=territory)
    return week_words(calendar)


DAYS: Sequence[str | Promise] = (
    gettext_lazy("lundi"),
    gettext_lazy("mardi"),
    gettext_lazy("mercredi"),
    gettext_lazy("jeudi"),
    gettext_lazy("vendredi"),
    gettext_lazy("samedi"),
    gettext_lazy("dimanche"),
)


def week_words(calendar: Calendar) -> str:
    """Return the open windows of the week: "lundi à vendredi 08:00-18:00"."""
    runs: list[tuple[int, int, str]] = []
    for day, windows in enumerate(calendar.hours.week):
        said = " ".join(str(window) for window in windows)
        if runs and runs[-1][2] == said and runs[-1][1] == day - 1:
            runs[-1] = (runs[-1][0], day, said)
        else:
            runs.append((day, day, said))
    return ", ".join(
        (f"{DAYS[first]} {said}" if first == last else _("{first} à {last} {hours}").format(
            first=DAYS[first], last=DAYS[last], hours=said))
        for first, last, said in runs
        if said
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One segment of a clock, said to a person; ``total`` is the time counted from the start to its end."""

    start: datetime
    end: datetime
    from_html: SafeString
    to_html: SafeString
    kind: str  # open | closed | holiday | pause
    words: str
    detail: str
    counted: str
    total: str
    coming: bool


def lines_of(segments: Sequence[Segment], calendar: Calendar, *, now: datetime) -> list[Line]:
    """Return the segments in words, in order; the one that ``now`` cuts is said in two parts, past and to come."""
    day, total = day_length(calendar), timedelta(0)
    lines: list[Line] = []
    for segment in _cut_at(segments, now):
        total += segment.counted
        lines.append(
            Line(
                start=segment.start,
                end=segment.end,
                from_html=short_html(segment.start, calendar.zone, now=now),
                to_html=short_html(segment.end, calendar.zone, now=now),
                kind=str(segment.kind),
                words=_segment_words(segment),
                detail=_segment_detail(segment),
                counted=times.duration(segment.counted, day=day) if segment.counted else "",
                total=times.duration(total, day=day) if total else "",
                coming=segment.start >= now,
            )
        )
    return lines


def _cut_at(segments: Iterable[Segment], now: datetime) -> Iterable[Segment]:
    now = now.astimezone(UTC)
    for segment in segments:
        if not segment.start < now < segment.end:
            yield segment
            continue
        is_open = segment.kind is SegmentKind.OPEN
        yield replace(segment, end=now, counted=now - segment.start if is_open else timedelta(0))
        yield replace(segment, start=now, counted=segment.end - now if is_open else timedelta(0))


def _segment_words(segment: Segment) -> str:
    words = {
        "open": _("Compté"),
        "closed.outside_hours": _("Hors horaires"),
        "closed.day_off": _("Jour non ouvré"),
        "holiday": _("Jour férié"),
        "pause": _("Suspendu"),
    }
    return words.get(segment.label, segment.label)


def _segment_detail(segment: Segment) -> str:
    if segment.kind is SegmentKind.PAUSE:
        return pause_word(segment.name)
    if segment.paused:
        return _("une suspension couvre aussi ce temps, sans effet : il ne comptait pas").strip()
    return segment.name


def pause_word(reason: str) -> str:
    """Return the reason of a pause; the time between a restoration and a reopening is one that has no reason."""
    return _("entre le rétablissement et la réouverture") if reason == "restored" else reason


def pause_count(pauses: Sequence[Pause]) -> str:
    """Return how many pauses a clock had, in words."""
    if not pauses:
        return _("aucune")
    return _("une") if len(pauses) == 1 else str(len(pauses))


def short_html(at: datetime, zone: tzinfo, *, now: datetime) -> SafeString:
    """Return an instant in few letters, "sam 21/11 22:45", on a page that says once which clock it reads.

    The year is added when it is not the year of ``now``.
    """
    said = short(at, zone, now=now)
    return format_html('<time datetime="{}">{}</time>', at.astimezone(zone).isoformat(), said)


def short(at: datetime, zone: tzinfo, *, now: datetime) -> str:
    """Return what ``short_html`` says, as text."""
    same_year = at.astimezone(zone).year == now.astimezone(zone).year
    return dateformat.format(at.astimezone(zone), "D d/m H:i" if same_year else "D d/m/Y H:i")


def zone_note(at: datetime, zone: tzinfo) -> str:
    """Return "heure de La Réunion" when the reader's watch shows another hour, else an empty string."""
    return times.zone_name(zone) if times.zone_suffix(at, zone=zone) else ""


def local(at: datetime, zone: tzinfo, *, now: datetime | None = None) -> str:
    """Return an instant in words in the site's zone, named when the reader's watch shows another hour."""
    return times.moment(at, zone=zone, now=now) + times.zone_suffix(at, zone=zone)
