"""Fill an installation for browser tests: ``python -m tests.support.population NAME``, its environment being set.

``furnished``: one thing of each kind for both beneficiaries, and a person of every role. ``line``: the simulator's
first devices and gateway at Bob's, ready to be played. ``alarms``: service and business alarms of Bob's, one after the
other, each in its transaction, whatever happens to the database meanwhile.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

DEVICES = 6
BUYER = "acheteuse@example.org"


def furnished(now: datetime) -> dict[str, Any]:
    """One thing of each kind for Bob's town and Charlie's."""
    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.lorawan.models import Gateway
    from cadran.messaging.models import Mail
    from tests.support.furnish import furnish, load_packs, people_of_every_role
    from tests.support.world import build

    world = build()
    load_packs(now)
    things = furnish(world, now=now - timedelta(minutes=1))
    people = people_of_every_role(world, today=now.date())
    with scoped(SYSTEM):
        Gateway.objects.update(last_seen_at=None)  # never heard: their alarms stay as they are
        return {
            "things": {name: asdict(one) for name, one in things.items()},
            "people": {role: person.email for role, person in people.items()},
            "mail": Mail.objects.latest("id").pk,
        }


def line(now: datetime) -> dict[str, Any]:
    """Devices 0 to 5 of the simulator and its first gateway at Bob's; a cold room watched; nothing measured yet."""
    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.parties.models import Right, User
    from tests.support.furnish import COLD_ROOM, cold_room_rule, gateway, load_packs, sensor
    from tests.support.world import SINCE, build

    world = build()
    load_packs(now)
    made = [sensor(world, "bob", rank, now=now) for rank in range(DEVICES)]
    _box, gateway_id = gateway(world, "bob", 0, now=now, silent_after_s=3_600)
    rule = cold_room_rule(world, "bob", made[COLD_ROOM][1], now=now, threshold=5.0, recipients=("cuisine@example.org",))
    with scoped(SYSTEM):
        buyer = User(email=BUYER, name="Agathe Acheteuse", password=world.bob.password)
        buyer.save()
        Right.objects.create(user=buyer, role="beneficiary.buyer", organisation=world.bobville, starts_on=SINCE)
        for email, name, role in (
            ("roc@example.org", "Hélène Roc", "holder.roc"),
            ("admin@example.org", "Théo Admin", "platform.admin"),
        ):
            person = User.objects.create(email=email, name=name, password=world.bob.password)
            Right.objects.create(user=person, role=role, starts_on=SINCE)
    return {
        "gateway": gateway_id,
        "rule": rule,
        "sensors": [equipment for equipment, _point in made],
        "points": [point for _equipment, point in made],
        "service": world.bob_service.pk,
        "charlie_service": world.charlie_service.pk,
    }


ALARMS = 30
PAUSE_S = 0.15


def alarms(now: datetime) -> dict[str, Any]:
    """Raise alarms of both kinds on Bob's service, each until it is committed; return their ids."""
    from django.db import DatabaseError, InterfaceError, connection

    raised: dict[str, list[int]] = {"service": [], "business": []}
    for rank in range(ALARMS):
        kind = "service" if rank % 2 else "business"
        while True:
            try:
                raised[kind].append(_raise(kind, f"test:{now.timestamp()}:{rank}", now))
                break
            except (DatabaseError, InterfaceError):  # the database is away: the same alarm again, under the same key
                connection.close()
                time.sleep(PAUSE_S)
        time.sleep(PAUSE_S)
    return raised


def _raise(kind: str, key: str, now: datetime) -> int:
    from cadran.inventory.models import Service
    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.telemetry.services import raise_alarm

    with scoped(SYSTEM):
        service = Service.objects.get(owner__name="Bobville")
        alarm, _new = raise_alarm(
            owner_id=service.owner_id, origin_key=key, code=f"threshold.{kind}", kind=kind, title=f"Alarme {key}",
            site_id=service.site_id, service_id=service.pk, raised_at=now,
        )  # fmt: skip
    return int(alarm.pk)


POPULATIONS: dict[str, Callable[[datetime], dict[str, Any]]] = {"furnished": furnished, "line": line, "alarms": alarms}


def main(name: str) -> None:
    """Fill the installation of this environment and print what was made, as JSON on the last line."""
    from cadran.processes.startup import setup_django

    setup_django()
    print(json.dumps(POPULATIONS[name](datetime.now(UTC))))


if __name__ == "__main__":
    main(sys.argv[1])
