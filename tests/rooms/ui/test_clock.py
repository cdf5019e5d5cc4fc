"""The clock says the same by its words and by its shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from cadran.ui import clock, times
from cadran.ui.clock import ClockState, Face

PARIS = ZoneInfo("Europe/Paris")
REUNION = ZoneInfo("Indian/Reunion")
DUE = datetime(2026, 3, 9, 14, 42, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def french_reader() -> Iterator[None]:
    with translation.override("fr"), timezone.override(PARIS):
        yield


def said(face: Face) -> str:
    return clock.words(face).replace(times.THIN, " ")


@pytest.mark.parametrize(
    ("face", "expected"),
    [
        pytest.param(
            Face(name="GTR", state=ClockState.RUNNING, zone=PARIS, due_at=DUE, remaining=timedelta(minutes=72)),
            "reste 1 h 12, échéance lundi 9 mars 15:42",
            id="running",
        ),
        pytest.param(
            Face(name="GTR", state=ClockState.RUNNING, zone=REUNION, due_at=DUE, remaining=HOUR),
            "reste 1 h, échéance lundi 9 mars 18:42 (heure de La Réunion)",
            id="another zone is named",
        ),
        pytest.param(
            Face(
                name="GTR",
                state=ClockState.RUNNING,
                zone=PARIS,
                due_at=DUE,
                remaining=13 * HOUR,
                day=10 * HOUR,
                business=True,
            ),
            "reste 1 j 3 h ouvrées, échéance lundi 9 mars 15:42",
            id="a day of business hours counts ten",
        ),
        pytest.param(
            Face(name="GTR", state=ClockState.RUNNING, zone=PARIS, due_at=DUE, remaining=timedelta(seconds=59)),
            "reste moins d’une minute, échéance lundi 9 mars 15:42",
            id="never promised as more",
        ),
        pytest.param(
            Face(name="GTR", state=ClockState.PAUSED, zone=PARIS, due_at=DUE, remaining=5 * HOUR),
            "suspendue, reste 5 h à la reprise",
            id="a paused clock has no deadline to promise",
        ),
        pytest.param(
            Face(name="GTI", state=ClockState.MET, zone=PARIS, due_at=DUE, elapsed=timedelta(minutes=23)),
            "tenue en 23 min",
            id="met",
        ),
        pytest.param(
            Face(name="GTR", state=ClockState.MISSED, zone=PARIS, due_at=DUE, remaining=timedelta(minutes=-126)),
            "dépassée de 2 h 06, échéance lundi 9 mars 15:42",
            id="missed",
        ),
        pytest.param(Face(name="GTI", state=ClockState.COMING, zone=PARIS), "à venir", id="coming"),
        pytest.param(
            Face(name="GTR", state=ClockState.COMING, zone=PARIS, due_at=DUE, now=datetime(2025, 12, 1, tzinfo=UTC)),
            "à venir, échéance lundi 9 mars 2026 15:42",
            id="the year is said when it is another",
        ),
    ],
)
def test_words(face: Face, expected: str) -> None:
    assert said(face) == expected


@pytest.mark.parametrize("state", ClockState)
def test_each_state_has_its_own_drawing_and_its_words_beside(state: ClockState) -> None:
    faces = {
        each: Face(name="GTR", state=each, zone=PARIS, due_at=DUE, fraction=0.5, remaining=HOUR) for each in ClockState
    }
    drawings = {each: str(clock.svg(face)) for each, face in faces.items()}
    assert list(drawings.values()).count(drawings[state]) == 1
    page = unescape(re.sub(r"<[^>]+>", "", clock.html(faces[state])))
    assert clock.words(faces[state]) in page
    assert 'aria-hidden="true"' in drawings[state]


def test_the_drawing_has_no_inline_style() -> None:
    face = Face(name="GTR", state=ClockState.RUNNING, zone=PARIS, due_at=DUE, fraction=0.9, pauses=((0.1, 0.2),))
    assert "style=" not in clock.html(face)
    assert "at-risk" in clock.html(face)


spans = st.lists(st.tuples(st.booleans(), st.integers(0, 10_000)), max_size=12)


@given(parts=spans, budget=st.integers(1, 20_000))
def test_dial_stays_on_the_dial_and_pauses_do_not_overlap(parts: list[tuple[bool, int]], budget: int) -> None:
    fraction, pauses = clock.dial([(c, timedelta(seconds=n)) for c, n in parts], timedelta(seconds=budget))
    assert 0 <= fraction <= 1
    edges = [edge for pause in pauses for edge in pause]
    assert edges == sorted(edges)
    assert all(0 <= edge <= 1 for edge in edges)
    counted, paused = sum(n for c, n in parts if c), sum(n for c, n in parts if not c)
    assert fraction == pytest.approx(min(1, (counted + paused) / (budget + paused)))


def test_dial_refuses_a_budget_of_nothing() -> None:
    with pytest.raises(ValueError, match="budget above zero"):
        clock.dial([], timedelta(0))


def test_only_a_running_clock_with_known_periods_ticks() -> None:
    now = DUE - HOUR
    ticking = Face(
        name="GTR", state=ClockState.RUNNING, zone=PARIS, due_at=DUE, remaining=HOUR, fraction=0.75, now=now,
        spans=((now, DUE),),
    )  # fmt: skip
    found = re.search(r'data-clock="([^"]+)"', clock.html(ticking))
    assert found
    facts = json.loads(unescape(found[1]))
    assert facts["spans"] == [[now.timestamp(), DUE.timestamp()]]
    assert facts["remaining"] == 3600
    paused = Face(name="GTR", state=ClockState.PAUSED, zone=PARIS, now=now, spans=((now, DUE),))
    assert "data-clock" not in clock.html(paused)
    assert "data-clock" not in clock.html(Face(name="GTR", state=ClockState.RUNNING, zone=PARIS, due_at=DUE, now=now))


def test_a_hostile_name_is_escaped() -> None:
    face = Face(name="<script>", state=ClockState.COMING, zone=PARIS)
    assert "<script>" not in clock.html(face)
