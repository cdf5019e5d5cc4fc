"""Answers to devices: what is sent, when, through which gateway, and what is tried when a gateway refuses.

Each answer is one exchange in its own task: it may await the database or a gateway, the loop never does.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Final, Protocol

from cadran.lorawan import join, rules
from cadran.lorawan.codec import eu868, gwmp, phy
from cadran.lorawan.counters import Counters, RefusalReason, Refusals
from cadran.lorawan.line import Collected, JoinGrant, NetworkSettings, UplinkAnswer
from cadran.lorawan.ports import JoinRecord, Reception, Store
from cadran.lorawan.sessions import DOWNLINK_COUNTER_BLOCK, Registry, Session

MAX_ATTEMPTS: Final = 2
COUNTERS_LOW: Final = DOWNLINK_COUNTER_BLOCK // 4  # under this, the next block is reserved ahead
DUTY_CYCLE_PERIOD_S: Final = 3600.0  # duty cycles are shares of any one hour (ERC Recommendation 70-03)

_log = logging.getLogger(__name__)


class Transmitter(Protocol):
    """The way to gateways."""

    async def transmit(self, gateway_eui: int, packet: gwmp.TxPacket) -> str | None:
        """Ask a gateway to transmit; return None when it will, else its error."""

    def reachable(self, gateway_eui: int) -> bool:
        """Whether a downlink can be sent through a gateway now."""


class AirtimeLedger:
    """Airtime spent per gateway and sub-band over the last hour, in seconds."""

    def __init__(self) -> None:
        self._spent: dict[tuple[int, str], deque[tuple[float, float]]] = {}
        self._sums: dict[tuple[int, str], float] = {}

    def allows(self, gateway_eui: int, band: eu868.SubBand, airtime_s: float, *, now: float) -> bool:
        """Whether the gateway may transmit that long in the sub-band without exceeding its duty cycle."""
        key = (gateway_eui, band.name)
        spent = self._spent.get(key)
        if spent is None:
            return True
        while spent and spent[0][0] <= now - DUTY_CYCLE_PERIOD_S:
            self._sums[key] -= spent.popleft()[1]
        return self._sums[key] + airtime_s <= band.duty_cycle * DUTY_CYCLE_PERIOD_S

    def spend(self, gateway_eui: int, band: eu868.SubBand, airtime_s: float, *, now: float) -> None:
        """Record a transmission (a negative airtime takes a refused one back)."""
        key = (gateway_eui, band.name)
        self._spent.setdefault(key, deque()).append((now, airtime_s))
        self._sums[key] = self._sums.get(key, 0.0) + airtime_s


class Downlinks:
    """Runs the exchanges that answer uplinks and joins. One per server, on its event loop."""

    def __init__(
        self,
        *,
        settings: NetworkSettings,
        registry: Registry,
        store: Store,
        counters: Counters,
        refusals: Refusals,
        transmitter: Transmitter,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._store = store
        self._counters = counters
        self._refusals = refusals
        self._transmitter = transmitter
        self._ledger = AirtimeLedger()
        self._exchanges: set[asyncio.Task[None]] = set()

    def answer_uplink(self, answer: UplinkAnswer) -> None:
        """Start the exchange that answers an uplink."""
        self._start(self._acknowledge(answer))

    def answer_join(self, grant: JoinGrant) -> None:
        """Start the exchange that commits a join, then sends its join-accept."""
        self._start(self._accept_join(grant))

    async def close(self, *, within_s: float) -> None:
        """Let exchanges under way end, at most ``within_s`` seconds; then cancel them."""
        if self._exchanges:
            await asyncio.wait(self._exchanges, timeout=within_s)
        for exchange in list(self._exchanges):
            exchange.cancel()
        await asyncio.gather(*self._exchanges, return_exceptions=True)

    def _start(self, exchange: Coroutine[object, object, None]) -> None:
        if len(self._exchanges) >= self._settings.max_exchanges:
            exchange.close()
            self._counters.downlinks_dropped += 1
            return
        task = asyncio.get_running_loop().create_task(exchange)
        self._exchanges.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._exchanges.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._counters.faults += 1
            _log.error("A downlink exchange failed.", exc_info=error)

    async def _acknowledge(self, answer: UplinkAnswer) -> None:
        collected, session = answer.collected, answer.session
        windows = rules.receive_windows(
            session.receive, frequency_hz=collected.best.packet.frequency_hz, data_rate=collected.data_rate
        )
        if not windows:
            self._counters.downlinks_failed += 1
            return
        # An ACK is a promise: it leaves once the uplink is committed, or not at all, and the device repeats.
        if answer.ack and not await self._in_time(self._store.flushed(), windows, collected):
            self._counters.acks_withheld += 1
            return
        if not await self._reserve_counter(session, windows, collected):
            self._counters.downlinks_failed += 1
            return
        downlink = phy.DataFrame(
            phy.MType.UNCONFIRMED_DOWN, session.dev_addr, 0, adr=False, ack=answer.ack, f_opts=answer.f_opts
        )
        frame = phy.seal_data(downlink, session.keys, f_cnt=session.take_downlink_counter())
        await self._transmit(frame, windows, collected)

    async def _accept_join(self, grant: JoinGrant) -> None:
        collected, session, device = grant.collected, grant.session, grant.device.record
        windows = rules.receive_windows(
            rules.JOIN_WINDOWS, frequency_hz=collected.best.packet.frequency_hz, data_rate=collected.data_rate
        )
        record = JoinRecord(
            device_id=device.device_id,
            owner_id=device.owner_id,
            dev_eui=device.dev_eui,
            dev_nonce=grant.request.dev_nonce,
            join_nonce=session.join_nonce,
            net_id=self._settings.net_id,
            dev_addr=session.dev_addr,
            nwk_s_key=session.nwk_s_key,
            app_s_key=session.app_s_key,
            receive=session.receive,
            f_cnt_down_reserved=session.f_cnt_down_reserved,
            joined_at=collected.first.received_at,
        )
        app_key = device.app_key
        if app_key is None or not await self._in_time(self._store.persist_join(record), windows, collected):
            self._refusals.note(RefusalReason.JOIN_NOT_STORED, f"{device.dev_eui:016x}", collected.first.received_at)
            return
        if session.join_nonce != grant.device.join_nonce or self._registry.device(device.dev_eui) is not grant.device:
            return  # a later request of the same device overtook this one, or the device is gone
        self._registry.grant(grant.device, session)
        self._counters.joins += 1
        accept = phy.seal_join_accept(join.join_accept(self._settings, session), app_key)
        await self._transmit(accept, windows, collected)

    async def _in_time(self, written: Awaitable[None], windows: Sequence[rules.Window], collected: Collected) -> bool:
        """Await a write until the last window closes; False when it failed or came too late."""
        latest = max((window.delay_s for window in windows), default=0)
        left = latest - rules.TX_LEAD_S - _elapsed(collected)
        try:
            # Shielded: several exchanges may wait for one write, and giving up must not cancel it.
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(written)), max(0.0, left))
        except TimeoutError:
            return False
        except Exception:
            _log.exception("A write that a downlink waits for failed.")
            return False
        return True

    async def _reserve_counter(self, session: Session, windows: Sequence[rules.Window], collected: Collected) -> bool:
        """Make sure a downlink counter may be used; reserve the next block ahead when few are left."""
        if session.counters_left > COUNTERS_LOW:
            return True
        if session.counters_left > 0:
            self._start(self._reserve_ahead(session))
            return True
        below = session.f_cnt_down + DOWNLINK_COUNTER_BLOCK
        written = self._store.reserve_downlink_counters(
            device_id=session.device.record.device_id, join_nonce=session.join_nonce, below=below
        )
        if not await self._in_time(written, windows, collected):
            return False
        session.f_cnt_down_reserved = max(session.f_cnt_down_reserved, below)
        return session.counters_left > 0

    async def _reserve_ahead(self, session: Session) -> None:
        below = session.f_cnt_down_reserved + DOWNLINK_COUNTER_BLOCK
        try:
            await self._store.reserve_downlink_counters(
                device_id=session.device.record.device_id, join_nonce=session.join_nonce, below=below
            )
        except Exception:
            _log.exception("Downlink counters could not be reserved ahead; the next exchange tries again.")
            return
        session.f_cnt_down_reserved = max(session.f_cnt_down_reserved, below)

    async def _transmit(self, frame: bytes, windows: Sequence[rules.Window], collected: Collected) -> None:
        """Send through the best gateway in RX1; once more elsewhere or in RX2 if a gateway refuses."""
        self._counters.downlinks_wanted += 1
        receptions = _one_per_gateway(collected)
        ways = rules.opportunities(len(receptions), windows)
        for attempt in range(MAX_ATTEMPTS):
            way = self._first_open(ways, receptions, len(frame), _elapsed(collected))
            if way is None:
                break
            self._counters.downlink_retries += attempt > 0
            error = await self._send(frame, way.window, receptions[way.gateway])
            if error is None:
                self._counters.downlinks_sent += 1
                return
            self._counters.tx_refused += 1
            ways = rules.after_refusal(ways, way, error)
        self._counters.downlinks_failed += 1

    def _first_open(
        self, ways: Sequence[rules.Opportunity], receptions: Sequence[Reception], size: int, elapsed_s: float
    ) -> rules.Opportunity | None:
        now = time.monotonic()
        for way in ways:
            gateway = receptions[way.gateway].gateway_eui
            if not rules.still_in_time(way.window, elapsed_s=elapsed_s) or not self._transmitter.reachable(gateway):
                continue
            airtime_s = _airtime_s(way.window, size)
            if not self._settings.obey_duty_cycle or self._ledger.allows(
                gateway, way.window.sub_band, airtime_s, now=now
            ):
                return way
        return None

    async def _send(self, frame: bytes, window: rules.Window, heard: Reception) -> str | None:
        airtime_s, now = _airtime_s(window, len(frame)), time.monotonic()
        self._ledger.spend(heard.gateway_eui, window.sub_band, airtime_s, now=now)
        error = await self._transmitter.transmit(heard.gateway_eui, tx_packet(frame, window, heard))
        if error is not None:
            self._ledger.spend(heard.gateway_eui, window.sub_band, -airtime_s, now=now)
        return error


def tx_packet(frame: bytes, window: rules.Window, heard: Reception) -> gwmp.TxPacket:
    """Return what a gateway must transmit: ``window`` counted from the end of the uplink on its own clock."""
    rate = eu868.DATA_RATES[window.data_rate]
    is_lora = isinstance(rate, eu868.LoraRate)
    return gwmp.TxPacket(
        tmst=(heard.packet.tmst + window.delay_s * 1_000_000) % gwmp.TMST_MODULO,
        megahertz=window.frequency_hz / 1e6,
        power_dbm=window.power_dbm,
        modulation="LORA" if is_lora else "FSK",
        data_rate=rate.name,
        coding_rate="4/5" if is_lora else None,
        deviation_hz=None if is_lora else 25_000,
        inverted=is_lora,  # devices listen with inverted polarity, so that they do not hear each other
        no_crc=is_lora,
        size=len(frame),
        data=gwmp.encode_base64(frame),
    )


def _airtime_s(window: rules.Window, size: int) -> float:
    return eu868.DATA_RATES[window.data_rate].time_on_air_ms(size, crc=False) / 1000


def _elapsed(collected: Collected) -> float:
    return time.monotonic() - collected.first.arrived


def _one_per_gateway(collected: Collected) -> list[Reception]:
    best: dict[int, Reception] = {}
    for reception in collected.receptions:
        best.setdefault(reception.gateway_eui, reception)
    return list(best.values())
