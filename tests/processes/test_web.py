"""``cadran web``: it serves, it stops, it leaves its port, it refuses a login that sees everything."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cadran.kernel import health
from cadran.processes.startup import port_in_use

CHECKOUT = Path(__file__).parents[2]


def until(condition: Callable[[], bool], *, seconds: float = 30, every: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(every)


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def living(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Site:
    """The server in a process of its own, on the database of the test run."""

    def __init__(self, directory: Path, **environ: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.run_dir = directory / "run"
        self.log = directory / "web.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cadran", "web"], cwd=CHECKOUT, stdout=log, stderr=log,
                env={**os.environ, "CADRAN_DATA_DIR": str(directory), "CADRAN_PORT": str(self.port), **environ},
            )  # fmt: skip

    def status(self, path: str) -> int | None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", path, headers={"Host": "localhost"})
            return connection.getresponse().status
        except OSError:
            return None

    def ready(self) -> bool:
        return self.status("/static/nothing-of-that-name") is not None


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the site's files gathered."""
    directory = tmp_path_factory.mktemp("installation")
    done = subprocess.run(
        [sys.executable, "-m", "cadran", "static"], cwd=CHECKOUT, capture_output=True, text=True, check=False,
        env={**os.environ, "CADRAN_DATA_DIR": str(directory)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "fichiers prêts" in done.stdout
    return directory


@pytest.fixture
def site(installation: Path) -> Iterator[Site]:
    started = Site(installation)
    until(started.ready)
    yield started
    started.process.kill()
    started.process.wait()


def test_it_answers_and_its_log_holds_no_address(site: Site, installation: Path) -> None:
    manifest = json.loads((installation / "static" / "staticfiles.json").read_text())
    assert site.status(f"/static/{next(iter(manifest['paths'].values()))}") == 200
    assert site.status("/nothing-of-that-name?token=squeamish") in (302, 404)
    found = health.read(site.run_dir, "web")
    assert found is not None
    assert (found.pid, found.counters) == (site.process.pid, {"workers": 2})
    site.process.terminate()
    assert site.process.wait(15) == 0
    assert "squeamish" not in site.log.read_text()
    assert not port_in_use("127.0.0.1", site.port)


def test_files_are_gathered_again_only_when_they_changed(installation: Path) -> None:
    stamp = installation / "static" / ".gathered"
    first = stamp.stat().st_mtime_ns
    command = [sys.executable, "-m", "cadran", "static"]
    environ = {**os.environ, "CADRAN_DATA_DIR": str(installation)}
    subprocess.run(command, cwd=CHECKOUT, env=environ, check=True, capture_output=True)
    assert stamp.stat().st_mtime_ns == first
    stamp.write_text("another version")
    subprocess.run(command, cwd=CHECKOUT, env=environ, check=True, capture_output=True)
    assert stamp.read_text() != "another version"


def test_killed_it_leaves_no_worker_on_its_port(site: Site) -> None:
    workers = children(site.process.pid)
    assert len(workers) >= 2
    site.process.kill()
    until(lambda: not any(map(living, workers)), seconds=10)
    until(lambda: not port_in_use("127.0.0.1", site.port), seconds=5)  # threads end after the process reads as dead


def test_a_killed_worker_is_replaced(site: Site) -> None:
    victim = children(site.process.pid)[-1]
    os.kill(victim, signal.SIGKILL)
    until(lambda: len([child for child in children(site.process.pid) if living(child)]) == 2)
    until(site.ready)
    assert site.process.poll() is None


def test_a_worker_that_has_just_started_does_not_outlive_the_server(site: Site) -> None:
    old = set(children(site.process.pid))
    os.kill(next(iter(old)), signal.SIGKILL)
    until(lambda: bool(set(children(site.process.pid)) - old), every=0)
    workers = children(site.process.pid)
    site.process.kill()  # the new worker has not asked for the kernel's signal yet
    until(lambda: not any(map(living, workers)), seconds=10)


def test_a_login_that_sees_everything_is_refused_for_good(tmp_path: Path) -> None:
    refused = Site(tmp_path, CADRAN_DATABASE_URL=os.environ["CADRAN_DATABASE_OWNER_URL"])
    assert refused.process.wait(20) == 78
    assert "possède la base" in refused.log.read_text()


def test_a_database_away_is_worth_another_try(tmp_path: Path) -> None:
    refused = Site(tmp_path, CADRAN_DATABASE_URL="postgresql://cadran_app:x@127.0.0.1:1/cadran")
    assert refused.process.wait(20) == 1
    assert "ne répond pas" in refused.log.read_text()
    assert "cadran_app:x" not in refused.log.read_text()
