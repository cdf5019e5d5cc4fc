"""Cayenne Low Power Payload: a payload that describes itself, so a device needs no codec of its own.

A payload is a run of (channel, type, value); a value's key is its type's name and its channel: ``temperature_1``.
Source: the public description of Cayenne LPP (myDevices); types are IPSO object ids minus 3200, values big-endian.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CAYENNE = "cayenne"  # the codec key


class MalformedCayenne(ValueError):
    """A payload that is not a run of known, complete Cayenne fields."""


@dataclass(frozen=True, slots=True)
class _Type:
    name: str
    size: int  # bytes
    read: Callable[[bytes], Any]


def _signed(data: bytes, scale: int) -> float:
    return int.from_bytes(data, "big", signed=True) / scale


def _unsigned(data: bytes, scale: int) -> float:
    return int.from_bytes(data, "big") / scale


def _whole(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _triplet(data: bytes, scale: int) -> dict[str, float]:
    return {axis: _signed(data[i : i + 2], scale) for axis, i in (("x", 0), ("y", 2), ("z", 4))}


def _position(data: bytes) -> dict[str, float]:
    return {
        "latitude": _signed(data[:3], 10_000),
        "longitude": _signed(data[3:6], 10_000),
        "altitude": _signed(data[6:], 100),
    }


TYPES: dict[int, _Type] = {
    0: _Type("digital_in", 1, _whole),
    1: _Type("digital_out", 1, _whole),
    2: _Type("analog_in", 2, lambda data: _signed(data, 100)),
    3: _Type("analog_out", 2, lambda data: _signed(data, 100)),
    100: _Type("generic", 4, _whole),
    101: _Type("luminosity", 2, _whole),  # lux
    102: _Type("presence", 1, _whole),
    103: _Type("temperature", 2, lambda data: _signed(data, 10)),  # °C
    104: _Type("relative_humidity", 1, lambda data: _unsigned(data, 2)),  # %
    113: _Type("accelerometer", 6, lambda data: _triplet(data, 1_000)),  # g
    115: _Type("barometric_pressure", 2, lambda data: _unsigned(data, 10)),  # hPa
    116: _Type("voltage", 2, lambda data: _unsigned(data, 100)),  # V
    117: _Type("current", 2, lambda data: _unsigned(data, 1_000)),  # A
    118: _Type("frequency", 4, _whole),  # Hz
    120: _Type("percentage", 1, _whole),
    121: _Type("altitude", 2, lambda data: _signed(data, 1)),  # m
    125: _Type("concentration", 2, _whole),  # ppm
    128: _Type("power", 2, _whole),  # W
    130: _Type("distance", 4, lambda data: _unsigned(data, 1_000)),  # m
    131: _Type("energy", 4, lambda data: _unsigned(data, 1_000)),  # kWh
    132: _Type("direction", 2, _whole),  # degrees
    133: _Type("unix_time", 4, _whole),  # s
    134: _Type("gyrometer", 6, lambda data: _triplet(data, 100)),  # °/s
    136: _Type("gps", 9, _position),
    142: _Type("switch", 1, _whole),
}


def decode(payload: bytes) -> dict[str, Any]:
    """Return the fields of a payload by ``name_channel``; units are those of ``TYPES``.

    A field written twice keeps its last value, as the reference decoder does.

    Raises:
        MalformedCayenne: empty payload, unknown type, or a field cut short.
    """
    if not payload:
        raise MalformedCayenne("La trame Cayenne est vide.")
    data: dict[str, Any] = {}
    position = 0
    while position < len(payload):
        if position + 2 > len(payload):
            raise MalformedCayenne(f"La trame Cayenne est coupée à l’octet {position}.")
        channel, code = payload[position], payload[position + 1]
        kind = TYPES.get(code)
        if kind is None:
            raise MalformedCayenne(f"Le type Cayenne {code} (octet {position + 1}) est inconnu.")
        field = payload[position + 2 : position + 2 + kind.size]
        if len(field) < kind.size:
            raise MalformedCayenne(f"Le champ {kind.name}_{channel} est coupé à l’octet {len(payload)}.")
        data[f"{kind.name}_{channel}"] = kind.read(field)
        position += 2 + kind.size
    return data
