"""Gapless numbers: one series per issuing legal entity, document kind and year."""

from __future__ import annotations

from django.db import connection

from cadran.kernel.scope import as_system


def next_number(*, legal_entity: str, kind: str, year: int) -> int:
    """Return the next number of the series, from 1, without a hole.

    The row is locked until the caller's transaction ends: a rolled-back act gives its number back, and two acts of
    one series follow each other. Call it late in the verb.

    Raises:
        RuntimeError: outside a transaction, where a number could be lost.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"A number of {kind} must be taken inside the transaction of the document it names.")
    with as_system(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_numbersequence (legal_entity, kind, year, last) VALUES (%s, %s, %s, 1)"
            " ON CONFLICT ON CONSTRAINT one_sequence_per_kind_and_year"
            " DO UPDATE SET last = kernel_numbersequence.last + 1 RETURNING last",
            [legal_entity, kind, year],
        )
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
