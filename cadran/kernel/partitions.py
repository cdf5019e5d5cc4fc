"""Monthly partitions: made ahead of time, because a measurement without its partition would be refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import connection

from cadran.kernel.scope import as_system

MONTHS_AHEAD = 3


def _months(first: date, last: date) -> list[date]:
    month, months = first.replace(day=1), []
    while month <= last:
        months.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    return months


def horizon(now: datetime) -> date:
    """Return the first day of the last month that must exist at ``now``."""
    month = now.date().replace(day=1)
    for _ in range(MONTHS_AHEAD):
        month = (month + timedelta(days=32)).replace(day=1)
    return month


def ensure(*, first: date, last: date) -> int:
    """Create the missing partitions of every partitioned table, month by month; return how many (one query)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT cadran_ensure_partitions(%s, %s)", [first, last])
        return int(cursor.fetchone()[0])


def ensure_ahead(*, now: datetime) -> int:
    """Create the partitions of this month and of the coming ones; return how many (one query)."""
    with as_system():
        return ensure(first=now.date(), last=horizon(now))


def missing(*, now: datetime) -> list[str]:
    """Return the names of partitions that should exist by now and do not (one query)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, array_agg(k.relname::text) FILTER (WHERE k.relname IS NOT NULL)"
            " FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid"
            " LEFT JOIN pg_inherits i ON i.inhparent = c.oid LEFT JOIN pg_class k ON k.oid = i.inhrelid"
            " WHERE c.relnamespace = 'public'::regnamespace GROUP BY c.relname ORDER BY c.relname"
        )
        found = {parent: set(children or ()) for parent, children in cursor.fetchall()}
    wanted = [f"{month:%Y%m}" for month in _months(now.date(), horizon(now))]
    return [
        f"{parent}_{month}" for parent, there in found.items() for month in wanted if f"{parent}_{month}" not in there
    ]


def forget(*, table: str, before: date) -> int:
    """Drop the partitions of ``table`` that end by ``before``; return how many (one query, system scope).

    PostgreSQL refuses for a table that is not kept for a limited time, and when less than thirty days would be left.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT cadran_forget_partitions(%s, %s)", [table, before])
        return int(cursor.fetchone()[0])
