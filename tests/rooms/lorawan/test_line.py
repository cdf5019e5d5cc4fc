"""The whole line over real UDP sockets: one frame heard by several gateways, refusals, storms, joins."""

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cadran.lorawan.codec import gwmp, maccommands, phy
from cadran.lorawan.codec.crypto import SessionKeys
from cadran.lorawan.codec.phy import MType
from cadran.lorawan.counters import RefusalReason
from cadran.lorawan.line import NetworkSettings
from cadran.lorawan.ports import UplinkKind
from cadran.lorawan.rules import Version
from cadran.lorawan.sessions import SessionRecord
from tests.rooms.lorawan.support import (
    APP,
    APP_KEY,
    DEV_ADDR,
    DEV_EUI,
    GATEWAYS,
    JOIN_EUI,
    NWK,
    MemoryStore,
    RawGateway,
    Running,
    heard,
    personalised,
    run,
    running_server,
    until,
    uplink,
)

FAST = NetworkSettings(deduplication_s=0.02)


def refused(running: Running) -> dict[str, int]:
    return {
        name.removeprefix("refused_"): count
        for name, count in running.counts.items()
        if name.startswith("refused_") and count
    }


async def handled(running: Running, frames: int) -> None:
    await until(lambda: running.counts["frames"] >= frames, f"{frames} frames handled")


def test_one_frame_heard_by_three_gateways_is_one_uplink() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(running_server(devices=[personalised()]))
            before = datetime.now(UTC)
            gateways = [await stack.enter_async_context(RawGateway.at(running.address, eui)) for eui in GATEWAYS]
            frame = uplink(5, b"hello")
            for rank, gateway in enumerate(gateways):
                gateway.push(heard(frame, tmst=1000 + rank, lsnr=[2.0, 9.5, -4.0][rank], rssi=-90.0 + rank))
            gateways[0].push(heard(frame, tmst=1000, lsnr=2.0, rssi=-90.0))  # the network repeats a datagram
            await handled(running, 1)
            (record,) = running.store.records
            assert (record.device_id, record.owner_id, record.profile_id, record.dev_eui) == (7, 3, 5, DEV_EUI)
            assert (record.f_cnt, record.f_port, record.payload, record.kind) == (5, 2, b"hello", UplinkKind.NEW)
            assert (record.frequency_hz, record.data_rate, record.confirmed) == (868_300_000, 5, False)
            assert before <= record.received_at <= datetime.now(UTC)
            assert [reception.gateway_id for reception in record.receptions] == [2, 1, 3]
            assert [reception.snr_db for reception in record.receptions] == [9.5, 2.0, -4.0]
            assert [reception.packet.tmst for reception in record.receptions] == [1001, 1000, 1002]
            assert (running.counts["receptions"], running.counts["duplicated_receptions"]) == (4, 1)
            assert [gateway.acks(gwmp.PUSH_ACK) for gateway in gateways] == [2, 1, 1]
            assert [order for gateway in gateways for order in gateway.orders] == []
            assert {sighting.gateway_id for sighting in running.store.sightings} == {1, 2, 3}

    run(main())


def test_frames_held_by_a_cut_link_and_sent_together_keep_instants_of_their_own() -> None:
    """The store keeps one measurement a device and millisecond: the others would pass for the same one again."""

    async def main() -> None:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(running_server(devices=[personalised()], settings=FAST))
            gateway = await stack.enter_async_context(RawGateway.at(running.address, GATEWAYS[0]))
            gateway.push(*(heard(uplink(f_cnt, b"hello"), tmst=1000 + f_cnt) for f_cnt in range(5)))
            await handled(running, 5)
            await until(lambda: len(running.store.new) == 5, "five uplinks")
            instants = [record.received_at for record in running.store.new]
            assert len({round(at.timestamp() * 1000) for at in instants}) == 5
            assert instants == sorted(instants)

    run(main())


def test_a_late_copy_and_a_repetition_are_not_new_data() -> None:
    async def main() -> None:
        async with (
            running_server(devices=[personalised()], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            await gateway.pull()
            frame = uplink(1, mtype=MType.CONFIRMED_UP)
            gateway.push(heard(frame))
            await handled(running, 1)
            await until(lambda: len(gateway.orders) == 1, "the acknowledgement")
            gateway.push(heard(frame, tmst=1_050_000))
            await handled(running, 2)
            assert (running.counts["late_copies"], running.counts["retransmissions"]) == (1, 0)
            await asyncio.sleep(1.0)  # the device listened in RX1 in vain, and repeats
            gateway.push(heard(frame, tmst=4_000_000))
            await until(lambda: len(gateway.orders) == 2, "the acknowledgement of the repetition")
            assert (running.counts["uplinks"], running.counts["retransmissions"]) == (1, 1)
            kinds = [record.kind for record in running.store.records]
            assert kinds == [UplinkKind.NEW, UplinkKind.RETRANSMISSION, UplinkKind.RETRANSMISSION]
            assert gateway.orders[1].tmst == 5_000_000

    run(main())


def test_replays_forgeries_and_strangers_are_refused_and_named() -> None:
    async def main() -> None:
        async with (
            running_server(devices=[personalised()], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            frames = {f_cnt: uplink(f_cnt) for f_cnt in (10, 11, 12)}
            for frame in frames.values():
                gateway.push(heard(frame))
            await handled(running, 3)
            gateway.push(heard(frames[10]))  # replayed
            gateway.push(heard(uplink(12, b"other content")))  # same counter, other content
            gateway.push(heard(uplink(13, keys=SessionKeys(nwk_s_key=APP, app_s_key=APP))))  # forged
            gateway.push(heard(uplink(14, dev_addr=0x42)))  # nobody's
            gateway.push(heard(uplink(15, mtype=MType.UNCONFIRMED_DOWN)))  # a gateway hears another gateway
            gateway.push(heard(uplink(16, b"\x02", f_port=0, f_opts=b"\x02")))  # ambiguous
            gateway.push(heard(b"\xe0" + bytes(20)))  # proprietary
            await handled(running, 10)
            assert [record.f_cnt for record in running.store.records] == [10, 11, 12]
            assert refused(running) == {
                RefusalReason.REPLAYED: 2,
                RefusalReason.WRONG_MIC: 1,
                RefusalReason.UNKNOWN_DEV_ADDR: 1,
                RefusalReason.NOT_AN_UPLINK: 2,
                RefusalReason.MALFORMED_FRAME: 1,
            }
            named = {(refusal.reason, refusal.subject): refusal.count for refusal in running.server.refusals.drain()}
            assert named[RefusalReason.REPLAYED, f"{DEV_EUI:016x}"] == 2
            assert named[RefusalReason.UNKNOWN_DEV_ADDR, "00000042"] == 1
            assert running.server.refusals.drain() == []
            assert refused(running)[RefusalReason.REPLAYED] == 2  # totals go on
            gateway.push(heard(uplink(17)))
            await handled(running, 11)
            assert running.store.records[-1].f_cnt == 17

    run(main())


def test_the_counter_rolls_over_sixteen_bits() -> None:
    session = SessionRecord(dev_addr=DEV_ADDR, nwk_s_key=NWK, app_s_key=APP, f_cnt_up=65_534)

    async def main() -> None:
        async with (
            running_server(devices=[personalised(session=session)], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            for f_cnt in (65_535, 65_536, 65_538, 131_000):
                gateway.push(heard(uplink(f_cnt)))
            await handled(running, 4)
            assert [record.f_cnt for record in running.store.records] == [65_535, 65_536, 65_538, 131_000]

    run(main())


@pytest.mark.parametrize("may_reset", [False, True])
def test_a_personalised_device_that_restarts_is_refused_unless_allowed(may_reset: bool) -> None:
    session = SessionRecord(dev_addr=DEV_ADDR, nwk_s_key=NWK, app_s_key=APP, f_cnt_up=69_999)
    device = personalised(session=session, counter_may_reset=may_reset)

    async def main() -> None:
        async with (
            running_server(devices=[device], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            for f_cnt in (70_000, 0, 1):
                gateway.push(heard(uplink(f_cnt)))
            await handled(running, 3)
            kinds = [(record.f_cnt, record.kind) for record in running.store.records]
            if may_reset:
                assert kinds == [(70_000, UplinkKind.NEW), (0, UplinkKind.RESET), (1, UplinkKind.NEW)]
                assert running.counts["counter_resets"] == 1
            else:
                # Under an epoch that is over, the counter's high half is wrong: the MIC says no.
                assert kinds == [(70_000, UplinkKind.NEW)]
                assert sum(refused(running).values()) == 2

    run(main())


def test_devices_that_share_an_address_are_told_apart_by_their_keys() -> None:
    other = SessionKeys(nwk_s_key=APP, app_s_key=NWK)
    second = personalised(
        device_id=8, dev_eui=DEV_EUI + 1, session=SessionRecord(dev_addr=DEV_ADDR, nwk_s_key=APP, app_s_key=NWK)
    )

    async def main() -> None:
        async with (
            running_server(devices=[personalised(), second], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            gateway.push(heard(uplink(1, b"first")), heard(uplink(1, b"second", keys=other)))
            await handled(running, 2)
            assert {(record.device_id, record.payload) for record in running.store.records} == {
                (7, b"first"),
                (8, b"second"),
            }

    run(main())


def test_unknown_gateways_are_listed_and_refused_until_registered() -> None:
    stranger = 0xAA555A00000000FF

    async def main() -> None:
        async with (
            running_server(devices=[personalised()], settings=FAST) as running,
            RawGateway.at(running.address, stranger) as gateway,
        ):
            gateway.push(heard(uplink(1)), status=gwmp.GatewayStatus(received=1))
            gateway.send(gwmp.pull_data(version=2, token=b"xx", gateway=stranger))
            await until(lambda: running.counts["datagrams"] == 2, "two datagrams")
            (unknown,) = running.server.gateways.unknown()
            assert (unknown.eui, unknown.datagrams) == (stranger, 2)
            assert refused(running) == {RefusalReason.UNKNOWN_GATEWAY: 2}
            assert (gateway.received, running.store.records, running.store.sightings) == ([], [], [])
            running.server.gateways.register(gateway_id=9, eui=stranger)
            gateway.push(heard(uplink(1)))
            await handled(running, 1)
            assert running.store.records[0].receptions[0].gateway_id == 9
            assert running.server.gateways.unknown() == []

    run(main())


def test_physical_layer_errors_are_refused_per_packet() -> None:
    async def main() -> None:
        async with (
            running_server(devices=[personalised()], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            frame = uplink(1)
            gateway.push(
                heard(frame, crc=-1),
                heard(uplink(2), crc=0),
                heard(frame, data_rate="SF5BW812"),
                heard(frame, data="AAAA"),
                heard(uplink(3)),
                status=gwmp.GatewayStatus(received=12, received_ok=9),
            )
            await handled(running, 2)
            assert [record.f_cnt for record in running.store.records] == [2, 3]
            assert running.counts["crc_absent"] == 1
            assert refused(running) == {
                RefusalReason.CRC_FAILED: 1,
                RefusalReason.UNSUPPORTED_DATA_RATE: 1,
                RefusalReason.MALFORMED_PACKET: 1,
            }
            assert gateway.acks(gwmp.PUSH_ACK) == 1
            status = running.store.sightings[-1].status
            assert status is not None
            assert (status.received, status.received_ok) == (12, 9)

    run(main())


def test_without_room_in_the_store_nothing_is_acknowledged() -> None:
    async def main() -> None:
        store = MemoryStore(capacity=2)
        async with (
            running_server(devices=[personalised()], store=store, settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            for f_cnt in range(5):
                gateway.push(heard(uplink(f_cnt)))
            await until(lambda: running.counts["datagrams"] == 5, "five datagrams")
            await handled(running, 2)
            await until(lambda: gateway.acks(gwmp.PUSH_ACK) == 2, "two acknowledgements")
            assert refused(running) == {RefusalReason.QUEUE_FULL: 3}
            assert [record.f_cnt for record in store.records] == [0, 1]
            assert running.counts["uplinks_lost"] == 0
            store.capacity = 10  # the database is back
            gateway.push(heard(uplink(5)))
            await until(lambda: gateway.acks(gwmp.PUSH_ACK) == 3, "acknowledged again")

    run(main())


def test_a_storm_of_malformed_datagrams_is_survived() -> None:
    chance = random.Random(7)

    async def main() -> None:
        async with (
            running_server(devices=[personalised()], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            good = gwmp.push_data([heard(uplink(1))], version=2, token=b"ok", gateway=GATEWAYS[0])
            sent = 0
            for _ in range(2_000):
                kind = chance.randrange(4)
                if kind == 0:
                    datagram = chance.randbytes(chance.randrange(1, 200))
                elif kind == 1:
                    datagram = good[:12] + chance.randbytes(chance.randrange(1, 100))
                elif kind == 2:
                    datagram = good[: chance.randrange(1, len(good))]
                else:
                    at = chance.randrange(len(good))
                    datagram = good[:at] + bytes((good[at] ^ (1 << chance.randrange(8)),)) + good[at + 1 :]
                gateway.send(datagram)
                sent += 1
                if sent % 100 == 0:
                    await until(lambda: running.counts["datagrams"] == sent, "datagrams read")  # noqa: B023
            gateway.push(heard(uplink(1000)))
            await until(lambda: any(record.f_cnt == 1000 for record in running.store.records), "the good frame")
            counts = running.counts
            assert counts["faults"] == 0
            assert counts["datagrams"] == sent + 1
            assert refused(running)[RefusalReason.MALFORMED_DATAGRAM] > 500
            print({name: count for name, count in counts.items() if count})

    run(main())


def test_mac_commands_are_read_on_port_0_and_in_fopts() -> None:
    async def main() -> None:
        async with (
            running_server(devices=[personalised()], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            gateway.push(heard(uplink(1, b"\x06\x73\x07\x03\x05", f_port=0)))  # DevStatusAns, LinkADRAns
            gateway.push(heard(uplink(2, b"data", f_opts=b"\x03\x07\x99\x01")))  # LinkADRAns, unknown
            await handled(running, 2)
            on_port_0, in_f_opts = running.store.records
            assert [command.name for command in on_port_0.mac_commands] == ["DevStatusAns", "LinkADRAns"]
            assert (on_port_0.f_port, on_port_0.payload) == (0, b"")
            assert [command.encode() for command in in_f_opts.mac_commands] == [b"\x03\x07"]
            assert (in_f_opts.payload, running.counts["mac_commands"]) == (b"data", 3)
            assert running.counts["mac_commands_unread"] == 1

    run(main())


def join_request(dev_nonce: int, **changes: object) -> bytes:
    values = {"app_key": APP_KEY, "join_eui": JOIN_EUI, "dev_eui": DEV_EUI} | changes
    return phy.seal_join_request(
        values["app_key"],  # type: ignore[arg-type]
        join_eui=values["join_eui"],  # type: ignore[arg-type]
        dev_eui=values["dev_eui"],  # type: ignore[arg-type]
        dev_nonce=dev_nonce,
    )


def test_joins_are_granted_once_per_nonce_and_refused_by_name() -> None:
    async def main() -> None:
        device = personalised(session=None, used_dev_nonces=frozenset({3}))
        keyless = personalised(device_id=8, dev_eui=DEV_EUI + 1, session=None, app_key=None)
        async with (
            running_server(devices=[device, keyless], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            await gateway.pull()
            gateway.push(heard(join_request(9)))
            await until(lambda: len(gateway.orders) == 1, "a join-accept")
            gateway.push(
                heard(join_request(9), tmst=9),  # replayed
                heard(join_request(3)),  # used before this server started
                heard(join_request(10, app_key=APP)),
                heard(join_request(10, join_eui=5)),
                heard(join_request(10, dev_eui=6)),
                heard(join_request(10, dev_eui=DEV_EUI + 1)),
            )
            await handled(running, 7)
            assert refused(running) == {
                RefusalReason.JOIN_NONCE_USED: 2,
                RefusalReason.JOIN_WRONG_MIC: 1,
                RefusalReason.JOIN_WRONG_JOIN_EUI: 1,
                RefusalReason.JOIN_UNKNOWN_DEVICE: 2,
            }
            (join,) = running.store.joins
            assert (join.device_id, join.dev_nonce, join.join_nonce, join.f_cnt_down_reserved) == (7, 9, 1, 64)
            (order,) = gateway.orders
            accept = phy.open_join_accept(order.phy_payload(), APP_KEY)
            assert accept is not None
            assert (accept.dev_addr, accept.join_nonce, accept.net_id) == (join.dev_addr, 1, 0)
            assert accept.cf_list == (867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000)
            assert (order.tmst, order.frequency_hz, order.data_rate) == (6_000_000, 868_300_000, "SF7BW125")
            assert (running.counts["joins"], running.counts["join_requests"]) == (1, 7)

    run(main())


def test_the_former_session_lives_until_the_new_one_is_heard() -> None:
    async def main() -> None:
        async with (
            running_server(devices=[personalised()], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            await gateway.pull()
            gateway.push(heard(join_request(1)))
            await until(lambda: len(gateway.orders) == 1, "a join-accept")
            gateway.push(heard(uplink(1)))  # the device did not hear it
            await handled(running, 2)
            assert running.store.records[-1].join_nonce == 0
            (join,) = running.store.joins
            keys = SessionKeys(nwk_s_key=join.nwk_s_key, app_s_key=join.app_s_key)
            gateway.push(heard(uplink(0, b"new", dev_addr=join.dev_addr, keys=keys)))
            await handled(running, 3)
            assert (running.store.records[-1].join_nonce, running.store.records[-1].payload) == (1, b"new")
            gateway.push(heard(uplink(2)))
            await handled(running, 4)
            assert refused(running) == {RefusalReason.UNKNOWN_DEV_ADDR: 1}

    run(main())


def test_strictly_increasing_nonces_for_version_1_0_4() -> None:
    async def main() -> None:
        device = personalised(session=None, version=Version.V1_0_4, used_dev_nonces=frozenset({40}))
        async with (
            running_server(devices=[device], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            await gateway.pull()
            for dev_nonce in (39, 40, 41):
                gateway.push(heard(join_request(dev_nonce)))
            await until(lambda: len(gateway.orders) == 1, "one join-accept")
            assert [join.dev_nonce for join in running.store.joins] == [41]
            assert refused(running) == {RefusalReason.JOIN_NONCE_USED: 2}

    run(main())


def test_stopping_hands_over_what_was_acknowledged() -> None:
    async def main() -> None:
        store = MemoryStore()
        settings = replace(FAST, deduplication_s=30.0)
        async with (
            running_server(devices=[personalised()], store=store, settings=settings) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            gateway.push(heard(uplink(1)))
            await until(lambda: gateway.acks(gwmp.PUSH_ACK) == 1, "acknowledged")
            assert store.records == []
        assert [record.f_cnt for record in store.records] == [1]

    run(main())


def test_a_taken_port_is_an_error_and_drops_are_readable() -> None:
    async def main() -> None:
        async with running_server() as running:
            assert running.counts["kernel_drops"] == 0
            with pytest.raises(OSError, match="in use"):
                await running_server_on(running.address[1])

    async def running_server_on(port: int) -> None:
        from cadran.lorawan.server import NetworkServer

        await NetworkServer(store=MemoryStore()).start("127.0.0.1", port)

    run(main())


def test_commands_that_ask_are_answered() -> None:
    async def main() -> None:
        async with (
            running_server(devices=[personalised()], settings=FAST) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            await gateway.pull()
            asked = bytes((maccommands.LINK_CHECK, maccommands.DEVICE_TIME, maccommands.LINK_CHECK))
            gateway.push(heard(uplink(1, f_opts=asked), lsnr=5.0))
            await until(lambda: len(gateway.orders) == 1, "an answer")
            answer = phy.parse(gateway.orders[0].phy_payload())
            assert isinstance(answer, phy.DataFrame)
            assert (answer.ack, answer.f_port, answer.mtype) == (False, None, MType.UNCONFIRMED_DOWN)
            link, device_time = maccommands.parse(answer.f_opts, uplink=False).commands
            assert (link.name, link.body) == ("LinkCheckAns", bytes((12, 1)))
            assert device_time.name == "DeviceTimeAns"
            gateway.push(heard(uplink(2, adr=True, adr_ack_req=True)))
            await until(lambda: len(gateway.orders) == 2, "a sign of life")

    run(main())
