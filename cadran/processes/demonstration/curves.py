"""What each device measured on each day: a pure function of its rank and of the day.

A day's curve is a base that its season, its day of the week and the use of its building draw once for many devices,
plus an offset and a noise of each device's own. No clock and no generator state: a load that was interrupted, or one
that goes on months later, finds the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from random import Random
from typing import Final

from cadran.simulator import profiles
from cadran.simulator.profiles import METERS_SINCE, Profile

DAY_MS: Final = 86_400_000
PERIOD_S: Final = {
    Profile.AMBIENT: 3_600,
    Profile.COLD_ROOM: 1_800,
    Profile.CO2: 1_800,
    Profile.WATER_METER: 3_600,
    Profile.PARKING: 3_600,
}
COLD_ROOM_C: Final = 3.2
_SEED: Final = 20_250_101
_NOISES: Final = 8_192
_COLD_DAYS: Final = 24  # different days of a cold room, drawn once


class Use(StrEnum):
    """What a building is for: when people are in it."""

    OFFICE = "office"
    SCHOOL = "school"
    EVENING = "evening"
    ALWAYS = "always"


class Trouble(StrEnum):
    """Something that went wrong in the history."""

    WARM = "warm"  # a cold room: ``size`` degrees more
    STUFFY = "stuffy"  # a room without air: ``size`` ppm more
    LEAK = "leak"  # a pipe: ``size`` litres an hour more
    SILENT = "silent"  # nothing was heard


@dataclass(frozen=True, slots=True)
class Episode:
    """A trouble of the device of a rank, from ``start`` to ``end`` (excluded)."""

    rank: int
    trouble: Trouble
    start: datetime
    end: datetime
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Habits:
    """Where the device of a rank lives. ``tropical``: no heating, a summer in January."""

    rank: int
    use: Use
    tropical: bool = False

    @property
    def profile(self) -> Profile:
        """What the device measures."""
        return profiles.profile_of(self.rank)


def offsets_ms(rank: int) -> tuple[int, ...]:
    """Return when the device of a rank measures, in milliseconds since midnight UTC, the same every day."""
    period_ms = PERIOD_S[profiles.profile_of(rank)] * 1_000
    return tuple(range(rank * 7_919_000 % period_ms // 1_000 * 1_000, DAY_MS, period_ms))


def day_columns(habits: Habits, day: date, *, hours_ahead: int) -> list[list[float]]:
    """Return the values of a whole day, one column per quantity of the profile, in the codecs' own resolution.

    ``hours_ahead``: the site's clock minus UTC, in whole hours.
    """
    rank = habits.rank
    count = DAY_MS // (PERIOD_S[habits.profile] * 1_000)
    start = (rank * 611 + day.toordinal() * 97) % (_NOISES - 64)
    noise = slice(start, start + count)
    match habits.profile:
        case Profile.AMBIENT:
            columns = _ambient(habits, day, hours_ahead, noise)
        case Profile.COLD_ROOM:
            columns = _cold_room(rank, day, noise)
        case Profile.CO2:
            columns = _co2(habits, day, hours_ahead, noise)
        case Profile.WATER_METER:
            columns = _water(rank, day)
        case Profile.PARKING:
            columns = _parking(habits, day, hours_ahead, noise)
    columns.append([float(profiles.battery_percent(rank))] * count)
    return columns


def troubled(
    day: date, offsets: Sequence[int], columns: list[list[float]], episodes: Sequence[Episode]
) -> tuple[list[int], list[list[float]]]:
    """Return a day's instants and columns with what the device's episodes change in them."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    instants = [midnight + timedelta(milliseconds=offset) for offset in offsets]
    kept = list(offsets)
    for episode in episodes:
        inside = [episode.start <= instant < episode.end for instant in instants]
        match episode.trouble:
            case Trouble.WARM | Trouble.STUFFY:
                columns[0] = [
                    round(value + episode.size, 2) if hit else value
                    for value, hit in zip(columns[0], inside, strict=True)
                ]
            case Trouble.LEAK:
                # Meters agree with the simulator's after the leak, so what leaked is missing before it.
                columns[0] = [
                    round(v - episode.size / 1_000 * _hours_left(episode, at), 3)
                    for v, at in zip(columns[0], instants, strict=True)
                ]
            case Trouble.SILENT:
                heard = [not hit for hit in inside]
                kept = [offset for offset, hit in zip(kept, heard, strict=True) if hit]
                columns = [[v for v, hit in zip(column, heard, strict=True) if hit] for column in columns]
                instants = [at for at, hit in zip(instants, heard, strict=True) if hit]
    return kept, columns


def _hours_left(episode: Episode, at: datetime) -> float:
    """The hours of leak still to come at ``at``."""
    return max(episode.end - max(at, episode.start), timedelta(0)) / timedelta(hours=1)


# Sums of whole hundredths (or halves), divided once: rounding millions of numbers would take as long as all the rest.


def _ambient(habits: Habits, day: date, hours_ahead: int, noise: slice) -> list[list[float]]:
    year_day = day.timetuple().tm_yday
    base = _warmth(habits.use, habits.tropical, day.weekday(), year_day // 5, hours_ahead, 24)
    own = habits.rank * 37 % 23 * 10 - 110
    damp = round(124 if habits.tropical else 88 + 16 * _summer(year_day)) + habits.rank * 13 % 18 - 8
    return [
        [(b + own + n) / 100 for b, n in zip(base, _noise(25)[noise], strict=True)],
        [(damp + n) / 2 for n in _noise(4)[noise]],
    ]


def _co2(habits: Habits, day: date, hours_ahead: int, noise: slice) -> list[list[float]]:
    year_day = day.timetuple().tm_yday
    people = _occupancy(habits.use, day.weekday(), _holidays(habits.use, year_day), hours_ahead, 48)
    warm = _warmth(habits.use, habits.tropical, day.weekday(), year_day // 5, hours_ahead, 48)
    span = 380 + habits.rank * 53 % 440
    return [
        [(424 + p * (span + 4 * n) + n) // 1 for p, n in zip(people, _noise(10)[noise], strict=True)],
        [(w + 40 + n) / 100 for w, n in zip(warm, _noise(15)[noise], strict=True)],
        [(88 + n) / 2 for n in _noise(3)[noise]],
    ]


def _cold_room(rank: int, day: date, noise: slice) -> list[list[float]]:
    base, door = _cold_day((rank * 31 + day.toordinal() * 7) % _COLD_DAYS)
    own = rank * 7 % 9 * 10 - 40
    return [[(b + own + n) / 100 for b, n in zip(base, _noise(12)[noise], strict=True)], list(door)]


def _water(rank: int, day: date) -> list[list[float]]:
    whole = (day - METERS_SINCE.date()).days
    zero = profiles.index_litres(rank, days=whole)
    return [[(zero + litres) // 1 / 1_000 for litres in _drawn(rank)]]


def _parking(habits: Habits, day: date, hours_ahead: int, noise: slice) -> list[list[float]]:
    people = _occupancy(habits.use, day.weekday(), False, hours_ahead, 24)
    return [[1.0 if 100 * p + n > 45 else 0.0 for p, n in zip(people, _noise(30)[noise], strict=True)]]


@lru_cache(maxsize=16)
def _noise(scale: int) -> list[int]:
    """Thousands of whole numbers around 0, ``scale`` being their standard deviation."""
    random = Random(_SEED)
    return [round(scale * max(-2.5, min(2.5, random.gauss(0, 1)))) for _ in range(_NOISES)]


@lru_cache(maxsize=4_096)
def _drawn(rank: int) -> tuple[float, ...]:
    """What the meter of a rank has counted since midnight at each of its measurements, in litres."""
    zero = profiles.index_litres(rank, days=0)
    return tuple(profiles.index_litres(rank, days=offset / DAY_MS) - zero for offset in offsets_ms(rank))


@lru_cache(maxsize=_COLD_DAYS)
def _cold_day(number: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """One day of a cold room, in hundredths: the compressor's teeth, the door opened a few times by day."""
    random = Random(_SEED + number)
    door = [0.0] * 48
    for slot in random.sample(range(10, 40), random.randint(3, 7)):
        door[slot] = 1.0
    base, heat = [], 0.0
    for slot in range(48):
        heat = max(0.0, heat * 0.35) + random.uniform(0.5, 1.4) * door[slot]
        base.append(round(100 * (COLD_ROOM_C + 0.35 * (slot % 3 - 1) + heat)))
    return tuple(base), tuple(door)


def _summer(year_day: int) -> float:
    """-1 in mid January, 1 in mid July, in the northern hemisphere."""
    return -math.cos(2 * math.pi * (year_day - 15) / 365.25)


@lru_cache(maxsize=4_096)
def _warmth(use: Use, tropical: bool, weekday: int, fifth: int, hours_ahead: int, count: int) -> tuple[int, ...]:
    """Hundredths of degrees over a UTC day: heated while people are there, else following the season outside."""
    summer = -_summer(fifth * 5) if tropical else _summer(fifth * 5)
    outside = 25 + 2.5 * summer if tropical else 11.5 + 9 * summer
    people = _occupancy(use, weekday, False, hours_ahead, count)
    degrees = []
    for place in range(count):
        local = (place * 24 / count + hours_ahead) % 24
        free = 10.8 + 0.6 * outside + 1.4 * math.sin(2 * math.pi * (local - 9.5) / 24)
        heated = 0.0 if tropical else 17.6 + 3.2 * min(1.0, 2 * people[place])
        degrees.append(max(free, heated))
    # Walls are slow: each instant keeps most of the one before.
    slow = [degrees[-1]]
    for value in degrees:
        slow.append(slow[-1] + (value - slow[-1]) * min(1.0, 14 / count))
    return tuple(round(100 * value) for value in slow[1:])


@lru_cache(maxsize=2_048)
def _occupancy(use: Use, weekday: int, holidays: bool, hours_ahead: int, count: int) -> tuple[float, ...]:
    """How full a building is over a UTC day, 0 to 1."""
    share = []
    for place in range(count):
        local = (place * 24 / count + hours_ahead) % 24
        share.append(_present(use, weekday, holidays, local))
    return tuple(share)


def _present(use: Use, weekday: int, holidays: bool, hour: float) -> float:
    if use is Use.ALWAYS:
        return 0.35 + 0.4 * (7 <= hour < 20) + 0.1 * (12 <= hour < 14)
    if use is Use.EVENING:
        return (0.9 if 17 <= hour < 21.5 else 0.3 * (9 <= hour < 17)) if weekday < 6 else 0.4 * (10 <= hour < 18)
    if weekday >= 5 or holidays:
        return 0.0
    if use is Use.SCHOOL:
        if weekday == 2:
            return 0.5 * (8.5 <= hour < 12)
        return (0.3 if 12 <= hour < 13.5 else 1.0) * (8.5 <= hour < 16.5)
    return (0.4 if 12 <= hour < 13.5 else 0.85) * (8 <= hour < 18)


def _holidays(use: Use, year_day: int) -> bool:
    """A school is empty from early July to the end of August and over Christmas."""
    return use is Use.SCHOOL and (187 <= year_day <= 243 or year_day >= 355 or year_day <= 4)
