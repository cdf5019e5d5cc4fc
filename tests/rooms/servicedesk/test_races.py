"""What must never happen twice, with several connections at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection

from cadran.kernel import outbox
from cadran.kernel.models import NumberSequence
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.messaging.models import Notification
from cadran.servicedesk import services
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import ActionRefused
from tests.support import database
from tests.support.desk import act, declare, paris
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)
T0 = paris("2026-11-16 09:00")
SERIES = {"legal_entity": "732829320", "kind": "incident", "year": 2026}


def owner() -> psycopg.Connection:
    """A connection that may change tables and hold locks from outside."""
    name = str(connection.settings_dict["NAME"])
    return psycopg.connect(database.url("cadran_owner", name), autocommit=True)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run the works, each on its own connection, all held before the number series until every one waits there."""
    results: list[Any] = [None] * len(works)

    def run(rank: int) -> None:
        try:
            results[rank] = works[rank]()
        except Exception as error:
            results[rank] = error
        finally:
            connection.close()

    with scoped(SYSTEM):
        NumberSequence.objects.get_or_create(**SERIES, defaults={"last": 0})
    with owner() as gate:
        with gate.transaction():
            gate.execute("SELECT 1 FROM kernel_numbersequence FOR UPDATE")
            threads = [threading.Thread(target=run, args=(rank,)) for rank in range(len(works))]
            for thread in threads:
                thread.start()
            _wait_for_waiters(gate, len(works))
        for thread in threads:
            thread.join(20)
    return results


def _wait_for_waiters(gate: psycopg.Connection, count: int) -> None:
    for _ in range(200):
        row = gate.execute(
            "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database()"
        ).fetchone()
        if row is not None and row[0] >= count:
            return
        time.sleep(0.05)
    raise AssertionError("the works never met")


def numbers() -> list[str]:
    with scoped(SYSTEM):
        return sorted(Incident.objects.values_list("number", flat=True))


def twice(world: World) -> list[Any]:
    return at_once(*[lambda: declare(world, at=T0, origin_key="portal:1")] * 2)


def test_without_its_constraint_two_requests_open_two_incidents(live_desk: World) -> None:
    """What the constraint is for: this test would fail if the race could not be produced."""
    with owner() as gate:
        gate.execute("ALTER TABLE servicedesk_incident DROP CONSTRAINT one_incident_per_origin")
    try:
        first, second = twice(live_desk)
        assert first.pk != second.pk
        assert len(numbers()) == 2
    finally:
        with owner() as gate:
            gate.execute("TRUNCATE servicedesk_incident CASCADE")
            gate.execute(
                "ALTER TABLE servicedesk_incident ADD CONSTRAINT one_incident_per_origin UNIQUE (owner_id, origin_key)"
            )


def test_two_requests_of_one_origin_open_one_incident_and_lose_no_number(live_desk: World) -> None:
    first, second = twice(live_desk)
    assert first.pk == second.pk
    declare(live_desk, at=T0, origin_key="portal:2")
    assert numbers() == ["INC-2026-000001", "INC-2026-000002"]


def test_numbers_of_concurrent_incidents_are_gapless(live_desk: World) -> None:
    works = [lambda key=key: declare(live_desk, at=T0, origin_key=f"portal:{key}") for key in range(6)]
    results = at_once(*works)
    assert not [result for result in results if isinstance(result, Exception)]
    assert numbers() == [f"INC-2026-{rank:06d}" for rank in range(1, 7)]


def test_two_agents_take_the_same_act(live_desk: World) -> None:
    """The second one waits for the row, then sees the state that the first one left."""
    incident = declare(live_desk, at=T0)
    outcomes: list[Any] = [None, None]

    def run(rank: int) -> None:
        try:
            outcomes[rank] = act(live_desk, services.acknowledge, incident, now=T0)
        except Exception as error:
            outcomes[rank] = error
        finally:
            connection.close()

    with owner() as gate:
        with gate.transaction():
            gate.execute("SELECT 1 FROM servicedesk_incident FOR UPDATE")
            threads = [threading.Thread(target=run, args=(rank,)) for rank in range(2)]
            for thread in threads:
                thread.start()
            _wait_for_waiters(gate, 2)
        for thread in threads:
            thread.join(20)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [ActionRefused.__name__, Incident.__name__]


def test_two_workers_handle_an_event_once(live_desk: World) -> None:
    from cadran.inventory.models import Equipment
    from cadran.telemetry.services import raise_alarm

    with scoped(SYSTEM):
        gateway = Equipment.objects.create(
            owner=live_desk.bobville,
            site=live_desk.bob_site,
            service=live_desk.bob_service,
            kind="gateway",
            name="GW1",
            serial="GW1",
        )
        raise_alarm(
            owner_id=live_desk.bobville.pk,
            origin_key="gateway:1:silent",
            code="gateway.silent",
            kind="service",
            title="Passerelle muette",
            site_id=live_desk.bob_site.pk,
            service_id=live_desk.bob_service.pk,
            equipment_id=gateway.pk,
            raised_at=T0,
        )
    start = threading.Barrier(4)

    def work() -> None:
        try:
            start.wait(10)
            for _ in range(10):
                outbox.run_due(now=T0)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert numbers() == ["INC-2026-000001"]
    with scoped(SYSTEM):
        assert sorted(Notification.objects.values_list("user__name", flat=True)) == ["Alice", "Bob"]
