"""Decisions about messages that need no database."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

FIRST_RETRY = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
MOST_ATTEMPTS = 12  # with the waits above: about two days, the life a mail queue usually gives


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """Return when to try a mail again after ``attempts`` failures (from 1), None when it is to be given up."""
    if attempts >= MOST_ATTEMPTS:
        return None
    wait: timedelta = min(LONGEST_WAIT, FIRST_RETRY * (1 << (attempts - 1)))
    return now + wait


def message_id(idempotency_key: str, *, domain: str) -> str:
    """Return the Message-ID of a mail: the same for every attempt, so that a receiver can drop a repetition."""
    return f"<{hashlib.sha256(idempotency_key.encode()).hexdigest()[:40]}@{domain}>"
