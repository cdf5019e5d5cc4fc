"""The world with both parties' promises loaded: what the service desk's tests need."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from tests.support.packs import IOT
from tests.support.world import NOW, World, build

PARIS = ZoneInfo("Europe/Paris")


def paris(text: str) -> datetime:
    """Return the instant written on Paris clocks, ``2026-11-16 09:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


LOADED = NOW - timedelta(days=30)


def load_promises(now: datetime = LOADED) -> None:
    """Put the IoT agreement's service levels and alarm policy in force."""
    from cadran.commitments.services import load_service_levels
    from cadran.servicedesk.packs import load_agreement_files
    from cadran.servicedesk.services import load_alarm_policy

    files = load_agreement_files(IOT)
    with scoped(SYSTEM):
        load_service_levels(viewer=SYSTEM, levels=files.levels, now=now)
        load_alarm_policy(viewer=SYSTEM, alarms=files.alarms, now=now)


def declare(world: World, *, at: datetime, now: datetime | None = None, by: Any = None, **given: Any) -> Any:
    """Declare Bob's blocking incident, by Bob unless said otherwise; return it."""
    from cadran.servicedesk.services import declare_incident

    viewer = by or world.viewer(world.bob)
    said = {"service_id": world.bob_service.pk, "title": "Plus aucune mesure", "criteria": ["complete_stop"]}
    said |= {"channel": "portal", "origin_key": f"test:{at.isoformat()}"}
    with scoped(viewer):
        return declare_incident(viewer=viewer, informed_at=at, now=now or at, **(said | given))


def act(world: World, verb: Callable[..., Any], incident: Any, *, now: datetime, by: Any = None, **given: Any) -> Any:
    """Do something to an incident, as Alice (holder) unless said otherwise, in that person's scope."""
    viewer = by or world.viewer(world.alice)
    with scoped(viewer):
        return verb(viewer=viewer, incident_id=incident.pk, now=now, **given)


def clocks(world: World, incident: Any, now: datetime) -> dict[str, Any]:
    """Return what the incident's clocks say at ``now``."""
    from cadran.commitments.selectors import verdicts_of

    with scoped(SYSTEM):
        return verdicts_of(viewer=SYSTEM, case_id=incident.case_id, now=now)


def run_events(now: datetime, most_rounds: int = 20) -> None:
    """Handle every waiting event, those that handlers publish included."""
    from cadran.kernel import outbox

    for _ in range(most_rounds):
        if not outbox.run_due(now=now):
            return
    raise AssertionError("events keep coming")


def minutes(count: float) -> timedelta:
    """Return that many minutes."""
    return timedelta(minutes=count)


@pytest.fixture
def desk(db: None) -> World:
    """Give the test its world with the promises loaded."""
    world = build()
    load_promises()
    return world


@pytest.fixture
def live_desk(transactional_db: None) -> World:
    """The same, committed: for tests with several connections."""
    world = build()
    load_promises()
    return world
