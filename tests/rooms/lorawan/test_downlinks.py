"""Answers: acknowledged when committed, through the best gateway, tried again when a gateway refuses."""

import asyncio
import itertools
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from cadran.lorawan.codec import eu868, gwmp, phy
from cadran.lorawan.codec.phy import MType
from cadran.lorawan.counters import RefusalReason
from cadran.lorawan.downlink import AirtimeLedger, tx_packet
from cadran.lorawan.line import NetworkSettings
from cadran.lorawan.ports import Reception
from cadran.lorawan.rules import ReceiveSettings, receive_windows
from cadran.lorawan.sessions import SessionRecord
from tests.rooms.lorawan.support import (
    APP,
    APP_KEY,
    DEV_ADDR,
    DEV_EUI,
    GATEWAYS,
    JOIN_EUI,
    KEYS,
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
JOINED = SessionRecord(dev_addr=DEV_ADDR, nwk_s_key=NWK, app_s_key=APP, f_cnt_down_reserved=64)


def confirmed(f_cnt: int) -> bytes:
    return uplink(f_cnt, mtype=MType.CONFIRMED_UP)


async def set_up(stack: AsyncExitStack, *, gateways: int = 1, **options: Any) -> tuple[Running, list[RawGateway]]:
    defaults: dict[str, Any] = {"devices": [personalised()], "settings": FAST}
    running = await stack.enter_async_context(running_server(**(defaults | options)))
    opened = [await stack.enter_async_context(RawGateway.at(running.address, eui)) for eui in GATEWAYS[:gateways]]
    for gateway in opened:
        await gateway.pull()
    return running, opened


async def settled(running: Running) -> None:
    def over() -> bool:
        counts = running.counts
        ended = counts["downlinks_sent"] + counts["downlinks_failed"] + counts["acks_withheld"]
        return ended >= 1

    await until(over, "an exchange that ends")


def test_a_confirmed_uplink_is_acknowledged_in_rx1_through_the_best_gateway() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            running, (poor, good) = await set_up(stack, gateways=2)
            frame = confirmed(3)
            poor.push(heard(frame, tmst=100, lsnr=-5.0))
            good.push(heard(frame, tmst=4_294_900_000, lsnr=8.0))
            await until(lambda: len(good.orders) == 1, "the acknowledgement")
            (order,) = good.orders
            assert poor.orders == []
            assert order.tmst == (4_294_900_000 + 1_000_000) % (1 << 32)  # the concentrator's clock wraps
            assert (order.frequency_hz, order.data_rate, order.power_dbm) == (868_300_000, "SF7BW125", 14)
            assert (order.inverted, order.no_crc, order.immediate) == (True, True, False)
            data = order.phy_payload()
            ack = phy.parse(data)
            assert isinstance(ack, phy.DataFrame)
            assert (ack.ack, ack.dev_addr, ack.mtype, ack.f_cnt) == (True, DEV_ADDR, MType.UNCONFIRMED_DOWN, 0)
            assert KEYS.data_mic(data[:-4], direction=1, dev_addr=DEV_ADDR, f_cnt=0) == ack.mic
            await until(lambda: running.counts["downlinks_sent"] == 1, "accepted by the gateway")
            assert running.store.reservations == [(7, 0, 64)]
            good.push(heard(confirmed(4), lsnr=8.0))
            await until(lambda: len(good.orders) == 2, "the next acknowledgement")
            second = phy.parse(good.orders[1].phy_payload())
            assert isinstance(second, phy.DataFrame)
            assert second.f_cnt == 1
            assert running.store.reservations == [(7, 0, 64)]  # from the block

    run(main())


def test_unconfirmed_uplinks_are_not_answered() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            running, (gateway,) = await set_up(stack)
            gateway.push(heard(uplink(1)))
            await until(lambda: running.counts["uplinks"] == 1, "an uplink")
            await asyncio.sleep(0.1)
            assert (gateway.orders, running.counts["downlinks_wanted"]) == ([], 0)

    run(main())


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param(["TOO_LATE"], [(0, 1_000_000), (0, 2_000_000)], id="late: RX2"),
        pytest.param(["COLLISION_PACKET"], [(0, 1_000_000), (1, 1_000_000)], id="busy: another gateway"),
        pytest.param(["TX_FREQ"], [(0, 1_000_000), (1, 1_000_000)], id="wrong frequency: another gateway"),
    ],
)
def test_one_more_try_after_a_refusal(answers: list[str], expected: list[tuple[int, int]]) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            running, gateways = await set_up(stack, gateways=2)
            gateways[0].answers = list(answers)
            frame = confirmed(1)
            for rank, gateway in enumerate(gateways):
                gateway.push(heard(frame, tmst=0, lsnr=9.0 - rank))
            await until(lambda: running.counts["downlinks_sent"] == 1, "sent at the second try")
            orders = [(rank, order.tmst) for rank, gateway in enumerate(gateways) for order in gateway.orders]
            assert orders == expected
            assert len({order.data for gateway in gateways for order in gateway.orders}) == 1  # the same frame
            counts = running.counts
            assert (counts["tx_refused"], counts["downlink_retries"], counts["downlinks_failed"]) == (1, 1, 0)
            rx2 = gateways[0].orders[-1]
            if answers == ["TOO_LATE"]:
                assert (rx2.frequency_hz, rx2.data_rate, rx2.power_dbm) == (869_525_000, "SF12BW125", 27)

    run(main())


def test_only_one_more_try() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            running, (gateway,) = await set_up(stack)
            gateway.answers = ["COLLISION_PACKET", "COLLISION_BEACON", "TX_POWER"]
            gateway.push(heard(confirmed(1)))
            await settled(running)
            counts = running.counts
            assert (counts["downlinks_failed"], counts["tx_refused"], len(gateway.orders)) == (1, 2, 2)
            (state,) = [one for one in running.server.gateways.registered() if one.eui == GATEWAYS[0]]
            assert (state.downlinks, state.refusals) == (2, 2)

    run(main())


def test_silence_of_a_gateway_counts_as_sent() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            running, (gateway,) = await set_up(stack)
            gateway.silent_tx = True
            gateway.push(heard(confirmed(1)))
            await settled(running)
            counts = running.counts
            assert (counts["downlinks_sent"], counts["tx_ack_missing"], len(gateway.orders)) == (1, 1, 1)

    run(main())


def test_version_1_gateways_are_answered_in_version_1() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(running_server(devices=[personalised()], settings=FAST))
            gateway = await stack.enter_async_context(RawGateway.at(running.address, GATEWAYS[0], version=1))
            await gateway.pull()
            gateway.push(heard(confirmed(1)))
            await settled(running)
            assert running.counts["downlinks_sent"] == 1
            assert [message.version for message in gateway.received] == [1, 1, 1]

    run(main())


def test_no_downlink_path_is_counted() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(running_server(devices=[personalised()], settings=FAST))
            gateway = await stack.enter_async_context(RawGateway.at(running.address, GATEWAYS[0]))
            gateway.push(heard(confirmed(1)))  # never pulled
            await settled(running)
            assert (running.counts["downlinks_failed"], gateway.orders) == (1, [])
            assert len(running.store.records) == 1

    run(main())


def test_the_path_follows_the_gateway_to_its_new_address() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            running, (old,) = await set_up(stack)
            new = await stack.enter_async_context(RawGateway.at(running.address, GATEWAYS[0]))
            await new.pull()
            old.push(heard(confirmed(1)))  # pushed from one port, pulled from another: two sockets of one forwarder
            await until(lambda: len(new.orders) == 1, "an order at the last pull's address")
            assert old.orders == []

    run(main())


def test_an_acknowledgement_waits_for_the_commit() -> None:
    async def main() -> None:
        store = MemoryStore(hold=asyncio.Event())
        async with AsyncExitStack() as stack:
            _running, (gateway,) = await set_up(stack, store=store, devices=[personalised(session=JOINED)])
            gateway.push(heard(confirmed(1)))
            await until(lambda: len(store.records) == 1, "queued")
            gateway.push(heard(uplink(2)))
            await until(lambda: len(store.records) == 2, "the loop goes on meanwhile")
            assert gateway.orders == []
            assert store.hold is not None
            store.hold.set()
            await until(lambda: len(gateway.orders) == 1, "acknowledged once committed")

    run(main())


@pytest.mark.parametrize("failure", [None, OSError("database gone")])
def test_without_a_commit_there_is_no_acknowledgement(failure: Exception | None) -> None:
    async def main() -> None:
        hold = asyncio.Event() if failure is None else None
        store = MemoryStore(hold=hold, failure=failure)
        async with AsyncExitStack() as stack:
            running, (gateway,) = await set_up(stack, store=store, devices=[personalised(session=JOINED)])
            gateway.push(heard(confirmed(1)))
            await settled(running)
            assert (running.counts["acks_withheld"], gateway.orders) == (1, [])
            if hold is not None:
                hold.set()

    run(main())


def test_a_late_commit_is_acknowledged_in_rx2() -> None:
    async def main() -> None:
        store = MemoryStore(hold=asyncio.Event())
        async with AsyncExitStack() as stack:
            running, (gateway,) = await set_up(stack, store=store, devices=[personalised(session=JOINED)])
            gateway.push(heard(confirmed(1), tmst=0))
            await until(lambda: len(store.records) == 1, "queued")
            await asyncio.sleep(1.0)
            assert store.hold is not None
            store.hold.set()
            await settled(running)
            assert [order.tmst for order in gateway.orders] == [2_000_000]

    run(main())


def test_a_join_that_is_not_stored_is_not_accepted() -> None:
    async def main() -> None:
        store = MemoryStore(failure=OSError("database gone"))
        async with AsyncExitStack() as stack:
            running, (gateway,) = await set_up(stack, store=store, devices=[personalised(session=None)])
            request = phy.seal_join_request(APP_KEY, join_eui=JOIN_EUI, dev_eui=DEV_EUI, dev_nonce=1)
            gateway.push(heard(request))
            name = f"refused_{RefusalReason.JOIN_NOT_STORED}"
            await until(lambda: running.counts[name] == 1, "the refusal")
            assert (gateway.orders, running.counts["joins"], running.counts["sessions"]) == ([], 0, 0)
            store.failure = None
            again = phy.seal_join_request(APP_KEY, join_eui=JOIN_EUI, dev_eui=DEV_EUI, dev_nonce=2)
            gateway.push(heard(again, tmst=10))
            await until(lambda: running.counts["joins"] == 1, "the next join")
            assert store.joins[0].join_nonce == 2

    run(main())


def test_downlink_counters_are_reserved_ahead() -> None:
    async def main() -> None:
        session = SessionRecord(dev_addr=DEV_ADDR, nwk_s_key=NWK, app_s_key=APP, f_cnt_down_reserved=200)
        async with AsyncExitStack() as stack:
            settings = NetworkSettings(deduplication_s=0.005, obey_duty_cycle=False)
            running, (gateway,) = await set_up(stack, settings=settings, devices=[personalised(session=session)])
            for f_cnt in range(130):
                gateway.push(heard(confirmed(f_cnt)))
                if f_cnt % 10 == 9:
                    await until(lambda: running.counts["downlinks_sent"] == f_cnt + 1, "acknowledged")  # noqa: B023
            counters = []
            for order in gateway.orders:
                frame = phy.parse(order.phy_payload())
                assert isinstance(frame, phy.DataFrame)
                counters.append(frame.f_cnt)
            assert sorted(counters) == list(range(200, 330))
            blocks = sorted({below for _device, _nonce, below in running.store.reservations})
            assert blocks[0] == 264
            assert blocks[-1] >= 330
            assert all(later - earlier <= 64 for earlier, later in itertools.pairwise(blocks))

    run(main())


def test_duty_cycle_of_a_sub_band() -> None:
    ledger = AirtimeLedger()
    band = eu868.sub_band_of(868_100_000)
    other = eu868.sub_band_of(869_525_000)
    assert band is not None
    assert other is not None
    for second in range(36):  # 1 % of an hour
        assert ledger.allows(1, band, 1.0, now=float(second))
        ledger.spend(1, band, 1.0, now=float(second))
    assert not ledger.allows(1, band, 0.1, now=40.0)
    assert ledger.allows(2, band, 1.0, now=40.0)
    assert ledger.allows(1, other, 1.0, now=40.0)
    ledger.spend(1, band, -1.0, now=41.0)  # refused by the gateway after all
    assert ledger.allows(1, band, 0.9, now=42.0)
    assert ledger.allows(1, band, 30.0, now=3700.0)


def test_without_airtime_left_rx2_is_used() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            _running, (gateway,) = await set_up(stack)
            # 868.8 MHz, 0.1 %: 3.6 s an hour, and an SF12 acknowledgement lasts about a second.
            for f_cnt in range(5):
                gateway.push(heard(confirmed(f_cnt), tmst=f_cnt, megahertz=868.8, data_rate="SF12BW125"))
            await until(lambda: len(gateway.orders) == 5, "five acknowledgements")
            used = [order.frequency_hz for order in gateway.orders]
            assert used.count(868_800_000) == 3
            assert used.count(869_525_000) == 2

    run(main())


def test_fsk_is_answered_in_fsk() -> None:
    packet = gwmp.RxPacket(tmst=5, megahertz=868.8, data_rate=50_000, data="")
    window = receive_windows(ReceiveSettings(), frequency_hz=868_800_000, data_rate=7)[0]
    order = tx_packet(b"frame", window, Reception(1, 1, datetime.now(UTC), 0.0, packet))
    assert (order.modulation, order.data_rate, order.deviation_hz, order.coding_rate) == ("FSK", 50_000, 25_000, None)
    assert (order.inverted, order.no_crc) == (False, False)


def test_exchanges_are_bounded() -> None:
    async def main() -> None:
        store = MemoryStore(hold=asyncio.Event())
        settings = NetworkSettings(deduplication_s=0.01, max_exchanges=3)
        async with AsyncExitStack() as stack:
            running, (gateway,) = await set_up(
                stack, store=store, settings=settings, devices=[personalised(session=JOINED)]
            )
            for f_cnt in range(5):
                gateway.push(heard(confirmed(f_cnt)))
            await until(lambda: running.counts["downlinks_dropped"] == 2, "two exchanges too many")
            assert store.hold is not None
            store.hold.set()
            await until(lambda: running.counts["downlinks_sent"] == 3, "three acknowledgements")

    run(main())
