"""The worker: runs handlers of events (outbox) and jobs (procrastinate).

An interruption loses nothing: an event keeps its row until each handler's mark is committed, a job is retried when
its worker stops giving signs of life.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from datetime import UTC, datetime
from typing import Any

SUMMARY = "exécute les réactions aux événements et les tâches"
JOB_CONCURRENCY = 2
POLL_SECONDS = 2.0  # a notification lost with a connection is found again that soon
STALLED_EVERY_SECONDS = 15.0
STOP_SECONDS = 8.0

log = logging.getLogger("cadran.worker")


def main(argv: list[str]) -> int:
    """Run until SIGTERM or SIGINT."""
    from cadran.kernel.config import load
    from cadran.processes.startup import refuse_unsafe_role, setup_django

    refuse_unsafe_role(load())
    setup_django()
    asyncio.run(_run())
    return 0


async def _run() -> None:
    from cadran.kernel import health

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    counters = {"events": 0, "jobs_given_back": 0}
    with health.serve("worker", counters=lambda: dict(counters)):
        running = [
            asyncio.create_task(_outbox_loop(counters), name="outbox"),
            asyncio.create_task(_jobs_loop(counters), name="jobs"),
            asyncio.create_task(stop.wait(), name="stop"),
        ]
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for one in running:
            one.cancel()
        _, stuck = await asyncio.wait(running, timeout=STOP_SECONDS)
    for one in done:
        if one.get_name() != "stop" and not one.cancelled() and one.exception() is not None:
            raise RuntimeError(f"worker: the {one.get_name()} loop stopped") from one.exception()
    if stuck:  # a connection pool that waits for a database that is gone: nothing is under way any more
        log.warning("stopping without waiting for: %s", ", ".join(sorted(one.get_name() for one in stuck)))
        logging.shutdown()
        os._exit(0)


def _drain() -> int:
    from django.db import close_old_connections

    from cadran.kernel import outbox

    handled = 0
    try:
        while count := outbox.run_due(now=datetime.now(UTC)):
            handled += count
            if count < 200:
                break
    finally:
        close_old_connections()
    return handled


async def _outbox_loop(counters: dict[str, int]) -> None:
    """Handle what waits, then sleep until a notification or the poll."""
    import psycopg
    from django.conf import settings

    from cadran.kernel.outbox import CHANNEL

    while True:
        try:
            async with await psycopg.AsyncConnection.connect(settings.CADRAN.database_url, autocommit=True) as wake:
                await wake.execute(f"LISTEN {CHANNEL}")
                while True:
                    counters["events"] += await asyncio.to_thread(_drain)
                    async for _ in wake.notifies(timeout=POLL_SECONDS, stop_after=1):
                        pass
        except (psycopg.Error, OSError) as error:
            log.warning("database away (%s): trying again", type(error).__name__)
            await asyncio.sleep(1)
        except Exception:
            log.exception("outbox loop: trying again")
            await asyncio.sleep(1)


async def _jobs_loop(counters: dict[str, int]) -> None:
    import psycopg
    from procrastinate.contrib.django import app
    from procrastinate.exceptions import ConnectorException

    while True:
        try:
            connector: Any = app.connector.get_worker_connector()  # type: ignore[attr-defined]
            with app.replace_connector(connector) as worker_app:
                async with worker_app.open_async():
                    rescue = asyncio.create_task(_rescue_loop(worker_app, counters))
                    try:
                        await worker_app.run_worker_async(
                            concurrency=JOB_CONCURRENCY, install_signal_handlers=False, listen_notify=True
                        )
                    finally:
                        rescue.cancel()
                        with contextlib.suppress(asyncio.CancelledError):
                            await rescue
        except (ConnectorException, psycopg.Error, OSError) as error:
            log.warning("jobs: database away (%s): trying again", type(error).__name__)
        await asyncio.sleep(1)


async def _rescue_loop(worker_app: Any, counters: dict[str, int]) -> None:
    from cadran.kernel import jobs

    while True:
        await asyncio.sleep(STALLED_EVERY_SECONDS)
        try:
            counters["jobs_given_back"] += await jobs.retry_stalled(worker_app)
        except Exception:
            log.exception("stalled jobs: trying again")
