"""As many uplinks as asked, from frames made beforehand: measures the server, not the simulator.

Sessions are given (no join); each frame goes out through three gateways, each with its own socket and signal.
"""

import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import msgspec

from cadran.lorawan.codec import eu868, gwmp, phy
from cadran.lorawan.codec.crypto import SessionKeys
from cadran.lorawan.codec.phy import DataFrame, MType
from cadran.simulator.forwarder import Address
from cadran.simulator.identities import GivenSession, gateway_eui
from cadran.simulator.scenarios import SCENARIOS, Readings

FASTEST: Final = 60_000  # uplinks a second: more than one process sends
COPIES: Final = 3  # gateways that hear each frame
BURST_S: Final = 0.005
SOCKET_BUFFER_BYTES: Final = 4 << 20
_CHANNELS: Final = (*eu868.JOIN_CHANNELS_HZ, *eu868.EXTRA_CHANNELS_HZ)
_SIGNALS: Final = ((-84, 8.2), (-95, 3.5), (-107, -4.0))  # RSSI dBm and SNR dB of the three copies

# One PUSH_DATA body; written as a format because building it field by field costs ten times more.
_BODY: Final = (
    b'{"rxpk":[{"tmst":%d,"freq":%s,"chan":%d,"rfch":0,"stat":1,"modu":"LORA","datr":"SF7BW125","codr":"4/5",'
    b'"rssi":%d,"lsnr":%.1f,"size":%d,"data":"%s"}]}'
)


class SessionLine(msgspec.Struct, frozen=True):
    """One line of the sessions file: address and keys in hexadecimal, next counter up."""

    dev_addr: str
    nwkskey: str
    appskey: str
    fcnt: int = 0


@dataclass(slots=True, eq=False)
class Blasted:
    """A device of a benchmark: its keys, the next counter to use, its rank."""

    index: int
    dev_addr: int
    keys: SessionKeys
    f_cnt: int


@dataclass(frozen=True, slots=True)
class BlastResult:
    """What was sent; ``acknowledged`` counts the PUSH_ACKs seen. ``seconds`` of sending."""

    uplinks: int
    datagrams: int
    acknowledged: int
    seconds: float
    uplinks_per_second: float


def read_sessions(text: bytes) -> list[Blasted]:
    """Return the sessions of a JSONL file; ValueError names the line that is wrong."""
    sessions = []
    decode = msgspec.json.Decoder(SessionLine).decode
    for number, raw in enumerate(text.splitlines(), start=1):
        if not raw.strip():
            continue
        try:
            line = decode(raw)
            keys = SessionKeys(nwk_s_key=bytes.fromhex(line.nwkskey), app_s_key=bytes.fromhex(line.appskey))
            sessions.append(Blasted(number - 1, int(line.dev_addr, 16), keys, line.fcnt))
        except (msgspec.MsgspecError, ValueError) as error:
            raise ValueError(f"sessions, ligne {number} : {error}") from None
    if not sessions:
        raise ValueError("sessions : le fichier ne contient aucune session.")
    return sessions


def session_of(index: int, given: GivenSession) -> Blasted:
    """Return the session of a derived identity."""
    return Blasted(index, given.dev_addr, SessionKeys(nwk_s_key=given.nwk_s_key, app_s_key=given.app_s_key), 0)


def make_datagrams(sessions: Sequence[Blasted], *, uplinks: int, gateways: int, seed: int = 1) -> list[list[bytes]]:
    """Return, for each uplink, its datagrams: one per gateway that hears it, in the order of the gateways' sockets.

    Sessions take turns; their counters advance, so that the next call continues.
    """
    random = Random(seed)
    readings = Readings(SCENARIOS["normal"], seconds_of_day=36_000, random=random)
    heads = [_head(rank) for rank in range(gateways)]
    made = []
    for rank in range(uplinks):
        session = sessions[rank % len(sessions)]
        f_port, payload = readings.payload(session.index, elapsed_s=rank / 100)
        clear = DataFrame(
            MType.UNCONFIRMED_UP, session.dev_addr, session.f_cnt & 0xFFFF, f_port=f_port, payload=payload
        )
        frame = phy.seal_data(clear, session.keys, f_cnt=session.f_cnt)
        session.f_cnt += 1
        made.append(list(_copies(frame, rank, heads)))
    return made


def blast(
    server: Address,
    datagrams: Sequence[Sequence[bytes]],
    *,
    gateways: int,
    rate: float,
    seconds: float,
) -> BlastResult:
    """Send uplinks at ``rate`` per second (0: as fast as the sockets take them), for at most ``seconds``.

    A full socket buffer is waited for: what is counted as sent did leave.
    """
    sockets = [_open(server, rank) for rank in range(gateways)]
    try:
        return _send_all(sockets, datagrams, rate, seconds)
    finally:
        for opened in sockets:
            opened.close()


def _send_all(
    sockets: Sequence[socket.socket], datagrams: Sequence[Sequence[bytes]], rate: float, limit: float
) -> BlastResult:
    acknowledged = sent = 0
    started = time.perf_counter()
    done = 0
    while done < len(datagrams):
        elapsed = time.perf_counter() - started
        if rate <= 0 and elapsed >= limit:
            break
        due = len(datagrams) if rate <= 0 else min(len(datagrams), int(elapsed * rate) + 1)
        burst_end = min(due, done + 256)
        for uplink in range(done, burst_end):
            for copy, datagram in enumerate(datagrams[uplink]):
                _send(sockets[(uplink + copy) % len(sockets)], datagram)
                sent += 1
        if burst_end == done:
            time.sleep(BURST_S)
        done = burst_end
        acknowledged += _drain(sockets)
    seconds = time.perf_counter() - started
    time.sleep(0.3)  # the last acknowledgements
    acknowledged += _drain(sockets)
    return BlastResult(done, sent, acknowledged, seconds, done / seconds)


def _open(server: Address, rank: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
    opened.connect(server)
    opened.setblocking(False)
    opened.send(gwmp.pull_data(version=2, token=b"\x00\x01", gateway=gateway_eui(rank)))
    return opened


def _send(opened: socket.socket, datagram: bytes) -> None:
    while True:
        try:
            opened.send(datagram)
            return
        except BlockingIOError:
            time.sleep(0.001)
        except ConnectionRefusedError:
            return  # the server is not listening; its silence shows in the acknowledgements


def _drain(sockets: Sequence[socket.socket]) -> int:
    acknowledged = 0
    for opened in sockets:
        try:
            while True:
                datagram = opened.recv(2048)
                acknowledged += len(datagram) == 4 and datagram[3] == gwmp.PUSH_ACK
        except (BlockingIOError, ConnectionRefusedError):
            continue
    return acknowledged


def _head(rank: int) -> bytes:
    return gwmp.push_data([], version=2, token=b"\x00\x00", gateway=gateway_eui(rank))[4:12]


def _copies(frame: bytes, uplink: int, heads: Sequence[bytes]) -> Iterator[bytes]:
    channel = uplink % len(_CHANNELS)
    data = gwmp.encode_base64(frame).encode()
    megahertz = f"{_CHANNELS[channel] / 1e6:.6f}".encode()
    for copy, (rssi, snr) in enumerate(_SIGNALS[: min(COPIES, len(heads))]):
        gateway = (uplink + copy) % len(heads)
        token = (uplink & 0xFFFF).to_bytes(2, "big")
        tmst = (uplink * 1009 + gateway * 7) % gwmp.TMST_MODULO
        body = _BODY % (tmst, megahertz, channel, rssi, snr, len(frame), data)
        yield b"\x02" + token + bytes((gwmp.PUSH_DATA,)) + heads[gateway] + body
