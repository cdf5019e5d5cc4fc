"""Closed days: rows of their own become one row a day and device."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from cadran.kernel import partitions
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.telemetry import store
from cadran.telemetry.days import ClosedDay

SETTLED_AFTER = timedelta(hours=1)  # past midnight UTC: by then a day's frames are in, late ones are merged later
DEVICES_PER_TRANSACTION = 100
DAYS_PER_TRANSACTION = 2_000


def close_days(*, now: datetime) -> int:
    """Compact every closed day (UTC); return how many rows were moved.

    Idempotent, and safe beside the ingest: each transaction takes the rows of 100 devices and puts them, merged with
    what is already there, in their day. A stop half-way leaves whole rows on one side or the other. A frame that
    comes for a day already compacted is merged by the next run.
    """
    moved = 0
    with scoped(SYSTEM):
        days = store.open_days(before=(now - SETTLED_AFTER).date())
    for day, devices in days.items():
        with scoped(SYSTEM):
            partitions.ensure(first=day, last=day)
        for start in range(0, len(devices), DEVICES_PER_TRANSACTION):
            with scoped(SYSTEM):
                moved += store.close(day=day, devices=devices[start : start + DEVICES_PER_TRANSACTION])
    return moved


def write_history(*, days: Iterable[ClosedDay]) -> int:
    """Write closed days in bulk (demonstrations, take-over from another system); return how many were new.

    A day already there is left alone. Latest values are not touched: they come with the first frames. One
    transaction per 2,000 days, five statements each.
    """
    written = 0
    source = iter(days)
    while part := list(islice(source, DAYS_PER_TRANSACTION)):
        with scoped(SYSTEM):
            partitions.ensure(first=min(one.day for one in part), last=max(one.day for one in part))
            written += store.write_days(part, replace=False)
    return written
