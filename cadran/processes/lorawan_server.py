"""The LoRaWAN network server: Semtech UDP in, uplinks committed, join-accepts and acknowledgements out.

An interruption loses what was queued and not yet committed (about 100 ms of traffic): Semtech UDP has no
retransmission. Counters, sessions and DevNonces are committed before anything that depends on them is sent.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Any

SUMMARY = "serveur de réseau LoRaWAN (passerelles en UDP Semtech)"
CHUNK = 500
REFRESH_SECONDS = 60.0  # registrations are also announced at once; this finds again a lost announcement

log = logging.getLogger("cadran.lorawan")


def main(argv: list[str]) -> int:
    """Run until SIGTERM or SIGINT."""
    import uvloop

    from cadran.kernel.config import load
    from cadran.processes.startup import refuse_unsafe_role, setup_django

    refuse_unsafe_role(load())
    setup_django()
    uvloop.run(_run())
    return 0


async def _run() -> None:
    from django.conf import settings

    from cadran.kernel import health
    from cadran.lorawan.server import NetworkServer
    from cadran.lorawan.store import DatabaseStore

    config = settings.CADRAN
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    servers: list[NetworkServer] = []
    store = DatabaseStore(
        drain_refusals=lambda: servers[0].refusals.drain() if servers else [],
        counts=lambda: servers[0].snapshot() if servers else {},
    )
    server = NetworkServer(store=store)
    servers.append(server)
    await _first_load(server, stop)
    if stop.is_set():
        return
    store.start()
    host, port = await server.start(config.udp_host, config.udp_port)
    log.info("listening on UDP %s:%s for %s gateways, %s devices", host, port, *_sizes(server))
    refresh = asyncio.create_task(_refresh_loop(server))
    with health.serve("lorawan_server", counters=lambda: {**server.snapshot(), "committed": store.committed}):
        await stop.wait()
    refresh.cancel()
    await server.stop()
    await store.stop()


def _sizes(server: Any) -> tuple[int, int]:
    return len(server.gateways.registered()), len(server.registry)


async def _first_load(server: Any, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await _apply(server, *await asyncio.to_thread(_load))
            return
        except Exception:
            log.exception("devices cannot be loaded: trying again")
            await asyncio.sleep(2)


def _load() -> tuple[list[tuple[int, int]], list[Any]]:
    from django.db import connection

    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.lorawan import selectors
    from cadran.telemetry import selectors as telemetry

    try:
        with scoped(SYSTEM):
            profiles = telemetry.profile_ids()
            return selectors.gateways_for_server(), list(selectors.devices_for_server(profiles=profiles))
    finally:
        connection.close()


async def _apply(server: Any, gateways: list[tuple[int, int]], devices: list[Any]) -> None:
    """Bring the server's memory to what the tables say, some hundreds of devices at a time: frames do not wait."""
    known = {eui for _, eui in gateways}
    for gateway in server.gateways.registered():
        if gateway.eui not in known:
            server.gateways.unregister(gateway.eui)
    for gateway_id, eui in gateways:
        server.gateways.register(gateway_id=gateway_id, eui=eui)
    for rank, device in enumerate(devices):
        server.registry.upsert(device)
        if rank % CHUNK == CHUNK - 1:
            await asyncio.sleep(0)
    present = {device.device_id for device in devices}
    for device_id in [one for one in server.registry.device_ids() if one not in present]:
        server.registry.remove(device_id)


async def _refresh_loop(server: Any) -> None:
    """Take in registrations as they are announced."""
    import psycopg
    from django.conf import settings

    from cadran.lorawan.services import CHANNEL

    while True:
        try:
            async with await psycopg.AsyncConnection.connect(settings.CADRAN.database_url, autocommit=True) as wake:
                await wake.execute(f"LISTEN {CHANNEL}")
                while True:
                    async for _ in wake.notifies(timeout=REFRESH_SECONDS, stop_after=1):
                        pass
                    await _apply(server, *await asyncio.to_thread(_load))
        except (psycopg.Error, OSError) as error:
            log.warning("registrations: database away (%s), trying again", type(error).__name__)
        except Exception:
            log.exception("registrations cannot be refreshed: trying again")
        await asyncio.sleep(2)
