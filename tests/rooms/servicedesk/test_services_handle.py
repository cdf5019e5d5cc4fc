"""Handling an incident: what stops, holds and resumes its clocks, and what each party may undo.

Monday 16/11/2026 is an ordinary day in Paris; the incident is blocking on HO: GTI 1 h, GTR 4 h (CCTP IoT 6.6). The
named tests are families of clock bugs seen elsewhere, each at the level of the desk (rules have theirs).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cadran.commitments.models import CaseVerdict
from cadran.commitments.rules import ClockState
from cadran.commitments.selectors import drawn_verdicts, explain
from cadran.inventory.models import Service
from cadran.kernel.errors import InvalidInput, NotAllowed
from cadran.kernel.models import OutboxEvent
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM, Viewer
from cadran.servicedesk import selectors, services
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import Action, ActionRefused
from tests.support.desk import act, clocks, declare, paris
from tests.support.world import World

pytestmark = pytest.mark.django_db
T0 = paris("2026-11-16 09:00")
PAUSE = {"reason": "site_access", "proof": "Rendez-vous refusé par courriel"}


@pytest.fixture
def incident(desk: World) -> Any:
    return declare(desk, at=T0)


def at(text: str) -> Any:
    return paris(f"2026-11-16 {text}")


def fresh(incident: Any) -> Incident:
    with scoped(SYSTEM):
        return Incident.objects.get(pk=incident.pk)


def test_a_named_person_starting_the_diagnosis_stops_gti(desk: World, incident: Any) -> None:
    act(desk, services.acknowledge, incident, now=at("09:10"))
    assert clocks(desk, incident, at("09:15"))["GTI"].state is ClockState.RUNNING
    act(desk, services.take_in_charge, incident, now=at("09:20"), person="Dominique", starts_diagnosis=False)
    assert clocks(desk, incident, at("09:25"))["GTI"].state is ClockState.RUNNING
    act(desk, services.start_intervention, incident, now=at("09:30"), person="Dominique")
    verdict = clocks(desk, incident, at("12:00"))["GTI"]
    assert (verdict.state, verdict.stopped_at, verdict.elapsed) == (ClockState.MET, at("09:30"), timedelta(minutes=30))
    row = fresh(incident)
    assert (row.state, row.assignee, row.gti_state, row.gti_due_at) == ("in_progress", "Dominique", "met", None)


def test_an_automaton_takes_nothing_in_charge(desk: World, incident: Any) -> None:
    with pytest.raises(InvalidInput, match="Nommez"):
        act(desk, services.take_in_charge, incident, now=at("09:10"), by=SYSTEM)


def test_the_limit_is_strict(desk: World, incident: Any) -> None:
    act(desk, services.take_in_charge, incident, now=at("10:00"))
    assert clocks(desk, incident, at("10:00"))["GTI"].state is ClockState.MISSED


def test_a_pause_needs_a_reason_of_the_list_and_a_proof(desk: World, incident: Any) -> None:
    with pytest.raises(InvalidInput, match="site_access"):
        act(desk, services.pause, incident, now=at("09:30"), reason="coffee", proof="x")
    with pytest.raises(InvalidInput, match="Preuve"):
        act(desk, services.pause, incident, now=at("09:30"), reason="site_access", proof=" ")
    assert fresh(incident).state == "open"


def test_a_pause_holds_only_the_clocks_its_reason_holds(desk: World, incident: Any) -> None:
    act(desk, services.pause, incident, now=at("09:30"), reason="beneficiary_awaited", proof="Question écrite")
    verdicts = clocks(desk, incident, at("09:45"))
    assert (verdicts["GTI"].state, verdicts["GTR"].state) == (ClockState.RUNNING, ClockState.PAUSED)
    row = fresh(incident)
    assert (row.gti_due_at, row.gtr_due_at, row.gtr_state) == (at("10:00"), None, "paused")


def test_family_1_and_12_a_pause_over_the_night_moves_nothing(desk: World, incident: Any) -> None:
    act(desk, services.take_in_charge, incident, now=at("09:10"))
    act(desk, services.pause, incident, now=at("12:00"), happened_at=at("11:00"), **PAUSE)
    act(desk, services.resume, incident, now=paris("2026-11-17 09:00"))
    # 2 h were spent on Monday; 2 h are left on Tuesday: the hours 18:00-08:00 are nobody's.
    assert clocks(desk, incident, paris("2026-11-17 09:00"))["GTR"].due_at == paris("2026-11-17 11:00")


def test_family_2_a_priority_changed_while_paused_keeps_the_pause(desk: World, incident: Any) -> None:
    act(desk, services.pause, incident, now=at("09:30"), **PAUSE)
    changed = {"criteria": ["scope_reduced"], "reason": "Une partie des capteurs répond"}
    act(desk, services.requalify, incident, now=at("10:30"), **changed)
    verdicts = clocks(desk, incident, at("10:30"))
    assert (verdicts["GTI"].state, verdicts["GTR"].state) == (ClockState.PAUSED, ClockState.PAUSED)
    assert verdicts["GTR"].elapsed == timedelta(minutes=30)
    act(desk, services.resume, incident, now=at("11:30"))
    assert clocks(desk, incident, at("11:30"))["GTI"].due_at == at("15:00")  # 4 h from 09:00, 2 h of pause left out
    assert fresh(incident).type == "majeur"


def test_family_4_restored_while_paused_counts_the_hold(desk: World, incident: Any) -> None:
    act(desk, services.pause, incident, now=at("09:30"), **PAUSE)
    act(desk, services.restore, incident, now=at("16:00"))
    verdict = clocks(desk, incident, at("17:00"))["GTR"]
    assert (verdict.state, verdict.elapsed) == (ClockState.MET, timedelta(minutes=30))
    act(desk, services.refuse_restoration, incident, now=at("16:10"), by=desk.viewer(desk.bob), reason="Rien ne marche")
    verdict = clocks(desk, incident, at("16:30"))["GTR"]
    assert (verdict.state, verdict.elapsed) == (ClockState.RUNNING, timedelta(minutes=60))
    assert fresh(incident).state == "open"


def test_family_5_the_time_restored_before_a_reopening_is_left_out(desk: World, incident: Any) -> None:
    bob = desk.viewer(desk.bob)
    act(desk, services.take_in_charge, incident, now=at("09:30"))
    act(desk, services.restore, incident, now=at("10:00"))
    act(desk, services.confirm_restored, incident, now=at("10:05"), by=bob)
    act(desk, services.close, incident, now=at("10:10"))
    act(desk, services.reopen, incident, now=at("14:00"), by=bob, reason="De nouveau en panne")
    verdicts = clocks(desk, incident, at("15:00"))
    assert (verdicts["GTR"].state, verdicts["GTR"].elapsed) == (ClockState.RUNNING, timedelta(hours=2))
    assert verdicts["GTR"].due_at == at("17:00")
    assert verdicts["GTI"].stopped_at == at("09:30")  # somebody did intervene: it is not asked twice
    row = fresh(incident)
    assert (row.state, row.closed_at, row.confirmation) == ("in_progress", None, "")


def test_family_6_resuming_past_the_deadline_is_a_verdict_with_its_log(desk: World, incident: Any) -> None:
    act(desk, services.pause, incident, now=at("09:59"), **PAUSE)
    act(desk, services.resume, incident, now=at("11:00"))
    services_at = at("11:02")
    with scoped(SYSTEM):
        assert selectors.incidents_to_redraw(now=services_at) == [incident.pk]
        services.redraw_clocks(incident_id=incident.pk, now=services_at)
        drawn = [v.state for v in drawn_verdicts(viewer=SYSTEM, case_id=incident.case_id) if v.commitment == "GTI"]
        missed = OutboxEvent.objects.filter(name="servicedesk.DeadlineMissed")
        assert [row.payload["commitment"] for row in missed] == ["GTI"]
        assert selectors.incidents_to_redraw(now=services_at) == []
        services.redraw_clocks(incident_id=incident.pk, now=services_at + timedelta(minutes=5))
        assert missed.count() == 1
    assert drawn == ["running", "paused", "running", "missed"]


def test_family_7_the_readers_zone_changes_nothing(desk: World, incident: Any) -> None:
    from django.utils import timezone

    expected = clocks(desk, incident, at("09:30"))["GTI"]
    with timezone.override("Pacific/Noumea"):
        assert clocks(desk, incident, at("09:30"))["GTI"] == expected
        assert expected.state is ClockState.RUNNING


def test_family_9_new_levels_never_reach_a_running_case(desk: World, incident: Any) -> None:
    import msgspec

    from cadran.commitments.services import load_service_levels
    from cadran.servicedesk.packs import load_agreement_files
    from tests.support.packs import IOT

    levels = load_agreement_files(IOT).levels
    line = levels.delays[0]
    shorter = msgspec.structs.replace(line, gtr=msgspec.structs.replace(line.gtr, minutes=60, printed="< 1h"))
    with scoped(SYSTEM):
        load_service_levels(
            viewer=SYSTEM, levels=msgspec.structs.replace(levels, delays=(shorter, *levels.delays[1:])), now=at("09:30")
        )
    assert clocks(desk, incident, at("09:31"))["GTR"].due_at == at("13:00")
    assert clocks(desk, declare(desk, at=at("09:40")), at("09:40"))["GTR"].due_at == at("10:40")
    act(desk, services.requalify, incident, now=at("09:50"), criteria=["scope_reduced"], reason="Partiel")
    assert clocks(desk, incident, at("09:50"))["GTI"].due_at == at("13:00")  # the case's own version of « majeur »


def test_family_10_a_service_back_by_itself_waits_for_nobody(desk: World, incident: Any) -> None:
    act(desk, services.restore, incident, now=at("09:40"), by=SYSTEM, measured=True)
    verdicts = clocks(desk, incident, paris("2026-11-20 12:00"))
    assert (verdicts["GTI"].state, verdicts["GTR"].state) == (ClockState.MET, ClockState.MET)
    act(desk, services.reopen, incident, now=at("11:00"), reason="De nouveau")
    # ... and waits again once it breaks again: 20 minutes of GTI are left.
    assert clocks(desk, incident, at("11:10"))["GTI"].due_at == at("11:20")


def test_a_fact_told_late_adds_a_verdict_and_keeps_the_first(desk: World, incident: Any) -> None:
    act(desk, services.take_in_charge, incident, now=at("09:10"))
    with scoped(SYSTEM):
        services.redraw_clocks(incident_id=incident.pk, now=at("13:30"))
    act(desk, services.restore, incident, now=at("14:00"), happened_at=at("12:30"))
    with scoped(SYSTEM):
        drawn = [v for v in drawn_verdicts(viewer=SYSTEM, case_id=incident.case_id) if v.commitment == "GTR"]
    assert [(v.state, v.stopped_at) for v in drawn] == [("running", None), ("missed", None), ("met", at("12:30"))]
    # What was said at 13:30 can still be read again: the line recorded at 14:00 was not there.
    assert clocks(desk, incident, at("13:30"))["GTR"].state is ClockState.MISSED
    assert fresh(incident).gtr_state == "met"


def test_verdicts_are_stored_only_when_they_say_something_new(desk: World, incident: Any) -> None:
    with scoped(SYSTEM):
        before = CaseVerdict.objects.count()
    act(desk, services.acknowledge, incident, now=at("09:10"))
    with scoped(SYSTEM):
        assert CaseVerdict.objects.count() == before == 2


def test_two_requests_that_read_their_clocks_out_of_order(desk: World, incident: Any) -> None:
    """The first to get the lock read its clock last: the second must still see its facts."""
    act(desk, services.pause, incident, now=at("09:30"), **PAUSE)
    act(desk, services.comment, incident, now=at("09:29"), body="Bonjour")
    act(desk, services.requalify, incident, now=at("09:29"), criteria=["scope_reduced"], reason="Partiel")
    assert fresh(incident).gtr_state == "paused"


def test_a_missed_clock_is_not_rewritten_by_a_requalification(desk: World, incident: Any) -> None:
    assert clocks(desk, incident, at("10:30"))["GTI"].state is ClockState.MISSED
    act(desk, services.requalify, incident, now=at("10:30"), criteria=["secondary_function_down"], reason="Mineur")
    verdicts = clocks(desk, incident, at("10:30"))
    assert verdicts["GTI"].state is ClockState.MISSED
    assert verdicts["GTR"].due_at == paris("2026-11-23 18:00")
    assert clocks(desk, incident, at("10:29"))["GTR"].due_at == at("13:00")  # as it was said then


def test_a_requalification_is_justified_and_changes_something(desk: World, incident: Any) -> None:
    with pytest.raises(InvalidInput, match="se justifie"):
        act(desk, services.requalify, incident, now=at("09:30"), criteria=["scope_reduced"], reason="")
    with pytest.raises(InvalidInput, match="déjà"):
        act(desk, services.requalify, incident, now=at("09:30"), criteria=["complete_stop"], reason="Idem")


@pytest.mark.parametrize(
    ("verb", "given", "says"),
    [
        pytest.param(services.take_in_charge, {"happened_at": at("09:31")}, "futur", id="from the future"),
        pytest.param(services.take_in_charge, {"happened_at": at("08:59")}, "précède", id="before we were told"),
    ],
)
def test_an_impossible_instant(desk: World, incident: Any, verb: Any, given: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        act(desk, verb, incident, now=at("09:30"), **given)


def test_a_resumption_cannot_precede_its_pause(desk: World, incident: Any) -> None:
    act(desk, services.pause, incident, now=at("09:30"), **PAUSE)
    with pytest.raises(InvalidInput, match="précède"):
        act(desk, services.resume, incident, now=at("09:40"), happened_at=at("09:20"))


def test_the_holders_word_alone_closes_nothing(desk: World, incident: Any) -> None:
    act(desk, services.restore, incident, now=at("10:00"), workaround=True)
    assert (fresh(incident).confirmation, fresh(incident).workaround) == ("awaited", True)
    with pytest.raises(ActionRefused, match="confirmer ou refuser"):
        act(desk, services.close, incident, now=at("10:01"))
    with pytest.raises(NotAllowed):
        act(desk, services.confirm_restored, incident, now=at("10:01"))
    act(desk, services.confirm_restored, incident, now=at("11:00"), by=desk.viewer(desk.bob))
    act(desk, services.close, incident, now=at("11:05"))
    row = fresh(incident)
    assert (row.state, row.closed_at, row.confirmation) == ("closed", at("11:05"), "beneficiary")
    assert clocks(desk, incident, at("12:00"))["GTR"].stopped_at == at("10:00")  # the service was back then


def test_a_refused_restoration_never_stopped_the_clock(desk: World, incident: Any) -> None:
    act(desk, services.take_in_charge, incident, now=at("09:10"))
    act(desk, services.restore, incident, now=at("12:00"))
    act(desk, services.refuse_restoration, incident, now=at("14:00"), by=desk.viewer(desk.bob), reason="Toujours rien")
    assert clocks(desk, incident, at("13:30"))["GTR"].state is ClockState.MET  # as it was said before the refusal
    verdict = clocks(desk, incident, at("14:00"))["GTR"]
    assert (verdict.state, verdict.due_at) == (ClockState.MISSED, at("13:00"))
    act(desk, services.restore, incident, now=at("15:00"))
    assert clocks(desk, incident, at("15:00"))["GTR"].stopped_at == at("15:00")


def test_an_act_that_the_state_does_not_allow(desk: World, incident: Any) -> None:
    with pytest.raises(ActionRefused, match="« Ouvert »"):
        act(desk, services.resume, incident, now=at("09:30"))
    act(desk, services.acknowledge, incident, now=at("09:31"))
    with pytest.raises(ActionRefused):
        act(desk, services.acknowledge, incident, now=at("09:32"))


def test_each_party_is_offered_its_own_acts(desk: World, incident: Any) -> None:
    def offered(viewer: Viewer) -> set[str]:
        with scoped(viewer):
            return {str(a) for a in selectors.what_next(viewer=viewer, row=fresh_for(viewer, incident))}

    alice, bob = desk.viewer(desk.alice), desk.viewer(desk.bob)
    assert offered(alice) == {
        *("acknowledge", "take_in_charge", "start_intervention", "pause", "restore", "requalify", "comment")
    }
    assert offered(bob) == {"comment"}
    act(desk, services.restore, incident, now=at("10:00"))
    assert offered(bob) == {"confirm_restored", "refuse_restoration", "comment"}
    assert offered(alice) == {"comment"}
    act(desk, services.confirm_restored, incident, now=at("10:10"), by=bob)
    assert offered(alice) == {"reopen", "comment", "close"}
    assert Action.REOPEN in {Action(name) for name in offered(bob)}


def fresh_for(viewer: Viewer, incident: Any) -> Incident:
    return selectors.incident(viewer=viewer, reference=incident.pk)


def test_why_tells_everything_to_both_parties(desk: World) -> None:
    incident = declare(desk, at=paris("2026-11-10 17:30"))  # Wednesday 11 November is a holiday
    alice, bob = desk.viewer(desk.alice), desk.viewer(desk.bob)
    act(desk, services.take_in_charge, incident, now=paris("2026-11-10 17:40"))
    act(desk, services.pause, incident, now=paris("2026-11-12 09:00"), **PAUSE)
    act(desk, services.resume, incident, now=paris("2026-11-12 10:00"))
    now = paris("2026-11-12 10:30")
    said = []
    for viewer in (alice, bob):
        with scoped(viewer):
            said.append(explain(viewer=viewer, case_id=incident.case_id, commitment="GTR", now=now))
    assert said[0] == said[1]
    why = said[0]
    assert why.holidays == ("Armistice 1918",)
    assert [(pause.reason, pause.counts, pause.by) for pause in why.pauses] == [
        ("Accès au site refusé ou reporté par le bénéficiaire", True, "Alice")
    ]
    assert (why.printed, why.commitment.article) == ("< 4h", "CCTP IoT 6.6")
    assert "calendrier de l'option de GTI" in why.calendar_reason
    assert why.verdict.due_at == paris("2026-11-12 12:30")
    assert sum((segment.counted for segment in why.segments), timedelta()) == timedelta(hours=4)
    assert {str(segment.kind) for segment in why.segments} == {"open", "closed", "holiday", "pause"}
    assert why.levels.agreement_code == "2024_AOO_IOT"


def test_the_service_shows_what_its_incidents_say(desk: World) -> None:
    """Loss, degradation, defect: a service's state follows its worst unrestored incident (CCTP IoT 6.6)."""

    def state(service: Any) -> str:
        with scoped(SYSTEM):
            return str(Service.objects.get(pk=service.pk).state)

    major = declare(desk, at=T0, criteria=[], incident_type="majeur", origin_key="test:majeur")
    assert state(desk.bob_service) == "degraded"
    blocking = declare(desk, at=T0, criteria=[], incident_type="bloquant", origin_key="test:bloquant")
    assert state(desk.bob_service) == "down"
    declare(desk, at=T0, criteria=[], incident_type="mineur", origin_key="test:mineur")
    act(desk, services.restore, blocking, now=at("10:00"))
    assert state(desk.bob_service) == "degraded"
    act(desk, services.restore, major, now=at("10:10"))
    assert state(desk.bob_service) == "running"
    assert state(desk.charlie_service) == "running"
