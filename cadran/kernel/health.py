"""Each process says how it is on a Unix socket of mode 0600: one JSON object per connection, nothing to ask.

Only the account that runs Cadran reaches it; no port is opened and no request is parsed.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from cadran.kernel import config

log = logging.getLogger(__name__)
Counters = Callable[[], Mapping[str, int]]
_ANSWER_SECONDS = 1.0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What a process answers. ``counters`` are its own, each a plain whole number."""

    process: str
    pid: int
    started_at: datetime
    counters: dict[str, int]


@dataclass(slots=True)
class HealthServer:
    """The listening socket of one process, served by a daemon thread."""

    path: Path
    listener: socket.socket
    process: str
    started_at: datetime
    counters: Counters

    def run(self) -> None:
        """Answer until ``close``."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed
            with connection, suppress(OSError):
                connection.settimeout(_ANSWER_SECONDS)
                connection.sendall(self._answer())

    def _answer(self) -> bytes:
        try:
            counters = dict(self.counters())
        except Exception:
            log.exception("the counters of %s cannot be read", self.process)
            counters = {}
        health = Health(process=self.process, pid=os.getpid(), started_at=self.started_at, counters=counters)
        return msgspec.json.encode(health) + b"\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering and remove the socket file."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread out of accept()
        self.listener.close()
        self.path.unlink(missing_ok=True)


def serve(process: str, *, counters: Counters = dict, directory: Path | None = None) -> HealthServer:
    """Answer for ``process`` from now on, in a daemon thread; the caller closes (or uses ``with``).

    Args:
        counters: called at each question, from that thread; whole numbers only.
        directory: instead of the installation's ``data_dir/run``.
    Raises:
        RuntimeError: another live process already answers under that name.
    """
    directory = config.load(create=False).run_dir if directory is None else directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{process}.sock"
    if read(directory, process) is not None:
        raise RuntimeError(f"« {process} » tourne déjà avec ce répertoire de données ({directory}).")
    path.unlink(missing_ok=True)  # left by a process that was killed
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(directory) as short:
        listener.bind(f"{short}/{path.name}")
    path.chmod(0o600)
    listener.listen(8)
    server = HealthServer(path, listener, process, _started_at(), counters)
    threading.Thread(target=server.run, name=f"health-{process}", daemon=True).start()
    return server


def read(directory: Path, process: str) -> Health | None:
    """Return the answer of a process, ``None`` when it is stopped or does not answer within a second."""
    try:
        with _short(directory) as short, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_ANSWER_SECONDS)
            client.connect(f"{short}/{process}.sock")
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        return msgspec.json.decode(answer, type=Health)
    except (OSError, msgspec.DecodeError):
        return None


def read_all(directory: Path) -> dict[str, Health | None]:
    """Return the answer of each process that has a socket there, by name."""
    return {path.stem: read(directory, path.stem) for path in sorted(directory.glob("*.sock"))}


def _started_at() -> datetime:
    """Return when this process started, from the kernel's own account of it."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    lines = Path("/proc/stat").read_text().splitlines()
    boot = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
    return datetime.fromtimestamp(boot + ticks // os.sysconf("SC_CLK_TCK"), UTC)


@contextmanager
def _short(directory: Path) -> Iterator[str]:
    """Give a short name of the directory: a Unix socket address holds 107 bytes, a checkout may lie deeper."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
