"""What simulated devices measure, and how they put it in bytes.

The devices are those of ``packs/devices`` (maker ``cadran-demo``), whose README gives the layouts: each frame of this
file is read by the codec of its pack. Multi-byte numbers are big-endian.

| profile | port | layout |
| --- | --- | --- |
| ``ambient`` | 2 | temperature int16 0.01 °C, humidity uint8 0.5 %, battery uint8 % |
| ``cold-room`` | 3 | temperature int16 0.01 °C, flags uint8 (bit 0: door open), battery uint8 % |
| ``co2`` | 4 | CO2 uint16 ppm, temperature int16 0.01 °C, humidity uint8 0.5 %, battery uint8 % |
| ``water-meter`` | 5 | index uint32 litres, battery uint8 % |
| ``parking`` | 6 | occupied uint8 (0, 1), battery uint8 % |
"""

import struct
from datetime import UTC, datetime
from enum import StrEnum
from itertools import accumulate
from typing import Final


class Profile(StrEnum):
    """A kind of device, named as in ``packs/devices``."""

    AMBIENT = "ambient"
    COLD_ROOM = "cold-room"
    CO2 = "co2"
    WATER_METER = "water-meter"
    PARKING = "parking"


F_PORTS: Final = {
    Profile.AMBIENT: 2,
    Profile.COLD_ROOM: 3,
    Profile.CO2: 4,
    Profile.WATER_METER: 5,
    Profile.PARKING: 6,
}

# Ten devices in a row: the mix of a territory's buildings.
_MIX: Final = (
    Profile.AMBIENT,
    Profile.COLD_ROOM,
    Profile.CO2,
    Profile.WATER_METER,
    Profile.AMBIENT,
    Profile.AMBIENT,
    Profile.CO2,
    Profile.WATER_METER,
    Profile.AMBIENT,
    Profile.PARKING,
)

# Meters count from here, so that an index goes on where an earlier run, or a demonstration's history, left it.
METERS_SINCE: Final = datetime(2025, 1, 1, tzinfo=UTC)
# What is drawn in each hour of a UTC day, in parts; then the share of the day drawn when each hour begins.
_DRAWN: Final = (1, 1, 1, 1, 2, 5, 8, 9, 8, 6, 6, 8, 8, 5, 4, 4, 5, 6, 7, 6, 4, 3, 2, 1)
_DRAWN_BEFORE: Final = tuple(parts / sum(_DRAWN) for parts in accumulate(_DRAWN, initial=0))


def profile_of(index: int) -> Profile:
    """Return the profile of the device of a rank: out of ten, 4 ambient, 1 cold room, 2 CO2, 2 meters, 1 parking."""
    return _MIX[index % len(_MIX)]


def battery_percent(index: int) -> int:
    """Return the charge of the device of a rank: 57 to 96 %."""
    return 96 - index % 40


def daily_litres(index: int) -> int:
    """Return what flows through the meter of a rank in a day."""
    return 400 + 40 * (index % 50)


def index_litres(index: int, *, days: float) -> float:
    """Return what the meter of a rank shows ``days`` after ``METERS_SINCE``: it never goes back."""
    whole, part = divmod(days, 1)
    hour, fraction = divmod(part * 24, 1)
    before, after = _DRAWN_BEFORE[int(hour)], _DRAWN_BEFORE[int(hour) + 1]
    return 100_000 + 997 * index + daily_litres(index) * (whole + before + (after - before) * fraction)


def encode_ambient(*, temperature_c: float, humidity_percent: float, battery: int) -> bytes:
    """Return the bytes of an ``ambient`` reading."""
    return struct.pack(">hBB", round(temperature_c * 100), round(humidity_percent * 2), battery)


def encode_cold_room(*, temperature_c: float, door_open: bool, battery: int) -> bytes:
    """Return the bytes of a ``cold-room`` reading."""
    return struct.pack(">hBB", round(temperature_c * 100), door_open, battery)


def encode_co2(*, co2_ppm: float, temperature_c: float, humidity_percent: float, battery: int) -> bytes:
    """Return the bytes of a ``co2`` reading."""
    return struct.pack(">HhBB", round(co2_ppm), round(temperature_c * 100), round(humidity_percent * 2), battery)


def encode_water_meter(*, litres: float, battery: int) -> bytes:
    """Return the bytes of a ``water-meter`` reading; like the meter itself, the index starts again after 2^32."""
    return struct.pack(">IB", int(litres) % (1 << 32), battery)


def encode_parking(*, occupied: bool, battery: int) -> bytes:
    """Return the bytes of a ``parking`` reading."""
    return bytes((occupied, battery))
