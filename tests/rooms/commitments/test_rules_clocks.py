"""Verdicts of GTI and GTR: first information, limits, pauses, late records, and the dial."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.commitments.rules import (
    ClockState,
    Commitment,
    DayMode,
    Fact,
    FactKind,
    at_later,
    budget_of,
    clock_dial,
    escalation_at,
    verdict,
)
from cadran.kernel.calendars import ALWAYS, HO, Calendar, SegmentKind, Territory, elapsed, statutory_holidays

PARIS = Calendar.of(HO, Territory.FR)
ROUND_THE_CLOCK = Calendar.of(ALWAYS, Territory.FR)
GTI = Commitment(
    name="GTI",
    calendar=PARIS,
    starts_on=FactKind.INFORMED,
    stops_on=frozenset({FactKind.INTERVENTION_STARTED, FactKind.TAKEN_IN_CHARGE}),
    minutes=60,
    article="CCTP IoT 6.6",
)
GTR = Commitment(
    name="GTR",
    calendar=PARIS,
    starts_on=FactKind.INFORMED,
    stops_on=frozenset({FactKind.RESTORED}),
    minutes=240,
    continues_on=frozenset({FactKind.REOPENED}),
    article="CCTP IoT 6.6",
)
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    """``05 14:30`` is a time of June 2026 in Paris; the 5th is a Friday."""
    return datetime.fromisoformat(f"2026-06-{text.replace(' ', 'T')}+02:00")


def log(*lines: str) -> list[Fact]:
    """``05 14:30 informed``; a line written late adds ``@ 08 09:00``, a named hold ``#access``."""
    facts = []
    for line in lines:
        line, _, hold = line.partition(" #")
        said, _, recorded = line.partition(" @ ")
        day, hour, kind = said.split(" ")
        happened = at(f"{day} {hour}")
        data = {"pause": hold, "reason": hold} if hold else {}
        facts.append(Fact(FactKind(kind), happened, at(recorded) if recorded else happened, "Alice", data))
    return facts


def test_nothing_known_is_upcoming() -> None:
    found = verdict(log("05 14:30 acknowledged"), GTI, at("05 15:00"))
    assert (found.state, found.due_at, found.segments) == (ClockState.UPCOMING, None, ())
    assert clock_dial(found, at("05 16:00")).fraction == 0.0
    assert escalation_at(found, HOUR) is None


def test_clocks_run_from_the_first_information_by_any_channel() -> None:
    facts = log("05 17:00 informed", "05 14:30 informed @ 05 17:30", "05 15:00 confirmed_in_writing")
    assert verdict(facts, GTI, at("05 17:10")).started_at == at("05 17:00")
    assert verdict(facts, GTI, at("05 17:40")).started_at == at("05 14:30")


@pytest.mark.parametrize(
    ("stop", "state"),
    [
        ("05 15:29", ClockState.MET),
        pytest.param("05 15:30", ClockState.MISSED, id="exactly at the deadline is late: the limit is strict"),
        ("05 15:31", ClockState.MISSED),
    ],
)
def test_the_limit_is_strict(stop: str, state: ClockState) -> None:
    facts = log("05 14:30 informed", f"{stop} intervention_started")
    found = verdict(facts, GTI, at("09 12:00"))
    assert found.state is state
    assert found.due_at == at("05 15:30")


def test_a_limit_that_is_not_strict_accepts_the_very_instant() -> None:
    lenient = replace(GTI, strict=False)
    facts = log("05 14:30 informed", "05 15:30 taken_in_charge")
    assert verdict(facts, lenient, at("09 12:00")).state is ClockState.MET
    assert verdict(facts[:1], lenient, at("05 15:30")).state is ClockState.RUNNING
    assert verdict(facts[:1], GTI, at("05 15:30")).state is ClockState.MISSED


def test_the_night_and_the_weekend_do_not_count() -> None:
    found = verdict(log("05 17:30 informed"), GTI, at("07 12:00"))
    assert found.state is ClockState.RUNNING
    assert found.due_at == at("08 08:30")
    assert found.remaining == timedelta(minutes=30)


def test_a_missed_clock_goes_on_and_says_by_how_much() -> None:
    found = verdict(log("05 09:00 informed"), GTR, at("05 15:00"))
    assert (found.state, found.remaining, found.overrun) == (ClockState.MISSED, timedelta(0), 2 * HOUR)
    assert clock_dial(found, at("05 16:00")).overrun == 3 * HOUR
    assert clock_dial(found, at("05 16:00")).counting


@pytest.mark.parametrize(
    "holds",
    [
        pytest.param(["05 10:00 paused", "05 12:00 resumed"], id="plain"),
        pytest.param(["05 10:00 paused", "05 11:00 paused", "05 12:00 resumed"], id="paused twice, resumed once"),
        pytest.param(
            ["05 10:00 paused #a", "05 11:00 paused #b", "05 11:30 resumed #a", "05 12:00 resumed #b"],
            id="overlapping holds",
        ),
        pytest.param(
            ["05 10:00 paused #a", "05 10:30 paused #b", "05 11:30 resumed #b", "05 12:00 resumed #a"],
            id="nested holds",
        ),
        pytest.param(["05 10:00 paused #a", "05 11:00 paused #b", "05 12:00 resumed"], id="one resumption ends all"),
        pytest.param(["05 12:00 resumed", "05 10:00 paused"], id="log out of order"),
    ],
)
def test_pauses_are_united(holds: list[str]) -> None:
    found = verdict(log("05 09:00 informed", *holds), GTR, at("05 13:00"))
    assert found.state is ClockState.RUNNING
    assert found.due_at == at("05 15:00")
    assert found.elapsed == 2 * HOUR


def test_an_open_pause_holds_the_clock_and_shows_where_it_would_end() -> None:
    facts = log("05 09:00 informed", "05 10:00 paused #accès")
    found = verdict(facts, GTR, at("05 12:00"))
    assert (found.state, found.elapsed, found.paused_since) == (ClockState.PAUSED, HOUR, at("05 10:00"))
    assert found.due_at == at("05 15:00")
    later = at_later(found, at("05 13:00"))
    assert later == verdict(facts, GTR, at("05 13:00"))
    assert later.due_at == at("05 16:00")
    dial = clock_dial(found, at("05 13:00"))
    assert (dial.state, dial.fraction, dial.counting, dial.next_opening) == (ClockState.PAUSED, 0.25, False, None)


def test_a_pause_that_begins_before_the_first_information_counts_from_it() -> None:
    found = verdict(log("05 08:30 paused", "05 09:00 informed", "05 10:00 resumed"), GTR, at("05 11:00"))
    assert found.elapsed == HOUR


def test_explanation_names_the_hold_and_ends_at_the_deadline() -> None:
    facts = log("05 16:00 informed", "05 17:00 paused #accès refusé", "08 09:00 resumed #accès refusé")
    found = verdict(facts, GTR, at("08 10:00"))
    assert found.due_at == at("08 12:00")
    assert [s.name for s in found.segments if s.kind is SegmentKind.PAUSE] == ["accès refusé", "accès refusé"]
    assert sum((s.counted for s in found.segments), timedelta(0)) == found.budget


def test_a_late_stop_is_explained_up_to_the_stop() -> None:
    found = verdict(log("05 09:00 informed", "05 17:00 restored"), GTR, at("09 09:00"))
    assert found.segments[-1].end == at("05 17:00")
    assert found.overrun == 4 * HOUR


def test_what_happened_before_the_first_information_stops_the_clock_where_it_starts() -> None:
    found = verdict(log("05 09:00 restored", "05 09:10 informed"), GTR, at("05 10:00"))
    assert (found.state, found.stopped_at, found.elapsed) == (ClockState.MET, at("05 09:10"), timedelta(0))


# --- budgets in days --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "due"),
    [(DayMode.END_OF_NTH_DAY, "12 18:00"), (DayMode.HOURS, "12 17:00")],
)
def test_five_working_days_in_both_modes(mode: DayMode, due: str) -> None:
    days = replace(GTR, minutes=None, working_days=5, day_mode=mode)
    assert verdict(log("05 17:00 informed"), days, at("05 17:30")).due_at == at(due)


def test_a_day_is_ten_hours_whatever_the_calendar() -> None:
    days = replace(GTR, minutes=None, working_days=2, day_mode=DayMode.HOURS, calendar=ROUND_THE_CLOCK)
    assert budget_of(days, at("05 17:00")) == timedelta(hours=20)


# --- what a verdict keeps ---------------------------------------------------------------------------------------


def test_a_fact_recorded_late_changes_today_and_never_yesterday() -> None:
    facts = log("05 09:00 informed")
    late = log("05 12:30 restored @ 08 10:00")
    yesterday = verdict(facts, GTR, at("05 14:00"))
    assert yesterday.state is ClockState.MISSED
    assert verdict(facts + late, GTR, at("05 14:00")) == yesterday
    assert verdict(facts + late, GTR, at("08 11:00")).state is ClockState.MET


def test_a_fact_planned_for_later_has_not_happened_yet() -> None:
    facts = log("05 09:00 informed", "05 12:00 paused @ 05 08:00")
    assert verdict(facts, GTR, at("05 11:00")).state is ClockState.RUNNING
    assert verdict(facts, GTR, at("05 12:30")).state is ClockState.PAUSED


instants = st.integers(0, 14 * 1440).map(lambda minutes: datetime(2026, 6, 5, tzinfo=UTC) + timedelta(minutes=minutes))
facts_strategy = st.lists(
    st.builds(
        lambda kind, happened, late, hold: Fact(kind, happened, happened + late, "", {"pause": hold} if hold else {}),
        st.sampled_from(sorted(FactKind)),
        instants,
        st.integers(0, 3000).map(lambda minutes: timedelta(minutes=minutes)),
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=12,
)
commitments = st.sampled_from(
    [
        GTI,
        GTR,
        replace(GTR, calendar=ROUND_THE_CLOCK),
        replace(GTR, minutes=None, working_days=2),
        replace(GTI, strict=False),
    ]
)


@given(facts=facts_strategy, more=facts_strategy, commitment=commitments, now=instants)
def test_adding_a_fact_never_changes_a_verdict_already_drawn(
    facts: list[Fact], more: list[Fact], commitment: Commitment, now: datetime
) -> None:
    later = [fact for fact in more if fact.recorded_at > now]
    assert verdict(facts + later, commitment, now) == verdict(facts, commitment, now)


@given(facts=facts_strategy, commitment=commitments, now=instants)
def test_a_verdict_agrees_with_its_own_clock(facts: list[Fact], commitment: Commitment, now: datetime) -> None:
    found = verdict(facts, commitment, now)
    if found.started_at is None or found.due_at is None:
        assert found.state is ClockState.UPCOMING
        return
    end = found.stopped_at or now
    held = found.pauses + found.held
    assert found.elapsed == elapsed(found.started_at, end, commitment.calendar, held)
    assert found.budget - found.elapsed == found.remaining - found.overrun
    assert elapsed(found.started_at, found.due_at, commitment.calendar, held) == found.budget
    late = end >= found.due_at if commitment.strict else end > found.due_at
    assert (found.state is ClockState.MISSED) == late
    assert (found.state is ClockState.MET) == (found.stopped_at is not None and not late)
    dial = clock_dial(found, now)
    assert 0.0 <= dial.fraction <= 1.0
    assert not (dial.counting and dial.next_opening)


@given(facts=facts_strategy, commitment=commitments, now=instants, wait=st.integers(0, 5000))
def test_a_verdict_moved_forward_is_the_verdict_drawn_then(
    facts: list[Fact], commitment: Commitment, now: datetime, wait: int
) -> None:
    then = now + timedelta(minutes=wait)
    known = [fact for fact in facts if fact.recorded_at <= now and fact.happened_at <= now]
    assert at_later(verdict(known, commitment, now), then) == verdict(known, commitment, then)


def test_a_commitment_survives_freezing() -> None:
    holidays = statutory_holidays(Territory.RE).add(at("09 00:00").date(), name="Fermeture", reason="Site")
    own = replace(GTR, calendar=Calendar.of(HO, Territory.RE, holidays=holidays), minutes=None, working_days=3)
    assert Commitment.from_dict(json.loads(json.dumps(own.to_dict()))) == own


def test_a_verdict_can_be_kept_as_it_was_drawn() -> None:
    found = verdict(log("05 17:30 informed", "08 08:15 taken_in_charge"), GTI, at("08 09:00"))
    kept = json.loads(json.dumps(found.to_dict()))
    assert (kept["state"], kept["due_at"], kept["elapsed"]) == ("met", "2026-06-08T06:30:00+00:00", 2700.0)
    assert kept["article"] == "CCTP IoT 6.6"
    assert [segment["label"] for segment in kept["segments"]][1:3] == ["closed.outside_hours", "closed.day_off"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"minutes": None}, "un seul"),
        ({"working_days": 5}, "un seul"),
        ({"minutes": 0}, "0 minutes"),
        ({"minutes": None, "working_days": 0}, "0 jours"),
        ({"stops_on": frozenset()}, "n’arrête"),
    ],
)
def test_an_impossible_commitment_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(GTR, **changes)  # type: ignore[arg-type]


def test_instants_without_an_offset_are_refused() -> None:
    naive = datetime.fromisoformat("2026-06-05T09:00")
    with pytest.raises(ValueError, match="sans décalage"):
        Fact(FactKind.INFORMED, naive, at("05 09:00"))
    with pytest.raises(ValueError, match="sans décalage"):
        verdict([], GTI, naive)


# --- the dial ---------------------------------------------------------------------------------------------------


def test_the_dial_says_when_the_clock_runs_again() -> None:
    found = verdict(log("05 17:30 informed"), GTI, at("05 17:45"))
    running = clock_dial(found, at("05 17:45"))
    assert (running.fraction, running.counting, running.next_opening) == (0.25, True, None)
    closed = clock_dial(found, at("06 12:00"))
    assert (closed.fraction, closed.counting, closed.next_opening) == (0.5, False, at("08 08:00"))
    assert closed.due_at == at("08 08:30")
    assert clock_dial(found, at("08 08:30")).state is ClockState.MISSED
    assert clock_dial(found, at("05 17:30")) == running  # never backwards


def test_a_stopped_dial_does_not_move() -> None:
    found = verdict(log("05 14:30 informed", "05 15:00 taken_in_charge"), GTI, at("05 16:00"))
    assert clock_dial(found, at("09 16:00")) == clock_dial(found, at("05 16:00"))
    assert not clock_dial(found, at("09 16:00")).counting
