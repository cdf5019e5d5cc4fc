"""The network server put together: one socket, the uplink path, the downlinks. ``processes`` starts and stops it."""

import asyncio
from typing import Final

from cadran.lorawan import uplink
from cadran.lorawan.counters import Counters, Refusals
from cadran.lorawan.downlink import Downlinks
from cadran.lorawan.gateways.table import Address, GatewayTable
from cadran.lorawan.gateways.udp import GatewayLink
from cadran.lorawan.line import Collected, Line, NetworkSettings
from cadran.lorawan.ports import Store
from cadran.lorawan.sessions import Registry
from cadran.lorawan.uplink import Collector

CLOSE_WITHIN_S: Final = 2.0


class NetworkServer:
    """Semtech UDP on one side, the ``Store`` port on the other.

    ``registry`` and ``gateways`` may be changed at any time from the event loop's thread (new devices, new gateways).
    """

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry | None = None,
        gateways: GatewayTable | None = None,
        settings: NetworkSettings | None = None,
    ) -> None:
        self.registry = Registry() if registry is None else registry
        self.gateways = GatewayTable() if gateways is None else gateways
        self.settings = NetworkSettings() if settings is None else settings
        self.counters = Counters()
        self.refusals = Refusals()
        self._store = store
        self._link: GatewayLink | None = None
        self._collector: Collector | None = None
        self._downlinks: Downlinks | None = None

    async def start(self, host: str, port: int) -> Address:
        """Listen on UDP and return the bound address; OSError when the port is taken."""
        if self._link is not None:
            raise RuntimeError("This server is started already.")
        loop = asyncio.get_running_loop()

        def hand_over(frames: list[Collected]) -> None:
            uplink.handle_batch(line, frames)

        collector = Collector(
            window_s=self.settings.deduplication_s,
            max_pending=self.settings.max_pending_frames,
            room=self._store.room,
            hand_over=hand_over,
            call_later=loop.call_later,
            counters=self.counters,
        )
        link = GatewayLink(
            gateways=self.gateways,
            counters=self.counters,
            refusals=self.refusals,
            on_frame=collector.offer,
            on_sighting=self._store.gateway_seen,
        )
        downlinks = Downlinks(
            settings=self.settings,
            registry=self.registry,
            store=self._store,
            counters=self.counters,
            refusals=self.refusals,
            transmitter=link,
        )
        line = Line(self.settings, self.registry, self._store, self.counters, self.refusals, downlinks)
        address = await link.open(host, port)
        self._link, self._collector, self._downlinks = link, collector, downlinks
        return address

    async def stop(self) -> None:
        """Handle what was acknowledged, end exchanges under way, close the socket; the caller drains the store."""
        if self._link is None or self._collector is None or self._downlinks is None:
            return
        self._collector.flush()
        await self._downlinks.close(within_s=CLOSE_WITHIN_S)
        self._collector.flush()
        self._link.close()
        self._link = None

    def snapshot(self) -> dict[str, int]:
        """Return every count by name, refusals included, and the sizes of what is held; any thread may ask."""
        return {
            **self.counters.snapshot(),
            **self.refusals.snapshot(),
            "kernel_drops": 0 if self._link is None else self._link.kernel_drops(),
            "devices": len(self.registry),
            "sessions": self.registry.session_count,
            "gateways": len(self.gateways.registered()),
            "unknown_gateways": len(self.gateways.unknown()),
        }
