"""A closed day of one device, and the thinning of a long curve: pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

DAY_MS = 86_400_000
Number = float | None


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """One UTC day of one device: milliseconds since midnight, ascending, and one column per quantity."""

    device_id: int
    owner_id: int
    day: date
    offsets_ms: Sequence[int]
    columns: Sequence[Sequence[Number]]


def merged(known: ClosedDay | None, day: ClosedDay) -> ClosedDay:
    """Return ``known`` with what ``day`` adds; at the same millisecond what was known stays."""
    if known is None:
        return day
    width = max(len(known.columns), len(day.columns))
    rows = _rows(day, width) | _rows(known, width)
    return from_rows(known.device_id, known.owner_id, known.day, sorted(rows.items()))


def _rows(day: ClosedDay, width: int) -> dict[int, tuple[Number, ...]]:
    missing: list[Sequence[Number]] = [(None,) * len(day.offsets_ms)] * (width - len(day.columns))
    return dict(zip(day.offsets_ms, zip(*day.columns, *missing, strict=True), strict=True))


def from_rows(device_id: int, owner_id: int, day: date, rows: Iterable[tuple[int, Sequence[Number]]]) -> ClosedDay:
    """Turn rows (milliseconds since midnight, values), ascending, into columns.

    A row shorter than the widest one (its profile had fewer quantities then) is completed with ``None``.
    """
    listed = list(rows)
    width = max(len(values) for _, values in listed)
    whole = (values if len(values) == width else (*values, *[None] * (width - len(values))) for _, values in listed)
    return ClosedDay(
        device_id=device_id,
        owner_id=owner_id,
        day=day,
        offsets_ms=[offset for offset, _ in listed],
        columns=list(zip(*whole, strict=True)),
    )


def thinned(
    instants: Sequence[int],
    values: Sequence[float],
    *,
    start: int,
    end: int,
    at_most: int,
    gap: int,
) -> tuple[list[int], list[Number]]:
    """Return at most ``at_most`` points that keep every extreme of the curve, in time order.

    ``instants`` (ascending), ``start``, ``end`` and ``gap`` are in one unit of time. The span is cut into equal
    slices and each gives its lowest and its highest value, both real measurements: an average would hide the one peak
    that matters. Where nothing was measured for longer than ``gap``, a ``None`` breaks the curve.
    """
    if len(instants) <= at_most:
        whole = _with_gaps(instants, values, gap)
        if len(whole[0]) <= at_most:
            return whole
    slices = max(1, at_most // 3)  # a slice gives up to two values and a break
    kept_at: list[int] = []
    kept: list[Number] = []
    low, last = 0, None
    for number in range(1, slices + 1):
        edge = start + (end - start) * number // slices
        high = len(instants) if number == slices else bisect_left(instants, edge, low)
        if high == low:
            continue
        if last is not None and instants[low] - last > gap:
            kept_at.append((instants[low] + last) // 2)
            kept.append(None)
        part = values[low:high]
        smallest, greatest = low + part.index(min(part)), low + part.index(max(part))
        for place in sorted({smallest, greatest}):
            kept_at.append(instants[place])
            kept.append(values[place])
        last, low = instants[high - 1], high
    return kept_at, kept


def _with_gaps(instants: Sequence[int], values: Sequence[float], gap: int) -> tuple[list[int], list[Number]]:
    kept_at: list[int] = []
    kept: list[Number] = []
    for at, value in zip(instants, values, strict=True):
        if kept_at and at - kept_at[-1] > gap:
            kept_at.append((at + kept_at[-1]) // 2)
            kept.append(None)
        kept_at.append(at)
        kept.append(value)
    return kept_at, kept
