"""Gateways known to this network, and a bounded list of those that are not."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MAX_UNKNOWN_GATEWAYS: Final = 500
SILENT_AFTER_S: Final = 120.0  # forwarders pull every 5 to 30 s; after this a downlink has no path

Address = tuple[str, int]


@dataclass(slots=True, eq=False)
class Gateway:
    """A registered gateway as the event loop knows it. Mutable; ``*_at`` on the monotonic clock, s."""

    gateway_id: int
    eui: int
    pull_address: Address | None = None  # where its last PULL_DATA came from: downlinks go there
    pull_version: int = 2
    pulled_at: float = float("-inf")
    sighted_at: float = float("-inf")  # last time the store was told
    frames: int = 0
    downlinks: int = 0
    refusals: int = 0  # TX_ACK with an error

    def reachable(self, now: float) -> bool:
        """Whether a downlink can be sent to it."""
        return self.pull_address is not None and now - self.pulled_at <= SILENT_AFTER_S


@dataclass(frozen=True, slots=True)
class UnknownGateway:
    """A gateway that speaks to this server without being registered: its frames are refused."""

    eui: int
    address: Address
    first_seen_at: datetime
    last_seen_at: datetime
    datagrams: int


class GatewayTable:
    """Registered gateways by EUI-64 (as an integer); fed by the store."""

    def __init__(self) -> None:
        self._registered: dict[int, Gateway] = {}
        self._unknown: OrderedDict[int, UnknownGateway] = OrderedDict()

    def register(self, *, gateway_id: int, eui: int) -> Gateway:
        """Accept a gateway's frames from now on; its state is kept if it was registered already."""
        self._unknown.pop(eui, None)
        gateway = self._registered.get(eui)
        if gateway is None:
            gateway = self._registered[eui] = Gateway(gateway_id, eui)
        gateway.gateway_id = gateway_id
        return gateway

    def unregister(self, eui: int) -> None:
        """Refuse a gateway's frames from now on; no error when it is unknown."""
        self._registered.pop(eui, None)

    def get(self, eui: int) -> Gateway | None:
        """Return a registered gateway."""
        return self._registered.get(eui)

    def registered(self) -> list[Gateway]:
        """Return every registered gateway."""
        return list(self._registered.values())

    def note_unknown(self, eui: int, address: Address, at: datetime) -> None:
        """Remember an unregistered gateway; the one silent for longest makes room."""
        seen = self._unknown.pop(eui, None)
        if seen is None and len(self._unknown) >= MAX_UNKNOWN_GATEWAYS:
            self._unknown.popitem(last=False)
        first, count = (at, 0) if seen is None else (seen.first_seen_at, seen.datagrams)
        self._unknown[eui] = UnknownGateway(eui, address, first, at, count + 1)

    def unknown(self) -> list[UnknownGateway]:
        """Return unregistered gateways, most recently heard first."""
        return list(reversed(self._unknown.values()))
