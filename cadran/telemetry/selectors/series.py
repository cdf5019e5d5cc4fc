"""The curve of a measuring point, across the devices that measured it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from cadran.inventory import selectors as inventory
from cadran.kernel.errors import NotFound
from cadran.kernel.viewer import Viewer
from cadran.telemetry import copying
from cadran.telemetry.days import DAY_MS, Number, thinned
from cadran.telemetry.models import Source
from cadran.telemetry.store import instant, milliseconds

GAP_PERIODS = 3  # expected frames missing in a row: the curve is broken there


@dataclass(frozen=True, slots=True)
class Series:
    """A quantity over time; a ``None`` among ``values`` breaks the curve where nothing was measured.

    ``total`` is how many measurements there are; ``thinned``: not all of them are here, every extreme is.
    """

    point_id: int
    quantity: str
    unit: str
    label: str
    instants: list[datetime]
    values: list[Number]
    total: int
    thinned: bool


@dataclass(frozen=True, slots=True)
class _Span:
    """One device on the point, ``start`` included and ``end`` excluded, in milliseconds since 1970."""

    device_id: int
    column: int
    start: int
    end: int


def series(
    *,
    viewer: Viewer,
    point_id: int,
    quantity: str,
    start: datetime,
    end: datetime,
    at_most: int = 500,
) -> Series:
    """Return a quantity (or key) of a visible point from ``start`` to ``end`` (excluded), in at most that many points.

    Each device that measured the point counts for the time it was mounted there: the curve survives its swap. Five
    queries.

    Raises:
        NotFound: the point is absent or another's, or none of its devices measures that quantity.
    """
    found = _spans(viewer, point_id, quantity, start, end)
    at, values = _read(found.spans, found.owner_id)
    kept_at, kept = thinned(
        at,
        values,
        start=milliseconds(start),
        end=milliseconds(end),
        at_most=at_most,
        gap=GAP_PERIODS * found.period_s * 1_000,
    )
    return Series(
        point_id=point_id,
        quantity=found.meaning["quantity"],
        unit=found.meaning["unit"],
        label=found.meaning["label"],
        instants=[instant(ms) for ms in kept_at],
        values=kept,
        total=len(at),
        thinned=len(kept) - kept.count(None) < len(at),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    spans: list[_Span]
    owner_id: int
    meaning: dict[str, str]  # of the quantity
    period_s: int  # the longest time expected between two frames


def _spans(viewer: Viewer, point_id: int, quantity: str, start: datetime, end: datetime) -> _Found:
    mountings = list(inventory.mountings_of(viewer=viewer, point_id=point_id))
    sources = {
        source.pk: source
        for source in Source.objects.filter(pk__in=[one.equipment_id for one in mountings]).select_related("profile")
    }
    spans: list[_Span] = []
    meaning: dict[str, str] | None = None
    period_s = 0
    for mounting in mountings:  # newest first: its wording wins
        source = sources.get(mounting.equipment_id)
        column = _column(source.profile.quantities, quantity) if source else None
        if source is None or column is None:
            continue
        meaning = meaning or source.profile.quantities[column]
        period_s = max(period_s, source.expected_every_s)
        first = max(start, mounting.during.lower or start)
        last = min(end, mounting.during.upper or end)
        if first < last:
            spans.append(_Span(mounting.equipment_id, column, milliseconds(first), milliseconds(last)))
    if meaning is None:
        raise NotFound(f"La grandeur « {quantity} »")
    return _Found(spans=spans, owner_id=mountings[0].owner_id, meaning=meaning, period_s=period_s)


def _column(quantities: list[dict[str, str]], quantity: str) -> int | None:
    for field in ("quantity", "key"):
        for place, one in enumerate(quantities):
            if one[field] == quantity:
                return place
    return None


def _read(spans: list[_Span], owner_id: int) -> tuple[list[int], list[float]]:
    """Return the instants and values of the spans, in time order, missing values left out (two queries).

    Rows of their own are read before closed days: a compaction that commits in between can only make a measurement
    appear in both, never in neither.
    """
    if not spans:
        return [], []
    found: list[tuple[list[int], list[float]]] = []
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, _arguments(spans, owner_id))
        rows = [(int(at), value) for at, value in cursor.fetchall()]
        found.append(([at for at, _ in rows], [value for _, value in rows]))
        cursor.execute(_DAYS, _arguments(spans, owner_id))
        found += [_chunk(*row) for row in cursor.fetchall()]
    found = sorted((chunk for chunk in found if chunk[0]), key=lambda chunk: chunk[0][0])
    at: list[int] = []
    values: list[float] = []
    ordered = True
    for some_at, some in found:
        ordered = ordered and (not at or at[-1] < some_at[0])
        at += some_at
        values += some
    if ordered:
        return at, values
    merged = dict(zip(at, values, strict=True))
    return (instants := sorted(merged)), [merged[one] for one in instants]


# Arrays come as bytes (``array_send``): the driver would build them element by element. One row per span, so that each
# is a range of the primary key; the overall bounds prune the partitions.
_SPANS = (
    " FROM unnest(%(devices)s::bigint[], %(columns)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])"
    " AS span(device_id, col, start_at, end_at)"
)
_ROWS = (
    'SELECT (extract(epoch FROM m.ts) * 1000)::bigint, m."values"[span.col + 1]'  # noqa: S608 - constants
    + _SPANS
    + " JOIN telemetry_measurement m ON m.device_id = span.device_id AND m.ts >= span.start_at AND m.ts < span.end_at"
    " AND m.ts >= %(first)s AND m.ts < %(last)s"
    ' WHERE m.owner_id = %(owner)s AND m."values"[span.col + 1] IS NOT NULL ORDER BY 1'
)
_DAYS = (
    "SELECT d.day - date '1970-01-01', array_send(d.offsets_ms),"  # noqa: S608 - constants
    ' array_send(d."values"[span.col * cardinality(d.offsets_ms) + 1 : (span.col + 1) * cardinality(d.offsets_ms)]),'
    " (extract(epoch FROM span.start_at) * 1000)::bigint, (extract(epoch FROM span.end_at) * 1000)::bigint"
    + _SPANS
    + " JOIN telemetry_measurementday d ON d.device_id = span.device_id"
    " AND d.day >= (span.start_at AT TIME ZONE 'UTC')::date AND d.day <= (span.end_at AT TIME ZONE 'UTC')::date"
    " AND d.day >= %(first_day)s AND d.day <= %(last_day)s"
    " WHERE d.owner_id = %(owner)s AND d.width > span.col ORDER BY 1"
)


def _arguments(spans: list[_Span], owner_id: int) -> dict[str, Any]:
    first, last = instant(min(one.start for one in spans)), instant(max(one.end for one in spans))
    return {
        "devices": [one.device_id for one in spans],
        "columns": [one.column for one in spans],
        "starts": [instant(one.start) for one in spans],
        "ends": [instant(one.end) for one in spans],
        "first": first,
        "last": last,
        "first_day": first.astimezone(UTC).date(),
        "last_day": (last - timedelta(milliseconds=1)).astimezone(UTC).date(),
        "owner": owner_id,
    }


def _chunk(day: int, offsets: bytes, numbers: bytes, start: int, end: int) -> tuple[list[int], list[float]]:
    midnight = day * DAY_MS
    at = [midnight + offset for offset in copying.read_ints(offsets)]
    values = copying.read_floats(numbers)
    if at[0] >= start and at[-1] < end and None not in values:
        return at, list(values)  # type: ignore[arg-type]
    pairs = [(t, v) for t, v in zip(at, values, strict=True) if v is not None and start <= t < end]
    return [t for t, _ in pairs], [v for _, v in pairs]
