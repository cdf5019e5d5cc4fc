"""A packet forwarder: real UDP datagrams, a pretended concentrator."""

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Final, cast

from cadran.lorawan.codec import eu868, gwmp

PULL_EVERY_S: Final = 5.0
STATUS_EVERY_S: Final = 30.0
GATHER_S: Final = 0.01  # frames heard together leave in one datagram
MAX_GATHERED: Final = 8  # demodulators of one concentrator
JIT_MARGIN_US: Final = 30_000  # the concentrator must be programmed this long ahead
TOO_FAR_US: Final = 300_000_000
MAX_POWER_DBM: Final = 27

Address = tuple[str, int]
OnAir = Callable[["PacketForwarder", gwmp.TxPacket], None]


class PacketForwarder(asyncio.DatagramProtocol):
    """One simulated gateway.

    ``on_air`` is called when a frame the server asked for is on the air: at its time, or at once with ``hurry``
    (tests do not wait for the five seconds of a join). ``refusal`` may name an error to answer instead.
    """

    def __init__(
        self,
        eui: int,
        server: Address,
        *,
        on_air: OnAir,
        version: int = 2,
        hurry: bool = False,
        refusal: Callable[[gwmp.TxPacket], str | None] | None = None,
        duplicate: Callable[[], bool] = lambda: False,
    ) -> None:
        self.eui = eui
        self.version = version
        self.silent = False
        self.sent = 0
        self.acknowledged = 0
        self.frames = 0
        self.asked = 0
        self.transmitted = 0
        self.refused: dict[str, int] = {}
        self._server = server
        self._on_air = on_air
        self._hurry = hurry
        self._refusal = refusal
        self._duplicate = duplicate
        self._transport: asyncio.DatagramTransport | None = None
        self._started = time.monotonic()
        self._offset = secrets.randbelow(gwmp.TMST_MODULO)  # a concentrator's clock starts anywhere, and wraps
        self._gathered: list[gwmp.RxPacket] = []
        self._busy: list[tuple[int, int]] = []  # transmissions planned: start and end, µs
        self._life: asyncio.Task[None] | None = None
        self.pulled = asyncio.Event()  # set once the server acknowledged a PULL_DATA

    async def open(self) -> None:
        """Open the socket and start pulling."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, remote_addr=self._server)
        self._life = loop.create_task(self._live())

    async def close(self) -> None:
        """Send what is left, stop pulling, close."""
        self._push()
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def tmst(self) -> int:
        """Return the concentrator's clock now, µs modulo 2^32."""
        return (int((time.monotonic() - self._started) * 1e6) + self._offset) % gwmp.TMST_MODULO

    def hear(self, frame: bytes, *, frequency_hz: int, data_rate: int, rssi_dbm: float, snr_db: float) -> int:
        """Receive a frame from the air and forward it; return the ``tmst`` of its end."""
        tmst = self.tmst()
        if self.silent:
            return tmst
        self.frames += 1
        self._gathered.append(
            gwmp.RxPacket(
                tmst=tmst,
                megahertz=frequency_hz / 1e6,
                data_rate=eu868.DATA_RATES[data_rate].name,
                data=gwmp.encode_base64(frame),
                rssi=round(rssi_dbm),
                lsnr=round(snr_db, 1),
                size=len(frame),
                channel=frequency_hz // 200_000 % 8,
                coding_rate="4/5",
            )
        )
        if len(self._gathered) >= MAX_GATHERED:
            self._push()
        elif len(self._gathered) == 1:
            asyncio.get_running_loop().call_later(GATHER_S, self._push)
        return tmst

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def error_received(self, exc: Exception) -> None:
        """The server is not there (yet): go on, as a real forwarder does."""

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Handle an acknowledgement or a transmission order."""
        if self.silent:
            return
        try:
            message = gwmp.parse_from_server(data)
        except gwmp.MalformedDatagram:
            return
        if isinstance(message, gwmp.PullResponse):
            self._order(message)
        elif message.kind == gwmp.PUSH_ACK:
            self.acknowledged += 1
        else:
            self.pulled.set()

    def _order(self, order: gwmp.PullResponse) -> None:
        self.asked += 1
        packet = order.packet
        error = self._judge(packet)
        if self.version == 2:
            self._send(gwmp.tx_ack(version=2, token=order.token, gateway=self.eui, error=error))
        if error is not None:
            self.refused[error] = self.refused.get(error, 0) + 1
            return
        ahead = self._ahead_us(packet)
        if self._hurry:
            self._transmit(packet)
        else:
            asyncio.get_running_loop().call_later(ahead / 1e6, self._transmit, packet)

    def _judge(self, packet: gwmp.TxPacket) -> str | None:
        """Return why the concentrator cannot transmit, as the reference forwarder's just-in-time queue does."""
        error = self._refusal(packet) if self._refusal is not None else None
        if error is not None:
            return error
        if eu868.sub_band_of(packet.frequency_hz) is None:
            return "TX_FREQ"
        if packet.power_dbm > MAX_POWER_DBM:
            return "TX_POWER"
        ahead = self._ahead_us(packet)
        if ahead < JIT_MARGIN_US:
            return "TOO_LATE"
        if ahead > TOO_FAR_US:
            return "TOO_EARLY"
        return None if self._reserve(packet, ahead) else "COLLISION_PACKET"

    def _reserve(self, packet: gwmp.TxPacket, ahead: int) -> bool:
        now = int(time.monotonic() * 1e6)
        self._busy = [(start, end) for start, end in self._busy if end > now]
        rate = eu868.DATA_RATES[eu868.DATA_RATE_BY_NAME[packet.data_rate]]
        start = now + ahead
        end = start + int(rate.time_on_air_ms(packet.size, crc=False) * 1000)
        if any(start < other_end and other_start < end for other_start, other_end in self._busy):
            return False
        self._busy.append((start, end))
        return True

    def _ahead_us(self, packet: gwmp.TxPacket) -> int:
        if packet.tmst is None:
            return JIT_MARGIN_US
        ahead = (packet.tmst - self.tmst()) % gwmp.TMST_MODULO
        return ahead if ahead < gwmp.TMST_MODULO // 2 else ahead - gwmp.TMST_MODULO

    def _transmit(self, packet: gwmp.TxPacket) -> None:
        if not self.silent:
            self.transmitted += 1
            self._on_air(self, packet)

    def _push(self) -> None:
        if self._gathered:
            self._send_push(self._gathered, None)
            self._gathered = []

    def _send_push(self, packets: list[gwmp.RxPacket], status: gwmp.GatewayStatus | None) -> None:
        datagram = gwmp.push_data(
            packets, version=self.version, token=secrets.token_bytes(2), gateway=self.eui, status=status
        )
        self.sent += 1
        self._send(datagram)
        if self._duplicate():
            self._send(datagram)

    def _send(self, datagram: bytes) -> None:
        if self._transport is not None and not self.silent:
            self._transport.sendto(datagram)

    async def _live(self) -> None:
        next_status = 0.0
        while True:
            if not self.silent:
                self._send(gwmp.pull_data(version=self.version, token=secrets.token_bytes(2), gateway=self.eui))
                if time.monotonic() >= next_status:
                    next_status = time.monotonic() + STATUS_EVERY_S
                    self._send_push([], self._status())
            await asyncio.sleep(PULL_EVERY_S)

    def _status(self) -> gwmp.GatewayStatus:
        share = 100.0 * self.acknowledged / self.sent if self.sent else 100.0
        return gwmp.GatewayStatus(
            received=self.frames,
            received_ok=self.frames,
            forwarded=self.frames,
            acknowledged_percent=round(min(share, 100.0), 1),
            downlinks=self.asked,
            transmitted=self.transmitted,
        )
