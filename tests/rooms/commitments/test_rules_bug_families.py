"""Families of clock bugs that other service desks have, each under its number in docs/rules/clocks.md."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cadran.commitments.rules import ClockState, Commitment, Fact, FactKind, escalation_at, verdict
from cadran.kernel.calendars import HO, Calendar, SegmentKind, Territory, statutory_holidays
from tests.rooms.commitments.test_rules_clocks import GTI, GTR, HOUR, PARIS, ROUND_THE_CLOCK, at, log


def test_bug_1_a_hold_over_the_weekend_does_not_lengthen_a_budget_in_days() -> None:
    days = replace(GTR, minutes=None, working_days=5)
    weekend = log("05 10:00 informed", "05 18:00 paused", "08 08:00 resumed")
    assert verdict(weekend, days, at("08 09:00")).due_at == at("12 18:00")


def test_bug_2_a_priority_changed_during_a_hold_keeps_the_hold() -> None:
    facts = log("05 09:00 informed", "05 10:00 paused", "05 11:00 qualified", "05 12:00 resumed")
    raised = replace(GTR, minutes=180)
    assert verdict(facts, raised, at("05 12:30")).due_at == at("05 14:00")


def test_bug_3_the_warning_one_hour_before_never_falls_in_the_night() -> None:
    found = verdict(log("05 14:30 informed"), GTR, at("05 15:00"))
    assert found.due_at == at("08 08:30")
    assert escalation_at(found, HOUR) == at("05 17:30")
    assert escalation_at(found, 9 * HOUR) == at("05 14:30")


def test_bug_4_restored_straight_from_a_hold_keeps_the_hold() -> None:
    facts = log("05 09:00 informed", "05 10:00 paused", "05 16:00 restored")
    found = verdict(facts, GTR, at("05 17:00"))
    assert (found.state, found.elapsed, found.stopped_at) == (ClockState.MET, HOUR, at("05 16:00"))
    assert verdict(facts[:2], GTR, at("05 17:00")).state is ClockState.PAUSED


def test_bug_5_time_spent_restored_before_a_reopening_is_left_out() -> None:
    facts = log("05 09:00 informed", "05 10:00 restored", "05 11:00 closed", "08 10:00 reopened")
    running = verdict(facts, GTR, at("08 11:00"))
    assert (running.state, running.elapsed, running.due_at) == (ClockState.RUNNING, 2 * HOUR, at("08 13:00"))
    again = verdict([*facts, *log("08 12:00 restored")], GTR, at("08 15:00"))
    assert (again.state, again.elapsed) == (ClockState.MET, 3 * HOUR)
    assert [s.name for s in again.segments if s.kind is SegmentKind.PAUSE] == ["restored", "restored"]


def test_bug_5_an_intervention_already_started_stays_started_after_a_reopening() -> None:
    facts = log("05 09:00 informed", "05 09:30 intervention_started", "05 10:00 restored", "08 10:00 reopened")
    assert verdict(facts, GTI, at("09 10:00")).state is ClockState.MET


def test_bug_5_a_hold_left_open_when_restored_does_not_hold_the_reopened_case() -> None:
    facts = log("05 09:00 informed", "05 10:00 paused", "05 11:00 restored", "05 14:00 reopened")
    found = verdict(facts, GTR, at("05 15:00"))
    assert (found.state, found.elapsed) == (ClockState.RUNNING, 2 * HOUR)


def test_bug_6_resuming_never_gives_an_instant_breach() -> None:
    facts = log("05 09:00 informed", "05 09:10 paused", "15 09:00 resumed")
    found = verdict(facts, GTR, at("15 09:01"))
    assert (found.state, found.elapsed) == (ClockState.RUNNING, timedelta(minutes=11))


def test_bug_7_the_zone_of_the_reader_changes_nothing() -> None:
    reunion = replace(GTI, calendar=Calendar.of(HO, Territory.RE))
    informed = [Fact(FactKind.INFORMED, at("08 15:30"), at("08 15:30"))]  # 17:30 in La Réunion
    found = verdict(informed, reunion, at("08 17:00"))
    assert found.state is ClockState.RUNNING
    assert found.due_at == datetime.fromisoformat("2026-06-09T08:30+04:00")
    assert verdict(informed, reunion, at("08 17:00").astimezone(UTC)) == found


def test_bug_7_the_repeated_hour_is_compared_as_instants() -> None:
    zone = PARIS.zone
    first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=zone, fold=fold) for fold in (0, 1))
    quick = replace(GTI, calendar=ROUND_THE_CLOCK, minutes=60)
    facts = [Fact(FactKind.INFORMED, first, first), Fact(FactKind.TAKEN_IN_CHARGE, second, second)]
    assert verdict(facts, quick, first).state is ClockState.RUNNING
    found = verdict(facts, quick, second)
    assert (found.state, found.elapsed) == (ClockState.MISSED, HOUR)


def test_bug_9_a_case_keeps_the_calendar_it_was_frozen_with() -> None:
    frozen = json.loads(json.dumps(GTI.to_dict()))
    closed = statutory_holidays(Territory.FR).add(at("08 00:00").date(), name="Fermeture", reason="Site")
    edited = replace(GTI, calendar=Calendar.of(HO, Territory.FR, holidays=closed))
    facts = log("05 17:30 informed")
    assert verdict(facts, Commitment.from_dict(frozen), at("06 12:00")).due_at == at("08 08:30")
    assert verdict(facts, edited, at("06 12:00")).due_at == at("09 08:30")


def test_bug_10_each_clock_stops_on_its_own_facts() -> None:
    facts = log("05 09:00 informed", "05 09:30 taken_in_charge", "05 12:30 restored", "05 18:00 closed")
    intervene, restore = (verdict(facts, each, at("09 09:00")) for each in (GTI, GTR))
    assert (intervene.stopped_at, intervene.elapsed) == (at("05 09:30"), HOUR / 2)
    assert (restore.stopped_at, restore.elapsed) == (at("05 12:30"), 3.5 * HOUR)
    assert {intervene.state, restore.state} == {ClockState.MET}


def test_bug_12_a_hold_in_the_night_uses_the_calendar() -> None:
    facts = log("08 15:00 informed", "08 18:00 paused", "09 08:00 resumed")
    assert verdict(facts, replace(GTR, minutes=480), at("09 09:00")).due_at == at("09 13:00")
