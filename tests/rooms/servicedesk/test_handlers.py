"""From an alarm to an incident and back, through the outbox, once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from cadran.commitments.rules import ClockState
from cadran.inventory.models import Equipment, Service, Site
from cadran.kernel import outbox
from cadran.kernel.models import HandlerMark, OutboxEvent
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.messaging.models import Mail, Notification
from cadran.parties.models import Lot, Right
from cadran.servicedesk import services
from cadran.servicedesk.events import IncidentDeclared
from cadran.servicedesk.models import Incident, IncidentMessage
from cadran.telemetry.services import clear_alarm, raise_alarm
from tests.support.desk import act, clocks, paris, run_events
from tests.support.world import World

pytestmark = pytest.mark.django_db
T0 = paris("2026-11-16 09:00")


def later(count: float) -> datetime:
    return T0 + timedelta(minutes=count)


def equipment(world: World, kind: str, serial: str, service: Any = None) -> Any:
    with scoped(SYSTEM):
        return Equipment.objects.create(
            owner=world.bobville, site=world.bob_site, service=service, kind=kind, name=serial, serial=serial
        )


def raised(world: World, thing: Any, *, code: str = "gateway.silent", at: datetime = T0, **given: Any) -> Any:
    with scoped(SYSTEM):
        alarm, _ = raise_alarm(
            owner_id=world.bobville.pk,
            origin_key=f"{code}:{thing.pk if thing else 0}",
            code=code,
            kind=given.pop("kind", "service"),
            title=f"{code} {thing.name if thing else ''}",
            site_id=given.pop("site_id", world.bob_site.pk),
            service_id=thing.service_id if thing else None,
            equipment_id=thing.pk if thing else None,
            raised_at=at,
            **given,
        )
    return alarm


def cleared(world: World, alarm: Any, at: datetime) -> None:
    with scoped(SYSTEM):
        assert clear_alarm(owner_id=world.bobville.pk, origin_key=alarm.origin_key, at=at)


def incidents() -> list[Incident]:
    with scoped(SYSTEM):
        return list(Incident.objects.order_by("id"))


def only() -> Incident:
    (row,) = incidents()
    return row


def test_the_only_gateway_falls_silent_and_comes_back(desk: World) -> None:
    gateway = equipment(desk, "gateway", "GW1", desk.bob_service)
    alarm = raised(desk, gateway)
    run_events(later(0.1))
    incident = only()
    assert (incident.type, incident.priority, incident.channel) == ("bloquant", "P0", "alarm")
    assert (incident.informed_at, incident.origin_key) == (T0, f"alarm:{alarm.pk}")
    assert (incident.gti_due_at, incident.gtr_due_at) == (later(60), later(240))
    cleared(desk, alarm, later(30))
    run_events(later(31))
    incident = only()
    assert (incident.state, incident.confirmation, incident.restored_at) == ("restored", "measurement", later(30))
    verdicts = clocks(desk, incident, later(300))
    assert {verdict.state for verdict in verdicts.values()} == {ClockState.MET}


def test_both_parties_are_told_once_and_charlie_is_not(desk: World) -> None:
    raised(desk, equipment(desk, "gateway", "GW1", desk.bob_service))
    run_events(later(0.1))
    with scoped(SYSTEM):
        told = sorted(Notification.objects.values_list("user__name", flat=True))
        mails = sorted(Mail.objects.values_list("recipient", flat=True))
        path = Notification.objects.values_list("path", flat=True).first()
    assert told == ["Alice", "Bob"]
    assert mails == ["alice@example.org", "bob@example.org"]
    assert path == f"/incidents/{only().pk}/"


def test_a_head_teacher_is_not_told_of_other_sites(desk: World) -> None:
    with scoped(SYSTEM):
        school = Site.objects.create(owner=desk.bobville, code="S2", name="École")
        Right.objects.filter(user=desk.bob).update(role="beneficiary.site", site_id=school.pk)
    raised(desk, equipment(desk, "gateway", "GW1", desk.bob_service))
    run_events(later(0.1))
    with scoped(SYSTEM):
        assert list(Notification.objects.values_list("user__name", flat=True)) == ["Alice"]


def test_an_event_handled_again_changes_nothing(desk: World) -> None:
    """A worker that dies after the commit of its handlers and before the event's own: all is run again."""
    raised(desk, equipment(desk, "gateway", "GW1", desk.bob_service))
    run_events(later(0.1))
    with scoped(SYSTEM):
        OutboxEvent.objects.update(done_at=None)
        before = Notification.objects.count(), Mail.objects.count(), OutboxEvent.objects.count()
    run_events(later(1))
    with scoped(SYSTEM):
        HandlerMark.objects.all().delete()  # even a handler whose mark were lost opens no second incident
        OutboxEvent.objects.update(done_at=None)
    run_events(later(2))
    assert len(incidents()) == 1
    with scoped(SYSTEM):
        assert (Notification.objects.count(), Mail.objects.count(), OutboxEvent.objects.count()) == before


def test_the_end_told_before_the_beginning(desk: World) -> None:
    """The first event failed and waits for its retry, the second one went through."""
    alarm = raised(desk, equipment(desk, "gateway", "GW1", desk.bob_service))
    with scoped(SYSTEM):
        first = OutboxEvent.objects.get(name="telemetry.AlarmRaised")
        OutboxEvent.objects.filter(pk=first.pk).update(next_attempt_at=later(20))
    cleared(desk, alarm, later(5))
    run_events(later(6))
    assert incidents() == []
    run_events(later(21))
    incident = only()
    assert (incident.state, incident.informed_at, incident.restored_at) == ("restored", T0, later(5))


def test_a_gateway_that_flaps_is_one_incident(desk: World) -> None:
    gateway = equipment(desk, "gateway", "GW1", desk.bob_service)
    alarm = raised(desk, gateway)
    run_events(later(1))
    cleared(desk, alarm, later(20))
    run_events(later(21))
    second = raised(desk, gateway, at=later(40))
    run_events(later(41))
    incident = only()
    assert (incident.state, incident.alarm_id) == ("open", second.pk)
    verdicts = clocks(desk, incident, later(50))
    assert verdicts["GTI"].elapsed == verdicts["GTR"].elapsed == timedelta(minutes=30)  # 20 up to the end, 10 since
    cleared(desk, second, later(55))
    run_events(later(56))
    assert only().restored_at == later(55)


def test_once_closed_the_same_gateway_opens_another_incident(desk: World) -> None:
    gateway = equipment(desk, "gateway", "GW1", desk.bob_service)
    alarm = raised(desk, gateway)
    run_events(later(1))
    cleared(desk, alarm, later(20))
    run_events(later(21))
    act(desk, services.close, only(), now=later(30))
    raised(desk, gateway, at=later(60))
    run_events(later(61))
    assert [row.state for row in incidents()] == ["closed", "open"]


@pytest.mark.parametrize(
    ("silent", "of", "expected"),
    [
        pytest.param(1, 10, "mineur", id="one sensor"),
        pytest.param(2, 10, "majeur", id="one in five"),
        pytest.param(3, 3, "bloquant", id="all of them"),
    ],
)
def test_the_type_follows_the_share_of_the_service_lost(desk: World, silent: int, of: int, expected: str) -> None:
    sensors = [equipment(desk, "sensor", f"S{rank}", desk.bob_service) for rank in range(of)]
    for sensor in sensors[:silent]:
        raised(desk, sensor, code="device.silent")
    run_events(later(1))
    assert incidents()[-1].type == expected
    assert len(incidents()) == silent


def test_a_wider_incident_absorbs_what_it_explains(desk: World) -> None:
    raised(desk, equipment(desk, "gateway", "GW1", desk.bob_service))
    raised(desk, equipment(desk, "sensor", "S1", desk.bob_service), code="device.silent", at=later(5))
    run_events(later(6))
    incident = only()
    with scoped(SYSTEM):
        messages = list(IncidentMessage.objects.values_list("author", "body"))
    assert incident.type == "bloquant"
    assert len(messages) == 1
    assert messages[0][0] == "Cadran"
    assert "device.silent S1" in messages[0][1]


def test_one_of_two_gateways_is_judged_by_the_sensors_it_alone_heard(desk: World) -> None:
    from django.db import connection

    from cadran.lorawan.models import Gateway

    first, second = (equipment(desk, "gateway", name, desk.bob_service) for name in ("GW1", "GW2"))
    sensors = [equipment(desk, "sensor", f"S{rank}", desk.bob_service) for rank in range(3)]
    with scoped(SYSTEM), connection.cursor() as cursor:
        for gateway, eui in ((first, "00" * 7 + "01"), (second, "00" * 7 + "02")):
            Gateway.objects.create(owner=desk.bobville, equipment=gateway, eui=eui)
        for sensor in sensors:
            cursor.execute(
                "INSERT INTO lorawan_uplink (device_id, ts, owner_id, fcnt, data_rate, frequency_hz, confirmed,"
                " payload, receptions) VALUES (%s, %s, %s, 1, 5, 868100000, false, ''::bytea,"
                """ '[["0000000000000001", -90, 8], ["0000000000000002", -95, 5]]')""",
                [sensor.pk, T0 - timedelta(hours=1), desk.bobville.pk],
            )
    alarm = raised(desk, first)
    run_events(later(1))
    assert [row.type for row in incidents()] == ["mineur"]  # the other one hears them all
    raised(desk, second, at=later(2))
    run_events(later(3))
    assert [row.type for row in incidents()] == ["mineur", "bloquant"]
    assert alarm.pk != incidents()[1].alarm_id


def test_each_requalification_is_told_even_back_to_a_type_it_had(desk: World) -> None:
    raised(desk, equipment(desk, "gateway", "GW1", desk.bob_service))
    run_events(later(1))
    for place, criteria in enumerate(["secondary_function_down", "complete_stop", "secondary_function_down"]):
        act(desk, services.requalify, only(), now=later(5 + place), criteria=[criteria], reason="Faits nouveaux")
        run_events(later(5 + place))
    with scoped(SYSTEM):
        told = Notification.objects.filter(user=desk.bob, title__contains="requalifié")
        assert told.count() == 3


def test_an_alarm_without_service_takes_the_sites_own(desk: World) -> None:
    raised(desk, equipment(desk, "gateway", "GW1"))
    run_events(later(1))
    assert only().service_id == desk.bob_service.pk


def test_an_alarm_that_no_service_owes_is_told_to_the_holder(desk: World) -> None:
    with scoped(SYSTEM):
        Service.objects.filter(pk=desk.bob_service.pk).update(state="ended", ended_on=T0.date())
    alarm = raised(desk, equipment(desk, "gateway", "GW1"))
    run_events(later(1))
    assert incidents() == []
    with scoped(SYSTEM):
        told = list(Notification.objects.values_list("user__name", "origin_key"))
    assert told == [("Alice", f"alarm:{alarm.pk}:unplaced")]


@pytest.mark.parametrize(("served", "told"), [(True, ["Alice"]), (False, [])])
def test_an_alarm_that_no_service_owes_is_told_to_those_who_served_there(
    desk: World, served: bool, told: list[str]
) -> None:
    """A subcontractor of a lot must not learn what happens at the beneficiaries of another."""
    with scoped(SYSTEM):
        other = Lot.objects.create(
            agreement=desk.agreement, number=2, title="Autre", service_class="standard", network_access=False
        )
        Right.objects.filter(user=desk.alice).update(lot=desk.lot if served else other)
        Service.objects.update(state="ended")
    raised(desk, equipment(desk, "sensor", "S1"), code="device.silent")
    run_events(later(1))
    with scoped(SYSTEM):
        assert list(Notification.objects.values_list("user__name", flat=True)) == told


def test_a_business_alarm_opens_no_incident(desk: World) -> None:
    raised(desk, equipment(desk, "sensor", "S1", desk.bob_service), code="threshold.business", kind="business")
    run_events(later(1))
    assert incidents() == []
    with scoped(SYSTEM):
        assert list(Notification.objects.values_list("user__name", flat=True)) == ["Bob"]


def test_a_measurement_confirms_what_the_holder_said(desk: World) -> None:
    alarm = raised(desk, equipment(desk, "gateway", "GW1", desk.bob_service))
    run_events(later(1))
    act(desk, services.restore, only(), now=later(20))
    assert only().confirmation == "awaited"
    cleared(desk, alarm, later(22))
    run_events(later(23))
    assert (only().confirmation, only().restored_at) == ("measurement", later(20))


def test_a_measurement_that_comes_back_hours_later_does_not_confirm_the_holders_hour(desk: World) -> None:
    alarm = raised(desk, equipment(desk, "gateway", "GW1", desk.bob_service))
    run_events(later(1))
    act(desk, services.restore, only(), now=later(20))
    cleared(desk, alarm, later(200))
    run_events(later(201))
    incident = only()
    assert (incident.state, incident.confirmation) == ("restored", "awaited")  # Bob confirms, or refuses
    act(desk, services.refuse_restoration, incident, now=later(210), by=desk.viewer(desk.bob), reason="Non.")
    assert clocks(desk, incident, later(241))["GTR"].state is ClockState.MISSED


def test_an_alarm_ended_by_hand_restores_nothing(desk: World) -> None:
    """The holder retires the equipment: its alarm ends, the service is no less broken."""
    gateway = equipment(desk, "gateway", "GW1", desk.bob_service)
    alarm = raised(desk, gateway)
    run_events(later(1))
    with scoped(SYSTEM):
        Equipment.objects.filter(pk=gateway.pk).update(retired_on=T0.date())
    cleared(desk, alarm, later(30))
    run_events(later(31))
    assert (only().state, only().confirmation) == ("open", "")
    with scoped(SYSTEM):
        assert "close sans mesure" in IncidentMessage.objects.get().body


def test_an_alarm_whose_rule_was_put_to_rest_restores_nothing(desk: World) -> None:
    from cadran.inventory.models import MeasuringPoint
    from cadran.telemetry.services import create_rule, disable_rule

    with scoped(SYSTEM):
        point = MeasuringPoint.objects.create(
            owner=desk.bobville, site=desk.bob_site, service=desk.bob_service, name="Débit", kind="other"
        )
        rule = create_rule(
            viewer=SYSTEM, point_id=point.pk, quantity="debit", comparison="below", threshold=1.0, label="Débit nul",
            kind="service", now=T0,
        )  # fmt: skip
        raise_alarm(
            owner_id=desk.bobville.pk, origin_key=f"rule:{rule.pk}", code="threshold.service", kind="service",
            title="Débit nul", site_id=desk.bob_site.pk, service_id=desk.bob_service.pk, rule_id=rule.pk, raised_at=T0,
        )  # fmt: skip
    run_events(later(1))
    with scoped(SYSTEM):
        disable_rule(viewer=SYSTEM, rule_id=rule.pk, now=later(30))
    run_events(later(31))
    assert (only().state, only().confirmation) == ("open", "")


def test_the_end_of_the_former_alarm_told_late_does_not_end_the_new_one(desk: World) -> None:
    """The event of the first end failed; the gateway is silent again before it is tried anew."""
    gateway = equipment(desk, "gateway", "GW1", desk.bob_service)
    first = raised(desk, gateway)
    run_events(later(1))
    cleared(desk, first, later(20))
    with scoped(SYSTEM):
        OutboxEvent.objects.filter(name="telemetry.AlarmCleared").update(next_attempt_at=later(60))
    second = raised(desk, gateway, at=later(40))
    run_events(later(41))
    run_events(later(61))
    assert (only().state, only().alarm_id) == ("open", second.pk)
    cleared(desk, second, later(70))
    run_events(later(71))
    assert (only().state, only().restored_at) == ("restored", later(70))


def test_a_missed_deadline_is_told_to_the_holder_once(desk: World) -> None:
    from cadran.servicedesk import selectors

    raised(desk, equipment(desk, "gateway", "GW1", desk.bob_service))
    run_events(later(1))
    for moment in (later(61), later(62)):
        with scoped(SYSTEM):
            due = selectors.incidents_to_redraw(now=moment)
            for pk in due:
                services.redraw_clocks(incident_id=pk, now=moment)
        run_events(moment)
    with scoped(SYSTEM):
        told = Notification.objects.filter(origin_key__contains=":missed:")
        assert [(one.user.name, one.title) for one in told] == [("Alice", "INC-2026-000001 : GTI dépassée")]


def test_an_event_is_refused_outside_a_transaction() -> None:
    from django.db import connection

    event = IncidentDeclared(
        incident_id=1,
        owner_id=1,
        number="INC-2026-000001",
        service_id=1,
        site_id=1,
        lot_id=1,
        incident_type="mineur",
        priority="P2",
        channel="portal",
        informed_at=T0,
    )
    in_block = connection.in_atomic_block
    connection.in_atomic_block = False
    try:
        with pytest.raises(RuntimeError, match="inside the transaction"):
            outbox.publish(event)
    finally:
        connection.in_atomic_block = in_block
