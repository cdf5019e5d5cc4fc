"""One decoding process seen from its parent: start it, talk to it, watch it, kill it."""

import contextlib
import enum
import mmap
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
LENGTH = struct.Struct("!I")
POSITION = struct.Struct("=q")
IDLE = -1
MAX_CODECS = 256  # contexts kept by one process, 166 kB each at rest
LOOK_EVERY_MS = 20  # how often the watchdog looks while a batch runs


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call, one batch and one process may use.

    The engine stops a call after ``call_seconds`` of processor time; what the engine cannot stop (a native function
    over a huge sparse array was measured at 14 to 120 s) is killed after ``hang_cpu_seconds`` of processor time on
    one call, or ``hang_wall_seconds`` when the process does not even run.
    """

    call_seconds: float = 0.05
    memory_bytes: int = 16 << 20
    stack_bytes: int = 256 << 10
    output_chars: int = 16 << 10
    address_space_bytes: int = 1 << 30
    hang_cpu_seconds: float = 0.5
    hang_wall_seconds: float = 20.0
    batch_calls: int = 500


class Ending(enum.Enum):
    """How an exchange without answers ended."""

    HUNG = "hung"  # killed by the watchdog on the call at ``position``
    DIED = "died"  # by itself or by somebody else, maybe because of the call at ``position``
    NOT_STARTED = "not started"


class Broken(Exception):
    """The process is gone before answering; ``position`` is the call it was at, -1 when none."""

    def __init__(self, ending: Ending, position: int) -> None:
        super().__init__(f"{ending.value} at {position}")
        self.ending = ending
        self.position = position


Call = tuple[int, bytes, float, str]  # port, payload, received (ms since 1970), variables as JSON
Answer = tuple[str, str]


class DecoderProcess:
    """A child that decodes batches; used by one thread at a time, restarted when it is gone."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers: dict[tuple[str, str], int] = {}  # (codec key, source) -> its number in the child
        self._encode = msgspec.msgpack.Encoder().encode
        self._decoder = msgspec.msgpack.Decoder(list[Answer])

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process else None

    def exchange(self, codecs: Sequence[tuple[str, str]], calls: Sequence[Call]) -> list[Answer]:
        """Run ``calls`` (call ``i`` by ``codecs[i]``) and return as many answers, or raise ``Broken``."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        try:
            self._send(self._batch(codecs, calls))
            answers = self._decoder.decode(self._receive(len(calls)))
        except (OSError, msgspec.MsgspecError):
            raise self._broken(Ending.DIED) from None
        if len(answers) != len(calls):
            raise self._broken(Ending.DIED)
        return answers

    def stop(self) -> None:
        """Kill the child, if any, and release what it held."""
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        self._link.close()
        self._page.close()
        self._process = None
        self._numbers = {}

    def _start(self) -> None:
        self.stop()
        ours, theirs = socket.socketpair()
        progress = os.memfd_create("cadran-decoder")
        try:
            os.ftruncate(progress, mmap.PAGESIZE)
            # the child gets no environment: nothing secret there can leak out of a codec
            command = [sys.executable, "-I", str(HERE / "child.py"), str(theirs.fileno()), str(progress)]
            self._process = subprocess.Popen(  # noqa: S603 - our own file, fixed arguments
                command,
                env={name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), progress),
                cwd="/",
            )
        except OSError:
            ours.close()
            raise Broken(Ending.NOT_STARTED, IDLE) from None
        else:
            self._link, self._page = ours, mmap.mmap(progress, mmap.PAGESIZE)
            POSITION.pack_into(self._page, 0, IDLE)
        finally:
            theirs.close()
            os.close(progress)
        self.starts += 1
        limits = self.limits
        self._link.settimeout(limits.hang_wall_seconds)
        hello = (
            (HERE / "prelude.js").read_text(encoding="utf-8"),
            limits.call_seconds,
            limits.memory_bytes,
            limits.stack_bytes,
            limits.output_chars,
            limits.address_space_bytes,
        )
        try:
            self._send(self._encode(hello))
        except OSError:
            raise self._broken(Ending.NOT_STARTED) from None

    def _batch(self, codecs: Sequence[tuple[str, str]], calls: Sequence[Call]) -> bytes:
        wanted = dict.fromkeys(codecs)
        forget = len(self._numbers | wanted) > MAX_CODECS
        if forget:
            self._numbers = {}
        new: dict[int, str] = {}
        for codec in wanted:
            if codec not in self._numbers:
                number = self._numbers[codec] = len(self._numbers)
                new[number] = codec[1]
        numbered = [(self._numbers[codec], *call) for codec, call in zip(codecs, calls, strict=True)]
        seconds = len(calls) * self.limits.call_seconds + 2 * self.limits.hang_cpu_seconds + 1
        return self._encode((forget, new, seconds, numbered))

    def _send(self, frame: bytes) -> None:
        self._link.sendall(LENGTH.pack(len(frame)) + frame)

    def _receive(self, calls: int) -> bytes:
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        watch = _Watch(self)
        while not poll.poll(LOOK_EVERY_MS):
            if watch.hung():
                raise self._broken(Ending.HUNG)
        header = self._link.recv(LENGTH.size, socket.MSG_WAITALL)
        if len(header) < LENGTH.size:
            raise ConnectionError
        size = LENGTH.unpack(header)[0]
        if size > calls * (4 * self.limits.output_chars + 4096) + 16:  # not something the child would write
            raise ConnectionError
        body = bytearray()
        while len(body) < size:
            part = self._link.recv(min(size - len(body), 1 << 20))
            if not part:
                raise ConnectionError
            body += part
        return bytes(body)

    def _broken(self, ending: Ending) -> Broken:
        position = self.position
        self.stop()
        return Broken(ending, position)

    @property
    def position(self) -> int:
        """The call the child is at, -1 between batches."""
        return int(POSITION.unpack_from(self._page, 0)[0])

    def cpu_seconds(self) -> float:
        """Processor time the child has used (0 once it is gone)."""
        if self._process is None:
            return 0.0
        try:  # clockid of a process: CPUCLOCK_SCHED of its pid, as clock_getcpuclockid(3) builds it
            return time.clock_gettime((~self._process.pid << 3) | 2)
        except OSError:
            return 0.0


class _Watch:
    """Tells a hung call from a slow machine: what counts is the processor time spent on one and the same call."""

    def __init__(self, process: DecoderProcess) -> None:
        self._process = process
        self._mark(process.position)

    def _mark(self, position: int) -> None:
        self._position = position
        self._cpu = self._process.cpu_seconds()
        self._wall = time.monotonic()

    def hung(self) -> bool:
        """Whether the call has used up its time; to be asked again and again."""
        position = self._process.position
        if position != self._position:
            self._mark(position)
            return False
        limits = self._process.limits
        return (
            self._process.cpu_seconds() - self._cpu > limits.hang_cpu_seconds
            or time.monotonic() - self._wall > limits.hang_wall_seconds
        )
