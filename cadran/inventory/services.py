"""Change the inventory: one verb per function.

Lock order: the equipment's row, then the point's row, then mountings. Every verb asks for ``inventory.write``.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Model

from cadran.inventory import rules, selectors
from cadran.inventory.events import (
    EquipmentMounted,
    EquipmentRegistered,
    EquipmentRetired,
    EquipmentUnmounted,
    PointRegistered,
    ServiceEnded,
    ServiceOpened,
    ServiceStateChanged,
    SiteRegistered,
)
from cadran.inventory.models import Equipment, MeasuringPoint, Mounting, Service, Site
from cadran.kernel import audit, outbox
from cadran.kernel.calendars import CalendarError, Territory, zone_named, zone_of
from cadran.kernel.errors import InvalidInput, NotFound
from cadran.kernel.events import Event
from cadran.kernel.identifiers import Eui64
from cadran.kernel.viewer import Viewer

CAPABILITY = "inventory.write"


def _insert(row: Model) -> None:
    """Insert ``row``; a constraint it breaks is told in the words the constraint carries."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
        for constraint in row._meta.constraints:
            if constraint.name == name:
                raise InvalidInput(
                    str(row._meta.verbose_name), str(constraint.get_violation_error_message()), "Corrigez-le."
                ) from error
        raise


def _told(viewer: Viewer, action: str, row: Any, now: datetime, event: Event, **details: Any) -> None:
    kind = str(row._meta.model_name)
    audit.record(
        viewer=viewer,
        action=action,
        object_type=kind,
        object_id=row.pk,
        owner_id=row.owner_id,
        now=now,
        details=details,
    )
    outbox.publish(event)


@transaction.atomic
def register_site(
    *,
    viewer: Viewer,
    owner_id: int,
    code: str,
    name: str,
    territory: str = "FR",
    zone: str | None = None,
    address: str = "",
    city: str = "",
    latitude: float | None = None,
    longitude: float | None = None,
    now: datetime,
) -> Site:
    """Register a place of a beneficiary.

    ``zone`` (IANA name) defaults to the territory's; an archipelago with several zones says its own. Latitude and
    longitude in degrees, both or none. Raises InvalidInput: unknown territory or zone, code already taken.
    """
    viewer.require(CAPABILITY, owner_id=owner_id)
    try:
        where = Territory.parse(territory)
        in_zone = zone_named(zone) if zone else zone_of(where)
    except CalendarError as error:
        raise InvalidInput("Territoire", str(error), "") from error
    site = Site(
        owner_id=owner_id,
        code=code,
        name=name,
        territory=str(where),
        zone=in_zone.key,
        address=address,
        city=city,
        latitude=latitude,
        longitude=longitude,
    )
    _insert(site)
    _told(viewer, "site.registered", site, now, SiteRegistered(site_id=site.pk, owner_id=owner_id), code=code)
    return site


@transaction.atomic
def open_service(
    *,
    viewer: Viewer,
    site_id: int,
    lot_id: int,
    code: str,
    name: str,
    service_class: str,
    option_24_7: bool = False,
    started_on: date,
    now: datetime,
) -> Service:
    """Open a service owed on a site under a lot, from ``started_on``.

    ``service_class`` is ``standard`` or ``advanced``: the column of the table of delays (CCTP IoT 6.6, TEL 6.1.5).
    """
    site = selectors.site(viewer=viewer, site_id=site_id)
    viewer.require(CAPABILITY, owner_id=site.owner_id, lot_id=lot_id, site_id=site.pk)
    service = Service(
        owner_id=site.owner_id,
        site=site,
        lot_id=lot_id,
        code=code,
        name=name,
        service_class=service_class,
        option_24_7=option_24_7,
        started_on=started_on,
    )
    _insert(service)
    event = ServiceOpened(service_id=service.pk, owner_id=site.owner_id, site_id=site.pk, lot_id=lot_id)
    _told(viewer, "service.opened", service, now, event, code=code, lot_id=lot_id)
    return service


@transaction.atomic
def change_service_state(*, viewer: Viewer, service_id: int, state: str, now: datetime) -> bool:
    """Say that a service runs, is degraded or is down; tell whether that was news.

    Raises InvalidInput: an ended service stays ended (use ``end_service`` to end one).
    """
    service = _lock_service(viewer, service_id)
    if state not in (Service.State.RUNNING, Service.State.DEGRADED, Service.State.DOWN):
        raise InvalidInput("État du service", f"« {state} » est inconnu.", "Choisissez running, degraded ou down.")
    if service.state == Service.State.ENDED:
        raise InvalidInput("État du service", f"{service.code} est terminé.", "Ouvrez un nouveau service.")
    if service.state == state:
        return False
    service.state = Service.State(state)
    service.save(update_fields=["state"])
    event = ServiceStateChanged(service_id=service.pk, owner_id=service.owner_id, state=state)
    _told(viewer, "service.state_changed", service, now, event, state=state)
    return True


@transaction.atomic
def end_service(*, viewer: Viewer, service_id: int, ended_on: date, now: datetime) -> Service:
    """End a service: ``ended_on`` is its last day. Raises InvalidInput: before its first day, or already ended."""
    service = _lock_service(viewer, service_id)
    if service.state == Service.State.ENDED:
        raise InvalidInput("Service", f"{service.code} est déjà terminé.", "Rien n’est à faire.")
    if ended_on < service.started_on:
        raise InvalidInput(
            "Fin du service", f"elle précède son début du {service.started_on:%d/%m/%Y}.", "Corrigez-la."
        )
    service.state, service.ended_on = Service.State.ENDED, ended_on
    service.save(update_fields=["state", "ended_on"])
    event = ServiceEnded(service_id=service.pk, owner_id=service.owner_id, ended_on=ended_on)
    _told(viewer, "service.ended", service, now, event, ended_on=ended_on.isoformat())
    return service


@transaction.atomic
def register_equipment(
    *,
    viewer: Viewer,
    site_id: int,
    kind: str,
    name: str,
    serial: str,
    service_id: int | None = None,
    maker: str = "",
    model: str = "",
    eui: str | None = None,
    delivered_on: date | None = None,
    warranty_until: date | None = None,
    now: datetime,
) -> Equipment:
    """Register a thing with a serial number; the same EUI-64 is never twice in service.

    ``warranty_until`` defaults to the contract's minimum after ``delivered_on`` (CCTP IoT 6.5), and never ends before
    it. Raises InvalidInput: a bad EUI-64, a serial or EUI already in service, a warranty too short.
    """
    site, service = _place(viewer, site_id, service_id)
    covered_until = _warranty(delivered_on, warranty_until)
    try:
        identity = str(Eui64.parse(eui)) if eui else None
    except ValueError as error:
        raise InvalidInput("EUI-64", str(error), "") from error
    equipment = Equipment(
        owner_id=site.owner_id,
        site=site,
        service=service,
        kind=Equipment.Kind(kind),
        name=name,
        maker=maker,
        model=model,
        serial=serial,
        eui=identity,
        delivered_on=delivered_on,
        warranty_until=covered_until,
    )
    _insert(equipment)
    event = EquipmentRegistered(equipment_id=equipment.pk, owner_id=equipment.owner_id, kind=kind)
    _told(viewer, "equipment.registered", equipment, now, event, serial=serial, eui=identity)
    return equipment


@transaction.atomic
def retire_equipment(*, viewer: Viewer, equipment_id: int, at: datetime, now: datetime) -> Equipment:
    """Take an equipment out of service for good: its mounting ends at ``at``, its serial and history stay.

    Raises InvalidInput: already retired, or in the future.
    """
    equipment = _lock_equipment(viewer, equipment_id)
    _not_future(at, now)
    if equipment.retired_on is not None:
        raise InvalidInput("Équipement", f"retiré le {equipment.retired_on:%d/%m/%Y}.", "Rien n’est à faire.")
    _end_mountings(viewer, at, now, equipment=equipment)
    equipment.retired_on = at.astimezone(zone_named(equipment.site.zone)).date()
    equipment.save(update_fields=["retired_on"])
    event = EquipmentRetired(equipment_id=equipment.pk, owner_id=equipment.owner_id, retired_on=equipment.retired_on)
    _told(viewer, "equipment.retired", equipment, now, event)
    return equipment


@transaction.atomic
def register_point(
    *, viewer: Viewer, site_id: int, name: str, kind: str = "other", service_id: int | None = None, now: datetime
) -> MeasuringPoint:
    """Name something to measure: a room, a fridge, a pipe. Its series survives the swap of a device."""
    site, service = _place(viewer, site_id, service_id)
    point = MeasuringPoint(
        owner_id=site.owner_id, site=site, service=service, name=name, kind=MeasuringPoint.Kind(kind)
    )
    _insert(point)
    event = PointRegistered(point_id=point.pk, owner_id=point.owner_id, site_id=site.pk)
    _told(viewer, "point.registered", point, now, event, name=name)
    return point


@transaction.atomic
def mount(*, viewer: Viewer, equipment_id: int, point_id: int, at: datetime, now: datetime) -> Mounting:
    """Mount an equipment on a point from ``at``, ending at that instant whatever held either of them.

    Swapping a device keeps the point's series: the old one's measurements count up to ``at``, the new one's from it.
    Raises InvalidInput: another owner's point, a retired equipment, the future, or an instant before a later mounting.
    """
    equipment = _lock_equipment(viewer, equipment_id)
    _not_future(at, now)
    if equipment.retired_on is not None:
        raise InvalidInput("Équipement", f"retiré le {equipment.retired_on:%d/%m/%Y}.", "Posez-en un autre.")
    selectors.point(viewer=viewer, point_id=point_id)
    point = MeasuringPoint.objects.select_for_update(no_key=True).get(pk=point_id)
    if point.owner_id != equipment.owner_id:
        raise InvalidInput("Point de mesure", "il appartient à un autre bénéficiaire.", "Choisissez-en un autre.")
    held = Mounting.objects.filter(owner_id=point.owner_id, equipment=equipment, point=point, during__endswith=None)
    same = held.first()
    if same is not None:
        return same
    replaced = _end_mountings(viewer, at, now, point=point)
    _end_mountings(viewer, at, now, equipment=equipment)
    mounting = Mounting(owner_id=point.owner_id, equipment=equipment, point=point, during=DateTimeTZRange(at, None))
    _insert(mounting)
    event = EquipmentMounted(
        equipment_id=equipment.pk,
        point_id=point.pk,
        owner_id=point.owner_id,
        at=at,
        replaced_id=replaced[0].equipment_id if replaced else None,
    )
    _told(viewer, "equipment.mounted", mounting, now, event, equipment_id=equipment.pk, point_id=point.pk)
    return mounting


@transaction.atomic
def unmount(*, viewer: Viewer, equipment_id: int, at: datetime, now: datetime) -> bool:
    """Take an equipment off its point at ``at``; tell whether it was on one."""
    equipment = _lock_equipment(viewer, equipment_id)
    _not_future(at, now)
    return bool(_end_mountings(viewer, at, now, equipment=equipment))


def _place(viewer: Viewer, site_id: int, service_id: int | None) -> tuple[Site, Service | None]:
    """The site to write on and the service of the same owner, if one is given."""
    site = selectors.site(viewer=viewer, site_id=site_id)
    viewer.require(CAPABILITY, owner_id=site.owner_id, site_id=site.pk)
    service = selectors.service(viewer=viewer, service_id=service_id) if service_id else None
    if service is not None and service.owner_id != site.owner_id:
        raise NotFound("Le service", service_id)
    return site, service


def _warranty(delivered_on: date | None, promised_until: date | None) -> date | None:
    least = rules.warranty_until(delivered_on) if delivered_on else None
    if promised_until is not None and least is not None and promised_until < least:
        raise InvalidInput(
            "Garantie", f"le contrat la demande jusqu’au {least:%d/%m/%Y} au moins (CCTP IoT 6.5).", "Corrigez la date."
        )
    return promised_until or least


def _end_mountings(viewer: Viewer, at: datetime, now: datetime, **of: Model) -> list[Mounting]:
    """End at ``at`` the mountings still open of a point or an equipment."""
    open_ones = list(Mounting.objects.select_for_update().filter(during__endswith=None, **of))
    for mounting in open_ones:
        if mounting.during.lower >= at:
            raise InvalidInput(
                "Heure de pose",
                f"une pose commencée le {mounting.during.lower:%d/%m/%Y %H:%M} UTC est plus récente.",
                "Donnez une heure postérieure.",
            )
        mounting.during = DateTimeTZRange(mounting.during.lower, at)
        mounting.save(update_fields=["during"])
        event = EquipmentUnmounted(
            equipment_id=mounting.equipment_id, point_id=mounting.point_id, owner_id=mounting.owner_id, at=at
        )
        _told(viewer, "equipment.unmounted", mounting, now, event, equipment_id=mounting.equipment_id)
    return open_ones


def _lock_equipment(viewer: Viewer, equipment_id: int) -> Equipment:
    found = selectors.equipment(viewer=viewer, equipment_id=equipment_id)
    viewer.require(CAPABILITY, owner_id=found.owner_id, site_id=found.site_id)
    locked: Equipment = (
        Equipment.objects.select_for_update(of=("self",), no_key=True).select_related("site").get(pk=equipment_id)
    )
    return locked


def _lock_service(viewer: Viewer, service_id: int) -> Service:
    found = selectors.service(viewer=viewer, service_id=service_id)
    viewer.require(CAPABILITY, owner_id=found.owner_id, lot_id=found.lot_id, site_id=found.site_id)
    return Service.objects.select_for_update(no_key=True).get(pk=service_id)


def _not_future(at: datetime, now: datetime) -> None:
    if at > now:
        raise InvalidInput("Date", "elle est dans le futur.", "Donnez un instant passé ou présent.")
