"""Frames become alarms once, on the right terms, whoever races whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from cadran.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from cadran.kernel.models import AuditEntry, OutboxEvent
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.parties.models import Right
from cadran.telemetry import decoding, services, thresholds
from cadran.telemetry.models import Alarm, DecodeFailure, DeviceProfile, Latest, Measurement, RuleState
from cadran.telemetry.services import silence, sources
from tests.rooms.telemetry.fleet import QUANTITIES, Sensor, cayenne, make_profile, make_sensor
from tests.support import database
from tests.support.world import NOW, World

MINUTE = timedelta(minutes=1)
DEVICES = Path(__file__).parents[3] / "packs" / "devices"


@pytest.fixture
def sensor(world: World) -> Sensor:
    return make_sensor(world, make_profile())


def rule_on(sensor: Sensor, **changes: Any) -> int:
    terms: dict[str, Any] = {"quantity": "temperature", "comparison": "above", "threshold": 8.0}
    terms["label"] = "Chambre froide trop chaude"
    with scoped(SYSTEM):
        return services.create_rule(viewer=SYSTEM, point_id=sensor.point_id, now=NOW, **(terms | changes)).pk


def record(*uplinks: Any, now: datetime = NOW) -> services.Recorded:
    return services.record_uplinks(uplinks, now=now)


def events() -> list[tuple[str, dict[str, Any]]]:
    return list(OutboxEvent.objects.order_by("id").values_list("name", "payload"))


def names() -> list[str]:
    return [name for name, _ in events()]


def alarms() -> list[Alarm]:
    with scoped(SYSTEM):
        return list(Alarm.objects.order_by("id"))


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


# --- ingest ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_raw_frames_are_decoded_stored_and_the_unreadable_counted(sensor: Sensor) -> None:
    done = record(
        sensor.sent(at(1), cayenne(4.2, 61.5)), sensor.sent(at(2), b"\x01"), sensor.sent(at(3), cayenne(-18.0, 50.0))
    )
    assert (done.measurements, done.undecodable) == (2, 1)
    with scoped(SYSTEM):
        assert list(Measurement.objects.order_by("ts").values_list("ts", "values")) == [
            (at(1), [4.2, 61.5]),
            (at(3), [-18.0, 50.0]),
        ]
        assert Latest.objects.get().values == [-18.0, 50.0]
        record(sensor.sent(at(4), b"\x09\x09"))
        failure = DecodeFailure.objects.get()
    assert (failure.count, failure.last_at) == (2, at(4))
    assert "type Cayenne 9" in failure.last_message


@pytest.mark.django_db
def test_a_codec_in_javascript_and_its_correction_are_seen_at_the_next_batch(world: World) -> None:
    source = "function decodeUplink(input) { return {data: {t: input.bytes[0] / 10}}; }"
    quantities = [{"key": "t", "quantity": "temperature", "unit": "°C", "label": "Température"}]
    profile = make_profile("test/js@1.0", codec="test/js", source=source, quantities=quantities)
    sensor = make_sensor(world, profile)
    record(sensor.sent(at(1), b"\x2a"))
    with scoped(SYSTEM):
        assert Latest.objects.get().values == [4.2]
        DeviceProfile.objects.filter(pk=profile).update(codec_source=source.replace("/ 10", "/ 100"))
    record(sensor.sent(at(2), b"\x2a"))
    with scoped(SYSTEM):
        assert Latest.objects.get().values == [0.42]


@pytest.mark.django_db
def test_an_unknown_profile_is_a_failure_that_says_what_to_do(sensor: Sensor) -> None:
    from dataclasses import replace

    done = record(replace(sensor.sent(at(1), b"\x00"), profile_id=987_654))
    with scoped(SYSTEM):
        failure = DecodeFailure.objects.get()
    assert done.undecodable == 1
    assert "987654" in failure.last_message


@pytest.mark.django_db
def test_the_caller_may_decode_before_its_transaction(sensor: Sensor) -> None:
    decoded = services.decode_uplinks([sensor.sent(at(1), cayenne(4.2, 61.5)), sensor.sent(at(2), b"")])
    with scoped(SYSTEM):
        done = services.record_uplinks(decoded, now=NOW)
    assert (done.measurements, done.undecodable) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_batch_rolls_back_with_its_caller(sensor: Sensor) -> None:
    rule_on(sensor)

    def caller() -> None:
        with scoped(SYSTEM):
            assert record(sensor.sent(at(1), cayenne(12.0, 50.0))).raised == 1
            raise RuntimeError("counters")

    with pytest.raises(RuntimeError, match="counters"):
        caller()
    with scoped(SYSTEM):
        assert not Measurement.objects.exists()
        assert not Alarm.objects.exists()
    assert names() == []
    assert record(sensor.sent(at(1), cayenne(12.0, 50.0))).raised == 1


@pytest.mark.django_db(transaction=True)
def test_open_pages_are_told_once_per_owner_and_batch(world: World) -> None:
    profile = make_profile()
    mine = [make_sensor(world, profile, str(n)) for n in range(3)]
    theirs = make_sensor(world, profile, "9", of="charlie")
    with psycopg.connect(database.url("cadran_app", connection.settings_dict["NAME"]), autocommit=True) as listener:
        listener.execute("LISTEN cadran_live")
        record(*(one.said(at(n), 1.0, 2.0) for one in [*mine, theirs] for n in range(5)))
        told = sorted(one.payload for one in listener.notifies(timeout=2, stop_after=2))
    assert told == sorted([f"measurement:0:{mine[0].owner_id}", f"measurement:0:{theirs.owner_id}"])


# --- rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_alarm_is_raised_once_and_cleared_past_the_hysteresis(sensor: Sensor, world: World) -> None:
    rule = rule_on(sensor, hysteresis=1.0)
    assert record(sensor.said(at(1), 7.9, 50.0)).raised == 0
    assert record(sensor.said(at(2), 8.5, 50.0), sensor.said(at(3), 9.0, 50.0)).raised == 1
    assert record(sensor.said(at(4), 7.5, 50.0)).cleared == 0
    (alarm,) = alarms()
    assert (alarm.raised_at, alarm.value, alarm.code, alarm.kind) == (at(2), 8.5, "threshold.business", "business")
    assert (alarm.site_id, alarm.service_id) == (sensor.site_id, world.bob_service.pk)
    assert (alarm.equipment_id, alarm.point_id, alarm.rule_id) == (sensor.device_id, sensor.point_id, rule)
    assert (alarm.title, alarm.detail) == (
        "Chambre froide trop chaude",
        "Mesure : 8,5\u00a0°C, au-dessus du seuil de 8,0\u00a0°C.",
    )
    assert record(sensor.said(at(5), 7.0, 50.0)).cleared == 1
    (alarm,) = alarms()
    assert (alarm.state, alarm.cleared_at) == ("cleared", at(5))
    raised, cleared = events()
    assert raised[0] == "telemetry.AlarmRaised"
    assert raised[1]["alarm_id"] == alarm.pk
    assert cleared[0] == "telemetry.AlarmCleared"
    assert cleared[1]["service_id"] == world.bob_service.pk


@pytest.mark.django_db
def test_one_batch_may_raise_clear_and_raise_again(sensor: Sensor) -> None:
    rule_on(sensor)
    done = record(*(sensor.said(at(n), value, 1.0) for n, value in enumerate([3, 9, 3, 9.5], start=1)))
    assert (done.raised, done.cleared) == (2, 1)
    assert [(one.raised_at, one.cleared_at) for one in alarms()] == [(at(2), at(3)), (at(4), None)]


@pytest.mark.django_db
def test_late_and_doubled_frames_wake_no_rule(sensor: Sensor) -> None:
    rule_on(sensor)
    record(sensor.said(at(10), 5.0, 50.0))
    assert record(sensor.said(at(5), 12.0, 50.0)).raised == 0  # late: since then it was measured right
    assert record(sensor.said(at(-5), 12.0, 50.0)).raised == 0  # before the rule was written
    assert record(sensor.said(at(11), 12.0, 50.0)).raised == 1
    assert record(sensor.said(at(11), 12.0, 50.0)).raised == 0
    assert len(alarms()) == 1


@pytest.mark.django_db
def test_a_duration_is_counted_across_batches(sensor: Sensor) -> None:
    rule_on(sensor, duration_s=1_200, kind="service")
    for minutes in (1, 10, 20):
        assert record(sensor.said(at(minutes), 9.0, 50.0)).raised == 0
    assert record(sensor.said(at(21), 9.0, 50.0)).raised == 1
    assert alarms()[0].code == "threshold.service"


@pytest.mark.django_db
def test_a_rule_belongs_to_the_point_and_survives_the_swap_of_its_device(world: World) -> None:
    profile = make_profile()
    old = make_sensor(world, profile, until=at(10))
    new = make_sensor(world, profile, "2", point=old.point_id, since=at(10))
    rule_on(old)
    assert record(old.said(at(5), 9.0, 50.0)).raised == 1
    assert record(old.said(at(15), 3.0, 50.0)).cleared == 0  # on a shelf by now
    assert record(new.said(at(16), 4.0, 50.0)).cleared == 1


@pytest.mark.django_db
def test_a_frame_that_says_nothing_of_the_quantity_changes_nothing(sensor: Sensor) -> None:
    rule_on(sensor)
    assert record(sensor.said(at(1), 9.0, 50.0)).raised == 1
    assert record(sensor.said(at(2), None, 50.0)).cleared == 0


@pytest.mark.django_db
def test_a_disabled_rule_rests_and_its_alarm_ends(sensor: Sensor) -> None:
    rule = rule_on(sensor)
    record(sensor.said(at(1), 9.0, 50.0))
    with scoped(SYSTEM):
        services.disable_rule(viewer=SYSTEM, rule_id=rule, now=at(2))
    assert alarms()[0].cleared_at == at(2)
    assert record(sensor.said(at(3), 9.0, 50.0)).raised == 0
    with scoped(SYSTEM):
        services.enable_rule(viewer=SYSTEM, rule_id=rule, now=at(4))
    assert record(sensor.said(at(5), 9.0, 50.0)).raised == 1


@pytest.mark.django_db
def test_an_alarm_that_stands_is_judged_on_the_new_terms(sensor: Sensor) -> None:
    rule = rule_on(sensor)
    record(sensor.said(at(1), 9.0, 50.0))
    with scoped(SYSTEM):
        services.update_rule(viewer=SYSTEM, rule_id=rule, now=at(2), threshold=10.0)
        trace = AuditEntry.objects.get(action="rule.update").details
    assert trace == {"threshold": [8.0, 10.0]}
    assert record(sensor.said(at(3), 9.5, 50.0)).cleared == 1


@pytest.mark.django_db
def test_who_may_write_which_rule(sensor: Sensor, world: World) -> None:
    bob, charlie, alice = (world.viewer(person) for person in (world.bob, world.charlie, world.alice))
    terms: dict[str, Any] = {"quantity": "temperature", "comparison": "above", "threshold": 8.0, "label": "L"}
    terms["point_id"] = sensor.point_id
    with scoped(bob):
        rule = services.create_rule(viewer=bob, now=NOW, recipients=["cuisine@example.org"], **terms)
        with pytest.raises(NotAllowed, match="écrite par le titulaire"):
            services.create_rule(viewer=bob, now=NOW, kind="service", **terms)
        with pytest.raises(InvalidInput, match="adresse électronique"):
            services.create_rule(viewer=bob, now=NOW, recipients=["cuisine"], **terms)
        with pytest.raises(InvalidInput, match="hystérésis"):
            services.create_rule(viewer=bob, now=NOW, hysteresis=-1.0, **terms)
    with scoped(charlie):
        with pytest.raises(NotFound):
            services.create_rule(viewer=charlie, now=NOW, **terms)
        with pytest.raises(NotFound):
            services.disable_rule(viewer=charlie, rule_id=rule.pk, now=NOW)
    with scoped(alice), pytest.raises(NotAllowed):  # an agent reads rules, and writes none
        services.create_rule(viewer=alice, now=NOW, **terms)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("verb", "changes"),
    [
        pytest.param(services.disable_rule, {}, id="put to rest"),
        pytest.param(services.enable_rule, {}, id="woken"),
        pytest.param(services.update_rule, {"threshold": 90.0}, id="made deaf"),
        pytest.param(services.update_rule, {"kind": "business"}, id="made a business rule"),
    ],
)
def test_a_service_rule_is_the_holders_alone(
    sensor: Sensor, world: World, verb: Callable[..., Any], changes: dict[str, Any]
) -> None:
    rule, bob = rule_on(sensor, kind="service"), world.viewer(world.bob)
    record(sensor.said(at(1), 9.0, 50.0))
    with scoped(bob), pytest.raises(NotAllowed, match="écrite par le titulaire"):
        verb(viewer=bob, rule_id=rule, now=at(2), **changes)
    assert [alarm.cleared_at for alarm in alarms()] == [None]
    Right.objects.create(user=world.alice, role="holder.network", starts_on=NOW.date())
    network = world.viewer(world.alice)
    with scoped(network):
        services.disable_rule(viewer=network, rule_id=rule, now=at(3))
    assert [alarm.cleared_at for alarm in alarms()] == [at(3)]


@pytest.mark.django_db
def test_a_rule_written_by_the_beneficiary_runs(sensor: Sensor, world: World) -> None:
    bob = world.viewer(world.bob)
    with scoped(bob):
        services.create_rule(
            viewer=bob, point_id=sensor.point_id, quantity="humidity", comparison="below", threshold=30.0,
            label="Air trop sec", now=NOW,
        )  # fmt: skip
    assert record(sensor.said(at(1), 20.0, 25.0)).raised == 1


# --- alarms ---------------------------------------------------------------------------------------------------------


def raise_gateway(world: World, raised_at: datetime = NOW) -> tuple[Alarm, bool]:
    with scoped(SYSTEM):
        return services.raise_alarm(
            owner_id=world.bobville.pk, origin_key="gateway:7:silent", code="gateway.silent", kind="service",
            title="Passerelle muette", site_id=world.bob_site.pk, service_id=world.bob_service.pk, raised_at=raised_at,
        )  # fmt: skip


@pytest.mark.django_db
def test_an_origin_has_one_open_alarm(world: World) -> None:
    first, new = raise_gateway(world)
    again, renewed = raise_gateway(world, at(1))
    assert (new, renewed, again.pk) == (True, False, first.pk)
    with scoped(SYSTEM):
        assert services.clear_alarm(owner_id=world.bobville.pk, origin_key="gateway:7:silent", at=at(-5))
        assert not services.clear_alarm(owner_id=world.bobville.pk, origin_key="gateway:7:silent", at=at(3))
    assert alarms()[0].cleared_at == NOW  # an end never precedes its beginning
    second, new = raise_gateway(world, at(5))
    assert (new, second.pk != first.pk) == (True, True)
    assert names() == ["telemetry.AlarmRaised", "telemetry.AlarmCleared", "telemetry.AlarmRaised"]


@pytest.mark.django_db
def test_acknowledging_is_for_those_who_may_and_once(world: World) -> None:
    alarm, _ = raise_gateway(world)
    bob, charlie = world.viewer(world.bob), world.viewer(world.charlie)
    with scoped(charlie), pytest.raises(NotFound):
        services.acknowledge_alarm(viewer=charlie, alarm_id=alarm.pk, now=NOW)
    with scoped(bob):
        assert services.acknowledge_alarm(viewer=bob, alarm_id=alarm.pk, now=at(1)).acknowledged_by == "Bob"
        with pytest.raises(Conflict):
            services.acknowledge_alarm(viewer=bob, alarm_id=alarm.pk, now=at(2))
    assert names()[-1] == "telemetry.AlarmAcknowledged"
    with scoped(SYSTEM):
        assert AuditEntry.objects.filter(action="alarm.acknowledge", actor_id=world.bob.pk).count() == 1


# --- races ----------------------------------------------------------------------------------------------------------


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts in threads of their own, each on its own connection; return results or errors."""
    results: list[Any] = [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        try:
            results[place] = act()
        except Exception as error:  # shown by the assertion of the caller
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.fixture
def side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make two threads read the states of rules before either writes one; the one that raises writes first."""
    barrier, wrote, mine = threading.Barrier(2), threading.Event(), threading.local()
    find, swap = thresholds.find, thresholds.swap

    def both_read(*args: Any) -> Any:
        found = find(*args)
        if not hasattr(mine, "waited"):
            mine.waited = True
            barrier.wait(10)
        return found

    def raising_first(changes: Any) -> set[int]:
        listed = list(changes)
        if not any(state.active for _, state in listed):
            wrote.wait(10)
        try:
            return swap(listed)
        finally:
            wrote.set()

    monkeypatch.setattr(thresholds, "find", both_read)
    monkeypatch.setattr(thresholds, "swap", raising_first)


def swapped_pair(world: World) -> tuple[Sensor, Sensor]:
    """Two devices that follow each other on one point: their batches share a rule and no other row."""
    profile = make_profile()
    old = make_sensor(world, profile, until=at(10))
    return old, make_sensor(world, profile, "2", point=old.point_id, since=at(10))


def race(old: Sensor, new: Sensor) -> None:
    """The old device's last frame is wrong, the new one's first is right; both batches run at once."""
    results = together(
        lambda: record(old.said(at(9), 12.0, 50.0)),
        lambda: record(new.said(at(11), 3.0, 50.0)),
    )
    assert all(isinstance(one, services.Recorded) for one in results), results


def standing(rule: int) -> tuple[bool, int]:
    """Whether the rule's state says alarm, and how many alarms are open."""
    with scoped(SYSTEM):
        return RuleState.objects.get(pk=rule).active, Alarm.objects.filter(cleared_at__isnull=True).count()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("side_by_side")
def test_two_batches_on_one_rule_end_in_agreement(world: World) -> None:
    old, new = swapped_pair(world)
    rule = rule_on(old)
    race(old, new)
    active, still_open = standing(rule)
    assert (active, still_open) == (False, 0)
    assert names() == ["telemetry.AlarmRaised", "telemetry.AlarmCleared"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("side_by_side")
def test_without_the_comparison_they_disagree(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the compare-and-swap is for: without it an alarm stays open whose rule says all is well."""
    blind = thresholds._SWAP.replace("WHERE s.version = w.version", "")
    assert blind != thresholds._SWAP
    monkeypatch.setattr(thresholds, "_SWAP", blind)
    old, new = swapped_pair(world)
    rule = rule_on(old)
    race(old, new)
    assert standing(rule) == (False, 1)


@pytest.mark.django_db(transaction=True)
def test_two_batches_raise_one_alarm(world: World, side_by_side: None) -> None:
    old, new = swapped_pair(world)
    rule = rule_on(old)
    results = together(
        lambda: record(old.said(at(9), 12.0, 50.0)),
        lambda: record(new.said(at(11), 13.0, 50.0)),
    )
    assert sorted(one.raised for one in results) == [0, 1], results
    assert standing(rule) == (True, 1)
    assert names() == ["telemetry.AlarmRaised"]


def raise_in_step(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Raise one origin's alarm from two threads that both have found none open."""
    from django.db.models.query import QuerySet

    barrier, create = threading.Barrier(2), QuerySet.create

    def slow(self: Any, **values: Any) -> Any:
        if self.model is Alarm:
            barrier.wait(5)
        return create(self, **values)

    monkeypatch.setattr(QuerySet, "create", slow)
    return together(lambda: raise_gateway(world), lambda: raise_gateway(world))


@pytest.mark.django_db(transaction=True)
def test_two_callers_open_one_alarm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    results = raise_in_step(world, monkeypatch)
    assert sorted(new for _, new in results) == [False, True]
    assert len({alarm.pk for alarm, _ in results}) == 1
    assert names() == ["telemetry.AlarmRaised"]


@pytest.fixture
def without_the_constraint() -> Iterator[None]:
    """Take the constraint away, and put it back."""
    url = database.url("cadran_owner", connection.settings_dict["NAME"])
    with psycopg.connect(url, autocommit=True) as owner:
        row = owner.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'one_open_alarm_per_origin'").fetchone()
        assert row is not None
        owner.execute("DROP INDEX one_open_alarm_per_origin")
        yield
        owner.execute("TRUNCATE telemetry_alarm CASCADE")
        owner.execute(row[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("without_the_constraint")
def test_without_the_constraint_they_open_two(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    results = raise_in_step(world, monkeypatch)
    assert [new for _, new in results] == [True, True]
    assert len(alarms()) == 2
    connection.close()  # its locks would keep the constraint from coming back


# --- silence --------------------------------------------------------------------------------------------------------


def check(now: datetime) -> tuple[int, int]:
    with scoped(SYSTEM):
        return services.check_silence(now=now)


@pytest.mark.django_db
def test_a_device_is_silent_after_its_time_and_heard_again(sensor: Sensor, world: World) -> None:
    assert check(at(60)) == (0, 0)  # four periods of 15 minutes since its registration
    assert check(at(61)) == (1, 0)
    assert check(at(62)) == (0, 0)
    (alarm,) = alarms()
    assert (alarm.code, alarm.kind, alarm.title) == ("device.silent", "service", "Sonde 1 n’envoie plus rien")
    assert alarm.origin_key == f"device:{sensor.device_id}:silent"
    assert (alarm.service_id, alarm.point_id) == (world.bob_service.pk, sensor.point_id)
    record(sensor.said(at(70), 4.0, 50.0), now=at(70))
    assert check(at(71)) == (0, 1)
    assert alarms()[0].cleared_at == at(70)
    assert check(at(130)) == (0, 0)
    assert check(at(131)) == (1, 0)


@pytest.mark.django_db
def test_a_device_heard_and_not_understood_is_not_silent(sensor: Sensor) -> None:
    for minutes in range(0, 91, 15):
        record(sensor.sent(at(minutes), b"\x01"), now=at(minutes))
        check(at(minutes) + MINUTE)
    assert [one.code for one in alarms()] == ["device.undecodable"]
    assert check(at(300)) == (0, 0)  # silent now, but one alarm a device is enough
    record(sensor.said(at(301), 4.0, 50.0), now=at(301))
    assert check(at(302)) == (0, 1)


@pytest.mark.django_db
def test_a_retired_device_is_expected_no_more(sensor: Sensor) -> None:
    from cadran.inventory.models import Equipment

    assert check(at(61)) == (1, 0)
    with scoped(SYSTEM):
        Equipment.objects.filter(pk=sensor.device_id).update(retired_on=NOW.date())
    assert check(at(62)) == (0, 1)
    assert check(at(600)) == (0, 0)


@pytest.mark.django_db
def test_a_silence_that_is_explained_is_no_news(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = make_profile()
    near, far = make_sensor(world, profile), make_sensor(world, profile, "2")
    monkeypatch.setattr(silence, "_explanations", [])
    asked: list[frozenset[int]] = []

    @services.explain_silence_with
    def under_a_silent_gateway(device_ids: frozenset[int], *, now: datetime) -> set[int]:
        asked.append(device_ids)
        return {near.device_id}

    assert check(at(61)) == (1, 0)
    assert asked == [frozenset({near.device_id, far.device_id})]
    assert alarms()[0].equipment_id == far.device_id


# --- sources and profiles -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_device_packs_load_once_and_keep_the_order_of_quantities() -> None:
    with scoped(SYSTEM):
        ids = services.load_profiles(folder=DEVICES, now=NOW)
        assert services.load_profiles(folder=DEVICES, now=NOW) == ids
        assert AuditEntry.objects.filter(action="profile.load").count() == len(ids)
        cold = DeviceProfile.objects.get(code="cadran-demo/cold-room@1.0")
        assert [one["quantity"] for one in cold.quantities] == ["temperature", "opening", "battery_level"]
        DeviceProfile.objects.filter(pk=cold.pk).update(pack_digest="", quantities=[QUANTITIES[1], *cold.quantities])
        with pytest.raises(sources.ProfileInUse, match="cold-room"):
            services.load_profiles(folder=DEVICES, now=NOW)


@pytest.mark.django_db
def test_a_device_that_measured_keeps_its_profile(sensor: Sensor) -> None:
    other = make_profile("test/other@1.0")
    terms: dict[str, Any] = {"viewer": SYSTEM, "equipment_id": sensor.device_id, "now": at(5), "expected_every_s": 600}
    with scoped(SYSTEM):
        source = services.register_source(profile_id=sensor.profile_id, **terms)
        assert (source.silent_after_s, source.registered_at) == (2_400, NOW)
        record(sensor.said(at(1), 4.0, 50.0))
        with pytest.raises(sources.ProfileInUse, match="Sonde 1"):
            services.register_source(profile_id=other, **terms)
        with pytest.raises(NotFound):
            services.register_source(profile_id=987_654, **terms)


@pytest.mark.django_db
def test_only_the_platform_registers_sources(sensor: Sensor, world: World) -> None:
    bob = world.viewer(world.bob)
    with scoped(bob), pytest.raises(NotAllowed):
        services.register_source(viewer=bob, equipment_id=sensor.device_id, profile_id=sensor.profile_id, now=NOW)


def test_the_pool_is_one_per_process() -> None:
    assert decoding.pool() is decoding.pool()
