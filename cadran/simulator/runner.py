"""A whole simulation: devices that join and send at a rate, gateways, one scenario."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from cadran.lorawan.codec import eu868
from cadran.lorawan.codec.gwmp import TxPacket
from cadran.lorawan.codec.maccommands import DEVICE_TIME, LINK_CHECK
from cadran.lorawan.rules import JOIN_WINDOWS
from cadran.simulator import state
from cadran.simulator.air import Air, Ear
from cadran.simulator.device import SimulatedDevice
from cadran.simulator.forwarder import Address, PacketForwarder
from cadran.simulator.identities import DeviceIdentity, gateway_eui
from cadran.simulator.scenarios import Readings, Scenario

TICK_S: Final = 0.02
JOIN_RETRY_S: Final = (9.0, 18.0)  # drawn between both: joins that collided must not collide again
ACK_WAIT_S: Final = 3.5  # RX2 closes after 2 s and a slow frame lasts 1.5 s
MAX_REPEATS: Final = 2
UNANSWERED_BEFORE_REJOIN: Final = 2
SAVE_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to simulate. ``rate`` in uplinks per second over all devices; ``seconds`` None: until stopped."""

    identities: Sequence[DeviceIdentity]
    gateways: int
    rate: float
    seconds: float | None
    scenario: Scenario
    server: Address
    joins_per_second: float
    confirmed_share: float = 0.05
    first_dev_nonce: int = 0
    seconds_of_day: float = 0.0
    seed: int = 1
    state_path: Path | None = None
    hurry: bool = False


@dataclass(slots=True)
class Tally:
    """What happened, in counts."""

    uplinks: int = 0
    unheard_uplinks: int = 0  # lost by every gateway
    confirmed: int = 0
    acks: int = 0
    repeats: int = 0
    unacknowledged: int = 0
    join_requests: int = 0
    joins: int = 0
    rejoins: int = 0
    downlinks: int = 0
    link_answers: int = 0
    time_answers: int = 0


@dataclass(slots=True, eq=False)
class Node:
    """A device in the simulation; times on the monotonic clock, s."""

    index: int
    device: SimulatedDevice
    join_after: float = 0.0
    awaiting: bytes | None = None  # confirmed frame not acknowledged yet
    repeats: int = 0
    unanswered: int = 0
    asks: bytes = field(default_factory=lambda: bytes((DEVICE_TIME, LINK_CHECK)))  # MAC requests of the next uplink
    restored: bool = False


class Simulation:
    """One run. ``progress`` is called every second with the tally so far."""

    def __init__(self, plan: Plan, *, progress: Callable[[float, Tally, int], None] | None = None) -> None:
        self._plan = plan
        self._progress = progress
        self._random = Random(plan.seed)
        self._readings = Readings(plan.scenario, seconds_of_day=plan.seconds_of_day, random=self._random)
        self.tally = Tally()
        saved = state.SavedState(clean=True, devices={}) if plan.state_path is None else state.load(plan.state_path)
        self.nodes = [
            Node(index, SimulatedDevice(identity, dev_nonce=plan.first_dev_nonce))
            for index, identity in enumerate(plan.identities)
        ]
        for node in self.nodes:
            node.restored = state.restore(node.device, saved) and node.device.session is not None
        self.gateways = [
            PacketForwarder(
                gateway_eui(rank), plan.server, on_air=self._on_air, hurry=plan.hurry, duplicate=self._duplicates
            )
            for rank in range(plan.gateways)
        ]
        self._air = Air(self.gateways, plan.scenario, random=self._random, on_downlink=self._on_downlink)
        self._turn = deque(self.nodes)
        self._waiting_ack: deque[tuple[float, Node, bytes]] = deque()
        self._credit = 0.0
        self._join_credit = 0.0
        self._started = 0.0
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End the run at the next tick."""
        self._stop.set()

    @property
    def joined(self) -> int:
        """Devices that have a session."""
        return sum(node.device.session is not None for node in self.nodes)

    async def run(self) -> dict[str, object]:
        """Play the scenario to its end; return a summary that fits one line of JSON."""
        for gateway in self.gateways:
            await gateway.open()
        self._started = time.monotonic()
        try:
            await self._play()
        finally:
            for gateway in self.gateways:
                await gateway.close()
            self._save(clean=True)
        return self.summary(time.monotonic() - self._started)

    def summary(self, elapsed_s: float) -> dict[str, object]:
        """Return what happened so far."""
        refused: dict[str, int] = {}
        for gateway in self.gateways:
            for error, count in gateway.refused.items():
                refused[error] = refused.get(error, 0) + count
        return {
            "scenario": self._plan.scenario.name,
            "seconds": round(elapsed_s, 1),
            "devices": len(self.nodes),
            "gateways": len(self.gateways),
            "joined": self.joined,
            **asdict(self.tally),
            "datagrams": sum(gateway.sent for gateway in self.gateways),
            "acknowledged": sum(gateway.acknowledged for gateway in self.gateways),
            "transmitted": sum(gateway.transmitted for gateway in self.gateways),
            "downlinks_unheard": self._air.unheard,
            "downlinks_refused": refused,
        }

    async def _play(self) -> None:
        last = shown = saved = self._started
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), TICK_S)
            now = time.monotonic()
            elapsed = now - self._started
            if self._plan.seconds is not None and elapsed >= self._plan.seconds:
                return
            self._apply_scenario(elapsed)
            self._join_some(now, now - last)
            self._send_some(now, now - last)
            self._repeat_some(now)
            last = now
            if now - shown >= 1 and self._progress is not None:
                shown = now
                self._progress(elapsed, self.tally, self.joined)
            if now - saved >= SAVE_EVERY_S:
                saved = now
                self._save(clean=False)

    def _apply_scenario(self, elapsed: float) -> None:
        silent = self._plan.scenario.silent_gateway
        if silent is not None and silent < len(self.gateways):
            self.gateways[silent].silent = self._plan.scenario.happening(elapsed)

    def _join_some(self, now: float, since: float) -> None:
        if not any(gateway.pulled.is_set() for gateway in self.gateways):
            return  # no downlink path yet: the answers would be lost
        self._join_credit = min(self._join_credit + since * self._plan.joins_per_second, self._plan.joins_per_second)
        if self._join_credit < 1:
            return
        for node in self.nodes:
            if node.device.session is None and node.join_after <= now:
                node.join_after = now + self._random.uniform(*JOIN_RETRY_S)
                self.tally.join_requests += 1
                self._up(node, node.device.join_request(), join=True)
                self._join_credit -= 1
                if self._join_credit < 1:
                    return

    def _send_some(self, now: float, since: float) -> None:
        # Each device keeps its own period (devices / rate): those that have not joined yet are not replaced.
        self._credit = min(self._credit + since * self._plan.rate, max(1.0, self._plan.rate))
        while self._credit >= 1:
            self._credit -= 1
            node = self._turn[0]
            self._turn.rotate(-1)
            if node.device.session is not None and node.awaiting is None:
                self._measure(node, now)

    def _measure(self, node: Node, now: float) -> None:
        f_port, payload = self._readings.payload(node.index, elapsed_s=now - self._started)
        # A device back with an old session checks that the network still knows it, as ADRACKReq would.
        confirmed = node.restored or node.unanswered > 0 or self._random.random() < self._plan.confirmed_share
        frame = node.device.uplink(payload, f_port=f_port, confirmed=confirmed, f_opts=node.asks)
        node.asks = b""
        self.tally.uplinks += 1
        if confirmed:
            self.tally.confirmed += 1
            node.awaiting, node.repeats = frame, 0
            self._waiting_ack.append((now + ACK_WAIT_S, node, frame))
        self._up(node, frame, join=False)

    def _repeat_some(self, now: float) -> None:
        while self._waiting_ack and self._waiting_ack[0][0] <= now:
            _due, node, frame = self._waiting_ack.popleft()
            if node.awaiting is not frame:
                continue
            if node.repeats < MAX_REPEATS:
                node.repeats += 1
                self.tally.repeats += 1
                self._waiting_ack.append((now + ACK_WAIT_S, node, frame))
                self._up(node, frame, join=False)
                continue
            node.awaiting = None
            node.unanswered += 1
            self.tally.unacknowledged += 1
            if node.unanswered >= UNANSWERED_BEFORE_REJOIN:
                node.unanswered, node.restored = 0, False
                node.device.forget_session()
                self.tally.rejoins += 1

    def _up(self, node: Node, frame: bytes, *, join: bool) -> None:
        session = node.device.session
        channels = eu868.JOIN_CHANNELS_HZ if session is None else (*eu868.JOIN_CHANNELS_HZ, *session.cf_list)
        heard = self._air.carry_up(
            node.index,
            frame,
            frequency_hz=self._random.choice(channels),
            data_rate=5,
            receive=JOIN_WINDOWS if join or session is None else session.receive,
        )
        self.tally.unheard_uplinks += heard == 0

    def _duplicates(self) -> bool:
        return self._random.random() < self._plan.scenario.duplicate

    def _on_air(self, gateway: PacketForwarder, packet: TxPacket) -> None:
        self._air.carry_down(gateway, packet)

    def _on_downlink(self, ear: Ear, frame: bytes) -> None:
        node = self.nodes[ear.device]
        if node.device.session is None:
            if node.device.receive_join_accept(frame) is not None:
                self.tally.joins += 1
                node.asks = bytes((DEVICE_TIME, LINK_CHECK))
            return
        received = node.device.receive(frame)
        if received is None:
            return
        self.tally.downlinks += 1
        for command in received.commands:
            self.tally.link_answers += command.identifier == LINK_CHECK
            self.tally.time_answers += command.identifier == DEVICE_TIME
        if received.ack and node.awaiting is not None:
            self.tally.acks += 1
            node.awaiting, node.unanswered, node.restored = None, 0, False

    def _save(self, *, clean: bool) -> None:
        if self._plan.state_path is not None:
            state.save(self._plan.state_path, [node.device for node in self.nodes], clean=clean)
