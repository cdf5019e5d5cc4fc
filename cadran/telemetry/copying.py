"""PostgreSQL's binary COPY and array formats, for the two rows written in bulk and the arrays read back.

The driver writes a ``float8[]`` element by element in Python; one ``struct`` call a row is ten times faster.
Source: PostgreSQL manual, COPY, "Binary Format"; ``array_recv``/``array_send`` of its source.
"""

import struct
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, flags, no extension
TRAILER = b"\xff\xff"
EPOCH_MS = 946_684_800_000  # 2000-01-01 UTC, where PostgreSQL counts from, in milliseconds since 1970
EPOCH_DAY = date(2000, 1, 1).toordinal()
FLOAT8, INT4 = 701, 23  # type oids

Number = float | None

_ONE_FLOAT = struct.Struct("!id")
_SHAPE = struct.Struct("!iiiiii")  # byte length, dimensions, has nulls, element oid, length, lower bound
_NULL = struct.pack("!i", -1)
_DAY = struct.Struct("!hiqiiiqih")  # device, day, owner, width
_UPLINK = struct.Struct("!hiqiqiq")  # device, ts, owner
_TURN = struct.Struct("!ih")


@lru_cache(maxsize=2_048)
def _pairs(code: str, count: int) -> struct.Struct:
    return struct.Struct("!" + f"i{code}" * count)


@lru_cache(maxsize=2_048)
def _values(code: str, count: int) -> struct.Struct:
    return struct.Struct("!" + f"4x{code}" * count)


@lru_cache(maxsize=256)
def _whole_uplink(width: int) -> struct.Struct:
    return struct.Struct("!hiqiqiqiiiiii" + "id" * width + "ih")


def float_array(values: Sequence[Number]) -> bytes:
    """Return a ``float8[]`` field, its byte length first; ``None`` is SQL's NULL."""
    count = len(values)
    if not count:
        return struct.pack("!iiii", 12, 0, 0, FLOAT8)
    if None in values:
        body = b"".join(_NULL if value is None else _ONE_FLOAT.pack(8, value) for value in values)
        return _SHAPE.pack(20 + len(body), 1, 1, FLOAT8, count, 1) + body
    flat: list[Number] = [8] * (2 * count)
    flat[1::2] = values
    return _SHAPE.pack(20 + 12 * count, 1, 0, FLOAT8, count, 1) + _pairs("d", count).pack(*flat)


def int_array(values: Sequence[int]) -> bytes:
    """Return an ``int4[]`` field without nulls, its byte length first."""
    count = len(values)
    if not count:
        return struct.pack("!iiii", 12, 0, 0, INT4)
    flat = [4] * (2 * count)
    flat[1::2] = values
    return _SHAPE.pack(20 + 8 * count, 1, 0, INT4, count, 1) + _pairs("i", count).pack(*flat)


def uplink(device_id: int, ts_ms: int, owner_id: int, values: Sequence[Number], turn: int) -> bytes:
    """Return one row (device_id, ts, owner_id, values, turn); ``ts_ms`` in milliseconds since 1970."""
    ts = (ts_ms - EPOCH_MS) * 1_000
    width = len(values)
    if None in values or not width:
        head = _UPLINK.pack(5, 8, device_id, 8, ts, 8, owner_id)
        return head + float_array(values) + _TURN.pack(2, turn)
    flat: list[Number] = [8] * (2 * width)
    flat[1::2] = values
    return _whole_uplink(width).pack(
        5, 8, device_id, 8, ts, 8, owner_id, 20 + 12 * width, 1, 0, FLOAT8, width, 1, *flat, 2, turn
    )


def closed_day(
    device_id: int, day: date, owner_id: int, offsets_ms: Sequence[int], columns: Iterable[Sequence[Number]]
) -> bytes:
    """Return one row (device_id, day, owner_id, width, offsets_ms, values)."""
    flat: list[Number] = []
    width = 0
    for column in columns:
        flat.extend(column)
        width += 1
    if not width or len(flat) != width * len(offsets_ms):
        raise ValueError(f"device {device_id}, {day}: {len(flat)} values for {width} times {len(offsets_ms)} instants")
    head = _DAY.pack(6, 8, device_id, 4, day.toordinal() - EPOCH_DAY, 8, owner_id, 2, width)
    return head + int_array(offsets_ms) + float_array(flat)


def read_floats(data: bytes) -> Sequence[Number]:
    """Return the numbers of a one-dimension ``float8[]`` as ``array_send`` gives it."""
    if len(data) < 20:
        return ()
    count = int.from_bytes(data[12:16], "big")
    if len(data) == 20 + 12 * count:
        return _values("d", count).unpack_from(data, 20)
    found: list[Number] = []
    place = 20
    for _ in range(count):
        if data[place : place + 4] == _NULL:
            found.append(None)
            place += 4
        else:
            found.append(_ONE_FLOAT.unpack_from(data, place)[1])
            place += 12
    return found


def read_ints(data: bytes) -> Sequence[int]:
    """Return the numbers of a one-dimension ``int4[]`` without nulls as ``array_send`` gives it."""
    if len(data) < 20:
        return ()
    return _values("i", int.from_bytes(data[12:16], "big")).unpack_from(data, 20)
