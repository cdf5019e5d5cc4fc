"""Live pages: one LISTEN connection per web process, fanned out to the streams of open pages.

A stream carries ids only and holds no database connection; a page refetches what changed under its own rights.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

import psycopg
from django.conf import settings

from cadran.kernel.live import CHANNEL
from cadran.kernel.viewer import Side, Viewer

MOST_STREAMS = 100  # of the 256 blocking threads of a web process: pages keep their share
HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 600.0  # then the browser reconnects and its rights are read again
BACKLOG = 200
RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Stream:
    """One open page: whose it is, what it shows, what it has not been told yet."""

    viewer: Viewer
    topics: frozenset[str]
    waiting: queue.Queue[str | None] = field(default_factory=lambda: queue.Queue(BACKLOG))

    def concerns(self, kind: str, object_id: str, owner_id: int) -> bool:
        """Tell whether the page shows that object and its reader may know of it."""
        if self.viewer.side is Side.BENEFICIARY and owner_id not in self.viewer.scope:
            return False
        return kind in self.topics or f"{kind}:{object_id}" in self.topics

    def tell(self, message: str | None) -> None:
        """Queue a message; a page too slow to read is closed, it refetches everything when it reconnects."""
        try:
            self.waiting.put_nowait(message)
        except queue.Full:
            while not self.waiting.empty():
                self.waiting.get_nowait()
            self.waiting.put_nowait(None)


class Hub:
    """The streams of this process and the thread that listens for them."""

    def __init__(self) -> None:
        self._streams: set[Stream] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def open(self, viewer: Viewer, topics: frozenset[str]) -> Stream | None:
        """Register a stream; ``None`` when there is no room for one more."""
        with self._lock:
            if len(self._streams) >= MOST_STREAMS:
                return None
            stream = Stream(viewer, topics)
            self._streams.add(stream)
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="live", daemon=True)
                self._thread.start()
            return stream

    def close(self, stream: Stream) -> None:
        """Forget a stream whose page is gone."""
        with self._lock:
            self._streams.discard(stream)

    def dispatch(self, payload: str) -> None:
        """Tell the pages concerned by ``kind:id:owner``."""
        kind, object_id, owner = payload.rsplit(":", 2)
        message = json.dumps({"kind": kind, "id": int(object_id)})
        with self._lock:
            concerned = [one for one in self._streams if one.concerns(kind, object_id, int(owner))]
        for stream in concerned:
            stream.tell(message)

    def _listen(self) -> None:
        stop = threading.Event()
        while True:
            try:
                with psycopg.connect(settings.CADRAN.database_url, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    for notify in connection.notifies():
                        self.dispatch(notify.payload)
            except (psycopg.Error, OSError, ValueError) as error:
                log.warning("live: listening again after %s", type(error).__name__)
            with self._lock:
                streams = list(self._streams)
            for stream in streams:  # what was said meanwhile is lost: pages reconnect and refetch
                stream.tell(None)
            stop.wait(RETRY_SECONDS)


hub = Hub()


def lines(stream: Stream) -> Iterator[str]:
    """Yield the text of the event stream until the page goes, falls behind or its time is over."""
    began = monotonic()
    try:
        yield "retry: 2000\n\n"
        while monotonic() - began < LONGEST_SECONDS:
            try:
                message = stream.waiting.get(timeout=HEARTBEAT_SECONDS)
            except queue.Empty:
                yield ": still here\n\n"
                continue
            if message is None:
                return
            yield f"data: {message}\n\n"
    finally:
        hub.close(stream)
