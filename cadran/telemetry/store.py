"""The bridge to the measurement tables: whole batches, a handful of statements each.

Everything here runs inside the caller's transaction, in the system's scope. Lock order, the same for every writer
(two edges may store frames of one device at once): measurements by (device, ts), latest values by device, decode
failures by device, rule states by rule, alarms.

COPY into a table with row-level security is refused by PostgreSQL, so rows go through a temporary table of the
connection; it is made once, since a CREATE and a DROP per flush would fill the catalogues with dead rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter

from django.db import connection

from cadran.kernel import live, partitions
from cadran.telemetry import copying
from cadran.telemetry.days import DAY_MS, ClosedDay, Number, from_rows, merged
from cadran.telemetry.decoding import Undecodable
from cadran.telemetry.rules import DecodedUplink

OLDEST = timedelta(days=400)  # a frame older than that has a wrong clock
NEWEST = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Row = tuple[int, int, int, tuple[Number, ...]]  # device, ts in milliseconds since 1970, owner, values

_UPLINKS = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS telemetry_incoming"
    ' (device_id bigint, ts timestamptz, owner_id bigint, "values" float8[], turn smallint) ON COMMIT DELETE ROWS;'
    "DELETE FROM telemetry_incoming"  # what an earlier batch of this very transaction left
)
_DAYS = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS telemetry_incoming_day"
    " (device_id bigint, day date, owner_id bigint, width smallint, offsets_ms integer[],"
    ' "values" float8[]) ON COMMIT DELETE ROWS;'
    "DELETE FROM telemetry_incoming_day"
)
_INSERT = (
    'INSERT INTO telemetry_measurement (device_id, ts, owner_id, "values")'
    ' SELECT device_id, ts, owner_id, "values" FROM telemetry_incoming ON CONFLICT DO NOTHING'
)
_LATEST = (
    'INSERT INTO telemetry_latest AS known (device_id, owner_id, ts, "values")'
    ' SELECT device_id, owner_id, ts, "values" FROM telemetry_incoming WHERE turn = %s'
    " ON CONFLICT (device_id) DO UPDATE"
    ' SET owner_id = excluded.owner_id, ts = excluded.ts, "values" = {values}, times = {times}'
    " WHERE known.ts < excluded.ts"
)
_WHOLE = _LATEST.format(values='excluded."values"', times="NULL")
# A frame that says a part only: the other values stay, each with its own instant; never those of another owner.
_EACH = (
    "CASE WHEN known.owner_id = excluded.owner_id THEN"
    " (SELECT array_agg({choice} ORDER BY each.place)"
    '  FROM unnest(excluded."values", known."values", known.times) WITH ORDINALITY AS each(new, old, at, place))'
    " ELSE {alone} END"
)
_PARTIAL = _LATEST.format(
    values=_EACH.format(choice="coalesce(each.new, each.old)", alone='excluded."values"'),
    times=_EACH.format(
        choice="CASE WHEN each.new IS NOT NULL THEN excluded.ts"
        " WHEN each.old IS NOT NULL THEN coalesce(each.at, known.ts) END",
        alone="NULL",
    ),
)


@dataclass(frozen=True, slots=True)
class Written:
    """What one batch became; ``implausible``: frames whose instant is not of this time."""

    inserted: int
    duplicates: int
    implausible: int


def milliseconds(at: datetime) -> int:
    """Return an instant in milliseconds since 1970, the resolution measurements are kept at."""
    return (at - _EPOCH) // _MILLISECOND


def instant(ms: int) -> datetime:
    """Return the instant of ``milliseconds``."""
    return _EPOCH + timedelta(milliseconds=ms)


def rows_of(uplinks: Iterable[DecodedUplink], *, now: datetime) -> list[Row]:
    """Return the rows to write, by device and time; those whose instant cannot be are left out."""
    first, last = now - OLDEST, now + NEWEST
    rows = [
        ((one.received_at - _EPOCH) // _MILLISECOND, one)
        for one in uplinks
        if first <= one.received_at <= last and one.values
    ]
    listed = [(one.device_id, ts, one.owner_id, one.values) for ts, one in rows]
    listed.sort(key=itemgetter(0, 1))
    return listed


def write(rows: Sequence[Row]) -> int:
    """Write measurements and the latest values; return how many were new (5 statements, plus one per extra turn)."""
    if not rows:
        return 0
    turns = copy(rows)
    inserted = insert()
    latest(turns)
    return inserted


def copy(rows: Sequence[Row]) -> list[tuple[int, bool]]:
    """Copy rows, ordered, to the temporary table; return the turns that ``latest`` must take, and if partial."""
    _ensure_months(rows[0][1] if len(rows) == 1 else min(row[1] for row in rows), max(row[1] for row in rows))
    turns, partial = _turns(rows)
    buffer = [copying.HEADER]
    encode = copying.uplink
    buffer += [
        encode(device, ts, owner, values, turn) for (device, ts, owner, values), turn in zip(rows, turns, strict=True)
    ]
    buffer.append(copying.TRAILER)
    with connection.cursor() as cursor:
        cursor.execute(_UPLINKS)
        with cursor.copy("COPY telemetry_incoming FROM STDIN (FORMAT BINARY)") as target:
            target.write(b"".join(buffer))
    return [(turn, partial) for turn in range(1, max(turns) + 1)]


def insert() -> int:
    """Move what was copied to the measurements; return how many were new (one statement)."""
    with connection.cursor() as cursor:
        cursor.execute(_INSERT)
        return int(cursor.rowcount)


def latest(turns: Sequence[tuple[int, bool]]) -> None:
    """Bring the latest values up to date (one statement a turn)."""
    with connection.cursor() as cursor:
        for turn, partial in turns:
            cursor.execute(_PARTIAL if partial else _WHOLE, [turn])


def _turns(rows: Sequence[Row]) -> tuple[list[int], bool]:
    """Number the rows that make the latest values: one upsert may touch a device once only.

    Without partial frames, the newest row of each device is turn 1 and the others 0. With some, a device's rows take
    turns in time order.
    """
    turns = [0] * len(rows)
    if any(None in row[3] for row in rows):
        turn, device = 0, -1
        for place, row in enumerate(rows):
            turn, device = (turn + 1, device) if row[0] == device else (1, row[0])
            turns[place] = turn
        return turns, True
    for place in range(len(rows)):
        if place + 1 == len(rows) or rows[place + 1][0] != rows[place][0]:
            turns[place] = 1
    return turns, False


_months: set[tuple[int, int]] = set()  # months known to have their partitions


def _ensure_months(first_ms: int, last_ms: int) -> None:
    """Make the partitions of a batch's months if need be: a late frame may be of a month nobody prepared."""
    first, last = instant(first_ms).date(), instant(last_ms).date()
    wanted = {(first.year, first.month), (last.year, last.month)}
    if wanted <= _months and (last - first).days < 32:
        return
    # Remembered only when nothing had to be made: a partition made now is undone if the transaction is.
    if partitions.ensure(first=first, last=last) == 0:
        _months.update(wanted)


def count_failures(failures: Sequence[Undecodable]) -> None:
    """Add to each device's count of undecodable frames, with the newest reason (one statement)."""
    if not failures:
        return
    grouped: dict[int, list[Undecodable]] = defaultdict(list)
    for one in failures:
        grouped[one.device_id].append(one)
    newest = [max(grouped[device], key=lambda one: one.received_at) for device in sorted(grouped)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO telemetry_decodefailure AS known (device_id, owner_id, count, last_at, last_message)"
            " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[])"
            " ON CONFLICT (device_id) DO UPDATE SET count = known.count + excluded.count,"
            " owner_id = excluded.owner_id, last_message = excluded.last_message,"
            " last_at = greatest(known.last_at, excluded.last_at)",
            [
                [one.device_id for one in newest],
                [one.owner_id for one in newest],
                [len(grouped[one.device_id]) for one in newest],
                [one.received_at for one in newest],
                [one.message for one in newest],
            ],
        )


def announce(owners: set[int]) -> None:
    """Tell open pages that these owners have new measurements: one notification per owner and flush (one query).

    Never one per device: a flush every 100 ms gives at most ten a second and owner, whatever the number of frames.
    """
    if owners:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_notify(%s, 'measurement:0:' || owner) FROM unnest(%s::bigint[]) AS owner",
                [live.CHANNEL, sorted(owners)],
            )


# --- closed days --------------------------------------------------------------------------------------------------


def write_days(days: Iterable[ClosedDay], *, replace: bool) -> int:
    """Write closed days whose partitions exist; return how many rows were written (3 statements).

    A day already there is left alone unless ``replace``.
    """
    rows = [copying.closed_day(one.device_id, one.day, one.owner_id, one.offsets_ms, one.columns) for one in days]
    if not rows:
        return 0
    action = (
        "(device_id, day, owner_id) DO UPDATE SET width = excluded.width, offsets_ms = excluded.offsets_ms,"
        ' "values" = excluded."values"'
        if replace
        else "DO NOTHING"
    )
    with connection.cursor() as cursor:
        cursor.execute(_DAYS)
        with cursor.copy("COPY telemetry_incoming_day FROM STDIN (FORMAT BINARY)") as target:
            target.write(b"".join([copying.HEADER, *rows, copying.TRAILER]))
        cursor.execute(
            'INSERT INTO telemetry_measurementday (device_id, day, owner_id, width, offsets_ms, "values")'
            ' SELECT device_id, day, owner_id, width, offsets_ms, "values" FROM telemetry_incoming_day'
            f" ON CONFLICT {action}"
        )
        return int(cursor.rowcount)


def open_days(*, before: date) -> dict[date, list[int]]:
    """Return, per day before that one, the devices that still have rows of their own (one query)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT (ts AT TIME ZONE 'UTC')::date, device_id FROM telemetry_measurement"
            " WHERE ts < %s ORDER BY 1, 2",
            [_midnight(before)],
        )
        return {day: [device for _, device in group] for day, group in groupby(cursor.fetchall(), key=itemgetter(0))}


def close(*, day: date, devices: Sequence[int]) -> int:
    """Move that day's rows of those devices to closed days, merging with what is there; return how many rows.

    Four statements. The rows are taken by the DELETE itself, so that one that arrives meanwhile is left for later.
    """
    start = _midnight(day)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM telemetry_measurement WHERE device_id = ANY(%s) AND ts >= %s AND ts < %s"
            ' RETURNING device_id, owner_id, ts, "values"',
            [list(devices), start, start + timedelta(days=1)],
        )
        taken = cursor.fetchall()
        if not taken:
            return 0
        cursor.execute(
            'SELECT device_id, owner_id, width, offsets_ms, "values" FROM telemetry_measurementday'
            " WHERE device_id = ANY(%s) AND day = %s ORDER BY device_id FOR UPDATE",
            [sorted({row[0] for row in taken}), day],
        )
        known = {
            (device, owner): ClosedDay(
                device, owner, day, offsets, [flat[i * len(offsets) : (i + 1) * len(offsets)] for i in range(width)]
            )
            for device, owner, width, offsets, flat in cursor.fetchall()
        }
    taken.sort(key=itemgetter(0, 1, 2))
    midnight = milliseconds(start)
    closed = []
    for (device, owner), group in groupby(taken, key=itemgetter(0, 1)):
        fresh = from_rows(device, owner, day, [(milliseconds(ts) - midnight, values) for _, _, ts, values in group])
        closed.append(merged(known.get((device, owner)), fresh))
    write_days(closed, replace=True)
    return len(taken)


def _midnight(day: date) -> datetime:
    return _EPOCH + timedelta(milliseconds=(day.toordinal() - _EPOCH.toordinal()) * DAY_MS)
