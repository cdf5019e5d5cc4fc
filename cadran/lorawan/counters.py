"""What the network server counts, and the frames it refused: both can be read at any moment, both are bounded."""

import threading
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum

MAX_REFUSAL_SUBJECTS = 5_000  # a day; above that, refusals of newcomers are counted under their reason alone
LONGEST_SUBJECT = 40  # an IPv6 address with its scope may be longer than the store's column


class RefusalReason(StrEnum):
    """Why something was refused, and who is named as its subject."""

    MALFORMED_DATAGRAM = "malformed_datagram"  # source address
    UNKNOWN_GATEWAY = "unknown_gateway"  # gateway EUI
    MALFORMED_PACKET = "malformed_packet"  # gateway EUI, as for the five next ones
    CRC_FAILED = "crc_failed"
    UNSUPPORTED_DATA_RATE = "unsupported_data_rate"
    QUEUE_FULL = "queue_full"
    MALFORMED_FRAME = "malformed_frame"
    NOT_AN_UPLINK = "not_an_uplink"
    UNKNOWN_DEV_ADDR = "unknown_dev_addr"  # DevAddr
    WRONG_MIC = "wrong_mic"  # DevAddr
    REPLAYED = "replayed"  # DevEUI, as for the next ones
    JOIN_UNKNOWN_DEVICE = "join_unknown_device"
    JOIN_WRONG_JOIN_EUI = "join_wrong_join_eui"
    JOIN_WRONG_MIC = "join_wrong_mic"
    JOIN_NONCE_USED = "join_nonce_used"
    JOIN_NONCES_SPENT = "join_nonces_spent"
    JOIN_NOT_STORED = "join_not_stored"


class Refused(Exception):
    """A step of the uplink path stops this frame: counted under ``reason``, shown with ``subject``."""

    def __init__(self, reason: RefusalReason, subject: str) -> None:
        super().__init__(f"{reason}: {subject}")
        self.reason = reason
        self.subject = subject


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often one subject was refused for one reason since the last ``drain``."""

    reason: RefusalReason
    subject: str
    count: int
    last_at: datetime


class Refusals:
    """Refusals per reason (since the start) and per reason and subject (since the last ``drain``).

    The event loop notes them, the store's thread drains them: hence the lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals = dict.fromkeys(RefusalReason, 0)
        self._current: dict[tuple[RefusalReason, str], tuple[int, datetime]] = {}
        self._day: date | None = None
        self._named: set[tuple[RefusalReason, str]] = set()  # of that day: each is a row of the store

    def note(self, reason: RefusalReason, subject: str, at: datetime, *, times: int = 1) -> None:
        """Count one refusal (or several at once)."""
        key = (reason, subject[:LONGEST_SUBJECT])
        with self._lock:
            self._totals[reason] += times
            if at.date() != self._day:
                self._day, self._named = at.date(), set()
            if key not in self._named and len(self._named) >= MAX_REFUSAL_SUBJECTS:
                key = (reason, "")  # anybody may invent senders by the million: the table must not fill the disk
            self._named.add(key)
            self._current[key] = (self._current.get(key, (0, at))[0] + times, at)

    def total(self, reason: RefusalReason) -> int:
        """Return the refusals for one reason since the start."""
        return self._totals[reason]

    def recent(self) -> list[Refusal]:
        """Return refusals per subject since the last ``drain``, without emptying them."""
        with self._lock:
            return _listed(self._current)

    def drain(self) -> list[Refusal]:
        """Return refusals per subject and start counting afresh; totals go on."""
        with self._lock:
            drained, self._current = self._current, {}
        return _listed(drained)

    def snapshot(self) -> dict[str, int]:
        """Return totals as ``refused_<reason>``."""
        return {f"refused_{reason}": count for reason, count in self._totals.items()}


def _listed(seen: dict[tuple[RefusalReason, str], tuple[int, datetime]]) -> list[Refusal]:
    return [Refusal(reason, subject, count, last_at) for (reason, subject), (count, last_at) in seen.items()]


@dataclass(slots=True)
class Counters:
    """Plain counts since the start; only the event loop writes them."""

    # gateways
    datagrams: int = 0
    push_data: int = 0
    pull_data: int = 0
    tx_ack: int = 0
    crc_absent: int = 0
    # frames
    receptions: int = 0  # copies of frames taken, before de-duplication
    duplicated_receptions: int = 0  # the same copy of the same gateway twice: the network duplicated a datagram
    frames: int = 0  # after de-duplication
    late_copies: int = 0  # copies of a frame already handled, after the window closed
    uplinks: int = 0
    retransmissions: int = 0
    counter_resets: int = 0
    uplinks_lost: int = 0  # acknowledged, then refused by the store's queue
    mac_commands: int = 0
    mac_commands_unread: int = 0  # MAC fields with a part that could not be read
    faults: int = 0  # unexpected errors, logged; never fatal
    # joins
    join_requests: int = 0
    joins: int = 0
    # downlinks
    downlinks_wanted: int = 0
    downlinks_sent: int = 0
    downlink_retries: int = 0
    downlinks_failed: int = 0  # refused by gateways, or no gateway, window or airtime left
    downlinks_dropped: int = 0  # too many exchanges under way
    acks_withheld: int = 0  # confirmed uplinks not committed in time: the device will repeat
    tx_refused: int = 0
    tx_ack_missing: int = 0

    def snapshot(self) -> dict[str, int]:
        """Return every count by name."""
        return asdict(self)
