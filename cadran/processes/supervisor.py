"""Keep child processes running: restart with back-off, forward their lines, stop them in reverse order.

Nothing outlives the supervisor: the kernel signals each child when it dies (``kernel.launch``), and what does not stop
on that signal is ended by force (``leftovers``).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cadran.kernel import launch
from cadran.kernel.keyfiles import write_private
from cadran.processes import leftovers

EXIT_CONFIG: Final = 78  # sysexits EX_CONFIG: the settings are wrong, starting again changes nothing
LONGEST_LINE: Final = 1 << 16
ORPHAN_GRACE: Final = 10.0  # seconds given to children to stop by themselves when the supervisor is killed
Emit = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Program:
    """One command to keep running. ``grace``: seconds between the stop signal and the kill."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    stop: int = signal.SIGTERM
    grace: float = 10.0
    bound: bool = True  # False: the command binds itself to our life (kernel.launch)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before restart number ``failures`` (seconds)."""

    first: float = 0.5
    factor: float = 2.0
    ceiling: float = 30.0
    stable: float = 60.0  # a run that long is a success: the next failure is the first again

    def delay(self, failures: int) -> float:
        """Return the wait after that many failures in a row, the first being 1."""
        return float(min(self.ceiling, self.first * self.factor ** min(failures - 1, 30)))


class Child:
    """A started program. asyncio's own subprocess would wait for whoever holds the output, grandchildren included."""

    def __init__(self, program: Program) -> None:
        loop = asyncio.get_running_loop()
        command = list(program.command)
        self.program = program
        self.ended: asyncio.Future[int] = loop.create_future()
        self._process = subprocess.Popen(
            launch.command(command, stop=program.stop) if program.bound else command,
            env={**program.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone: the order of stops is ours
        )
        self.pid = self._process.pid
        threading.Thread(target=self._wait, args=(loop,), name=f"wait-{program.name}", daemon=True).start()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        status = self._process.wait()
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(self.ended.set_result, status)

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens when the program has ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def forward(self, emit: Emit) -> None:
        """Emit each line of the output until everybody who holds it is gone."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout
        )
        rest = b""
        while chunk := await reader.read(LONGEST_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                emit(self.program.name, line.decode(errors="replace"))
        if rest:
            emit(self.program.name, rest.decode(errors="replace"))


class Supervisor:
    """Runs programs until ``request_stop``; one instance per event loop."""

    def __init__(
        self, *, run_dir: Path, emit: Emit, backoff: Backoff | None = None, orphan_grace: float = ORPHAN_GRACE
    ) -> None:
        self.restarts: dict[str, int] = {}
        self.refused: str | None = None  # the program whose settings are wrong
        self._run_dir = run_dir
        self._emit = emit
        self._backoff = backoff or Backoff()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._children: dict[str, Child] = {}
        self._forwards: set[asyncio.Task[None]] = set()
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._record()
        self._sweeper = leftovers.watch(run_dir, grace=orphan_grace)

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop.is_set()

    def request_stop(self) -> None:
        """Ask for a stop; asked twice, children are killed without grace."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def wait_for_stop(self) -> None:
        """Return when a stop was asked for."""
        await self._stop.wait()

    def start(self, program: Program) -> None:
        """Keep ``program`` running from now on."""
        self.restarts[program.name] = 0
        self._watchers[program.name] = asyncio.create_task(self._keep(program), name=f"keep-{program.name}")

    async def run_once(self, program: Program) -> int:
        """Run a program to its end and return its exit status; a stop request ends it."""
        child = self._spawn(program)
        stop = asyncio.create_task(self._stop.wait())
        await _first_of(child.ended, stop)
        stop.cancel()
        if not child.ended.done():
            await self._terminate(child)
        self._forget(child)
        return await child.ended

    async def stop(self) -> None:
        """Stop every program, the last started first."""
        self._stop.set()
        for name in reversed(list(self._watchers)):
            if name in self._children:
                self._emit("cadran", f"arrêt de {name}")
                await self._terminate(self._children[name])
            await self._watchers[name]
        self._watchers.clear()
        if self._forwards:  # the last lines
            await asyncio.wait(self._forwards, timeout=1.0)
        self._sweeper.communicate()  # nothing is left: it ends

    async def _keep(self, program: Program) -> None:
        failures = 0
        while not self.stopping:
            began = time.monotonic()
            child = self._spawn(program)
            status = await child.ended
            self._forget(child)
            leftovers.kill_group(child.pid)  # its own children: orphans would hold its port
            if self.stopping:
                return
            if status == EXIT_CONFIG:
                self.refused = program.name
                self._emit("cadran", f"{program.name} refuse de démarrer avec ces réglages : tout s'arrête")
                self._stop.set()
                return
            failures = 1 if time.monotonic() - began >= self._backoff.stable else failures + 1
            self.restarts[program.name] += 1
            delay = self._backoff.delay(failures)
            self._emit("cadran", f"{program.name} {_ending(status)} ; nouveau départ dans {delay:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), delay)

    def _spawn(self, program: Program) -> Child:
        child = self._children[program.name] = Child(program)
        self._record()
        forward = asyncio.create_task(child.forward(self._emit), name=f"forward-{program.name}")
        self._forwards.add(forward)
        forward.add_done_callback(self._forwards.discard)
        return child

    async def _terminate(self, child: Child) -> None:
        child.signal(child.program.stop)
        hurry = asyncio.create_task(self._hurry.wait())
        await _first_of(child.ended, hurry, seconds=child.program.grace)
        hurry.cancel()
        if not child.ended.done():
            self._emit("cadran", f"{child.program.name} ne s'arrête pas : tué")
            child.signal(signal.SIGKILL)
        await child.ended
        leftovers.kill_group(child.pid)

    def _forget(self, child: Child) -> None:
        self._children.pop(child.program.name, None)
        self._record()

    def _record(self) -> None:
        children = [
            {
                "name": name,
                "pid": child.pid,
                "start": leftovers.start_time(child.pid),
                "stop": int(child.program.stop),
            }
            for name, child in self._children.items()
        ]
        record = {"supervisor": leftovers.identity(os.getpid()), "children": children}
        write_private(self._run_dir / leftovers.RECORD, json.dumps(record).encode(), replace=True)


async def _first_of(*futures: asyncio.Future[Any], seconds: float | None = None) -> None:
    await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


def _ending(status: int) -> str:
    if status < 0:
        return f"a été tué par le signal {signal.Signals(-status).name}"
    return f"s'est arrêté (code {status})"
