"""What the steps of the uplink path share: the registry, the store, the counters and who sends answers."""

from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from cadran.lorawan.codec import eu868
from cadran.lorawan.codec.phy import JoinRequest
from cadran.lorawan.counters import Counters, Refusals
from cadran.lorawan.ports import Reception, Store, UplinkRecord
from cadran.lorawan.rules import DEDUPLICATION_S, ReceiveSettings
from cadran.lorawan.sessions import Device, Registry, Session, SessionRecord

MAX_PENDING_FRAMES: Final = 50_000
MAX_EXCHANGES: Final = 5_000


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How this network is run: NetID, what a join grants, the de-duplication window (s), the bounds of its queues."""

    net_id: int = 0  # 000000: private network
    receive: ReceiveSettings = field(default_factory=ReceiveSettings)
    cf_list: tuple[int, ...] = eu868.EXTRA_CHANNELS_HZ
    deduplication_s: float = DEDUPLICATION_S
    max_pending_frames: int = MAX_PENDING_FRAMES
    max_exchanges: int = MAX_EXCHANGES
    obey_duty_cycle: bool = True


class Collected(msgspec.Struct, frozen=True, gc=False):
    """One transmission with all its receptions, best first; ``first`` is the one that arrived first."""

    phy: bytes
    first: Reception
    receptions: tuple[Reception, ...]

    @property
    def best(self) -> Reception:
        """The reception with the best signal."""
        return self.receptions[0]

    @property
    def data_rate(self) -> int:
        """Data rate index of the uplink (the link only lets the plan's data rates in)."""
        return eu868.DATA_RATE_BY_NAME[self.receptions[0].packet.data_rate]

    @property
    def gateway_euis(self) -> list[int]:
        """Gateways that heard it, best first, each once."""
        return list(dict.fromkeys(reception.gateway_eui for reception in self.receptions))


class UplinkAnswer(msgspec.Struct, frozen=True, gc=False):
    """What a device waits for after an uplink: an acknowledgement, MAC answers, or any sign of life."""

    session: Session
    collected: Collected
    ack: bool
    f_opts: bytes


class JoinGrant(msgspec.Struct, frozen=True, gc=False):
    """A join worth answering: decided, counters spent in memory, not yet committed."""

    device: Device
    request: JoinRequest
    session: SessionRecord
    collected: Collected


class Answers(Protocol):
    """Who sends downlinks, each in its own exchange; neither method waits."""

    def answer_uplink(self, answer: UplinkAnswer) -> None:
        """Start the exchange that answers an uplink."""

    def answer_join(self, grant: JoinGrant) -> None:
        """Start the exchange that commits a join, then sends its join-accept."""


@dataclass(frozen=True, slots=True)
class Line:
    """The parts the uplink path works with."""

    settings: NetworkSettings
    registry: Registry
    store: Store
    counters: Counters
    refusals: Refusals
    answers: Answers


@dataclass(slots=True)
class Batch:
    """What one turn of the collector produced: records to queue, answers to start once they are queued."""

    records: list[UplinkRecord] = field(default_factory=list)
    answers: list[tuple[int, UplinkAnswer]] = field(default_factory=list)  # with the rank of its record
