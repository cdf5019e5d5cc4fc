"""Tell open pages that an object changed: a NOTIFY with ids only, sent when the transaction commits."""

from __future__ import annotations

from django.db import connection

CHANNEL = "cadran_live"


def touch(kind: str, object_id: int, owner_id: int) -> None:
    """Announce that the object changed (one query); a page refetches it under its own viewer's rights."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{kind}:{object_id}:{owner_id}"])
