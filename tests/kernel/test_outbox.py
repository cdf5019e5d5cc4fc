"""An event and its act commit together; each handler's effect happens once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from cadran.kernel import outbox
from cadran.kernel.events import Event, decode, encode
from cadran.kernel.models import HandlerMark, NumberSequence, OutboxEvent
from cadran.kernel.scope import scoped
from cadran.kernel.sequences import next_number
from cadran.kernel.viewer import SYSTEM
from tests.support.world import NOW, World


class SomethingHappened(Event, frozen=True):
    """A test's own event."""

    thing_id: int


calls: list[int] = []
broken: list[bool] = []


def on_something_happened(event: SomethingHappened, *, now: datetime) -> None:
    """Count and leave an effect in the database: a number taken from a sequence."""
    calls.append(event.thing_id)
    next_number(legal_entity="732829320", kind="effect", year=2026)
    if broken:
        raise ValueError("the handler is broken")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    calls.clear()
    broken.clear()
    outbox._handlers[SomethingHappened.event_name] = [on_something_happened]
    yield
    outbox._handlers.pop(SomethingHappened.event_name)


def effects() -> int:
    with scoped(SYSTEM):
        row = NumberSequence.objects.filter(kind="effect").first()
        return row.last if row else 0


def waiting() -> list[OutboxEvent]:
    with scoped(SYSTEM):
        return list(OutboxEvent.objects.filter(done_at__isnull=True))


@pytest.mark.django_db(transaction=True)
def test_publishing_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="inside the transaction"):
        outbox.publish(SomethingHappened(thing_id=1))


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_act_has_no_event() -> None:
    with scoped(SYSTEM):
        outbox.publish(SomethingHappened(thing_id=1))
        transaction.set_rollback(True)
    assert waiting() == []


@pytest.mark.django_db(transaction=True)
def test_each_handler_runs_once() -> None:
    with scoped(SYSTEM):
        outbox.publish(SomethingHappened(thing_id=7))
    assert outbox.run_due(now=NOW) == 1
    assert (calls, effects(), waiting()) == ([7], 1, [])
    assert outbox.run_due(now=NOW) == 0
    with scoped(SYSTEM):
        OutboxEvent.objects.update(done_at=None)  # as if the worker died between the mark and the end
    outbox.run_due(now=NOW)
    assert (calls, effects(), waiting()) == ([7], 1, [])


@pytest.mark.django_db(transaction=True)
def test_a_broken_handler_leaves_no_half_effect_and_is_tried_again() -> None:
    broken.append(True)
    with scoped(SYSTEM):
        outbox.publish(SomethingHappened(thing_id=7))
    outbox.run_due(now=NOW)
    (row,) = waiting()
    assert effects() == 0
    assert "the handler is broken" in row.last_error
    assert row.next_attempt_at == NOW + outbox.FIRST_RETRY
    assert outbox.run_due(now=NOW + timedelta(seconds=1)) == 0
    broken.clear()
    assert outbox.run_due(now=NOW + timedelta(minutes=1)) == 1
    assert (effects(), waiting()) == (1, [])


@pytest.mark.django_db(transaction=True)
def test_one_broken_event_does_not_stop_the_others() -> None:
    with scoped(SYSTEM):
        OutboxEvent.objects.create(name="nobody.Declared", payload={})
        outbox.publish(SomethingHappened(thing_id=2))
    outbox.run_due(now=NOW)
    assert calls == [2]
    (row,) = waiting()
    assert "unknown event" in row.last_error
    assert outbox.backlog(now=NOW)["waiting"] == 1


@pytest.mark.django_db(transaction=True)
def test_a_beneficiary_publishes_but_does_not_read(world_committed: World) -> None:
    with scoped(world_committed.viewer(world_committed.bob)):
        outbox.publish(SomethingHappened(thing_id=3))
    outbox.run_due(now=NOW)
    assert calls == [3]


@pytest.mark.django_db(transaction=True)
def test_handled_events_are_forgotten_later() -> None:
    with scoped(SYSTEM):
        outbox.publish(SomethingHappened(thing_id=3))
    outbox.run_due(now=NOW)
    outbox.purge(before=NOW + timedelta(days=1))
    with scoped(SYSTEM), transaction.atomic():
        assert OutboxEvent.objects.count() == 0
        assert HandlerMark.objects.count() == 0


def test_events_travel_as_plain_values() -> None:
    event = SomethingHappened(thing_id=3)
    assert decode(SomethingHappened.event_name, encode(event)) == event
