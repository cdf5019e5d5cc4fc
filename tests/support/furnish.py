"""One thing of each kind for each beneficiary of the tests' world: what every page of the site needs to show something.

``furnish`` may be called again with another ``copy``: it adds as many rows again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection

from cadran.kernel.identifiers import Eui64
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM, Viewer
from cadran.simulator.identities import device_identity, gateway_eui, given_session
from cadran.simulator.profiles import profile_of
from tests.support.desk import load_promises, run_events
from tests.support.packs import IOT
from tests.support.world import World

DEVICE_PACKS = Path(__file__).resolve().parents[2] / "packs" / "devices"
COLD_ROOM = 1  # ranks of a cold room: 1, 11, 21…
STEP = 100  # ranks of one copy
TOWNS = ("bob", "charlie")
AGENT_OF_BOBVILLE, AGENT_OF_ANOTHER_LOT = "agent/bobville", "agent/autre-lot"


@dataclass(frozen=True, slots=True)
class Furniture:
    """The ids of one beneficiary's things."""

    organisation: int
    site: int
    service: int
    sensor: int
    gateway_equipment: int
    gateway: int
    point: int
    rule: int
    business_alarm: int
    service_alarm: int
    incident: int
    paused: int
    restored: int  # by the holder's word, to be confirmed
    confirmed: int  # restored, and the beneficiary agrees
    phoned: int  # to be confirmed in writing
    alarm_incident: int
    notification: int


def load_packs(now: datetime) -> None:
    """Put the IoT agreement whole and the device profiles in force, a month before ``now``."""
    from cadran.parties.services import load_agreement
    from cadran.telemetry.services import load_profiles

    since = now - timedelta(days=30)
    with scoped(SYSTEM):
        load_agreement(viewer=SYSTEM, directory=IOT, now=since)
        load_profiles(folder=DEVICE_PACKS, now=since)
    load_promises(since)


def sensor(
    world: World, of: str, rank: int, *, now: datetime, every_s: int = 900, silent_after_s: int | None = None
) -> tuple[int, int]:
    """Put up the simulator's device of a rank at Bob's or Charlie's; return its equipment and its point."""
    from cadran.inventory import services as inventory
    from cadran.lorawan import services as lorawan
    from cadran.telemetry import services as telemetry
    from cadran.telemetry.models import DeviceProfile

    site, service = getattr(world, f"{of}_site"), getattr(world, f"{of}_service")
    since, identity = now - timedelta(days=10), device_identity(rank)
    with scoped(SYSTEM):
        profile = DeviceProfile.objects.get(code=f"cadran-demo/{profile_of(rank)}@1.0")
        equipment = inventory.register_equipment(
            viewer=SYSTEM, site_id=site.pk, service_id=service.pk, kind="sensor", name=f"{profile.name} {rank}",
            serial=f"C{rank}", maker="cadran-demo", model=profile.name, eui=str(Eui64(identity.dev_eui)),
            delivered_on=date(2026, 1, 15), warranty_until=date(2029, 1, 15), now=since,
        )  # fmt: skip
        point = inventory.register_point(
            viewer=SYSTEM, site_id=site.pk, service_id=service.pk, name=f"Point {rank}", kind="cold_room", now=since
        )
        inventory.mount(viewer=SYSTEM, equipment_id=equipment.pk, point_id=point.pk, at=since, now=since)
        telemetry.register_source(
            viewer=SYSTEM, equipment_id=equipment.pk, profile_id=profile.pk, now=now, expected_every_s=every_s,
            silent_after_s=silent_after_s,
        )  # fmt: skip
        owned = lorawan.NewDevice(
            equipment.pk, site.owner_id, Eui64(identity.dev_eui), Eui64(identity.join_eui), identity.app_key
        )
        lorawan.register_devices(viewer=SYSTEM, devices=[owned], now=now)
    return equipment.pk, point.pk


def gateway(world: World, of: str, rank: int, *, now: datetime, silent_after_s: int = 300) -> tuple[int, int]:
    """Put up the simulator's gateway of a rank at Bob's or Charlie's; return its equipment and its id."""
    from cadran.inventory import services as inventory
    from cadran.lorawan import services as lorawan

    site, service = getattr(world, f"{of}_site"), getattr(world, f"{of}_service")
    eui = Eui64(gateway_eui(rank))
    with scoped(SYSTEM):
        equipment = inventory.register_equipment(
            viewer=SYSTEM, site_id=site.pk, service_id=service.pk, kind="gateway", name=f"Passerelle {rank}",
            serial=f"G{rank}", eui=str(eui), now=now,
        )  # fmt: skip
        row = lorawan.register_gateway(
            viewer=SYSTEM, owner_id=site.owner_id, equipment_id=equipment.pk, eui=eui, now=now,
            silent_after_s=silent_after_s,
        )  # fmt: skip
    return equipment.pk, row.pk


def cold_room_rule(
    world: World, of: str, point_id: int, *, now: datetime, threshold: float = 8.0, recipients: tuple[str, ...] = ()
) -> int:
    """Watch a cold room: above a temperature (°C), at once, a business alarm told to ``recipients`` too."""
    from cadran.telemetry.services import create_rule

    town = getattr(world, f"{of}ville").name
    with scoped(SYSTEM):
        rule = create_rule(
            viewer=SYSTEM, point_id=point_id, quantity="temperature", comparison="above", threshold=threshold,
            hysteresis=1.0, label=f"Chambre froide de {town} trop chaude",
            recipients=recipients or (f"{of}@example.org",), now=now,
        )  # fmt: skip
    return rule.pk


def furnish(world: World, *, now: datetime, copy: int = 0) -> dict[str, Furniture]:
    """Give each beneficiary one thing of each kind, as of ``now``; the packs must be loaded."""
    made = {of: _furnish_one(world, of, now=now, rank=COLD_ROOM + STEP * copy + 10 * i) for i, of in enumerate(TOWNS)}
    _refused_frames(now, copy)
    return made


def _furnish_one(world: World, of: str, *, now: datetime, rank: int) -> Furniture:
    from cadran.telemetry.services import raise_alarm

    site, service = getattr(world, f"{of}_site"), getattr(world, f"{of}_service")
    _people_of(world, of, now, rank)
    equipment_id, point_id = sensor(world, of, rank, now=now)
    box_id, gateway_id = gateway(world, of, rank, now=now)
    rule_id = cold_room_rule(world, of, point_id, now=now - timedelta(days=9))
    _measure(equipment_id, now)
    _hear(equipment_id, gateway_id, rank, now)
    with scoped(SYSTEM):
        silence, _new = raise_alarm(
            owner_id=site.owner_id, origin_key=f"gateway:{gateway_id}:silent", code="gateway.silent", kind="service",
            title=f"La passerelle {rank} ne répond plus", detail="Aucun signe de vie.", site_id=site.pk,
            service_id=service.pk, equipment_id=box_id, raised_at=now - timedelta(hours=1),
        )  # fmt: skip
    incidents = _incidents(world, of, now, rank)
    _settle(now)
    return _collect(
        getattr(world, of),
        organisation=site.owner_id, site=site.pk, service=service.pk, sensor=equipment_id, gateway_equipment=box_id,
        gateway=gateway_id, point=point_id, rule=rule_id, service_alarm=silence.pk, **incidents,
    )  # fmt: skip


def _settle(now: datetime) -> None:
    """Handle every waiting event, or wait for the worker that has it when the installation is running."""
    from cadran.kernel import outbox

    run_events(now)
    for _ in range(600):
        if not outbox.backlog(now=now)["waiting"]:
            return
        time.sleep(0.1)
        run_events(now)
    raise AssertionError("events wait for ever")


def _collect(person: Any, **ids: int) -> Furniture:
    from cadran.messaging.models import Notification
    from cadran.servicedesk.models import Incident
    from cadran.telemetry.models import Alarm

    with scoped(SYSTEM):
        return Furniture(
            business_alarm=Alarm.objects.get(rule_id=ids["rule"]).pk,
            alarm_incident=Incident.objects.get(alarm_id=ids["service_alarm"]).pk,
            notification=Notification.objects.filter(user=person).latest("id").pk,
            **ids,
        )


def _people_of(world: World, of: str, now: datetime, rank: int) -> None:
    from django.db.backends.postgresql.psycopg_any import DateRange

    from cadran.parties.models import AccountManager, Contact

    owner = getattr(world, f"{of}ville")
    with scoped(SYSTEM):
        Contact.objects.create(
            owner=owner, name=f"Contact {rank}", email=f"contact{rank}@example.org", roles=["technical"]
        )
        if not AccountManager.objects.filter(owner=owner).exists():
            during = DateRange(now.date() - timedelta(days=100), None)
            AccountManager.objects.create(owner=owner, name="Hélène Roc", email="roc@example.org", during=during)


def _measure(device_id: int, now: datetime) -> None:
    """Two closed days, this morning's frames, a failure to decode, and a last value above the rule's limit."""
    from cadran.telemetry import services
    from cadran.telemetry.decoding import Undecodable
    from cadran.telemetry.models import Source
    from cadran.telemetry.rules import DecodedUplink

    with scoped(SYSTEM):
        source = Source.objects.get(pk=device_id)
    hours = [now - timedelta(hours=hours) for hours in range(60, 0, -1)]
    frames: list[Any] = [
        DecodedUplink(device_id, source.owner_id, source.profile_id, at, (3.0 + at.hour / 10, 0.0, 90.0))
        for at in hours
    ]
    frames.append(
        DecodedUplink(device_id, source.owner_id, source.profile_id, now - timedelta(minutes=5), (9.5, 1.0, 90.0))
    )
    frames.append(Undecodable(device_id, source.owner_id, now - timedelta(minutes=4), "trame trop courte"))
    services.record_uplinks(frames, now=now)


def _hear(device_id: int, gateway_id: int, rank: int, now: datetime) -> None:
    """Frames in the radio's log, a session, a gateway heard a minute ago."""
    from cadran.lorawan import services as lorawan
    from cadran.lorawan.models import Device, Gateway

    session = given_session(rank)
    with scoped(SYSTEM), connection.cursor() as cursor:
        device = Device.objects.get(pk=device_id)
        lorawan.personalise(
            device=device, dev_addr=session.dev_addr, nwk_s_key=session.nwk_s_key, app_s_key=session.app_s_key, now=now
        )
        Gateway.objects.filter(pk=gateway_id).update(last_seen_at=now - timedelta(minutes=1))
        for fcnt in range(3):
            cursor.execute(
                "INSERT INTO lorawan_uplink (device_id, ts, owner_id, fcnt, f_port, data_rate, frequency_hz,"
                " confirmed, payload, receptions) VALUES (%s, %s, %s, %s, 3, 5, 868100000, false, %s, %s::jsonb)",
                [device_id, now - timedelta(minutes=15 * (3 - fcnt)), device.owner_id, fcnt, b"\x01\x2c\x00\x5a",
                 f'[["{gateway_eui(rank):016x}", -97, 7.2]]'],
            )  # fmt: skip


def _incidents(world: World, of: str, now: datetime, rank: int) -> dict[str, int]:
    """Declare one incident per state that a person may meet: each act of the desk is possible on one of them."""
    from cadran.servicedesk import services

    person, agent = world.viewer(getattr(world, of), now), world.viewer(world.alice, now)
    made = {
        name: _declared(world, of, now, rank, name, person if name != "phoned" else agent)
        for name in ("incident", "paused", "restored", "confirmed", "phoned")
    }
    with scoped(person):
        services.comment(viewer=person, incident_id=made["incident"], body="Le technicien passe à 14 h.", now=now)
    with scoped(agent):
        services.pause(
            viewer=agent, incident_id=made["paused"], reason="site_access", proof="Porte close à 9 h, photo jointe.",
            now=now,
        )  # fmt: skip
        for name in ("restored", "confirmed"):
            services.restore(viewer=agent, incident_id=made[name], now=now)
    with scoped(person):
        services.confirm_restored(viewer=person, incident_id=made["confirmed"], now=now)
    return made


def _declared(world: World, of: str, now: datetime, rank: int, name: str, by: Viewer) -> int:
    from tests.support.desk import declare

    at = now - timedelta(hours=2)
    incident = declare(
        world, at=at, now=at, by=by, service_id=getattr(world, f"{of}_service").pk,
        title=f"Plus aucune mesure ({name} {rank})", origin_key=f"test:{of}:{rank}:{name}",
        channel="phone" if name == "phoned" else "portal",
    )  # fmt: skip
    return int(incident.pk)


def _refused_frames(now: datetime, copy: int) -> None:
    from cadran.lorawan.models import Refusal, ServerRun

    with scoped(SYSTEM):
        Refusal.objects.update_or_create(
            day=now.date(), reason="bad_mic", subject=f"{copy:08x}", defaults={"count": 12, "last_at": now}
        )
        ServerRun.objects.update_or_create(
            name="lorawan_server",
            defaults={"started_at": now - timedelta(hours=3), "seen_at": now, "counters": {"uplinks": 1200}},
        )


def people_of_every_role(world: World, *, today: date) -> dict[str, Any]:
    """Return one person per role: beneficiaries' at Bobville (on Bob's site for the one of a site), staff everywhere.

    And the two restricted ones: an agent who answers for Bobville alone, an agent of another lot.
    """
    from cadran.kernel.viewer import Side
    from cadran.parties.models import Lot, Right, User
    from cadran.parties.rules import ROLES

    found = {"beneficiary.technician": world.bob, "holder.agent": world.alice}
    since = today - timedelta(days=10)
    with scoped(SYSTEM):
        other = Lot.objects.create(
            agreement=world.agreement, number=99, title="Autre lot", service_class="standard", network_access=False
        )
        wanted: list[tuple[str, str, dict[str, Any]]] = [
            (role.code, role.code, {"organisation": world.bobville} if role.side is Side.BENEFICIARY else {})
            for role in ROLES.values()
        ]
        wanted += [
            (AGENT_OF_BOBVILLE, "holder.agent", {"organisation": world.bobville}),
            (AGENT_OF_ANOTHER_LOT, "holder.agent", {"lot": other}),
        ]
        for name, role_code, scope in wanted:
            if name in found:
                continue
            if role_code == "beneficiary.site":
                scope["site_id"] = world.bob_site.pk
            person = User.objects.create(
                email=f"{name.replace('/', '.')}@example.org", name=f"Personne {name}", password=world.alice.password
            )
            Right.objects.create(user=person, role=role_code, starts_on=since, **scope)
            found[name] = person
    return found
