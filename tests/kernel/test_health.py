"""The health sockets: private, short-lived answers, robust to what a killed process leaves."""

from __future__ import annotations

import os
import socket
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cadran.kernel import health


def test_a_process_says_who_it_is_and_what_it_counted(tmp_path: Path) -> None:
    seen = {"uplinks": 0}
    with health.serve("edge", directory=tmp_path, counters=lambda: seen) as server:
        seen["uplinks"] = 42
        answer = health.read(tmp_path, "edge")
        assert answer is not None
        assert (answer.process, answer.pid, answer.counters) == ("edge", os.getpid(), {"uplinks": 42})
        assert timedelta(0) < datetime.now(UTC) - answer.started_at < timedelta(hours=12)
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
        assert health.read_all(tmp_path) == {"edge": answer}
    assert health.read(tmp_path, "edge") is None
    assert list(tmp_path.iterdir()) == []


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 100) / ("b" * 100)
    with health.serve("deep", directory=deep):
        assert health.read(deep, "deep") is not None


def test_a_socket_left_by_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "edge.sock"))
    left.close()
    assert health.read_all(tmp_path) == {"edge": None}
    with health.serve("edge", directory=tmp_path):
        assert health.read(tmp_path, "edge") is not None


def test_two_processes_of_one_name_are_refused(tmp_path: Path) -> None:
    with health.serve("edge", directory=tmp_path), pytest.raises(RuntimeError, match="tourne déjà"):
        health.serve("edge", directory=tmp_path)


def test_counters_that_fail_do_not_silence_the_process(tmp_path: Path) -> None:
    def broken() -> dict[str, int]:
        raise ValueError("no")

    with health.serve("edge", directory=tmp_path, counters=broken):
        for _ in range(2):
            answer = health.read(tmp_path, "edge")
            assert answer is not None
            assert answer.counters == {}


def test_a_listener_that_never_answers_does_not_block_the_reader(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute.sock"))
        mute.listen()
        began = time.monotonic()
        assert health.read(tmp_path, "mute") is None
        assert time.monotonic() - began < 3
