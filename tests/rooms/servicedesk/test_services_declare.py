"""Declaring an incident: its type, its clocks, its number, and never two for one origin."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection

from cadran.commitments.rules import ClockState, PriorityRefused
from cadran.commitments.selectors import facts_of
from cadran.inventory.models import Service
from cadran.kernel.errors import InvalidInput, NotAllowed, NotFound
from cadran.kernel.models import AuditEntry, OutboxEvent
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.parties.models import Convention
from cadran.servicedesk import selectors
from cadran.servicedesk.models import Incident
from cadran.servicedesk.services import ServiceEnded
from tests.support.desk import act, clocks, declare, paris
from tests.support.world import World

pytestmark = pytest.mark.django_db
MONDAY_9 = paris("2026-11-16 09:00")


@pytest.mark.parametrize(
    ("criteria", "expected", "gti", "gtr"),
    [
        pytest.param(["complete_stop"], ("bloquant", "P0"), "2026-11-16 10:00", "2026-11-16 13:00", id="bloquant"),
        pytest.param(["scope_reduced"], ("majeur", "P1"), "2026-11-16 13:00", "2026-11-17 11:00", id="majeur"),
        # 24 h of HO are two days and four hours; five working days after the day of receipt end on the next Monday.
        pytest.param(
            ["secondary_function_down"], ("mineur", "P2"), "2026-11-18 13:00", "2026-11-23 18:00", id="mineur"
        ),
        pytest.param([], ("mineur", "P2"), "2026-11-18 13:00", "2026-11-23 18:00", id="anything else is minor"),
    ],
)
def test_the_table_of_delays(desk: World, criteria: list[str], expected: tuple[str, str], gti: str, gtr: str) -> None:
    """CCTP IoT 6.6, standard class, HO."""
    incident = declare(desk, at=MONDAY_9, criteria=criteria)
    assert (incident.type, incident.priority) == expected
    assert (incident.gti_due_at, incident.gtr_due_at) == (paris(gti), paris(gtr))


def test_the_24_7_option_moves_both_calendars(desk: World) -> None:
    with scoped(SYSTEM):
        Service.objects.filter(pk=desk.bob_service.pk).update(option_24_7=True)
    incident = declare(desk, at=paris("2026-11-14 23:30"))  # a Saturday night
    assert incident.gti_due_at == paris("2026-11-15 00:30")
    assert incident.gtr_due_at == paris("2026-11-15 03:30")


def test_clocks_start_at_the_first_information_not_at_the_typing(desk: World) -> None:
    incident = declare(desk, at=paris("2026-11-13 17:30"), now=MONDAY_9, by=desk.viewer(desk.alice), channel="phone")
    assert (incident.informed_at, incident.created_at) == (paris("2026-11-13 17:30"), MONDAY_9)
    assert incident.gti_due_at == paris("2026-11-16 08:30")
    assert incident.gti_state == ClockState.MISSED  # told too late to be met, and said so


def test_a_phone_report_awaits_its_written_confirmation(desk: World) -> None:
    from cadran.servicedesk.services import confirm_in_writing

    incident = declare(desk, at=MONDAY_9, by=desk.viewer(desk.alice), channel="phone")
    assert incident.awaits_writing
    later = MONDAY_9 + timedelta(minutes=20)
    act(desk, confirm_in_writing, incident, now=later, by=desk.viewer(desk.bob), text="Je confirme l’appel.")
    with scoped(SYSTEM):
        assert not Incident.objects.get(pk=incident.pk).awaits_writing
    assert clocks(desk, incident, later)["GTI"].due_at == paris("2026-11-16 10:00")
    assert not declare(desk, at=MONDAY_9, channel="portal").awaits_writing


def test_the_automatic_acknowledgement_stops_no_clock(desk: World) -> None:
    incident = declare(desk, at=MONDAY_9)
    with scoped(SYSTEM):
        facts = facts_of(viewer=SYSTEM, case_id=incident.case_id)
    assert [(fact.kind, fact.by) for fact in facts] == [
        ("informed", "Bob"),
        ("qualified", "Bob"),
        ("acknowledged", "Cadran"),
    ]
    assert clocks(desk, incident, MONDAY_9 + timedelta(minutes=10))["GTI"].state is ClockState.RUNNING


def test_a_site_in_la_reunion_runs_on_its_own_time(desk: World) -> None:
    with scoped(SYSTEM):
        site = desk.bob_site
        site.territory, site.zone = "RE", "Indian/Reunion"
        site.save()
    incident = declare(desk, at=paris("2026-12-18 14:30"))  # Friday 17:30 there; Sunday 20/12 is a holiday there
    assert incident.gti_due_at == paris("2026-12-21 05:30")  # Monday 08:30 there


def test_numbers_are_gapless_and_a_refused_report_takes_none(desk: World) -> None:
    first = declare(desk, at=MONDAY_9, origin_key="a")
    with pytest.raises(PriorityRefused):
        declare(desk, at=MONDAY_9, origin_key="b", priority="P2")
    second = declare(desk, at=MONDAY_9, origin_key="c")
    assert [first.number, second.number] == ["INC-2026-000001", "INC-2026-000002"]
    assert first.issuer == "732829320"


def test_numbers_start_again_with_the_holders_year(desk: World) -> None:
    declare(desk, at=MONDAY_9)
    eve = declare(desk, at=paris("2027-01-01 00:10"))  # 23:10 the year before in UTC
    assert eve.number == "INC-2027-000001"


def test_the_same_origin_is_the_same_incident(desk: World) -> None:
    first = declare(desk, at=MONDAY_9, origin_key="portal:1")
    again = declare(desk, at=MONDAY_9 + timedelta(minutes=1), origin_key="portal:1", title="Deux clics")
    assert again.pk == first.pk
    with scoped(SYSTEM):
        assert Incident.objects.count() == 1
        assert OutboxEvent.objects.filter(name="servicedesk.IncidentDeclared").count() == 1


def test_the_same_origin_key_of_two_owners_is_two_incidents(desk: World) -> None:
    first = declare(desk, at=MONDAY_9, origin_key="portal:1")
    other = declare(
        desk, at=MONDAY_9, origin_key="portal:1", by=desk.viewer(desk.charlie), service_id=desk.charlie_service.pk
    )
    assert first.pk != other.pk
    assert (first.number, other.number) == ("INC-2026-000001", "INC-2026-000002")


@pytest.mark.parametrize(
    ("given", "refused", "says"),
    [
        pytest.param({"criteria": ["complete_stop"], "priority": "P1"}, PriorityRefused, "bloquant", id="bad pair"),
        pytest.param({"criteria": ["scope_reduced"], "priority": "P0"}, PriorityRefused, "pénalisante", id="no reason"),
        pytest.param({"criteria": ["rain"]}, InvalidInput, "« rain » est inconnu", id="unknown criterion"),
        pytest.param({"incident_type": "mineur"}, InvalidInput, "font un incident bloquant", id="contradiction"),
        pytest.param({"channel": "pigeon"}, InvalidInput, "« pigeon » est inconnu", id="unknown channel"),
        pytest.param({"title": "  "}, InvalidInput, "Objet", id="no title"),
        pytest.param({"now": MONDAY_9 - timedelta(minutes=1)}, InvalidInput, "futur", id="from the future"),
    ],
)
def test_what_is_refused_says_why(desk: World, given: dict[str, object], refused: type[Exception], says: str) -> None:
    with pytest.raises(refused, match=says):
        declare(desk, at=MONDAY_9, **given)  # type: ignore[arg-type]
    with scoped(SYSTEM):
        assert not Incident.objects.exists()


def test_an_exceptional_priority_with_its_reason(desk: World) -> None:
    incident = declare(
        desk, at=MONDAY_9, criteria=["scope_reduced"], priority="P0", priority_reason="Bloc opératoire sans mesure"
    )
    assert (incident.type, incident.priority) == ("majeur", "P0")
    assert incident.gtr_due_at == paris("2026-11-17 11:00")  # the delays are the type's, not the priority's


def test_charlie_finds_nothing_of_bobs(desk: World) -> None:
    incident = declare(desk, at=MONDAY_9)
    charlie = desk.viewer(desk.charlie)
    with scoped(charlie):
        with pytest.raises(NotFound):
            selectors.incident(viewer=charlie, reference=incident.pk)
        with pytest.raises(NotFound):
            selectors.incident(viewer=charlie, reference=incident.number)
        with pytest.raises(NotFound):
            selectors.why(viewer=charlie, incident_id=incident.pk, commitment="GTR", now=MONDAY_9)
        with pytest.raises(NotFound):
            facts_of(viewer=charlie, case_id=incident.case_id)
        assert not selectors.incidents(viewer=charlie).exists()
        assert not Incident.objects.exists()  # a forgotten filter leaks nothing either
    with pytest.raises(NotFound):
        declare(desk, at=MONDAY_9, by=charlie)


def test_a_beneficiary_does_not_do_the_holders_acts(desk: World) -> None:
    from cadran.servicedesk.services import close, pause, take_in_charge

    incident = declare(desk, at=MONDAY_9)
    bob = desk.viewer(desk.bob)
    for verb, given in ((take_in_charge, {}), (pause, {"reason": "site_access", "proof": "x"}), (close, {})):
        with pytest.raises(NotAllowed):
            act(desk, verb, incident, now=MONDAY_9, by=bob, **given)


def test_an_incident_outside_the_convention_is_accepted_and_says_so(desk: World) -> None:
    """CCTP IoT 4.3 asks for the quality before *executing*; a running service was ordered with it."""
    assert not declare(desk, at=MONDAY_9, origin_key="before").outside_convention
    with scoped(SYSTEM):
        Convention.objects.filter(owner=desk.bobville).delete()
    incident = declare(desk, at=MONDAY_9, origin_key="after")
    assert incident.outside_convention
    assert incident.gti_due_at == paris("2026-11-16 10:00")


def test_no_incident_on_a_service_that_was_over(desk: World) -> None:
    with scoped(SYSTEM):
        Service.objects.filter(pk=desk.bob_service.pk).update(state="ended", ended_on=date(2026, 11, 15))
    with pytest.raises(ServiceEnded, match="15/11/2026"):
        declare(desk, at=MONDAY_9)
    assert declare(desk, at=paris("2026-11-15 23:00"), now=MONDAY_9).number  # its last day still counts


def test_a_declaration_leaves_its_trace(desk: World) -> None:
    incident = declare(desk, at=MONDAY_9)
    with scoped(SYSTEM):
        line = AuditEntry.objects.get(action="incident.declared")
        assert (line.actor_label, line.object_id, line.owner_id) == ("Bob", str(incident.pk), desk.bobville.pk)
        with connection.cursor() as cursor:
            cursor.execute("SELECT payload ->> 'number' FROM kernel_outboxevent WHERE name LIKE '%%IncidentDeclared'")
            assert cursor.fetchall() == [(incident.number,)]


def test_the_list_says_what_is_at_risk(desk: World) -> None:
    declare(desk, at=MONDAY_9, origin_key="b")
    declare(desk, at=MONDAY_9, origin_key="m", criteria=["secondary_function_down"])
    bob = desk.viewer(desk.bob)
    with scoped(bob):
        soon = selectors.incidents_at_risk(viewer=bob, now=MONDAY_9, within=timedelta(hours=2))
        assert [row.origin_key for row in soon] == ["b"]
        needs = selectors.needs(viewer=bob, now=MONDAY_9 + timedelta(minutes=61), within=timedelta(hours=1))
    assert (needs.running, needs.to_take, needs.missed, needs.due_soon) == (2, 2, 1, 0)
