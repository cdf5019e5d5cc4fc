"""``cadran up`` with a real PostgreSQL: restarts, refusals, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from cadran.kernel import health
from cadran.kernel.config import load
from cadran.kernel.postgres import OWNER_ROLE, prepare
from cadran.kernel.postgres.cluster import answers
from cadran.processes.up import EXIT_ALREADY_RUNNING

CHECKOUT = Path(__file__).parents[2]
SUPERVISE = """
import sys
from cadran.kernel.config import load
from cadran.processes import up
config = load()
with up.held(config):
    sys.exit(up.run(up.Plan(config, steps=(), processes=())))
"""


def environ(directory: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CADRAN_")}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {**kept, "CADRAN_CONFIG": "", "CADRAN_DATA_DIR": str(directory), "CADRAN_PORT": str(port), **more}


class Running:
    """A supervisor in a process of its own, with PostgreSQL alone to keep."""

    def __init__(self, directory: Path) -> None:
        self.environ = environ(directory)
        self.config = load(environ=self.environ)
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE], cwd=CHECKOUT, env=self.environ,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def until(self, condition: Callable[[], bool], *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "".join(self.lines)
            time.sleep(0.05)

    @property
    def url(self) -> str:
        return load(environ=self.environ, create=False).database_owner_url

    def ready(self) -> bool:
        return bool(self.url) and answers(self.url)

    def postmaster(self) -> int:
        home = prepare(self.config.data_dir / "postgres", keep_port=True).data
        return int((home / "postmaster.pid").read_text().split()[0])

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path / "var")
    started.until(started.ready)
    yield started
    started.end()
    prepare(tmp_path / "var" / "postgres", keep_port=True).destroy()


def test_a_killed_postgresql_comes_back_with_what_it_acknowledged(running: Running) -> None:
    with psycopg.connect(running.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        first = running.postmaster()
        os.kill(first, signal.SIGKILL)
    running.until(running.ready)
    assert running.postmaster() != first
    with psycopg.connect(running.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        assert connection.execute("SELECT current_user").fetchone() == (OWNER_ROLE,)
    found = health.read(running.config.run_dir, "up")
    assert found is not None
    assert found.counters == {"restarts_postgres": 1}
    assert any("postgres a été tué par le signal SIGKILL" in line for line in running.lines)


def test_a_second_supervisor_names_the_first_and_leaves_it_alone(running: Running) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "cadran", "up"],
        env=running.environ, cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert second.returncode == EXIT_ALREADY_RUNNING
    assert f"tourne déjà avec {running.config.data_dir} (processus {running.process.pid})" in second.stderr
    assert running.ready()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_stop_stops_everything(running: Running, number: signal.Signals) -> None:
    running.process.send_signal(number)
    assert running.process.wait(20) == 0
    assert not running.ready()
    running.reader.join(5)
    assert any("database system is shut down" in line for line in running.lines)
    assert not (running.config.run_dir / "up.sock").exists()


def test_a_killed_supervisor_leaves_nothing_and_the_next_one_starts(running: Running) -> None:
    postmaster = running.postmaster()
    running.process.kill()
    running.until(lambda: not Path(f"/proc/{postmaster}").exists())
    again = Running(running.config.data_dir)
    try:
        again.until(again.ready)
    finally:
        again.end()


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = str(squatter.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "cadran", "up"],
            env=environ(tmp_path / "var", CADRAN_PORT=port), cwd=CHECKOUT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"Le port {port} est déjà pris" in done.stderr
    assert not (tmp_path / "var" / "postgres").exists()


def test_status_of_a_stopped_installation_is_a_failure(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cadran", "up", "status"],
        env=environ(tmp_path / "var"), cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ne répond pas" in done.stdout
