"""The contract clock: a quarter dial and the words that go with it, the same on a page, in a list and in a mail.

The hand is now, the arc is the budget used, hatched is time paused, the tick at the end is the deadline. The dial
measures *counted* time: nights and holidays of a business-hours budget take no room on it, pauses do (hatched).
The picture is always decorative: ``words`` says the same and is always shown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.ui import times
from cadran.ui.markup import joined

RISK_FROM: Final = 0.75  # share of the dial from which a running clock turns amber (display only)
CENTRE: Final = (52.0, 56.0)
RADIUS: Final = 42.0
OVERRUN: Final = 1.16  # where the hand of a missed deadline stands: past the tick, not a measure


class ClockState(StrEnum):
    """Where a commitment stands."""

    COMING = "coming"
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"


STATE_WORDS: Final = {
    ClockState.COMING: gettext_lazy("à venir"),
    ClockState.RUNNING: gettext_lazy("en cours"),
    ClockState.PAUSED: gettext_lazy("suspendue"),
    ClockState.MET: gettext_lazy("tenue"),
    ClockState.MISSED: gettext_lazy("dépassée"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """Everything a clock shows, worked out by the caller.

    Args:
        name, budget: "GTR" and "4 h", as the contract calls them.
        due_at: the deadline; ``None`` when nothing has started it.
        zone: the site's zone, in which the deadline is said.
        remaining: counted time left, negative once missed.
        fraction: where the hand stands on the dial, 0..1 (see ``dial``).
        pauses: hatched parts of the dial, as (from, to) in 0..1.
        elapsed: counted time spent, said when the commitment is met.
        day: how long one day counts in words (10 h for business hours).
        business: the budget runs in business hours only: said beside the time left.
        now: the instant all this was worked out for.
        spans: counted periods still to come, up to the deadline: the page then ticks exactly, else not at all.
    """

    name: str
    state: ClockState
    zone: tzinfo
    budget: str = ""
    due_at: datetime | None = None
    remaining: timedelta = timedelta(0)
    fraction: float = 0.0
    pauses: tuple[tuple[float, float], ...] = ()
    elapsed: timedelta | None = None
    day: timedelta = times.DAY
    business: bool = False
    now: datetime | None = None
    spans: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def at_risk(self) -> bool:
        """Running, and most of the dial is used."""
        return self.state is ClockState.RUNNING and self.fraction >= RISK_FROM


def dial(
    segments: Iterable[tuple[bool, timedelta]], budget: timedelta
) -> tuple[float, tuple[tuple[float, float], ...]]:
    """Return (fraction, pauses) for a ``Face`` from what happened so far.

    Args:
        segments: in order, (counted, length): ``True`` for counted time, ``False`` for a pause; closed hours left out.
        budget: the promised time.
    Raises:
        ValueError: a budget of zero or less has no dial.
    """
    if budget <= timedelta(0):
        raise ValueError(f"a clock needs a budget above zero, not {budget}")
    parts = list(segments)
    scale = budget + sum((length for counted, length in parts if not counted), timedelta(0))
    at, pauses = timedelta(0), []
    for counted, length in parts:
        if not counted and at < scale:
            pauses.append((at / scale, min(1.0, (at + length) / scale)))
        at += length
    return min(1.0, at / scale), tuple(pauses)


def words(face: Face) -> str:
    """Return the clock as a sentence: "reste 1 h 12, échéance lundi 9 mars 15:42"."""
    return ", ".join(part for part in (_lead(face), _deadline(face)) if part)


def _lead(face: Face) -> str:
    """The part that changes as time passes."""
    left = times.duration(face.remaining, day=face.day)
    match face.state:
        case ClockState.RUNNING:
            return _running_words(face).format(left=left)
        case ClockState.PAUSED:
            return _("suspendue, reste {left} à la reprise").format(left=left)
        case ClockState.MET if face.elapsed is not None:
            return _("tenue en {spent}").format(spent=times.duration(face.elapsed, day=face.day))
        case ClockState.MISSED:
            return _("dépassée de {left}").format(left=left)
    return str(STATE_WORDS[face.state])


def _running_words(face: Face) -> str:
    return _("reste {left} ouvrées") if face.business else _("reste {left}")


def _deadline(face: Face) -> str:
    if face.due_at is None or face.state in (ClockState.PAUSED, ClockState.MET):
        return ""
    said = times.moment(face.due_at, zone=face.zone, now=face.now)
    return _("échéance {moment}").format(moment=said + times.zone_suffix(face.due_at, zone=face.zone))


def html(face: Face, *, size: str = "m") -> SafeString:
    """Return the dial and its words; ``size`` is s (in a row), m or l (head of a page)."""
    deadline = _deadline(face)
    due = face.due_at.astimezone(face.zone).isoformat() if face.due_at else ""
    return format_html(
        '<span class="clock clock-{size} is-{state}{risk}"{ticking}>{picture}<span class="clock-text">'
        '<span class="clock-name">{name}</span> <span class="clock-lead">{lead}</span>{rest}</span></span>',
        size=size,
        state=face.state.value,
        risk=" at-risk" if face.at_risk else "",
        ticking=_ticking(face),
        picture=svg(face),
        name=f"{face.name} {face.budget}".strip(),
        lead=_lead(face),
        rest=format_html(
            '<span class="clock-sep">, </span><span class="clock-due"><time datetime="{}">{}</time></span>',
            due,
            deadline,
        )
        if deadline
        else "",
    )


def _ticking(face: Face) -> SafeString | str:
    """What clock.js needs to tick: only for a running clock whose counted periods are known."""
    if face.state is not ClockState.RUNNING or face.now is None or not face.spans:
        return ""
    facts = {
        "now": face.now.timestamp(),
        "spans": [[start.timestamp(), end.timestamp()] for start, end in face.spans],
        "fraction": round(face.fraction, 4),
        "remaining": face.remaining.total_seconds(),
        "day": face.day.total_seconds(),
        "words": _running_words(face),
        "reached": _("échéance atteinte"),
        "soon": _("moins d’une minute"),
        "units": [unit.replace(" ", times.THIN) for unit in (_("{days} j"), _("{hours} h"), _("{minutes} min"))],
        "risk": RISK_FROM,
    }
    return format_html(' data-clock="{}"', json.dumps(facts, ensure_ascii=False))


def svg(face: Face) -> SafeString:
    """Return the quarter dial alone (decorative: put the words beside it).

    Only numbers of ours go into the drawing, so nothing needs escaping: a list draws one dial a row.
    """
    at = OVERRUN if face.state is ClockState.MISSED else face.fraction
    parts = ['<svg class="dial" viewBox="0 0 64 64" aria-hidden="true">', _path("track", WHOLE)]
    if face.state is not ClockState.COMING and at > 0:
        parts.append(_path("used", _arc(0, min(at, 1.0))))
    parts += [_path("pause", _arc(start, end)) for start, end in face.pauses if end > start]
    parts.append(_path("tick", f"M{_n(CENTRE[0])} 4V22"))
    if face.state in (ClockState.RUNNING, ClockState.MISSED):
        parts.append(_hand(at))
    if face.state in SIGNS:
        parts.append(_path("sign", SIGNS[face.state]))
    return joined([*parts, "</svg>"])


# A second shape in the dial's corner, for the states that are not plain running.
SIGNS: Final = {
    ClockState.PAUSED: "M33 36v16M44 36v16",
    ClockState.MET: "M30 42l7 8 12-15",
    ClockState.COMING: "M38 42h.1M46 42h.1M30 42h.1",
}


def _path(part: str, line: str) -> str:
    return f'<path class="dial-{part}" d="{line}"/>'


def _hand(at: float) -> str:
    x, y = _point(at, RADIUS - 8)
    cx, cy = (_n(value) for value in CENTRE)
    return _path("hand", f"M{cx} {cy}L{_n(x)} {_n(y)}") + f'<circle class="dial-pivot" cx="{cx}" cy="{cy}" r="4"/>'


def _point(at: float, radius: float) -> tuple[float, float]:
    """0 is nine o'clock, 1 is noon: a quarter turn, clockwise."""
    angle = at * math.pi / 2
    return CENTRE[0] - radius * math.cos(angle), CENTRE[1] - radius * math.sin(angle)


def _arc(start: float, end: float) -> str:
    (x0, y0), (x1, y1) = _point(start, RADIUS), _point(end, RADIUS)
    return f"M{_n(x0)} {_n(y0)}A{_n(RADIUS)} {_n(RADIUS)} 0 0 1 {_n(x1)} {_n(y1)}"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


WHOLE: Final = _arc(0, 1)
