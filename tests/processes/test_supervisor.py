"""The supervisor: restarts, waits longer each time, stops in order, leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.processes import leftovers
from cadran.processes.supervisor import EXIT_CONFIG, Backoff, Program, Supervisor

CHECKOUT = Path(__file__).parents[2]
QUICK = Backoff(first=0.05, ceiling=0.2, stable=5.0)
Lines = list[tuple[str, str]]


def python(name: str, body: str, *, grace: float = 5.0, stop: int = signal.SIGTERM) -> Program:
    return Program(name, (sys.executable, "-c", body), stop=stop, grace=grace)


def supervise(tmp_path: Path, story: Callable[[Supervisor, Lines], Awaitable[None]]) -> Lines:
    lines: Lines = []

    async def run() -> None:
        supervisor = Supervisor(run_dir=tmp_path, emit=lambda name, line: lines.append((name, line)), backoff=QUICK)
        try:
            await asyncio.wait_for(story(supervisor, lines), 30)
        finally:
            await supervisor.stop()

    asyncio.run(run())
    return lines


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the story's own limit of 30 s applies."""
    while not condition():
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, *, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


@given(failures=st.integers(1, 10_000))
def test_waits_double_up_to_the_ceiling(failures: int) -> None:
    backoff = Backoff(first=0.5, factor=2.0, ceiling=30.0)
    assert backoff.delay(failures) == (0.5 * 2 ** (failures - 1) if failures <= 6 else 30.0)


def test_a_killed_program_starts_again_and_its_lines_carry_its_name(tmp_path: Path) -> None:
    async def story(supervisor: Supervisor, lines: Lines) -> None:
        supervisor.start(python("echo", "import os, time; print('é', os.getpid()); time.sleep(60)"))
        await until(lambda: len([line for line in lines if line[0] == "echo"]) == 1)
        os.kill(int(lines[0][1].split()[1]), signal.SIGKILL)
        await until(lambda: len([line for line in lines if line[0] == "echo"]) == 2)
        assert supervisor.restarts == {"echo": 1}

    lines = supervise(tmp_path, story)
    assert any(name == "cadran" and "SIGKILL" in line and "0.05 s" in line for name, line in lines)
    assert all(gone(int(line.split()[1])) for name, line in lines if name == "echo")


def test_a_program_that_ends_at_once_is_tried_ever_less_often(tmp_path: Path) -> None:
    async def story(supervisor: Supervisor, lines: Lines) -> None:
        supervisor.start(python("brief", "raise SystemExit(7)"))
        await until(lambda: supervisor.restarts["brief"] >= 4)

    waits = [line.rsplit("dans ", 1)[1] for name, line in supervise(tmp_path, story) if "code 7" in line]
    assert waits[:4] == ["0.05 s", "0.1 s", "0.2 s", "0.2 s"]


def test_a_program_whose_settings_are_wrong_stops_everything(tmp_path: Path) -> None:
    async def story(supervisor: Supervisor, lines: Lines) -> None:
        supervisor.start(python("steady", "import time; time.sleep(60)"))
        supervisor.start(python("wrong", f"raise SystemExit({EXIT_CONFIG})"))
        await supervisor.wait_for_stop()
        assert supervisor.refused == "wrong"
        assert supervisor.restarts["wrong"] == 0

    supervise(tmp_path, story)


def test_programs_stop_one_by_one_the_last_first(tmp_path: Path) -> None:
    body = (
        "import signal, sys, time\n"
        "def end(*_): time.sleep(0.2); print('bye'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('hello'); time.sleep(60)"
    )

    async def story(supervisor: Supervisor, lines: Lines) -> None:
        for name in ("first", "second", "third"):
            supervisor.start(python(name, body))
        await until(lambda: sum(line == "hello" for _, line in lines) == 3)

    said = [name for name, line in supervise(tmp_path, story) if line == "bye"]
    assert said == ["third", "second", "first"]


def test_a_deaf_program_is_killed_after_its_grace_with_its_own_children(tmp_path: Path) -> None:
    body = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid); time.sleep(60)"
    )

    async def story(supervisor: Supervisor, lines: Lines) -> None:
        supervisor.start(python("deaf", body, grace=0.3))
        await until(lambda: any(name == "deaf" for name, _ in lines))

    began = time.monotonic()
    lines = supervise(tmp_path, story)
    assert time.monotonic() - began < 10
    assert ("cadran", "deaf ne s'arrête pas : tué") in lines
    assert gone(int(next(line for name, line in lines if name == "deaf")))


def test_a_second_request_does_not_wait_for_the_grace(tmp_path: Path) -> None:
    body = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"

    async def story(supervisor: Supervisor, lines: Lines) -> None:
        supervisor.start(python("deaf", body, grace=60))
        await until(lambda: ("deaf", "deaf") in lines)
        supervisor.request_stop()
        asyncio.get_running_loop().call_later(0.2, supervisor.request_stop)

    began = time.monotonic()
    supervise(tmp_path, story)
    assert time.monotonic() - began < 15


def test_orphans_of_a_killed_program_are_ended_before_it_starts_again(tmp_path: Path) -> None:
    body = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(os.getpid(), child.pid); time.sleep(60)"
    )

    async def story(supervisor: Supervisor, lines: Lines) -> None:
        supervisor.start(python("parent", body))
        await until(lambda: any(name == "parent" for name, _ in lines))
        parent, orphan = map(int, lines[0][1].split())
        os.kill(parent, signal.SIGKILL)
        await until(lambda: sum(name == "parent" for name, _ in lines) == 2)
        assert gone(orphan)

    supervise(tmp_path, story)


def test_a_step_runs_to_its_end_and_tells_its_status(tmp_path: Path) -> None:
    async def story(supervisor: Supervisor, lines: Lines) -> None:
        assert await supervisor.run_once(python("step", "print('done')")) == 0
        assert await supervisor.run_once(python("step", "raise SystemExit(3)")) == 3
        asyncio.get_running_loop().call_later(0.3, supervisor.request_stop)
        assert await supervisor.run_once(python("step", "import time; time.sleep(60)")) == -signal.SIGTERM

    assert ("step", "done") in supervise(tmp_path, story)


def test_a_line_without_end_is_shown_without_filling_the_memory(tmp_path: Path) -> None:
    async def story(supervisor: Supervisor, lines: Lines) -> None:
        await supervisor.run_once(python("long", "print('x' * 300_000); print('end', end='')"))
        await until(lambda: ("long", "end") in lines)

    shown = [line for name, line in supervise(tmp_path, story) if name == "long"]
    assert sum(map(len, shown)) == 300_003
    assert max(map(len, shown)) < 200_000


SUPERVISED = """
import asyncio, pathlib, sys
from cadran.processes.supervisor import Program, Supervisor
body = "import os, signal, sys, time\\n{signals}\\nprint(os.getpid(), flush=True); time.sleep(60)"
def emit(name, line):
    print(line, flush=True)
async def run():
    supervisor = Supervisor(run_dir=pathlib.Path(sys.argv[1]), emit=emit, orphan_grace=float(sys.argv[2]))
    supervisor.start(Program("child", (sys.executable, "-c", body)))
    await supervisor.wait_for_stop()
asyncio.run(run())
"""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def killed_supervisor(tmp_path: Path, *, signals: str = "", orphan_grace: float = 60) -> int:
    """Start a supervisor with one child, kill it with -9, return the child's process number."""
    parent = subprocess.Popen(
        [sys.executable, "-c", SUPERVISED.replace("{signals}", signals), str(tmp_path), str(orphan_grace)],
        stdout=subprocess.PIPE, cwd=CHECKOUT,
    )  # fmt: skip
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    return child


def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    child = killed_supervisor(tmp_path)
    assert gone(child)
    assert leftovers.sweep(tmp_path, grace=0) == []


def test_what_ignores_the_signal_is_killed_after_its_grace(tmp_path: Path) -> None:
    child = killed_supervisor(tmp_path, signals=DEAF, orphan_grace=0.5)
    assert alive(child)
    assert gone(child)


def test_the_next_supervisor_does_not_wait_for_that(tmp_path: Path) -> None:
    child = killed_supervisor(tmp_path, signals=DEAF)
    assert alive(child)
    assert leftovers.sweep(tmp_path, grace=0.3) == ["child"]
    assert gone(child)


def test_the_children_of_another_supervisor_are_left_alone(tmp_path: Path) -> None:
    child = killed_supervisor(tmp_path, signals=DEAF)
    assert leftovers.sweep(tmp_path, grace=0, supervisor=leftovers.identity(os.getpid())) == []
    assert alive(child)
    assert leftovers.sweep(tmp_path, grace=0) == ["child"]


def test_a_process_number_given_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    rows = [{"name": "web", "pid": os.getpid(), "start": "1", "stop": int(signal.SIGKILL)}]
    (tmp_path / leftovers.RECORD).write_text(json.dumps({"supervisor": "1:1", "children": rows}))
    assert leftovers.sweep(tmp_path, grace=0) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_record_cut_by_a_crash_is_no_obstacle(tmp_path: Path, content: str) -> None:
    (tmp_path / leftovers.RECORD).write_text(content)
    assert leftovers.sweep(tmp_path, grace=0) == []
