"""A store in memory, a server on a free port, a gateway one can script."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import uvloop

from cadran.lorawan.codec import gwmp, phy
from cadran.lorawan.codec.crypto import SessionKeys
from cadran.lorawan.codec.phy import DataFrame, MType
from cadran.lorawan.line import NetworkSettings
from cadran.lorawan.ports import GatewaySighting, JoinRecord, UplinkKind, UplinkRecord
from cadran.lorawan.server import NetworkServer
from cadran.lorawan.sessions import DeviceRecord, SessionRecord

CAPTURES = Path(__file__).parents[2] / "captures" / "lorawan"
PATIENCE_S = 20.0  # generous: a wait ends as soon as what it waits for happens

NWK, APP, APP_KEY = bytes(range(16)), bytes(range(16, 32)), bytes(range(32, 48))
DEV_EUI, JOIN_EUI, DEV_ADDR = 0x70B3D57ED0001234, 0x70B3D57ED0000001, 0x01ABCDEF
GATEWAYS = (0xAA555A0000000001, 0xAA555A0000000002, 0xAA555A0000000003)

Result = TypeVar("Result")


def read_jsonl(name: str) -> list[dict[str, Any]]:
    """Return the records of a captured file."""
    return [msgspec.json.decode(line) for line in (CAPTURES / name).read_bytes().splitlines()]


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run on the event loop of production."""
    return uvloop.run(main)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for ``condition``; fail with ``what`` when it does not come."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.005)


@dataclass
class MemoryStore:
    """The port, in memory; what happens can be held back or made to fail."""

    capacity: int = 100_000
    records: list[UplinkRecord] = field(default_factory=list)
    joins: list[JoinRecord] = field(default_factory=list)
    reservations: list[tuple[int, int, int]] = field(default_factory=list)
    sightings: list[GatewaySighting] = field(default_factory=list)
    hold: asyncio.Event | None = None  # writes wait for it
    failure: Exception | None = None

    def room(self) -> int:
        return self.capacity - len(self.records)

    def submit_uplinks(self, records: Sequence[UplinkRecord]) -> int:
        taken = records[: max(0, self.room())]
        self.records.extend(taken)
        return len(taken)

    async def _written(self) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.failure is not None:
            raise self.failure

    def flushed(self) -> Awaitable[None]:
        return self._written()

    async def _join(self, join: JoinRecord) -> None:
        await self._written()
        self.joins.append(join)

    def persist_join(self, join: JoinRecord) -> Awaitable[None]:
        return self._join(join)

    async def _reserve(self, device_id: int, join_nonce: int, below: int) -> None:
        await self._written()
        self.reservations.append((device_id, join_nonce, below))

    def reserve_downlink_counters(self, *, device_id: int, join_nonce: int, below: int) -> Awaitable[None]:
        return self._reserve(device_id, join_nonce, below)

    def gateway_seen(self, sighting: GatewaySighting) -> None:
        self.sightings.append(sighting)

    @property
    def new(self) -> list[UplinkRecord]:
        """Uplinks with new data."""
        return [record for record in self.records if record.kind is not UplinkKind.RETRANSMISSION]


@dataclass
class Running:
    """A server that listens."""

    server: NetworkServer
    store: MemoryStore
    address: tuple[str, int]

    @property
    def counts(self) -> dict[str, int]:
        return self.server.snapshot()


@contextlib.asynccontextmanager
async def running_server(
    *,
    devices: Sequence[DeviceRecord] = (),
    gateways: Sequence[int] = GATEWAYS,
    store: MemoryStore | None = None,
    settings: NetworkSettings | None = None,
) -> AsyncIterator[Running]:
    """A real server on a free loopback port, with gateways registered; stopped at the end."""
    store = MemoryStore() if store is None else store
    server = NetworkServer(store=store, settings=settings)
    for device in devices:
        server.registry.upsert(device)
    for rank, eui in enumerate(gateways, start=1):
        server.gateways.register(gateway_id=rank, eui=eui)
    address = await server.start("127.0.0.1", 0)
    try:
        yield Running(server, store, address)
    finally:
        await server.stop()


class RawGateway(asyncio.DatagramProtocol):
    """A gateway one plays by hand: sends any bytes, keeps what comes back, answers PULL_RESP from ``answers``."""

    def __init__(self, eui: int, *, version: int = 2, answers: Sequence[str | None] = ()) -> None:
        self.eui = eui
        self.version = version
        self.received: list[gwmp.FromServer] = []
        self.answers = list(answers)
        self.silent_tx = False
        self._transport: Any = None
        self._token = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def at(cls, address: tuple[str, int], eui: int, **options: Any) -> AsyncIterator["RawGateway"]:
        gateway = cls(eui, **options)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: gateway, remote_addr=address)
        try:
            yield gateway
        finally:
            gateway._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        message = gwmp.parse_from_server(data)
        self.received.append(message)
        if isinstance(message, gwmp.PullResponse) and self.version == 2 and not self.silent_tx:
            error = self.answers.pop(0) if self.answers else None
            self.send(gwmp.tx_ack(version=2, token=message.token, gateway=self.eui, error=error))

    def send(self, datagram: bytes) -> None:
        self._transport.sendto(datagram)

    def _next_token(self) -> bytes:
        self._token += 1
        return self._token.to_bytes(2, "big")

    async def pull(self) -> None:
        """Open the downlink path and wait for the acknowledgement."""
        before = self.acks(gwmp.PULL_ACK)
        self.send(gwmp.pull_data(version=self.version, token=self._next_token(), gateway=self.eui))
        await until(lambda: self.acks(gwmp.PULL_ACK) > before, "PULL_ACK")

    def push(self, *packets: gwmp.RxPacket, status: gwmp.GatewayStatus | None = None) -> None:
        self.send(
            gwmp.push_data(
                list(packets), version=self.version, token=self._next_token(), gateway=self.eui, status=status
            )
        )

    def acks(self, kind: int) -> int:
        return sum(isinstance(message, gwmp.Acknowledgement) and message.kind == kind for message in self.received)

    @property
    def orders(self) -> list[gwmp.TxPacket]:
        """What the server asked to transmit."""
        return [message.packet for message in self.received if isinstance(message, gwmp.PullResponse)]


def heard(frame: bytes, **changes: Any) -> gwmp.RxPacket:
    """A reception of ``frame`` with plausible values."""
    values: dict[str, Any] = {
        "tmst": 1_000_000,
        "megahertz": 868.3,
        "data_rate": "SF7BW125",
        "data": gwmp.encode_base64(frame),
        "size": len(frame),
        "rssi": -80.0,
        "lsnr": 7.5,
        "coding_rate": "4/5",
    }
    return gwmp.RxPacket(**(values | changes))


def personalised(**changes: Any) -> DeviceRecord:
    """A registered device with a session."""
    session = SessionRecord(dev_addr=DEV_ADDR, nwk_s_key=NWK, app_s_key=APP)
    values: dict[str, Any] = {
        "device_id": 7,
        "owner_id": 3,
        "profile_id": 5,
        "dev_eui": DEV_EUI,
        "join_eui": JOIN_EUI,
        "app_key": APP_KEY,
        "session": session,
    }
    return DeviceRecord(**(values | changes))


KEYS = SessionKeys(nwk_s_key=NWK, app_s_key=APP)


def uplink(f_cnt: int, payload: bytes = b"\x01\x67\x00\xeb", **changes: Any) -> bytes:
    """A signed uplink of the personalised device."""
    values: dict[str, Any] = {"mtype": MType.UNCONFIRMED_UP, "dev_addr": DEV_ADDR, "f_cnt": 0, "f_port": 2}
    keys = changes.pop("keys", KEYS)
    return phy.seal_data(DataFrame(**(values | {"payload": payload} | changes)), keys, f_cnt=f_cnt)
