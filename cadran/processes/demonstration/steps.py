"""A load cut into steps: each is done once, whole, and remembered in the audit trail.

A step and its mark commit together, so a load that was killed goes on with the first step that has no mark. A step
that manages its own transactions must itself be safe to run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from cadran.kernel import audit
from cadran.kernel.models import AuditEntry
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM

OBJECT: Final = "demonstration"
BEGUN: Final = "begun"
_LOCK: Final = 0x0CAD0DE0  # two loads of one database wait for each other

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the load: ``run(anchor)`` returns what to say of it (``anchor``: when the first load began)."""

    key: str
    label: str
    run: Callable[[datetime], str]
    own_transactions: bool = False


def run_all(steps: Sequence[Step], *, now: datetime, progress: Progress) -> datetime:
    """Run the steps that have no mark yet, in order; return the instant the first load began at."""
    anchor = begin(now)
    for step in steps:
        _run(step, anchor, now, progress)
    return anchor


def begin(now: datetime) -> datetime:
    """Return when the first load began: what was written then fixes every date of the demonstration."""
    with scoped(SYSTEM):
        known = marks().get(BEGUN)
        if known is None:
            mark(BEGUN, now, {"now": now.isoformat()})
            return now
        return datetime.fromisoformat(known["now"])


def marks() -> dict[str, dict[str, Any]]:
    """Return the details of every mark by key, the newest of each (one query)."""
    rows = AuditEntry.objects.filter(owner_id__isnull=True, object_type=OBJECT).order_by("id")
    return dict(rows.values_list("object_id", "details"))


def mark(key: str, now: datetime, details: dict[str, Any]) -> None:
    """Remember that something is done, in the current transaction."""
    audit.record(
        viewer=SYSTEM,
        action="demonstration.loaded",
        object_type=OBJECT,
        object_id=key,
        owner_id=None,
        now=now,
        details=details,
    )


def _run(step: Step, anchor: datetime, now: datetime, progress: Progress) -> None:
    began = time.monotonic()
    with nullcontext() if step.own_transactions else scoped(SYSTEM):
        with scoped(SYSTEM), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            if step.key in marks():
                return
        said = step.run(anchor)
        seconds = time.monotonic() - began
        with scoped(SYSTEM):
            mark(step.key, now, {"said": said, "seconds": round(seconds, 2)})
    progress(f"{step.label} : {said} ({seconds:.1f} s)")
