"""Write what the devices measured: closed days for the past, frames one by one for the day under way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Max

from cadran.kernel.calendars import Territory, zone_of
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.processes.demonstration import curves, steps
from cadran.processes.demonstration.fleet import profile_code
from cadran.processes.demonstration.territory import Spot, spots
from cadran.simulator.identities import device_identity
from cadran.telemetry import services as telemetry
from cadran.telemetry.days import ClosedDay
from cadran.telemetry.models import Latest, Source
from cadran.telemetry.rules import DecodedUplink

CHUNK: Final = 40  # devices a transaction group: what an interruption makes to do again
WRITERS: Final = 2  # one computes while the other's rows go into the database
FRAMES: Final = 2_000  # a batch of the day under way
WORTH_A_REFRESH: Final = timedelta(minutes=30)
UP_TO: Final = "measured"  # mark: until when measurements were written


@dataclass(frozen=True, slots=True)
class Sender:
    """A registered device of the demonstration."""

    spot: Spot
    device_id: int
    owner_id: int
    profile_id: int


def senders() -> list[Sender]:
    """Return the registered devices by rank (one query)."""
    with scoped(SYSTEM):
        known = {
            eui: (device, owner, profile)
            for eui, device, owner, profile in Source.objects.filter(
                profile__code__in=[profile_code(profile) for profile in curves.PERIOD_S]
            ).values_list("equipment__eui", "equipment_id", "owner_id", "profile_id")
        }
    found = []
    for spot in spots():
        identity = known.get(f"{device_identity(spot.rank).dev_eui:016x}")
        if identity is not None:
            found.append(Sender(spot, *identity))
    return found


def write(anchor: datetime, *, days: int, episodes: Sequence[curves.Episode]) -> str:
    """Write ``days`` closed days of every device, up to the day before ``anchor``; chunks already marked are left."""
    last = anchor.astimezone(UTC).date()
    period = [last - timedelta(days=back) for back in range(days, 0, -1)]
    everybody = senders()
    chunks = [everybody[start : start + CHUNK] for start in range(0, len(everybody), CHUNK)]
    with scoped(SYSTEM):
        done = set(steps.marks())

    def one(number: int) -> int:
        key = f"history:{number}"
        if key in done:
            return 0
        try:
            written = telemetry.write_history(days=closed_days(chunks[number], period, episodes))
            with scoped(SYSTEM):
                steps.mark(key, anchor, {"days": written})
            return written
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as writers:
        written = sum(writers.map(one, range(len(chunks))))
    return f"{written} journées de mesures"


def closed_days(
    some: Sequence[Sender], period: Sequence[date], episodes: Sequence[curves.Episode]
) -> Iterator[ClosedDay]:
    """Yield each day of each device, by device."""
    troubles = _by_rank(episodes)
    for sender in some:
        for day in period:
            offsets, columns = measured(sender.spot, day, troubles[sender.spot.rank])
            if offsets:
                yield ClosedDay(sender.device_id, sender.owner_id, day, offsets, columns)


def measured(spot: Spot, day: date, episodes: Sequence[curves.Episode]) -> tuple[Sequence[int], list[list[float]]]:
    """Return when a device measured on a day, and what."""
    columns = curves.day_columns(spot.habits, day, hours_ahead=hours_ahead(spot.place.territory, day))
    offsets = curves.offsets_ms(spot.rank)
    return curves.troubled(day, offsets, columns, episodes) if episodes else (offsets, columns)


@cache
def hours_ahead(territory: str, day: date) -> int:
    """Return the hours of a territory's clock minus UTC at noon of a day."""
    zone: ZoneInfo = zone_of(Territory(territory))
    offset = zone.utcoffset(datetime.combine(day, time(12)))
    return round((offset or timedelta(0)) / timedelta(hours=1))


def measured_until(now: datetime) -> datetime:
    """Return until when measurements are known: written by an earlier load, or heard since (two queries)."""
    with scoped(SYSTEM):
        written = datetime.fromisoformat(steps.marks()[UP_TO]["until"])
        heard = Latest.objects.filter(ts__lte=now).aggregate(newest=Max("ts"))["newest"]
    return max(written, heard or written)


def catch_up(*, since: datetime, now: datetime, episodes: Sequence[curves.Episode]) -> int:
    """Write what was measured after ``since`` and until ``now``; return how many measurements there are.

    Whole days in between are closed at once; the ends go the way of frames: latest values, rules, alarms.
    """
    everybody = senders()
    troubles = _by_rank(episodes)
    first, last = since.astimezone(UTC).date(), now.astimezone(UTC).date()
    between = [first + timedelta(days=step) for step in range(1, (last - first).days)]
    written = telemetry.write_history(days=closed_days(everybody, between, episodes)) if between else 0
    for day in sorted({first, last}):
        frames = list(_frames(everybody, day, troubles, lambda at: since < at <= now))
        frames.sort(key=lambda frame: (frame.received_at, frame.device_id))
        for start in range(0, len(frames), FRAMES):
            batch = frames[start : start + FRAMES]
            with scoped(SYSTEM):
                telemetry.record_uplinks(batch, now=batch[-1].received_at)
        written += len(frames)
    return written


def _frames(
    everybody: Sequence[Sender],
    day: date,
    troubles: dict[int, list[curves.Episode]],
    wanted: Callable[[datetime], bool],
) -> Iterator[DecodedUplink]:
    midnight = datetime.combine(day, time(0), tzinfo=UTC)
    for sender in everybody:
        offsets, columns = measured(sender.spot, day, troubles[sender.spot.rank])
        for offset, *values in zip(offsets, *columns, strict=True):
            at = midnight + timedelta(milliseconds=offset)
            if wanted(at):
                yield DecodedUplink(sender.device_id, sender.owner_id, sender.profile_id, at, tuple(values))


def _by_rank(episodes: Sequence[curves.Episode]) -> dict[int, list[curves.Episode]]:
    found: dict[int, list[curves.Episode]] = defaultdict(list)
    for episode in episodes:
        found[episode.rank].append(episode)
    return found
