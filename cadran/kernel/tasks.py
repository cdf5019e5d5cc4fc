"""What the clock starts for the kernel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.contrib.sessions.backends.db import SessionStore

from cadran.kernel import audit, jobs, outbox, partitions

KEPT_EVENTS = timedelta(days=30)


@jobs.periodic(name="kernel.seal_audit", cron="* * * * * */10")
def seal_audit() -> None:
    """Seal the committed audit lines, every ten seconds."""
    audit.seal(now=datetime.now(UTC))


@jobs.periodic(name="kernel.purge", cron="17 3 * * *", own_transactions=True)
def purge() -> None:
    """Forget handled events and expired sessions, every night."""
    outbox.purge(before=datetime.now(UTC) - KEPT_EVENTS)
    SessionStore.clear_expired()


@jobs.periodic(name="kernel.partitions", cron="41 * * * *")
def partitions_ahead() -> None:
    """Keep three months of partitions ahead, checked every hour."""
    partitions.ensure_ahead(now=datetime.now(UTC))
