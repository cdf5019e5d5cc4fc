"""The bridge between the event loop and the database: bounded queues, one writer thread, one transaction per batch.

The loop never waits: it queues, or gets a future. The writer drains everything about ten times a second and commits
it at once, so that counters, frames, measurements, alarms and their events agree whatever is killed and when.
What an interruption loses: what was queued and not yet committed (at most about ``FLUSH_S`` of traffic).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.lorawan import bulk
from cadran.lorawan.counters import Refusal
from cadran.lorawan.ports import GatewaySighting, JoinRecord, UplinkKind, UplinkRecord
from cadran.telemetry import services as telemetry
from cadran.telemetry.rules import RawUplink

FLUSH_S: Final = 0.1
CAPACITY: Final = 60_000  # uplinks held while the database is away: 20 s at 3,000 a second
MOST_PER_BATCH: Final = 5_000
RETRY_S: Final = 1.0
ALIVE_EVERY_S: Final = 5.0

log = logging.getLogger(__name__)
Future = asyncio.Future[None]


@dataclass(slots=True)
class Batch:
    """What one transaction writes, and who waits for it."""

    uplinks: list[UplinkRecord] = field(default_factory=list)
    joins: list[tuple[JoinRecord, Future]] = field(default_factory=list)
    reservations: list[tuple[tuple[int, int, int], Future]] = field(default_factory=list)
    waiting: list[Future] = field(default_factory=list)
    sightings: list[GatewaySighting] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def empty(self) -> bool:
        """Tell whether there is nothing to write."""
        return not (self.uplinks or self.joins or self.reservations or self.sightings or self.refusals)


class DatabaseStore:
    """The ``Store`` port over PostgreSQL. Loop side: every method but ``run``; ``run`` is the writer thread's."""

    def __init__(
        self,
        *,
        name: str = "lorawan",
        drain_refusals: Callable[[], list[Refusal]] = list,
        counts: Callable[[], dict[str, int]] = dict,
        capacity: int = CAPACITY,
    ) -> None:
        self._name = name
        self._drain_refusals = drain_refusals
        self._counts = counts
        self._capacity = capacity
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._uplinks: deque[UplinkRecord] = deque()
        self._held = 0  # taken out of the queue, not committed yet: they still use its room
        self._next = Batch()
        self._sightings: dict[int, GatewaySighting] = {}
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self.run, name="store", daemon=True)
        self._started_at = datetime.now(UTC)
        self._alive_at = 0.0
        self.committed = 0
        self.faults = 0  # records PostgreSQL refused for themselves, left out one by one and logged

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    async def stop(self) -> None:
        """Commit what is queued and end the writer."""
        self._stop.set()
        self._wake.set()
        await asyncio.to_thread(self._thread.join, 30.0)

    # --- the loop's side ---------------------------------------------------------------------------------------

    def room(self) -> int:
        """Return how many more uplinks the queue takes."""
        return self._capacity - len(self._uplinks) - self._held

    def submit_uplinks(self, records: Sequence[UplinkRecord]) -> int:
        """Queue uplinks; return how many were taken."""
        with self._lock:
            taken = max(0, min(len(records), self.room()))
            self._uplinks.extend(records[:taken])
        return taken

    def flushed(self) -> Awaitable[None]:
        """Return a future resolved when everything queued so far is committed."""
        future: Future = self._loop.create_future()
        with self._lock:
            self._next.waiting.append(future)
        self._wake.set()
        return future

    def persist_join(self, join: JoinRecord) -> Awaitable[None]:
        """Return a future resolved once the session and the spent DevNonce are committed."""
        future: Future = self._loop.create_future()
        with self._lock:
            self._next.joins.append((join, future))
        self._wake.set()
        return future

    def reserve_downlink_counters(self, *, device_id: int, join_nonce: int, below: int) -> Awaitable[None]:
        """Return a future resolved once counters under ``below`` are recorded as possibly used."""
        future: Future = self._loop.create_future()
        with self._lock:
            self._next.reservations.append(((device_id, join_nonce, below), future))
        self._wake.set()
        return future

    def gateway_seen(self, sighting: GatewaySighting) -> None:
        """Keep the latest sign of life of a gateway, with its last self-description."""
        with self._lock:
            former = self._sightings.get(sighting.gateway_id)
            if former is not None and sighting.status is None and former.status is not None:
                sighting = GatewaySighting(sighting.gateway_id, sighting.gateway_eui, sighting.seen_at, former.status)
            self._sightings[sighting.gateway_id] = sighting

    # --- the writer's side -------------------------------------------------------------------------------------

    def run(self) -> None:
        """Write batches until stopped; a database that is away is waited for, nothing queued is dropped."""
        try:
            while True:
                self._wake.wait(FLUSH_S)
                self._wake.clear()
                stopping = self._stop.is_set()
                self._write(self._take())
                if stopping and not self._uplinks:
                    return
        finally:
            connection.close()

    def _take(self) -> Batch:
        with self._lock:
            batch, self._next = self._next, Batch()
            count = min(len(self._uplinks), MOST_PER_BATCH)
            batch.uplinks = [self._uplinks.popleft() for _ in range(count)]
            self._held = count
            if self._uplinks:  # the rest is for the next batch: so is everybody who waits for it
                batch.waiting, self._next.waiting = [], batch.waiting
                self._wake.set()
            batch.sightings, self._sightings = list(self._sightings.values()), {}
        batch.refusals = self._drain_refusals()
        return batch

    def _write(self, batch: Batch) -> None:
        error: Exception | None = None
        if not batch.empty() or monotonic() - self._alive_at > ALIVE_EVERY_S:
            error = self._attempt(batch)
            if error is not None and not isinstance(error, OperationalError):
                self._isolate(batch)
                error = None
        self._held = 0
        self._settle(batch.waiting, error)

    def _attempt(self, batch: Batch) -> Exception | None:
        """Commit, waiting for a database that is away; return why not (only a stopping server gives it up)."""
        while True:
            try:
                self._commit(batch)
                return None
            except (OperationalError, InterfaceError, psycopg.OperationalError) as error:
                log.warning("database away (%s): %d uplinks held", type(error).__name__, len(batch.uplinks))
                connection.close()
                if self._stop.wait(RETRY_S) and not self._answers():
                    log.error("stopping without the database: %d uplinks are lost", len(batch.uplinks))
                    return OperationalError("the database is away")
            except Exception as error:
                log.exception("a batch of %d uplinks was refused", len(batch.uplinks))
                return error

    def _answers(self) -> bool:
        try:
            connection.ensure_connection()
        except (DatabaseError, psycopg.Error):
            return False
        return True

    def _commit(self, batch: Batch) -> None:
        now = datetime.now(UTC)
        measured = telemetry.decode_uplinks(_measured(batch.uplinks))  # first: a slow codec holds no lock
        with scoped(SYSTEM):
            for join, _ in batch.joins:
                bulk.join(join)
            for (device_id, join_nonce, below), _ in batch.reservations:
                bulk.reserve(device_id, join_nonce, below)
            bulk.counters(batch.uplinks)
            bulk.uplinks(batch.uplinks)
            if measured:
                telemetry.record_uplinks(measured, now=now)
            bulk.sightings(batch.sightings)
            bulk.refusals(batch.refusals)
            if monotonic() - self._alive_at > ALIVE_EVERY_S:
                bulk.alive(name=self._name, started_at=self._started_at, now=now, counts=self._counts())
                self._alive_at = monotonic()
        self.committed += len(batch.uplinks)
        self._settle([future for _, future in batch.joins], None)
        self._settle([future for _, future in batch.reservations], None)

    def _isolate(self, batch: Batch) -> None:
        """Write each part of a refused batch apart, so that one bad record costs only itself."""
        parts = [Batch(joins=[one]) for one in batch.joins]
        parts += [Batch(reservations=[one]) for one in batch.reservations]
        parts += [Batch(sightings=batch.sightings), Batch(refusals=batch.refusals)]
        for part in parts:
            if part.empty():
                continue
            if (error := self._attempt(part)) is not None:
                self.faults += 1
                self._settle([future for _, future in [*part.joins, *part.reservations]], error)
        self._salvage(batch.uplinks)

    def _salvage(self, records: list[UplinkRecord]) -> None:
        if not records or (error := self._attempt(Batch(uplinks=records))) is None:
            return
        if len(records) == 1:
            self.faults += 1
            log.error("uplink of device %s left out: %s", records[0].device_id, error)
            return
        middle = len(records) // 2
        self._salvage(records[:middle])
        self._salvage(records[middle:])

    def _settle(self, futures: list[Future], error: Exception | None) -> None:
        if not futures:
            return

        def settle() -> None:
            for future in futures:
                if future.done():
                    continue
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)

        self._loop.call_soon_threadsafe(settle)


def _measured(records: Sequence[UplinkRecord]) -> list[RawUplink]:
    """The uplinks that carry an application's data for the first time."""
    return [
        RawUplink(one.device_id, one.owner_id, one.profile_id, one.received_at, one.f_port, one.payload)
        for one in records
        if one.f_port and one.payload and one.kind is not UplinkKind.RETRANSMISSION
    ]
