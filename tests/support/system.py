"""A whole installation in a temporary directory: ``cadran up`` with its own PostgreSQL, ports and processes.

    with installed() as system:
        system.populate("furnished")
        system.url, system.rows("SELECT …"), system.pid_of("worker")

Tests read it through PostgreSQL and the browser alone; ``tests.support.population`` fills it from a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from cadran.kernel import health
from cadran.kernel.config import load
from cadran.processes import leftovers
from cadran.processes.up import PROCESSES

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 240.0  # seconds, ten times what a quiet machine needs: only the end of waiting is asserted, never its length
T = TypeVar("T")


def until(found: Callable[[], T], what: str, *, seconds: float = PATIENCE, every: float = 0.25) -> T:
    """Return the first true answer of ``found``; AssertionError names ``what`` never came."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(every)
    return answer


def free_port(kind: socket.SocketKind) -> int:
    """Return a port nobody listens on now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class System:
    """One installation, its supervisor started or not."""

    def __init__(self, directory: Path, **settings: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CADRAN_")}
        self.directory = directory
        self.environ = kept | {
            "CADRAN_CONFIG": "",
            "CADRAN_DATA_DIR": str(directory),
            "CADRAN_PORT": str(free_port(socket.SOCK_STREAM)),
            "CADRAN_UDP_PORT": str(free_port(socket.SOCK_DGRAM)),
            **settings,
        }
        self.lines: list[str] = []
        self.up: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """The address of the site."""
        return f"http://localhost:{self.environ['CADRAN_PORT']}"

    def start(self) -> None:
        """Start ``cadran up`` and return when every process gives a sign of life and the site answers."""
        self.up = subprocess.Popen(
            [sys.executable, "-m", "cadran", "up"], cwd=CHECKOUT, env=self.environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        threading.Thread(target=self._read, args=(self.up,), daemon=True).start()
        self.wait_until_well()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.lines.extend(process.stdout)

    def wait_until_well(self) -> None:
        """Wait until each process answers on its health socket and the site's port is open."""

        def well() -> bool:
            assert self.up is not None
            assert self.up.poll() is None, f"cadran up stopped:\n{self.last_lines()}"
            return all(self.pid_of(name) for name in PROCESSES) and self._listens()

        try:
            until(well, "every process alive")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.last_lines()}") from None

    def _listens(self) -> bool:
        try:
            socket.create_connection(("localhost", int(self.environ["CADRAN_PORT"])), timeout=1).close()
        except OSError:
            return False
        return True

    def last_lines(self, count: int = 60) -> str:
        """Return the end of what the processes said."""
        return "".join(self.lines[-count:])

    def stop(self) -> None:
        """Stop everything, by force when asking is not enough."""
        if self.up is None:
            return
        self.up.send_signal(signal.SIGTERM)
        try:
            self.up.wait(60)
        except subprocess.TimeoutExpired:
            self.up.kill()
            self.up.wait()
        leftovers.sweep(self.directory / "run", grace=5.0)
        self.up = None

    def health(self, name: str) -> health.Health | None:
        """Return what a process says of itself."""
        return health.read(self.directory / "run", name)

    def pid_of(self, name: str) -> int | None:
        """Return the process number of a process that gives signs of life."""
        found = self.health(name)
        return found.pid if found else None

    def child_pid(self, name: str) -> int:
        """Return the process number the supervisor started under that name (PostgreSQL has no health socket)."""
        children = json.loads((self.directory / "run" / leftovers.RECORD).read_text())["children"]
        return int(next(child["pid"] for child in children if child["name"] == name))

    def counters(self, name: str) -> dict[str, int]:
        """Return the counters of a process, none while it is away."""
        found = self.health(name)
        return dict(found.counters) if found else {}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a module of the checkout in the installation's environment, to its end."""
        return subprocess.run(
            [sys.executable, "-m", *arguments], cwd=CHECKOUT, env=self.environ, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def populate(self, name: str) -> dict[str, Any]:
        """Fill the installation (``tests.support.population``) and return what was made."""
        done = self.run("tests.support.population", name)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    @contextmanager
    def simulation(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Play ``cadran simulate`` during the block; stopped at its end as by Ctrl-C."""
        process = subprocess.Popen(
            [sys.executable, "-m", "cadran", "simulate", *arguments], cwd=CHECKOUT, env=self.environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query, as the application's role in the staff's scope."""
        url = load(environ=self.environ, create=False).database_url
        with psycopg.connect(url, connect_timeout=10) as connection:
            connection.execute("SET ROLE cadran_staff")
            return connection.execute(query, values).fetchall()

    def value(self, query: str, *values: object) -> Any:
        """Return the only value of a query, None without a row or while the database is away."""
        with suppress(psycopg.OperationalError):
            found = self.rows(query, *values)
            return found[0][0] if found else None

    def change(self, statement: str, *values: object) -> None:
        """Change rows, as the application's role in the staff's scope."""
        url = load(environ=self.environ, create=False).database_url
        with psycopg.connect(url) as connection:
            connection.execute("SET ROLE cadran_staff")
            connection.execute(statement, values)


@contextmanager
def installed(**settings: str) -> Iterator[System]:
    """Make an installation, start it, and leave nothing behind."""
    directory = Path(tempfile.mkdtemp(prefix="cadran-system-"))
    directory.chmod(0o755)  # PostgreSQL's own account walks through it
    system = System(directory / "var", **settings)
    system.directory.mkdir(mode=0o755)
    try:
        system.start()
        yield system
    finally:
        system.stop()
        _remove_cluster(system.directory)
        shutil.rmtree(directory, ignore_errors=True)


def _remove_cluster(directory: Path) -> None:
    """PostgreSQL's files lie elsewhere when its account may not walk to the data directory."""
    from cadran.kernel.postgres import read_credentials

    credentials = read_credentials(directory / "postgres")
    if credentials is not None:
        shutil.rmtree(Path(credentials.home), ignore_errors=True)
