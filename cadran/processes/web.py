"""Serve the site: pages, assets and live streams, from worker processes with blocking threads.

An interruption loses the requests being answered (each is one transaction: done or not done) and closes the live
streams, which browsers open again by themselves.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from cadran.kernel import health
from cadran.kernel.config import load
from cadran.kernel.errors import DomainError
from cadran.kernel.launch import die_with_parent
from cadran.processes.startup import port_in_use, refuse_unsafe_role

SUMMARY = "le site : pages, fichiers, mises à jour en direct"
WORKER_STOP_SECONDS = 6  # open streams do not end by themselves


def main(argv: list[str]) -> int:
    """Serve until SIGTERM; a worker that dies is replaced."""
    if argv:
        print("Usage : cadran web    (adresse et port : CADRAN_HOST, CADRAN_PORT)")
        return 0 if argv[0] in ("-h", "--help") else 2
    config = load()
    refuse_unsafe_role(config)
    if port_in_use(config.host, config.port):
        raise DomainError(f"Le port {config.port} est déjà pris. Libérez-le, ou changez CADRAN_PORT.")
    server = Granian(
        "cadran.processes.web:worker_application",
        address=config.host,
        port=config.port,
        interface=Interfaces.WSGI,
        factory=True,
        websockets=False,
        workers=config.web_workers,
        blocking_threads=config.web_threads,
        log_level=LogLevels.error,
        log_access=False,  # a URL may carry what a person typed
        respawn_failed_workers=True,
        workers_kill_timeout=WORKER_STOP_SECONDS,
    )
    with health.serve(
        "web",
        counters=lambda: {"workers": sum(bool(worker.is_alive()) for worker in list(server.wrks))},  # type: ignore[no-untyped-call]
    ):
        server.serve()
    return 0


def worker_application() -> Callable[..., Any]:
    """Return the application inside a worker, which ends with the server: an orphan would keep the port."""
    server = multiprocessing.parent_process()
    if server is not None and server.pid is not None:
        die_with_parent(signal.SIGKILL, parent=server.pid)
    from cadran.processes.wsgi import application

    return application
