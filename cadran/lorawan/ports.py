"""What the event loop exchanges with the database side, and the port it does so through.

The values of the hot path are ``msgspec.Struct``s rather than dataclasses: one is built per reception and per uplink,
and a frozen dataclass of that size costs some microseconds where these cost a fraction of one.
"""

from collections.abc import Awaitable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from cadran.lorawan.codec.gwmp import GatewayStatus, RxPacket
from cadran.lorawan.codec.maccommands import MacCommand
from cadran.lorawan.rules import ReceiveSettings


class Reception(msgspec.Struct, frozen=True, gc=False):
    """One gateway's copy of a frame.

    ``gateway_id`` is the registered gateway's row, ``gateway_eui`` its EUI-64 as an integer; ``received_at`` the
    server's UTC clock and ``arrived`` its monotonic clock (s) when the datagram came.
    """

    gateway_id: int
    gateway_eui: int
    received_at: datetime
    arrived: float
    packet: RxPacket

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio, dB."""
        return self.packet.snr_db

    @property
    def rssi_dbm(self) -> float:
        """Received power, dBm."""
        return self.packet.rssi_dbm


class UplinkKind(StrEnum):
    """How the frame relates to those before it."""

    NEW = "new"
    RETRANSMISSION = "retransmission"  # same data again: refresh the radio picture, do not record measurements twice
    RESET = "reset"  # new data; a personalised device restarted its counter


class UplinkRecord(msgspec.Struct, frozen=True, gc=False):
    """One authentic uplink, decrypted, with every reception (best first).

    ``f_cnt`` is the full 32-bit counter; ``f_port`` None and ``payload`` empty when the frame carried no data;
    ``payload`` is empty on port 0 (``mac_commands`` holds what it said). ``join_nonce`` names the session of the
    device it came under (0: personalised); ``confirmed``: the device waits for an acknowledgement.
    """

    device_id: int
    owner_id: int
    profile_id: int
    dev_eui: int
    dev_addr: int
    join_nonce: int
    kind: UplinkKind
    received_at: datetime
    f_cnt: int
    f_port: int | None
    payload: bytes
    confirmed: bool
    adr: bool
    frequency_hz: int
    data_rate: int
    mac_commands: tuple[MacCommand, ...]
    receptions: tuple[Reception, ...]


class JoinRecord(msgspec.Struct, frozen=True, gc=False):
    """A session about to be granted: to be committed before the join-accept leaves.

    ``f_cnt_down_reserved``: downlink counters below it may be used without asking again.
    """

    device_id: int
    owner_id: int
    dev_eui: int
    dev_nonce: int
    join_nonce: int
    net_id: int
    dev_addr: int
    nwk_s_key: bytes
    app_s_key: bytes
    receive: ReceiveSettings
    f_cnt_down_reserved: int
    joined_at: datetime

    def __repr__(self) -> str:
        return f"JoinRecord(device {self.device_id}, join {self.join_nonce}, …)"  # keys never reach a log


class GatewaySighting(msgspec.Struct, frozen=True, gc=False):
    """A registered gateway gave a sign of life; ``status`` when it also described itself."""

    gateway_id: int
    gateway_eui: int
    seen_at: datetime
    status: GatewayStatus | None = None


class Store(Protocol):
    """The database, as the event loop sees it: bounded queues to write to, futures that one exchange may await.

    None of these methods may block. A future fails when the write did; the exchange that awaits it then gives up,
    is counted, and the device tries again by itself.
    """

    def room(self) -> int:
        """Return how many more uplinks the queue takes; at 0 frames are refused before being acknowledged."""

    def submit_uplinks(self, records: Sequence[UplinkRecord]) -> int:
        """Queue uplinks, in order; return how many were taken (the rest are lost and counted by the caller)."""

    def flushed(self) -> Awaitable[None]:
        """Return a future resolved once everything queued so far is committed: a confirmed uplink's ACK awaits it."""

    def persist_join(self, join: JoinRecord) -> Awaitable[None]:
        """Return a future resolved once the session and the spent DevNonce are committed."""

    def reserve_downlink_counters(self, *, device_id: int, join_nonce: int, below: int) -> Awaitable[None]:
        """Return a future resolved once counters under ``below`` are recorded as possibly used."""

    def gateway_seen(self, sighting: GatewaySighting) -> None:
        """Queue a sign of life (the latest one of each gateway is enough)."""
