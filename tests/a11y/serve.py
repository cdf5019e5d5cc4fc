"""Serve the interface kit alone, on a free port, for browser tests: ``python -m tests.a11y.serve``.

A process of its own: no database, no other room, and the settings of the suite stay untouched. The first line it
prints is its address; it stops when its standard input closes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

SETTINGS = "tests.rooms.ui.settings_ui"
CHECKOUT = Path(__file__).resolve().parents[2]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests read what matters in the browser."""


def main() -> None:
    """Serve until standard input closes."""
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    import django
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.handlers.wsgi import WSGIHandler

    django.setup()
    server = make_server("127.0.0.1", 0, StaticFilesHandler(WSGIHandler()), _Server, _Quiet)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


@contextmanager
def served() -> Iterator[str]:
    """Run the server beside the test and give its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.a11y.serve"],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=10)


if __name__ == "__main__":
    main()
