"""Write the devices: equipment, keys, measuring points, mountings, profiles, rules. In bulk: there are thousands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from cadran.inventory.models import Equipment, MeasuringPoint, Mounting, Service, Site
from cadran.inventory.rules import warranty_until
from cadran.kernel.identifiers import Eui64
from cadran.kernel.viewer import SYSTEM
from cadran.lorawan import services as lorawan
from cadran.lorawan.services import NewDevice
from cadran.processes.demonstration.cast import PEOPLE
from cadran.processes.demonstration.curves import PERIOD_S
from cadran.processes.demonstration.places import installed_on
from cadran.processes.demonstration.territory import Spot, spots
from cadran.simulator.identities import device_identity
from cadran.simulator.profiles import Profile, profile_of
from cadran.telemetry import services as telemetry
from cadran.telemetry.models import DeviceProfile, Source

SERIAL: Final = "CD-{:05d}"
_CHUNK: Final = 500
COLD_ROOM_LIMIT_C: Final = 8.0
CO2_LIMIT_PPM: Final = 1_500.0


def profile_code(profile: Profile) -> str:
    """Return the code of the pack that reads a profile's frames."""
    return f"cadran-demo/{profile}@1.0"


def devices(anchor: datetime, *, count: int) -> str:
    """Put up ``count`` devices, each on its measuring point, known to the network and to telemetry."""
    placed = list(spots(count))
    sites = {site.code: site for site in Site.objects.all()}
    services = {service.code: service for service in Service.objects.all()}
    profiles = {profile.code: profile for profile in DeviceProfile.objects.all()}
    since = installed_on(anchor)
    equipment = Equipment.objects.bulk_create(
        (_equipment(spot, sites, services, profiles, since) for spot in placed), batch_size=_CHUNK
    )
    points = MeasuringPoint.objects.bulk_create(
        (
            MeasuringPoint(
                owner_id=sites[spot.place.code].owner_id,
                site=sites[spot.place.code],
                service=services[f"IOT-{spot.place.code}"],
                name=spot.point_name,
                kind=spot.point_kind,
            )
            for spot in placed
        ),
        batch_size=_CHUNK,
    )
    Mounting.objects.bulk_create(
        (
            Mounting(owner_id=one.owner_id, equipment=one, point=point, during=DateTimeTZRange(since, None))
            for one, point in zip(equipment, points, strict=True)
        ),
        batch_size=_CHUNK,
    )
    Source.objects.bulk_create(
        (_source(spot, one, profiles, since) for spot, one in zip(placed, equipment, strict=True)), batch_size=_CHUNK
    )
    _join_the_network(placed, equipment, profiles, anchor)
    return f"{len(equipment)} capteurs, autant de points de mesure"


def _equipment(
    spot: Spot,
    sites: dict[str, Site],
    services: dict[str, Service],
    profiles: dict[str, DeviceProfile],
    since: datetime,
) -> Equipment:
    profile = profiles[profile_code(profile_of(spot.rank))]
    delivered = since.date() - timedelta(days=10 + spot.rank % 40)
    return Equipment(
        owner_id=sites[spot.place.code].owner_id,
        site=sites[spot.place.code],
        service=services[f"IOT-{spot.place.code}"],
        kind=Equipment.Kind.SENSOR,
        name=f"{profile.name} {spot.rank:04d}",
        maker=profile.maker,
        model=profile.name,
        serial=SERIAL.format(spot.rank),
        eui=f"{device_identity(spot.rank).dev_eui:016x}",
        delivered_on=delivered,
        warranty_until=warranty_until(delivered),
    )


def _source(spot: Spot, equipment: Equipment, profiles: dict[str, DeviceProfile], since: datetime) -> Source:
    profile = profile_of(spot.rank)
    return Source(
        equipment=equipment,
        owner_id=equipment.owner_id,
        profile=profiles[profile_code(profile)],
        expected_every_s=PERIOD_S[profile],
        silent_after_s=4 * PERIOD_S[profile],
        registered_at=since,
    )


def _join_the_network(
    placed: list[Spot], equipment: list[Equipment], profiles: dict[str, DeviceProfile], anchor: datetime
) -> None:
    new = []
    for spot, one in zip(placed, equipment, strict=True):
        identity = device_identity(spot.rank)
        new.append(
            NewDevice(
                equipment_id=one.pk,
                owner_id=one.owner_id,
                dev_eui=Eui64(identity.dev_eui),
                join_eui=Eui64(identity.join_eui),
                app_key=identity.app_key,
                version=profiles[profile_code(profile_of(spot.rank))].radio["lorawan"],
            )
        )
    lorawan.register_devices(viewer=SYSTEM, devices=new, now=anchor)


def rules(anchor: datetime) -> str:
    """Watch every cold room, one CO2 sensor out of four, and some batteries (a rule of the holder's)."""
    since = installed_on(anchor)
    points = {
        serial: (point_id, site_name)
        for serial, point_id, site_name in Mounting.objects.values_list(
            "equipment__serial", "point_id", "equipment__site__name"
        )
    }
    technicians = {person.body: person.email for person in PEOPLE if person.role == "beneficiary.technician"}
    cold = air = batteries = 0
    for spot in spots():
        found = points.get(SERIAL.format(spot.rank))
        if found is None:
            break
        to = [technicians.get(spot.place.body, technicians["rives"])]
        profile = profile_of(spot.rank)
        where = f"{spot.point_name}, {found[1]}"
        if profile is Profile.COLD_ROOM:
            _rule(found[0], "temperature", "above", COLD_ROOM_LIMIT_C, 1.0, 120, f"{where} : trop chaud", since, to)
            cold += 1
        elif profile is Profile.CO2 and spot.rank % 40 == 2:
            _rule(found[0], "co2_concentration", "above", CO2_LIMIT_PPM, 200.0, 1_800, f"{where} : à aérer", since, to)
            air += 1
        elif profile is Profile.WATER_METER and spot.rank % 100 == 3:
            _rule(found[0], "battery_level", "below", 15.0, 5.0, 0, f"{where} : pile à changer", since, [], "service")
            batteries += 1
    return f"{cold} chambres froides, {air} salles, {batteries} piles surveillées"


def _rule(
    point_id: int,
    quantity: str,
    comparison: str,
    threshold: float,
    hysteresis: float,
    duration_s: int,
    label: str,
    since: datetime,
    recipients: list[str],
    kind: str = "business",
) -> None:
    telemetry.create_rule(
        viewer=SYSTEM,
        point_id=point_id,
        quantity=quantity,
        comparison=comparison,
        threshold=threshold,
        hysteresis=hysteresis,
        duration_s=duration_s,
        label=label,
        kind=kind,
        recipients=recipients,
        now=since,
    )
