"""Write the sites, the services owed there, and the gateways."""

from __future__ import annotations

from datetime import datetime, timedelta

from cadran.inventory import services as inventory
from cadran.inventory.models import Service, Site
from cadran.kernel.identifiers import Eui64
from cadran.kernel.viewer import SYSTEM
from cadran.lorawan import services as lorawan
from cadran.parties.models import Lot, Organisation
from cadran.processes.demonstration.cast import BODIES
from cadran.processes.demonstration.parties import since
from cadran.processes.demonstration.territory import BY_CODE, PLACES, SERVICES
from cadran.simulator.identities import gateway_eui

HISTORY_DAYS = 183  # six months


def installed_on(anchor: datetime) -> datetime:
    """Return when the devices were put up: a little before the history begins."""
    return anchor - timedelta(days=HISTORY_DAYS + 3)


def sites(anchor: datetime) -> str:
    """Register the sites and open the services owed there."""
    owners = {body.key: Organisation.objects.get(siret=body.siret) for body in BODIES}
    found = {
        place.code: inventory.register_site(
            viewer=SYSTEM,
            owner_id=owners[place.body].pk,
            code=place.code,
            name=place.name,
            territory=place.territory,
            city=place.city,
            latitude=place.latitude,
            longitude=place.longitude,
            now=anchor,
        )
        for place in PLACES
    }
    lots = {(lot.agreement.code, lot.number): lot.pk for lot in Lot.objects.select_related("agreement")}
    count = 0
    for owed in SERVICES:
        for code in owed.sites:
            all_day = BY_CODE[code].around_the_clock if owed.around_the_clock is None else owed.around_the_clock
            inventory.open_service(
                viewer=SYSTEM,
                site_id=found[code].pk,
                lot_id=lots[owed.agreement, owed.lot],
                code=owed.code(code),
                name=owed.name,
                service_class=owed.service_class,
                option_24_7=all_day,
                started_on=since(anchor),
                now=anchor,
            )
            count += 1
    return f"{len(found)} sites, {count} services"


def gateways(anchor: datetime) -> str:
    """Register the gateways that ``cadran simulate`` plays."""
    placed = sorted((place for place in PLACES if place.gateway is not None), key=lambda place: place.gateway or 0)
    for place in placed:
        site = Site.objects.get(code=place.code)
        eui = Eui64(gateway_eui(place.gateway or 0))
        equipment = inventory.register_equipment(
            viewer=SYSTEM,
            site_id=site.pk,
            kind="gateway",
            name=place.name,
            maker="Cadran Démonstration",
            model="Passerelle 8 canaux",
            serial=f"GW-{place.gateway:03d}",
            service_id=Service.objects.get(code=f"IOT-{place.code}").pk,
            eui=str(eui),
            delivered_on=installed_on(anchor).date() - timedelta(days=20),
            now=anchor,
        )
        lorawan.register_gateway(viewer=SYSTEM, owner_id=site.owner_id, equipment_id=equipment.pk, eui=eui, now=anchor)
    return f"{len(placed)} passerelles"
