"""The Semtech UDP gateway protocol, versions 1 and 2: datagrams of packet forwarders, both directions.

Source: PROTOCOL.TXT of Lora-net/packet_forwarder 4.0.1 (version 2) and 1.x (version 1). No authentication, no
retransmission: an acknowledgement only tells the gateway that the datagram arrived.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import Annotated, Final

import msgspec

VERSIONS: Final = (1, 2)
PUSH_DATA, PUSH_ACK, PULL_DATA, PULL_RESP, PULL_ACK, TX_ACK = range(6)

CRC_OK, CRC_ABSENT, CRC_FAILED = 1, 0, -1
TMST_MODULO: Final = 1 << 32  # the concentrator's microsecond counter wraps
NO_ERROR: Final = "NONE"
MAX_PACKETS: Final = 64  # a concentrator reports at most 8 to 16 packets at once
MAX_DATAGRAM_BYTES: Final = 65_507

_HEADER_BYTES = 4
_GATEWAY_HEADER_BYTES = 12
_BASE64_TEXT = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_Unsigned32 = Annotated[int, msgspec.Meta(ge=0, lt=TMST_MODULO)]
_Text = Annotated[str, msgspec.Meta(max_length=64)]
_Kept = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\x00]*$")]  # PostgreSQL's jsonb refuses a NUL
_Megahertz = Annotated[float, msgspec.Meta(gt=0, lt=6000)]


class MalformedDatagram(ValueError):
    """This datagram does not follow the gateway protocol; the message says where."""


class AntennaSignal(msgspec.Struct, frozen=True, gc=False):
    """One antenna of a gateway with several."""

    rssi_dbm: float = msgspec.field(name="rssic", default=-200.0)
    snr_db: float | None = msgspec.field(name="lsnr", default=None)


class RxPacket(msgspec.Struct, frozen=True, gc=False):
    """A radio frame as one gateway heard it, with everything needed to answer through that gateway."""

    tmst: _Unsigned32  # end of reception on the concentrator's clock, µs
    megahertz: _Megahertz = msgspec.field(name="freq")
    data_rate: _Text | int = msgspec.field(name="datr")  # "SF7BW125", or bits per second in FSK
    data: Annotated[str, msgspec.Meta(max_length=512)]
    crc: Annotated[int, msgspec.Meta(ge=-1, le=1)] = msgspec.field(name="stat", default=CRC_OK)
    rssi: float | None = None
    lsnr: float | None = None
    size: int | None = None
    channel: int = msgspec.field(name="chan", default=0)
    rf_chain: int = msgspec.field(name="rfch", default=0)
    coding_rate: _Text | None = msgspec.field(name="codr", default=None)
    modulation: _Text = msgspec.field(name="modu", default="LORA")
    utc: _Text | None = msgspec.field(name="time", default=None)  # the gateway's own clock, as written
    gps_ms: int | None = msgspec.field(name="tmms", default=None)  # ms since the GPS epoch
    antennas: list[AntennaSignal] | None = msgspec.field(name="rsig", default=None)

    @property
    def frequency_hz(self) -> int:
        """Centre frequency in Hz."""
        return round(self.megahertz * 1e6)

    @property
    def rssi_dbm(self) -> float:
        """Received power in dBm; of the best antenna when the gateway only reports antennas."""
        if self.rssi is not None:
            return self.rssi
        return max((antenna.rssi_dbm for antenna in self.antennas or ()), default=-200.0)

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio in dB; FSK has none and reads as -100, so that LoRa copies are preferred."""
        if self.lsnr is not None:
            return self.lsnr
        known = [antenna.snr_db for antenna in self.antennas or () if antenna.snr_db is not None]
        return max(known, default=-100.0)

    def phy_payload(self) -> bytes:
        """Return the frame's bytes; MalformedDatagram when ``data`` is not base64 of ``size`` bytes."""
        text = self.data
        try:
            frame = a2b_base64(text, strict_mode=True)
        except ValueError:  # binascii.Error, or text that is not ASCII
            frame = _lenient_base64(text)
        if self.size is not None and self.size != len(frame):
            raise MalformedDatagram(f"rxpk announces {self.size} bytes and carries {len(frame)}.")
        return frame


class GatewayStatus(msgspec.Struct, frozen=True, gc=False):
    """What a gateway says of itself, every 30 s or so; counters since it started."""

    utc: _Kept | None = msgspec.field(name="time", default=None)
    latitude: float | None = msgspec.field(name="lati", default=None)
    longitude: float | None = msgspec.field(name="long", default=None)
    altitude_m: float | None = msgspec.field(name="alti", default=None)
    received: int = msgspec.field(name="rxnb", default=0)
    received_ok: int = msgspec.field(name="rxok", default=0)
    forwarded: int = msgspec.field(name="rxfw", default=0)
    acknowledged_percent: float = msgspec.field(name="ackr", default=0.0)
    downlinks: int = msgspec.field(name="dwnb", default=0)
    transmitted: int = msgspec.field(name="txnb", default=0)
    temperature_c: float | None = msgspec.field(name="temp", default=None)


class TxPacket(msgspec.Struct, frozen=True, gc=False):
    """A frame a gateway must transmit when its concentrator's clock reads ``tmst``."""

    tmst: _Unsigned32 | None = None
    immediate: bool = msgspec.field(name="imme", default=False)
    megahertz: _Megahertz = msgspec.field(name="freq", default=868.1)
    rf_chain: int = msgspec.field(name="rfch", default=0)
    power_dbm: int = msgspec.field(name="powe", default=14)
    modulation: _Text = msgspec.field(name="modu", default="LORA")
    data_rate: _Text | int = msgspec.field(name="datr", default="SF7BW125")
    coding_rate: _Text | None = msgspec.field(name="codr", default=None)
    deviation_hz: int | None = msgspec.field(name="fdev", default=None)
    inverted: bool = msgspec.field(name="ipol", default=False)
    no_crc: bool = msgspec.field(name="ncrc", default=False)
    size: int = 0
    data: str = ""

    @property
    def frequency_hz(self) -> int:
        """Centre frequency in Hz."""
        return round(self.megahertz * 1e6)

    def phy_payload(self) -> bytes:
        """Return the frame's bytes; MalformedDatagram when ``data`` is not base64."""
        return _lenient_base64(self.data)


class PushData(msgspec.Struct, frozen=True, gc=False):
    """Frames heard, and perhaps the gateway's status; ``malformed`` counts rxpk entries that could not be read."""

    version: int
    token: bytes
    gateway: int
    packets: list[RxPacket]
    status: GatewayStatus | None = None
    malformed: int = 0


class PullData(msgspec.Struct, frozen=True, gc=False):
    """The gateway keeps its downlink path open."""

    version: int
    token: bytes
    gateway: int


class TxAck(msgspec.Struct, frozen=True, gc=False):
    """The gateway's answer to a PULL_RESP: ``error`` is None when it will transmit, else TOO_LATE, COLLISION_PACKET…"""

    version: int
    token: bytes
    gateway: int
    error: str | None = None


class Acknowledgement(msgspec.Struct, frozen=True, gc=False):
    """PUSH_ACK or PULL_ACK, as a gateway reads it."""

    version: int
    token: bytes
    kind: int


class PullResponse(msgspec.Struct, frozen=True, gc=False):
    """PULL_RESP, as a gateway reads it."""

    version: int
    token: bytes
    packet: TxPacket


FromGateway = PushData | PullData | TxAck
FromServer = Acknowledgement | PullResponse


class _Pushed(msgspec.Struct, frozen=True, gc=False):
    rxpk: list[RxPacket] = []  # msgspec copies an empty default
    stat: GatewayStatus | None = None


class _PushedLoosely(msgspec.Struct, frozen=True, gc=False):
    rxpk: list[msgspec.Raw] = []
    stat: msgspec.Raw = msgspec.Raw()  # empty: no status


class _AckBody(msgspec.Struct, frozen=True, gc=False):
    error: _Text | None = None
    warn: _Text | None = None


class _TxAcknowledged(msgspec.Struct, frozen=True, gc=False):
    txpk_ack: _AckBody = _AckBody()


class _Transmission(msgspec.Struct, frozen=True, gc=False):
    txpk: TxPacket


_decode_push = msgspec.json.Decoder(_Pushed).decode
_decode_push_loosely = msgspec.json.Decoder(_PushedLoosely).decode
_decode_packet = msgspec.json.Decoder(RxPacket).decode
_decode_status = msgspec.json.Decoder(GatewayStatus).decode
_decode_tx_ack = msgspec.json.Decoder(_TxAcknowledged).decode
_decode_transmission = msgspec.json.Decoder(_Transmission).decode
_encode = msgspec.json.Encoder().encode


def parse(datagram: bytes) -> FromGateway:
    """Return what a gateway sent; MalformedDatagram otherwise. One bad rxpk does not lose its neighbours."""
    if len(datagram) < _GATEWAY_HEADER_BYTES:
        raise MalformedDatagram(f"{len(datagram)} bytes are no datagram of a gateway.")
    version = datagram[0]
    if version not in VERSIONS:
        raise MalformedDatagram(f"Protocol version {version} is neither 1 nor 2.")
    kind = datagram[3]
    token = datagram[1:3]
    gateway = int.from_bytes(datagram[4:12], "big")
    if kind == PUSH_DATA:
        return _parse_push(version, token, gateway, datagram[_GATEWAY_HEADER_BYTES:])
    if kind == PULL_DATA:
        return PullData(version, token, gateway)
    if kind == TX_ACK:
        return TxAck(version, token, gateway, _tx_error(datagram[_GATEWAY_HEADER_BYTES:]))
    raise MalformedDatagram(f"Datagram kind {kind} does not come from a gateway.")


def _parse_push(version: int, token: bytes, gateway: int, body: bytes) -> PushData:
    try:
        pushed = _decode_push(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _parse_push_loosely(version, token, gateway, body)
    if len(pushed.rxpk) > MAX_PACKETS:
        raise MalformedDatagram(f"{len(pushed.rxpk)} packets in one datagram.")
    return PushData(version, token, gateway, pushed.rxpk, pushed.stat)


def _parse_push_loosely(version: int, token: bytes, gateway: int, body: bytes) -> PushData:
    try:
        pushed = _decode_push_loosely(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedDatagram(f"PUSH_DATA: {error}") from None
    if len(pushed.rxpk) > MAX_PACKETS:
        raise MalformedDatagram(f"{len(pushed.rxpk)} packets in one datagram.")
    packets = []
    malformed = 0
    for raw in pushed.rxpk:
        try:
            packets.append(_decode_packet(raw))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            malformed += 1
    status = None
    if bytes(pushed.stat) not in (b"", b"null"):
        try:
            status = _decode_status(pushed.stat)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            malformed += 1
    return PushData(version, token, gateway, packets, status, malformed)


def _tx_error(body: bytes) -> str | None:
    body = body.strip(b"\x00 \r\n")
    if not body:
        return None
    try:
        acknowledged = _decode_tx_ack(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedDatagram(f"TX_ACK: {error}") from None
    error_name = acknowledged.txpk_ack.error
    return None if error_name in (None, "", NO_ERROR) else error_name


def acknowledge(message: PushData | PullData) -> bytes:
    """Return PUSH_ACK or PULL_ACK: same version, same token."""
    kind = PUSH_ACK if type(message) is PushData else PULL_ACK
    return bytes((message.version,)) + message.token + bytes((kind,))


def pull_response(packet: TxPacket, *, version: int, token: bytes) -> bytes:
    """Return the datagram that asks a gateway to transmit ``packet``; version 1 ignores the token."""
    return bytes((version,)) + token + bytes((PULL_RESP,)) + _encode({"txpk": _without_nulls(packet)})


def parse_from_server(datagram: bytes) -> FromServer:
    """Return what a server sent to a gateway; MalformedDatagram otherwise."""
    if len(datagram) < _HEADER_BYTES or datagram[0] not in VERSIONS:
        raise MalformedDatagram("This is no datagram of a server.")
    version, token, kind = datagram[0], datagram[1:3], datagram[3]
    if kind in (PUSH_ACK, PULL_ACK):
        return Acknowledgement(version, token, kind)
    if kind != PULL_RESP:
        raise MalformedDatagram(f"Datagram kind {kind} does not come from a server.")
    try:
        return PullResponse(version, token, _decode_transmission(datagram[_HEADER_BYTES:]).txpk)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedDatagram(f"PULL_RESP: {error}") from None


def push_data(
    packets: list[RxPacket], *, version: int, token: bytes, gateway: int, status: GatewayStatus | None = None
) -> bytes:
    """Return a PUSH_DATA datagram, as a packet forwarder sends it."""
    body: dict[str, object] = {}
    if packets:
        body["rxpk"] = [_without_nulls(packet) for packet in packets]
    if status is not None:
        body["stat"] = _without_nulls(status)
    return _from_gateway(version, token, PUSH_DATA, gateway) + _encode(body)


def pull_data(*, version: int, token: bytes, gateway: int) -> bytes:
    """Return a PULL_DATA datagram."""
    return _from_gateway(version, token, PULL_DATA, gateway)


def tx_ack(*, version: int, token: bytes, gateway: int, error: str | None = None) -> bytes:
    """Return a TX_ACK datagram (version 2 only); without error it has no body."""
    body = b"" if error is None else _encode({"txpk_ack": {"error": error}})
    return _from_gateway(version, token, TX_ACK, gateway) + body


def encode_base64(frame: bytes) -> str:
    """Return ``frame`` as the ``data`` field carries it."""
    return b2a_base64(frame, newline=False).decode("ascii")


def _without_nulls(value: msgspec.Struct) -> dict[str, object]:
    """Return the fields under their protocol names; forwarders leave out what they do not know."""
    return {name: field for name, field in msgspec.to_builtins(value).items() if field is not None}


def _from_gateway(version: int, token: bytes, kind: int, gateway: int) -> bytes:
    return bytes((version,)) + token + bytes((kind,)) + gateway.to_bytes(8, "big")


def _lenient_base64(text: str) -> bytes:
    """Read base64 whose padding may be missing, as version 1 allows."""
    if not _BASE64_TEXT.fullmatch(text):
        raise MalformedDatagram("data is not base64.")
    bare = text.rstrip("=")
    try:
        return a2b_base64(bare + "=" * (-len(bare) % 4))
    except Base64Error as error:
        raise MalformedDatagram(f"data is not base64: {error}.") from None
