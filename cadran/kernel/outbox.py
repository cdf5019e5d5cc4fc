"""The outbox: events written with the act, handled once each after its commit.

A handler's writes and its mark commit together, so its effect in the database happens once. Outside effects (mail,
SMS, webhook) are rows of their own, sent at least once with an idempotency key.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection, transaction

from cadran.kernel import events
from cadran.kernel.events import Event
from cadran.kernel.models import HandlerMark, OutboxEvent
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM

CHANNEL = "cadran_outbox"
MOST_ATTEMPTS = 12  # with the back-off below: about 17 hours, then a person decides
FIRST_RETRY = timedelta(seconds=15)

log = logging.getLogger(__name__)
E_ = TypeVar("E_", bound=Event)
Handler = Callable[..., None]
_handlers: dict[str, list[Handler]] = defaultdict(list)


def on(event_type: type[E_]) -> Callable[[Handler], Handler]:
    """Register ``handler(event, *, now)`` for an event of a lower room (idempotent by construction of the mark)."""

    def register(handler: Handler) -> Handler:
        _handlers[event_type.event_name].append(handler)
        return handler

    return register


def handler_name(handler: Handler) -> str:
    """Return the stable name under which a handler's marks are kept."""
    return f"{handler.__module__.removeprefix('cadran.')}.{handler.__qualname__}"


def handlers_of(event_name: str) -> list[Handler]:
    """Return the handlers of an event, in registration order."""
    return list(_handlers.get(event_name, ()))


def publish(event: Event) -> None:
    """Write the event in the current transaction and wake the worker when it commits (one query).

    Raises:
        RuntimeError: outside a transaction, where the act and its event could part.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"{event.event_name} must be published inside the transaction of its act.")
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH told AS (SELECT pg_notify(%s, '')) "
            "INSERT INTO kernel_outboxevent (name, payload) SELECT %s, %s::jsonb FROM told",
            [CHANNEL, event.event_name, events.encode(event)],
        )


def run_due(*, now: datetime, most: int = 200) -> int:
    """Handle up to ``most`` waiting events, oldest first; return how many were touched."""
    with scoped(SYSTEM):
        ids = list(
            OutboxEvent.objects.filter(done_at__isnull=True, attempts__lt=MOST_ATTEMPTS)
            .exclude(next_attempt_at__gt=now)
            .order_by("id")
            .values_list("id", flat=True)[:most]
        )
    for event_id in ids:
        run_one(event_id, now=now)
    return len(ids)


def run_one(event_id: int, *, now: datetime) -> bool:
    """Run each missing handler of one event in a transaction of its own; tell whether all are done."""
    with scoped(SYSTEM):
        row = OutboxEvent.objects.select_for_update(skip_locked=True).filter(pk=event_id, done_at__isnull=True).first()
    if row is None:
        return False
    try:
        event = events.decode(row.name, json.dumps(row.payload))
        for handler in handlers_of(row.name):
            _run_handler(row.pk, event, handler, now)
    except Exception as error:  # one broken handler must not stop the others' events
        _postpone(row, error, now)
        return False
    with scoped(SYSTEM):
        OutboxEvent.objects.filter(pk=event_id).update(done_at=now, last_error="")
    return True


def _run_handler(event_id: int, event: Event, handler: Handler, now: datetime) -> None:
    with scoped(SYSTEM), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_handlermark (event_id, handler) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [event_id, handler_name(handler)],
        )
        if cursor.rowcount:
            handler(event, now=now)


def _postpone(row: OutboxEvent, error: Exception, now: datetime) -> None:
    attempts = row.attempts + 1
    wait = FIRST_RETRY * 2 ** (attempts - 1)
    log.exception("event %s %s failed (attempt %s), next in %s", row.pk, row.name, attempts, wait)
    with scoped(SYSTEM):
        OutboxEvent.objects.filter(pk=row.pk).update(
            attempts=attempts, next_attempt_at=now + wait, last_error=f"{type(error).__name__}: {error}"[:2000]
        )


def backlog(*, now: datetime) -> dict[str, Any]:
    """Return counts of waiting and dead events and the age of the oldest waiting one, in seconds (one query)."""
    with scoped(SYSTEM), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE attempts < %s), count(*) FILTER (WHERE attempts >= %s),"
            " coalesce(extract(epoch FROM %s - min(created_at) FILTER (WHERE attempts < %s)), 0)"
            " FROM kernel_outboxevent WHERE done_at IS NULL",
            [MOST_ATTEMPTS, MOST_ATTEMPTS, now, MOST_ATTEMPTS],
        )
        waiting, dead, age = cursor.fetchone()
    return {"waiting": waiting, "dead": dead, "oldest_seconds": float(age)}


def purge(*, before: datetime) -> int:
    """Forget events handled before that instant, with their marks; return how many."""
    with transaction.atomic(), scoped(SYSTEM):
        HandlerMark.objects.filter(event__done_at__lt=before).delete()
        return OutboxEvent.objects.filter(done_at__lt=before).delete()[0]
