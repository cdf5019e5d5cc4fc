"""The two clocks of an incident, GTI and GTR, as pure functions of a log, a frozen calendar and a frozen commitment.

Nothing is stored between two calls: not a counter, not a pause kept as one number. That is the root of the families of
clock bugs listed in docs/rules/clocks.md. Clocks run from the first information (CCTP IoT 6.6, CCTP telecoms 6.1.5).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from cadran.commitments.rules.facts import Fact, FactKind, known_at, utc
from cadran.kernel.calendars import (
    MAX_DAYS,
    MAX_MINUTES,
    Calendar,
    Pause,
    Segment,
    advance,
    elapsed,
    end_of_nth_day,
    explain,
    is_open,
    next_opening,
)

ZERO = timedelta(0)
# One working day of a budget given in days, when the agreement counts them as hours: 8:00-18:00 (CCTP IoT 6.6).
HOURS_A_WORKING_DAY = timedelta(hours=10)


class DayMode(StrEnum):
    """How a budget of n working days runs; the CCTP does not say, so the agreement's pack does."""

    END_OF_NTH_DAY = "end_of_nth_day"
    HOURS = "hours"


class ClockState(StrEnum):
    """UPCOMING: nothing has started the clock yet. MISSED may still be running: the service is not restored."""

    UPCOMING = "upcoming"
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Commitment:
    """One promised delay, frozen in the case with its calendar.

    Exactly one of ``minutes`` (business minutes) and ``working_days`` is given. ``strict``: the limit is "< delay", so
    that stopping exactly at the deadline is late. ``continues_on``: facts after which a stopped clock runs again, the
    time in between left out. ``article`` cites the clause the figures come from.
    """

    name: str
    calendar: Calendar
    starts_on: FactKind
    stops_on: frozenset[FactKind]
    minutes: int | None = None
    working_days: int | None = None
    day_mode: DayMode = DayMode.END_OF_NTH_DAY
    continues_on: frozenset[FactKind] = frozenset()
    strict: bool = True
    article: str = ""

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.working_days is None):
            raise ValueError(f"Engagement {self.name} : donnez un délai en minutes ou en jours ouvrés, et un seul.")
        if self.minutes is not None and not 0 < self.minutes <= MAX_MINUTES:
            raise ValueError(f"Engagement {self.name} : {self.minutes} minutes, attendu de 1 à {MAX_MINUTES}.")
        if self.working_days is not None and not 0 < self.working_days <= MAX_DAYS:
            raise ValueError(f"Engagement {self.name} : {self.working_days} jours, attendu de 1 à {MAX_DAYS}.")
        if not self.stops_on:
            raise ValueError(f"Engagement {self.name} : aucun fait n’arrête l’horloge. Donnez-en au moins un.")

    def to_dict(self) -> dict[str, Any]:
        """Return the commitment with its whole calendar as a plain value, to freeze it in a case."""
        return {
            "name": self.name,
            "calendar": self.calendar.to_dict(),
            "starts_on": str(self.starts_on),
            "stops_on": sorted(self.stops_on),
            "minutes": self.minutes,
            "working_days": self.working_days,
            "day_mode": str(self.day_mode),
            "continues_on": sorted(self.continues_on),
            "strict": self.strict,
            "article": self.article,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``to_dict`` wrote; ValueError if it was altered."""
        return cls(
            name=data["name"],
            calendar=Calendar.from_dict(data["calendar"]),
            starts_on=FactKind(data["starts_on"]),
            stops_on=frozenset(FactKind(kind) for kind in data["stops_on"]),
            minutes=data["minutes"],
            working_days=data["working_days"],
            day_mode=DayMode(data["day_mode"]),
            continues_on=frozenset(FactKind(kind) for kind in data["continues_on"]),
            strict=data["strict"],
            article=data["article"],
        )


def budget_of(commitment: Commitment, started_at: datetime) -> timedelta:
    """Return the business time that ``commitment`` allows to a clock started at ``started_at``."""
    if commitment.minutes is not None:
        return timedelta(minutes=commitment.minutes)
    days = commitment.working_days or 0
    if commitment.day_mode is DayMode.HOURS:
        return days * HOURS_A_WORKING_DAY
    closing = end_of_nth_day(started_at, days, commitment.calendar)
    return elapsed(started_at, closing, commitment.calendar)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the log says of one commitment at ``as_of``. All instants UTC, all durations business time.

    ``due_at`` is None before the clock starts; while it is paused, it is the deadline *if it resumed at* ``as_of``.
    ``pauses`` holds everything left out: holds, and the time between a restoration and a reopening (reason
    ``restored``). ``held`` are the pauses still open, their end moved to ``as_of``.
    """

    commitment: Commitment
    as_of: datetime
    state: ClockState
    started_at: datetime | None = None
    due_at: datetime | None = None
    stopped_at: datetime | None = None
    budget: timedelta = ZERO
    elapsed: timedelta = ZERO
    pauses: tuple[Pause, ...] = ()
    held: tuple[Pause, ...] = ()

    @property
    def remaining(self) -> timedelta:
        """Business time left, never negative."""
        return max(ZERO, self.budget - self.elapsed)

    @property
    def overrun(self) -> timedelta:
        """Business time spent beyond the budget, never negative."""
        return max(ZERO, self.elapsed - self.budget)

    @property
    def paused_since(self) -> datetime | None:
        """When the oldest pause still open began."""
        return min((pause.start for pause in self.held), default=None)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Why: from the start to the deadline, or to a later stop (computed on demand)."""
        if self.started_at is None or self.due_at is None:
            return ()
        end = max(self.due_at, self.stopped_at or self.due_at)
        return tuple(explain(self.started_at, end, self.commitment.calendar, self.pauses + self.held))

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict with its segments as a plain value, to keep it as it was drawn (durations in seconds)."""
        return {
            "name": self.commitment.name,
            "article": self.commitment.article,
            "calendar": self.commitment.calendar.version,
            "as_of": self.as_of.isoformat(),
            "state": str(self.state),
            "started_at": _iso(self.started_at),
            "due_at": _iso(self.due_at),
            "stopped_at": _iso(self.stopped_at),
            "budget": self.budget.total_seconds(),
            "elapsed": self.elapsed.total_seconds(),
            "segments": [
                {
                    "start": segment.start.isoformat(),
                    "end": segment.end.isoformat(),
                    "kind": str(segment.kind),
                    "label": segment.label,
                    "name": segment.name,
                    "counted": segment.counted.total_seconds(),
                    "paused": segment.paused,
                }
                for segment in self.segments
            ],
        }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


@dataclass(frozen=True, slots=True)
class _Course:
    """When a clock ran, whatever the budget: the part of a verdict that only the log decides."""

    started_at: datetime
    stopped_at: datetime | None
    pauses: tuple[Pause, ...]
    held: tuple[Pause, ...]


def verdict(facts: Iterable[Fact], commitment: Commitment, now: datetime) -> Verdict:
    """Return the verdict at ``now`` from the facts then on record.

    The earliest ``starts_on`` fact starts the clock, the first ``stops_on`` fact stops it, a ``continues_on`` fact
    lets it run again. A pause still open when the clock stops ends there.
    Raises ValueError: ``now`` without an offset.
    """
    now = utc(now, "Instant du verdict")
    course = _course(known_at(facts, now), commitment)
    if course is None:
        return Verdict(commitment, now, ClockState.UPCOMING)
    return _assess(course, commitment, now)


def _course(known: list[Fact], commitment: Commitment) -> _Course | None:
    starts = [fact.happened_at for fact in known if fact.kind is commitment.starts_on]
    if not starts:
        return None
    stopped_at: datetime | None = None
    pauses: list[Pause] = []
    held: dict[str, Pause] = {}
    for fact in known:
        at = fact.happened_at
        if fact.kind in commitment.continues_on and stopped_at is not None:
            pauses.append(Pause(stopped_at, at, FactKind.RESTORED))
            stopped_at = None
        elif stopped_at is not None:
            continue  # a stopped clock has nothing to hold
        elif fact.kind in commitment.stops_on:
            stopped_at = at
            pauses.extend(replace(pause, end=at) for pause in held.values())
            held.clear()
        elif fact.kind is FactKind.PAUSED:
            held.setdefault(fact.data.get("pause") or "", Pause(at, at, fact.data.get("reason") or ""))
        elif fact.kind is FactKind.RESUMED:
            # Without naming a hold, "resume" means: everything that was holding the clock.
            named = fact.data.get("pause") or ""
            ended = [key for key in held if named in ("", key)]
            pauses.extend(replace(held.pop(key), end=at) for key in ended)
    first = min(starts)
    # Restored before anybody told us: the clock stops where it starts.
    return _Course(first, stopped_at and max(stopped_at, first), tuple(pauses), tuple(held.values()))


def _assess(course: _Course, commitment: Commitment, now: datetime) -> Verdict:
    calendar, start = commitment.calendar, course.started_at
    held = tuple(replace(pause, end=max(pause.start, now)) for pause in course.held)
    pauses = course.pauses + held
    end = course.stopped_at or now
    budget = budget_of(commitment, start)
    due_at = advance(start, budget, calendar, pauses)
    late = end >= due_at if commitment.strict else end > due_at
    if late:
        state = ClockState.MISSED
    elif course.stopped_at is not None:
        state = ClockState.MET
    else:
        state = ClockState.PAUSED if held else ClockState.RUNNING
    return Verdict(
        commitment=commitment,
        as_of=now,
        state=state,
        started_at=start,
        due_at=due_at,
        stopped_at=course.stopped_at,
        budget=budget,
        elapsed=elapsed(start, end, calendar, pauses),
        pauses=course.pauses,
        held=held,
    )


def at_later(known: Verdict, now: datetime) -> Verdict:
    """Return ``known`` moved to a later ``now`` with no further fact; an earlier ``now`` returns it unchanged."""
    now = utc(now, "Instant du verdict")
    if known.started_at is None:
        return replace(known, as_of=max(now, known.as_of))
    if now <= known.as_of:
        return known
    course = _Course(known.started_at, known.stopped_at, known.pauses, known.held)
    return _assess(course, known.commitment, now)


def escalation_at(known: Verdict, before: timedelta) -> datetime | None:
    """Return the point ``before`` the deadline *in business time* (UTC), None when the clock has not started.

    One hour before a deadline of Monday 08:30 is Friday 17:30, not Monday 07:30 nor midnight. A margin larger than the
    budget escalates at the start.
    """
    if known.started_at is None:
        return None
    amount = max(ZERO, known.budget - max(ZERO, before))
    return advance(known.started_at, amount, known.commitment.calendar, known.pauses + known.held)


@dataclass(frozen=True, slots=True)
class ClockDial:
    """What a screen draws of a clock. ``fraction`` of the budget spent, 0.0 to 1.0; durations are business time.

    ``counting``: business time is passing at this very moment. ``next_opening``: when it will pass again, set only
    when nothing but the calendar holds the clock.
    """

    state: ClockState
    fraction: float
    remaining: timedelta
    overrun: timedelta
    due_at: datetime | None
    counting: bool
    next_opening: datetime | None


def clock_dial(known: Verdict, now: datetime) -> ClockDial:
    """Return the dial of ``known`` at ``now`` (moved forward when ``now`` is later than the verdict)."""
    current = at_later(known, now)
    ticking = current.started_at is not None and current.stopped_at is None and not current.held
    counting = ticking and is_open(current.as_of, current.commitment.calendar)
    waits_for_opening = ticking and not counting
    return ClockDial(
        state=current.state,
        fraction=min(1.0, current.elapsed / current.budget) if current.budget else 0.0,
        remaining=current.remaining,
        overrun=current.overrun,
        due_at=current.due_at,
        counting=counting,
        next_opening=next_opening(current.as_of, current.commitment.calendar) if waits_for_opening else None,
    )
