"""End what a killed supervisor left running. Standard library only: one small process does nothing but wait to do it.

``python -m cadran.processes.leftovers DIRECTORY SUPERVISOR GRACE`` reads its standard input, whose other end the
supervisor alone holds: at the end of file the supervisor is dead, and whatever ignores the kernel's signal is killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

RECORD = "children.json"


def identity(pid: int) -> str:
    """Return what tells a process from a later one of the same number."""
    return f"{pid}:{start_time(pid)}"


def start_time(pid: int) -> str | None:
    """Return when a live process started, in the kernel's ticks; ``None`` for a zombie or nobody."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def kill_group(leader: int) -> None:
    """Kill every process of a group; nothing happens when there is none."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def sweep(directory: Path, *, grace: float, supervisor: str | None = None) -> list[str]:
    """End the recorded children that still run, the last started first; return their names.

    A process counts only when its start time is the recorded one: a process number is soon given to another.

    Args:
        directory: where the supervisor keeps its record.
        grace: seconds between the stop signals and the kill.
        supervisor: only the children of that one (its ``identity``).
    """
    try:
        record = json.loads((directory / RECORD).read_text())
        rows = record["children"]
        if supervisor not in (None, record["supervisor"]):
            return []
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return []
    left = [row for row in rows if row["start"] is not None and start_time(row["pid"]) == row["start"]]
    for row in left:
        with suppress(ProcessLookupError):
            os.kill(row["pid"], row["stop"])
    deadline = time.monotonic() + grace
    for row in reversed(left):
        while start_time(row["pid"]) == row["start"]:
            if time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(row["pid"], signal.SIGKILL)
            time.sleep(0.05)
        kill_group(row["pid"])
    return [row["name"] for row in left]


def watch(directory: Path, *, grace: float) -> subprocess.Popen[bytes]:
    """Start the process that sweeps when this one dies; closing its standard input ends it."""
    return subprocess.Popen(
        [sys.executable, "-m", "cadran.processes.leftovers", str(directory), identity(os.getpid()), str(grace)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is not for it
    )


def main(arguments: list[str]) -> None:
    """Wait for the supervisor's end, then sweep."""
    directory, supervisor, grace = arguments
    sys.stdin.buffer.read()
    sweep(Path(directory), grace=float(grace), supervisor=supervisor)


if __name__ == "__main__":
    main(sys.argv[1:])
