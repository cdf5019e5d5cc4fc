"""The UDP socket gateways talk to: parse, hand frames over, acknowledge, and send what must be transmitted."""

import asyncio
import logging
import secrets
import socket
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, cast

from cadran.lorawan.codec import eu868, gwmp
from cadran.lorawan.counters import Counters, RefusalReason, Refusals
from cadran.lorawan.gateways.table import Address, Gateway, GatewayTable
from cadran.lorawan.ports import GatewaySighting, Reception

RECEIVE_BUFFER_BYTES: Final = 8 << 20  # the kernel may grant less (net.core.rmem_max)
SIGHTING_EVERY_S: Final = 10.0
TX_ACK_WAIT_S: Final = 0.5
_SO_MEMINFO: Final = 55  # linux/sock_diag.h; the ninth word counts datagrams the kernel dropped
_MEMINFO_WORDS: Final = struct.Struct("9I")

_log = logging.getLogger(__name__)

OnFrame = Callable[[Reception, bytes], bool]
OnSighting = Callable[[GatewaySighting], None]


class GatewayLink(asyncio.DatagramProtocol):
    """One socket for all gateways.

    ``on_frame`` takes a reception and its PHYPayload and returns False when it has no room: the datagram is then not
    acknowledged, so that the gateway reports the loss. ``on_sighting`` hears of each registered gateway at most every
    10 s, and of each status.
    """

    def __init__(
        self,
        *,
        gateways: GatewayTable,
        counters: Counters,
        refusals: Refusals,
        on_frame: OnFrame,
        on_sighting: OnSighting,
    ) -> None:
        self._gateways = gateways
        self._counters = counters
        self._refusals = refusals
        self._on_frame = on_frame
        self._on_sighting = on_sighting
        self._transport: asyncio.DatagramTransport | None = None
        self._awaited: dict[tuple[int, bytes], asyncio.Future[str | None]] = {}

    async def open(self, host: str, port: int) -> Address:
        """Bind and listen; return the address bound (``port`` 0 lets the system choose). OSError when it is taken."""
        loop = asyncio.get_running_loop()
        bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            bound.bind((host, port))
            await loop.create_datagram_endpoint(lambda: self, sock=bound)
        except BaseException:
            bound.close()
            raise
        name = bound.getsockname()
        return (name[0], name[1])

    def close(self) -> None:
        """Stop listening; transmissions still unanswered count as sent."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        for future in self._awaited.values():
            if not future.done():
                future.set_result(None)
        self._awaited.clear()

    def kernel_drops(self) -> int:
        """Return the datagrams the kernel dropped because the socket's buffer was full (0 where it cannot tell)."""
        bound = None if self._transport is None else self._transport.get_extra_info("socket")
        if bound is None:
            return 0
        try:
            words = bound.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO_WORDS.size)
        except OSError:
            return 0
        return int(_MEMINFO_WORDS.unpack(words)[8]) if len(words) == _MEMINFO_WORDS.size else 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (uvloop's and 3.11's own are not DatagramTransport instances)."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def error_received(self, exc: Exception) -> None:
        """A gateway's port is unreachable: nothing to do, it will pull again."""
        _log.debug("UDP error: %s", exc)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Handle one datagram; nothing it contains can stop the server."""
        self._counters.datagrams += 1
        try:
            message = gwmp.parse(data)
            if type(message) is gwmp.PushData:
                self._on_push(message, addr)
            elif type(message) is gwmp.PullData:
                self._on_pull(message, addr)
            elif type(message) is gwmp.TxAck:
                self._on_tx_ack(message, addr)
        except gwmp.MalformedDatagram:
            self._refusals.note(RefusalReason.MALFORMED_DATAGRAM, addr[0], datetime.now(UTC))
        except Exception:
            self._counters.faults += 1
            _log.exception("A datagram of %s could not be handled.", addr[0])

    def _on_push(self, push: gwmp.PushData, addr: Address) -> None:
        gateway = self._known(push.gateway, addr)
        if gateway is None:
            return
        self._counters.push_data += 1
        now, arrived = datetime.now(UTC), time.monotonic()
        if push.malformed:
            self._refuse(RefusalReason.MALFORMED_PACKET, gateway, now, times=push.malformed)
        room = True
        for packet in push.packets:
            phy = self._readable(packet, gateway, now)
            if phy is None:
                continue
            gateway.frames += 1
            if not self._on_frame(Reception(gateway.gateway_id, gateway.eui, now, arrived, packet), phy):
                room = False
                self._refuse(RefusalReason.QUEUE_FULL, gateway, now)
        if room:
            self._send(gwmp.acknowledge(push), addr)
        self._sight(gateway, now, arrived, push.status)

    def _readable(self, packet: gwmp.RxPacket, gateway: Gateway, now: datetime) -> bytes | None:
        """Return the frame's bytes, or None after counting why they are of no use."""
        if packet.crc == gwmp.CRC_FAILED:
            self._refuse(RefusalReason.CRC_FAILED, gateway, now)
            return None
        if packet.crc == gwmp.CRC_ABSENT:
            self._counters.crc_absent += 1  # accepted: the MIC decides
        if packet.data_rate not in eu868.DATA_RATE_BY_NAME:
            self._refuse(RefusalReason.UNSUPPORTED_DATA_RATE, gateway, now)
            return None
        try:
            return packet.phy_payload()
        except gwmp.MalformedDatagram:
            self._refuse(RefusalReason.MALFORMED_PACKET, gateway, now)
            return None

    def _on_pull(self, pull: gwmp.PullData, addr: Address) -> None:
        gateway = self._known(pull.gateway, addr)
        if gateway is None:
            return
        self._counters.pull_data += 1
        arrived = time.monotonic()
        gateway.pull_address, gateway.pull_version, gateway.pulled_at = addr, pull.version, arrived
        self._send(gwmp.acknowledge(pull), addr)
        self._sight(gateway, datetime.now(UTC), arrived, None)

    def _on_tx_ack(self, ack: gwmp.TxAck, addr: Address) -> None:
        gateway = self._known(ack.gateway, addr)
        if gateway is None:
            return
        self._counters.tx_ack += 1
        if ack.error is not None:
            gateway.refusals += 1
        future = self._awaited.get((ack.gateway, ack.token))
        if future is not None and not future.done():
            future.set_result(ack.error)

    async def transmit(self, gateway_eui: int, packet: gwmp.TxPacket) -> str | None:
        """Ask a gateway to transmit; return None when it will, else its error (``TOO_LATE``, ``COLLISION_PACKET``…).

        A version 1 gateway answers nothing, and a TX_ACK may be lost: silence counts as acceptance, since sending
        again elsewhere could put the frame on the air twice. ``UNREACHABLE`` when no PULL_DATA opened the path.
        """
        gateway = self._gateways.get(gateway_eui)
        if gateway is None or gateway.pull_address is None or self._transport is None:
            return "UNREACHABLE"
        token = self._free_token(gateway_eui)
        gateway.downlinks += 1
        self._send(gwmp.pull_response(packet, version=gateway.pull_version, token=token), gateway.pull_address)
        if gateway.pull_version == 1:
            return None
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._awaited[(gateway_eui, token)] = future
        try:
            return await asyncio.wait_for(future, TX_ACK_WAIT_S)
        except TimeoutError:
            self._counters.tx_ack_missing += 1
            return None
        finally:
            self._awaited.pop((gateway_eui, token), None)

    def reachable(self, gateway_eui: int) -> bool:
        """Whether a downlink can be sent through a gateway now."""
        gateway = self._gateways.get(gateway_eui)
        return gateway is not None and gateway.reachable(time.monotonic())

    def _known(self, eui: int, addr: Address) -> Gateway | None:
        gateway = self._gateways.get(eui)
        if gateway is None:
            now = datetime.now(UTC)
            self._gateways.note_unknown(eui, addr, now)
            self._refusals.note(RefusalReason.UNKNOWN_GATEWAY, f"{eui:016x}", now)
        return gateway

    def _refuse(self, reason: RefusalReason, gateway: Gateway, at: datetime, *, times: int = 1) -> None:
        self._refusals.note(reason, f"{gateway.eui:016x}", at, times=times)

    def _sight(self, gateway: Gateway, now: datetime, arrived: float, status: gwmp.GatewayStatus | None) -> None:
        if status is None and arrived - gateway.sighted_at < SIGHTING_EVERY_S:
            return
        gateway.sighted_at = arrived
        self._on_sighting(GatewaySighting(gateway.gateway_id, gateway.eui, now, status))

    def _free_token(self, gateway_eui: int) -> bytes:
        token = secrets.token_bytes(2)
        while (gateway_eui, token) in self._awaited:
            token = secrets.token_bytes(2)
        return token

    def _send(self, datagram: bytes, addr: Address) -> None:
        if self._transport is not None:
            self._transport.sendto(datagram, addr)
