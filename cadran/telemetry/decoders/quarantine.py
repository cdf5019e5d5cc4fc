"""Codecs that fail too much are left alone for a while: they cost processor time that other devices need."""

from collections.abc import Callable
from dataclasses import dataclass

from cadran.telemetry.codec import FailureKind

# What a failure costs the platform, in points: a kill stops everybody for half a second and restarts a process.
COST = {
    FailureKind.KILLED: 4,
    FailureKind.CRASHED: 4,
    FailureKind.TIME: 1,
    FailureKind.MEMORY: 1,
    FailureKind.STACK: 1,
}
POINTS = 12  # three kills, or twelve calls stopped by the engine
QUIET_SECONDS = 600.0  # without a costly failure, the points are forgotten
FIRST_REST_SECONDS = 30.0  # doubled at each new quarantine
LONGEST_REST_SECONDS = 3600.0


@dataclass(slots=True)
class _Record:
    source: str
    points: int = 0
    quarantines: int = 0
    last_at: float = 0.0
    until: float = 0.0
    failures: int = 0
    skipped: int = 0
    last: FailureKind | None = None


@dataclass(frozen=True, slots=True)
class CodecHealth:
    """What is shown of a codec that failed: counts since the process started, seconds left in quarantine."""

    codec_key: str
    failures: int
    skipped: int
    quarantines: int
    seconds_left: float
    last: FailureKind | None


class Quarantine:
    """Points and rests per codec; a codec whose source changed starts anew. Not thread-safe: its pool locks."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._records: dict[str, _Record] = {}

    def holds(self, codec_key: str, source: str) -> bool:
        """Whether this codec rests now."""
        record = self._records.get(codec_key)
        return record is not None and record.source == source and self._clock() < record.until

    def skipped(self, codec_key: str) -> None:
        """Count a frame that was not tried."""
        self._records[codec_key].skipped += 1

    def failed(self, codec_key: str, source: str, kind: FailureKind) -> None:
        """Count a failure; only those that cost much bring the quarantine nearer."""
        now = self._clock()
        record = self._records.get(codec_key)
        if record is None or record.source != source:
            record = self._records[codec_key] = _Record(source)
        record.failures += 1
        record.last = kind
        cost = COST.get(kind, 0)
        if not cost:
            return
        if now - max(record.last_at, record.until) > QUIET_SECONDS:
            record.points = record.quarantines = 0
        record.last_at = now
        record.points += cost
        if record.points >= POINTS:
            record.until = now + min(FIRST_REST_SECONDS * 2**record.quarantines, LONGEST_REST_SECONDS)
            record.quarantines += 1
            record.points = POINTS - 1  # after its rest, one costly failure sends it back

    def health(self) -> list[CodecHealth]:
        """Every codec that failed since the process started, by key."""
        now = self._clock()
        return [
            CodecHealth(key, r.failures, r.skipped, r.quarantines, max(0.0, r.until - now), r.last)
            for key, r in sorted(self._records.items())
        ]
