"""The tables of docs/rules/incidents.md, run; and what is impossible whatever the state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.commitments.rules import FactKind
from cadran.kernel.errors import InvalidInput
from cadran.parties.rules import ROLES
from cadran.servicedesk.rules import (
    ACTION_WORDS,
    ALLOWED,
    CONFIRMATION_WORDS,
    STATE_WORDS,
    Action,
    ActionRefused,
    Confirmation,
    Situation,
    State,
    check,
    check_instant,
    earliest,
    number_of,
    percent_lost,
    possible,
    what_next,
)

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rules" / "incidents.md"
T0 = datetime(2026, 11, 16, 8, tzinfo=UTC)
situations = st.builds(
    Situation,
    number=st.just("INC-2026-000001"),
    state=st.sampled_from(State),
    confirmation=st.sampled_from(Confirmation),
    awaits_writing=st.booleans(),
    acknowledged_by_person=st.booleans(),
)


def table(*header: str) -> list[list[str]]:
    """Return the rows of the page's table of that header."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index("| " + " | ".join(header) + " |") + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_page_tells_every_act() -> None:
    told = {
        Action(act): (frozenset(State(one) for one in states.split(", ")), tuple(capabilities.split(", ")))
        for act, states, capabilities in table("act", "from", "capabilities")
    }
    assert told == dict(ALLOWED)


@pytest.mark.parametrize(("lost", "total", "percent"), table("lost", "total", "percent"))
def test_the_share_of_a_service(lost: str, total: str, percent: str) -> None:
    assert percent_lost(int(lost), int(total)) == int(percent)


@given(st.integers(0, 5_000), st.integers(1, 5_000))
def test_a_share_stays_in_its_bounds(lost: int, total: int) -> None:
    share = percent_lost(lost, total)
    assert 0 <= share <= 100
    assert (share == 0) == (lost == 0)
    assert (share == 100) == (lost >= total)


@given(situations)
def test_what_is_offered_is_what_is_accepted(situation: Situation) -> None:
    offered = set(what_next(situation, lambda capability: True))
    for action in Action:
        if action in offered:
            check(action, situation)
        else:
            with pytest.raises(ActionRefused):
                check(action, situation)
    assert not what_next(situation, lambda capability: False)


@given(situations)
def test_an_unconfirmed_restoration_is_never_closed(situation: Situation) -> None:
    if situation.confirmation is Confirmation.AWAITED:
        assert not possible(Action.CLOSE, situation)
        assert not possible(Action.REOPEN, situation)


def test_everything_has_its_words_and_a_role_that_may() -> None:
    assert set(ACTION_WORDS) == set(ALLOWED) == set(Action)
    assert set(STATE_WORDS) == set(State)
    assert set(CONFIRMATION_WORDS) == set(Confirmation)
    granted = frozenset().union(*(role.capabilities for role in ROLES.values()))
    for _, capabilities in ALLOWED.values():
        assert set(capabilities) <= granted


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        (FactKind.INTERVENTION_STARTED, 0),
        (FactKind.PAUSED, 30),
        (FactKind.RESUMED, 20),
        (FactKind.RESTORED, 0),
        (FactKind.REOPENED, 40),
        (FactKind.CLOSED, 40),
    ],
)
def test_a_late_fact_keeps_a_place_that_means_something(kind: FactKind, first: int) -> None:
    log = [("paused", T0 + timedelta(minutes=20)), ("resumed", T0 + timedelta(minutes=30))]
    log.append(("restored", T0 + timedelta(minutes=40)))
    expected = T0 + timedelta(minutes=first)
    assert earliest(kind, informed_at=T0, facts=log) == expected
    check_instant(kind, expected, informed_at=T0, facts=log, now=expected)
    with pytest.raises(InvalidInput):
        check_instant(kind, expected - timedelta(seconds=1), informed_at=T0, facts=log, now=expected)
    with pytest.raises(InvalidInput, match="futur"):
        check_instant(kind, expected, informed_at=T0, facts=log, now=expected - timedelta(seconds=1))


def test_numbers_sort_as_they_were_given() -> None:
    assert number_of(2026, 42) == "INC-2026-000042"
    assert number_of(2026, 999_999) < number_of(2027, 1)
