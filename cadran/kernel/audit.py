"""The audit trail: every act leaves a line; committed lines are sealed in order into a hash chain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection, transaction

from cadran.kernel.models import AuditEntry, AuditSeal
from cadran.kernel.viewer import Side, Viewer

GENESIS = hashlib.sha256(b"cadran audit chain").digest()
_SEALING = 0x0CAD  # advisory lock: one sealer at a time


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of a walk along the chain."""

    sealed: int
    unsealed: int
    broken_at: int | None  # position of the first seal that does not match its entry

    @property
    def intact(self) -> bool:
        """Tell whether every sealed entry is what it was when sealed."""
        return self.broken_at is None


def record(
    *,
    viewer: Viewer,
    action: str,
    object_type: str,
    object_id: int | str,
    owner_id: int | None,
    now: datetime,
    details: dict[str, Any] | None = None,
) -> None:
    """Add a line in the current transaction (one query). ``details`` holds plain values and never a secret."""
    if owner_id is None and viewer.side is Side.BENEFICIARY:
        owner_id = viewer.scope[0]
    AuditEntry.objects.create(
        at=now,
        actor_id=viewer.user_id,
        actor_label=viewer.name,
        action=action,
        object_type=object_type,
        object_id=str(object_id),
        owner_id=owner_id,
        details=details or {},
    )


def digest_of(previous: bytes, entry: AuditEntry) -> bytes:
    """Return the hash that chains ``entry`` to the seal before it."""
    content = msgspec.json.encode(
        [
            entry.pk,
            entry.at.astimezone(UTC).isoformat(),
            entry.actor_id,
            entry.actor_label,
            entry.action,
            entry.object_type,
            entry.object_id,
            entry.owner_id,
            entry.details,
        ],
        order="deterministic",
    )
    return hashlib.sha256(previous + content).digest()


@transaction.atomic
def seal(*, now: datetime, most: int = 5_000) -> int:
    """Seal committed entries that have no seal yet, in id order; return how many. One sealer at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEALING])
        if not cursor.fetchone()[0]:
            return 0
    last = AuditSeal.objects.order_by("-position").first()
    position, previous = (last.position, bytes(last.digest)) if last else (0, GENESIS)
    seals = []
    for entry in AuditEntry.objects.filter(auditseal__isnull=True).order_by("id")[:most]:
        position += 1
        previous = digest_of(previous, entry)
        seals.append(AuditSeal(position=position, entry=entry, digest=previous, sealed_at=now))
    AuditSeal.objects.bulk_create(seals)
    return len(seals)


def verify() -> Verification:
    """Walk the whole chain and compare every entry with its seal; the unsealed tail is counted, not judged."""
    previous, broken = GENESIS, None
    seals = AuditSeal.objects.select_related("entry").order_by("position").iterator(chunk_size=2_000)
    for expected, one in enumerate(seals, start=1):
        previous = digest_of(previous, one.entry)
        if one.position != expected or bytes(one.digest) != previous:
            broken = one.position
            break
    return Verification(
        sealed=AuditSeal.objects.count(),
        unsealed=AuditEntry.objects.filter(auditseal__isnull=True).count(),
        broken_at=broken,
    )
