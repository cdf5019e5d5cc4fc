"""The bridge to the database: one transaction per batch, nothing lost but the bad record itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from cadran.inventory.models import Equipment
from cadran.kernel import outbox
from cadran.kernel.identifiers import Eui64
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.lorawan import bulk, selectors, services
from cadran.lorawan.codec import gwmp
from cadran.lorawan.counters import MAX_REFUSAL_SUBJECTS, Refusal, RefusalReason, Refusals
from cadran.lorawan.models import Device, DevNonce, Gateway, ServerRun, Session, Uplink
from cadran.lorawan.models import Refusal as RefusalRow
from cadran.lorawan.ports import GatewaySighting, JoinRecord, Reception, UplinkKind, UplinkRecord
from cadran.lorawan.rules import ReceiveSettings
from cadran.lorawan.store import DatabaseStore
from cadran.parties.models import Lot, Right
from cadran.telemetry.models import Alarm, DeviceProfile, Latest, Measurement, Source
from tests.support.world import NOW, World

pytestmark = pytest.mark.django_db(transaction=True)
EUI = Eui64.parse("02cada0000000001")
JOIN_EUI = Eui64.parse("02cada4a00000001")
GATEWAY = Eui64.parse("02cada6700000001")
KEY = bytes(range(16))


@dataclass
class Radio:
    """A registered device and gateway of Bob's."""

    world: World
    device_id: int
    profile_id: int
    gateway_id: int

    @property
    def owner_id(self) -> int:
        return int(self.world.bobville.pk)

    def uplink(self, f_cnt: int = 0, *, at: datetime = NOW, **changes: Any) -> UplinkRecord:
        packet = gwmp.RxPacket(tmst=1, megahertz=868.1, data_rate="SF7BW125", data="", rssi=-80, lsnr=7.5)
        record = UplinkRecord(
            device_id=self.device_id,
            owner_id=self.owner_id,
            profile_id=self.profile_id,
            dev_eui=EUI.value,
            dev_addr=1,
            join_nonce=1,
            kind=UplinkKind.NEW,
            received_at=at,
            f_cnt=f_cnt,
            f_port=1,
            payload=b"\x01\x67\x00\xeb",
            confirmed=False,
            adr=True,
            frequency_hz=868_100_000,
            data_rate=5,
            mac_commands=(),
            receptions=(Reception(self.gateway_id, GATEWAY.value, at, 0.0, packet),),
        )
        for name in record.__struct_fields__:
            changes.setdefault(name, getattr(record, name))
        return UplinkRecord(**changes)

    def join(self, nonce: int = 1) -> JoinRecord:
        return JoinRecord(
            device_id=self.device_id,
            owner_id=self.owner_id,
            dev_eui=EUI.value,
            dev_nonce=nonce,
            join_nonce=nonce,
            net_id=0,
            dev_addr=0x01020304,
            nwk_s_key=KEY,
            app_s_key=bytes(reversed(KEY)),
            receive=ReceiveSettings(),
            f_cnt_down_reserved=64,
            joined_at=NOW,
        )


@pytest.fixture
def radio(world_committed: World) -> Radio:
    world = world_committed
    with scoped(SYSTEM):
        profile = DeviceProfile.objects.create(
            code="test/temperature@1.0",
            name="Sonde",
            maker="test",
            quantities=[{"key": "temperature_1", "quantity": "temperature", "unit": "°C", "label": "Température"}],
            codec="cayenne",
            pack_digest="0" * 64,
        )
        sensor, gateway = (
            Equipment.objects.create(
                owner=world.bobville, site=world.bob_site, service=world.bob_service, kind=kind, name=name, serial=name
            )
            for kind, name in (("sensor", "Sonde 1"), ("gateway", "GW-001"))
        )
        Source.objects.create(equipment=sensor, owner=world.bobville, profile=profile, registered_at=NOW)
        services.register_devices(
            viewer=SYSTEM,
            devices=[services.NewDevice(sensor.pk, world.bobville.pk, EUI, JOIN_EUI, KEY)],
            now=NOW,
        )
        registered = services.register_gateway(
            viewer=SYSTEM, owner_id=world.bobville.pk, equipment_id=gateway.pk, eui=GATEWAY, now=NOW
        )
    return Radio(world, sensor.pk, profile.pk, registered.pk)


def with_store(act: Callable[[DatabaseStore], Awaitable[None]], **settings: Any) -> DatabaseStore:
    """Run ``act`` against a started store, then stop it."""

    async def main() -> DatabaseStore:
        store = DatabaseStore(**settings)
        store.start()
        try:
            await asyncio.wait_for(act(store), 60)
        finally:
            await store.stop()
        return store

    return asyncio.run(main())


def test_a_join_and_its_uplinks_are_committed_together(radio: Radio) -> None:
    async def act(store: DatabaseStore) -> None:
        await store.persist_join(radio.join())
        assert store.submit_uplinks([radio.uplink(0), radio.uplink(1, at=NOW + timedelta(seconds=60))]) == 2
        await store.flushed()

    store = with_store(act)
    assert (store.committed, store.faults) == (2, 0)
    with scoped(SYSTEM):
        session = Session.objects.get()
        assert (session.fcnt_up, session.dev_addr, session.fcnt_down_reserved) == (1, "01020304", 64)
        assert KEY not in bytes(session.nwk_s_key_sealed)
        assert DevNonce.objects.get().nonce == 1
        assert Uplink.objects.count() == 2
        assert list(Measurement.objects.order_by("ts").values_list("values", flat=True)) == [[23.5], [23.5]]
        assert Latest.objects.get().ts == NOW + timedelta(seconds=60)
        (record,) = selectors.devices_for_server(profiles={radio.device_id: radio.profile_id})
    assert record.session is not None
    assert (record.session.nwk_s_key, record.session.f_cnt_up, record.app_key) == (KEY, 1, KEY)
    assert record.used_dev_nonces == {1}
    assert "app_key" not in repr(record)


def test_another_beneficiary_sees_no_frame_and_no_key(radio: Radio) -> None:
    async def act(store: DatabaseStore) -> None:
        await store.persist_join(radio.join())
        store.submit_uplinks([radio.uplink()])
        await store.flushed()

    with_store(act)
    for person, count in ((radio.world.bob, 1), (radio.world.charlie, 0)):
        with scoped(radio.world.viewer(person)):
            for model in (Uplink, Session, Device, DevNonce, Gateway, Measurement, Latest):
                assert model.objects.count() == count, model


def test_a_session_heard_replaces_the_former_one(radio: Radio) -> None:
    async def act(store: DatabaseStore) -> None:
        await store.persist_join(radio.join(1))
        await store.persist_join(radio.join(2))
        store.submit_uplinks([radio.uplink(0, join_nonce=2)])
        await store.flushed()

    with_store(act)
    with scoped(SYSTEM):
        assert Session.objects.get().join_nonce == 2
        assert Device.objects.get().join_nonce == 2


def test_a_restart_finds_the_session_not_heard_yet_and_the_former_one(radio: Radio) -> None:
    with scoped(SYSTEM):
        bulk.join(radio.join(1))
        bulk.counters([radio.uplink(5)])
        bulk.join(radio.join(2))
        bulk.join(radio.join(3))
        (record,) = selectors.devices_for_server(profiles={radio.device_id: radio.profile_id})
        assert record.session is not None
        assert record.former is not None
        assert (record.former.join_nonce, record.former.f_cnt_up, record.session.join_nonce) == (1, 5, 3)
        bulk.counters([radio.uplink(0, join_nonce=3)])
        (record,) = selectors.devices_for_server(profiles={radio.device_id: radio.profile_id})
    assert record.former is None


def test_a_spent_dev_nonce_is_refused_and_costs_only_itself(radio: Radio) -> None:
    async def act(store: DatabaseStore) -> None:
        await store.persist_join(radio.join(1))
        again = store.persist_join(radio.join(1))
        store.submit_uplinks([radio.uplink(0)])
        flushed = store.flushed()
        with pytest.raises(Exception, match="dev_nonce_used_once"):
            await again
        await flushed

    store = with_store(act)
    assert (store.committed, store.faults) == (1, 1)


def test_one_bad_record_costs_only_itself(radio: Radio) -> None:
    uplinks = [radio.uplink(number, at=NOW + timedelta(seconds=number)) for number in range(9)]
    uplinks[4] = radio.uplink(2**70, at=NOW + timedelta(seconds=4))

    async def act(store: DatabaseStore) -> None:
        store.submit_uplinks(uplinks)
        await store.flushed()

    store = with_store(act)
    assert (store.committed, store.faults) == (8, 1)
    with scoped(SYSTEM):
        assert Measurement.objects.count() == 8


def test_a_database_that_is_away_is_waited_for(radio: Radio, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = bulk.counters, [1, 1]

    def away_twice(records: Any) -> None:
        if failures:
            failures.pop()
            raise OperationalError("the server closed the connection")
        real(records)

    monkeypatch.setattr(bulk, "counters", away_twice)
    monkeypatch.setattr("cadran.lorawan.store.RETRY_S", 0.01)

    async def act(store: DatabaseStore) -> None:
        store.submit_uplinks([radio.uplink()])
        await store.flushed()

    assert with_store(act).committed == 1
    assert failures == []


def test_a_full_queue_refuses_instead_of_dropping(radio: Radio) -> None:
    async def main() -> None:
        store = DatabaseStore(capacity=3)  # not started: nothing drains it
        assert store.submit_uplinks([radio.uplink(number) for number in range(5)]) == 3
        assert store.room() == 0

    asyncio.run(main())


def test_the_same_uplink_twice_is_one_measurement(radio: Radio) -> None:
    async def act(store: DatabaseStore) -> None:
        store.submit_uplinks([radio.uplink(0)])
        await store.flushed()
        store.submit_uplinks([radio.uplink(0), radio.uplink(0, kind=UplinkKind.RETRANSMISSION)])
        await store.flushed()

    with_store(act)
    with scoped(SYSTEM):
        assert (Measurement.objects.count(), Uplink.objects.count()) == (1, 1)


def test_refusals_and_signs_of_life_are_kept(radio: Radio) -> None:
    drained = [
        [Refusal(RefusalReason.WRONG_MIC, "01020304", 3, NOW)],
        [Refusal(RefusalReason.WRONG_MIC, "01020304", 2, NOW)],
    ]

    async def act(store: DatabaseStore) -> None:
        status = gwmp.GatewayStatus(received=10, received_ok=9)
        store.gateway_seen(GatewaySighting(radio.gateway_id, GATEWAY.value, NOW, status))
        store.gateway_seen(GatewaySighting(radio.gateway_id, GATEWAY.value, NOW + timedelta(seconds=5)))
        await store.flushed()
        while drained:
            await asyncio.sleep(0.05)
        await store.flushed()

    with_store(act, drain_refusals=lambda: drained.pop() if drained else [], counts=lambda: {"uplinks": 7})
    with scoped(SYSTEM):
        assert RefusalRow.objects.get().count == 5
        gateway = Gateway.objects.get()
        assert gateway.last_seen_at == NOW + timedelta(seconds=5)
        assert gateway.last_stat["rxok"] == 9
        assert ServerRun.objects.get().counters == {"uplinks": 7}


def test_invented_senders_do_not_fill_the_table() -> None:
    refusals = Refusals()
    for number in range(MAX_REFUSAL_SUBJECTS + 50):
        refusals.note(RefusalReason.UNKNOWN_GATEWAY, f"{number:016x}", NOW)
    assert len(refusals.drain()) == MAX_REFUSAL_SUBJECTS + 1
    refusals.note(RefusalReason.UNKNOWN_GATEWAY, "another", NOW)  # the flush before does not make room for more rows
    refusals.note(RefusalReason.UNKNOWN_GATEWAY, f"{1:016x}", NOW)
    refusals.note(RefusalReason.MALFORMED_DATAGRAM, "f" * 60, NOW + timedelta(days=1))
    assert sorted(one.subject for one in refusals.drain()) == ["", f"{1:016x}", "f" * 40]


def test_a_gateways_odd_clock_does_not_silence_the_others(radio: Radio) -> None:
    """jsonb refuses a NUL: the signs of life of every gateway would be lost with that one's."""
    head = b"\x02\x00\x01\x00" + GATEWAY.value.to_bytes(8, "big")
    push = gwmp.parse(head + b'{"stat":{"time":"12:00\\u0000","rxnb":1}}')
    assert isinstance(push, gwmp.PushData)
    assert (push.status, push.malformed) == (None, 1)
    push = gwmp.parse(head + b'{"stat":{"time":"12:00","rxnb":1}}')
    assert isinstance(push, gwmp.PushData)
    with scoped(SYSTEM):
        bulk.sightings([GatewaySighting(radio.gateway_id, GATEWAY.value, NOW, push.status)])
        assert Gateway.objects.get().last_stat["time"] == "12:00"


def hear(radio: Radio, at: datetime, *, server_seen: datetime, started: datetime = NOW - timedelta(days=1)) -> None:
    with scoped(SYSTEM):
        Gateway.objects.update(last_seen_at=at)
        bulk.alive(name="lorawan", started_at=started, now=server_seen, counts={})


def judge(now: datetime) -> tuple[int, int]:
    with scoped(SYSTEM):
        return services.judge_gateways(now=now)


def test_a_silent_gateway_raises_one_alarm_and_clears_it(radio: Radio) -> None:
    later = NOW + timedelta(seconds=301)
    hear(radio, NOW, server_seen=later)
    assert judge(NOW + timedelta(seconds=300)) == (0, 0)
    assert judge(later) == (1, 0)
    assert judge(later + timedelta(seconds=10)) == (0, 0)
    with scoped(SYSTEM):
        alarm = Alarm.objects.get()
        assert (alarm.code, alarm.kind, alarm.owner_id) == ("gateway.silent", "service", radio.owner_id)
        assert alarm.service_id == radio.world.bob_service.pk
        assert outbox.backlog(now=later)["waiting"] >= 1
    hear(radio, later + timedelta(seconds=20), server_seen=later + timedelta(seconds=20))
    assert judge(later + timedelta(seconds=21)) == (0, 1)
    with scoped(SYSTEM):
        assert Alarm.objects.get().cleared_at == later + timedelta(seconds=20)


def test_a_retired_gateway_is_expected_no_more(radio: Radio) -> None:
    """Its silence opens nothing, ends what was open, and explains no sensor's silence."""
    later = NOW + timedelta(seconds=301)
    hear(radio, NOW, server_seen=later)
    assert judge(later) == (1, 0)
    with scoped(SYSTEM):
        device = Device.objects.get().pk
        bulk.uplinks([radio.uplink(0)])
        assert selectors.silence_explained(frozenset({device}), now=later) == {device}
        Equipment.objects.filter(kind="gateway").update(retired_on=later.date())
        assert selectors.silence_explained(frozenset({device}), now=later) == set()
        assert selectors.gateway_counts(viewer=SYSTEM, now=later) == (0, 0)
    assert judge(later + timedelta(seconds=10)) == (0, 1)
    assert judge(later + timedelta(seconds=20)) == (0, 0)
    with scoped(SYSTEM):
        assert Alarm.objects.get().cleared_at == later + timedelta(seconds=10)


def test_a_right_over_a_lot_reaches_no_gateway_of_another_lot(radio: Radio) -> None:
    with scoped(SYSTEM):
        other = Lot.objects.create(
            agreement=radio.world.agreement, number=2, title="Autre", service_class="standard", network_access=False
        )
        Right.objects.filter(user=radio.world.alice).update(lot=other)
    alice = radio.world.viewer(radio.world.alice)
    with scoped(alice):
        assert selectors.gateways(viewer=alice).count() == 0


def test_a_deaf_server_accuses_no_gateway(radio: Radio) -> None:
    hour = NOW + timedelta(hours=1)
    hear(radio, NOW, server_seen=hour - timedelta(minutes=1))
    assert judge(hour) == (0, 0)
    hear(radio, NOW, server_seen=hour, started=hour - timedelta(minutes=4))  # back for less than the limit
    assert judge(hour) == (0, 0)
    hear(radio, NOW, server_seen=hour, started=hour - timedelta(minutes=6))
    assert judge(hour) == (1, 0)


def test_the_list_of_gateways_is_the_readers_own(radio: Radio) -> None:
    for person, count in ((radio.world.bob, 1), (radio.world.charlie, 0), (radio.world.alice, 1)):
        viewer = radio.world.viewer(person)
        with scoped(viewer):
            assert selectors.gateways(viewer=viewer).count() == count
    assert connection.in_atomic_block is False
