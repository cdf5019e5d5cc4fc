"""Read the inventory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from cadran.inventory.models import Equipment, MeasuringPoint, Mounting, Service, Site
from cadran.kernel.errors import NotFound
from cadran.kernel.querysets import visible
from cadran.kernel.viewer import Viewer


def sites(*, viewer: Viewer) -> QuerySet[Site]:
    """Return the visible sites with their owner, by name (one query).

    A right limited to some lots reaches the sites where a service is owed under one of them, and those where none is
    yet: sites that only another holder serves are not its business.
    """
    rows = visible(Site.objects.all(), viewer, capability="site.read", site="id")
    if any(grant.lot_ids is not None for grant in viewer.grants):  # a join gives a site once per service
        served = visible(Site.objects.order_by(), viewer, capability="site.read", lot="services__lot_id", site="id")
        nobodys = ~Exists(Service.objects.filter(site=OuterRef("pk")))
        rows = rows.filter(Q(pk__in=served.values("pk")) | Q(nobodys))
    return rows.select_related("owner").order_by("name", "id")


def site(*, viewer: Viewer, site_id: int) -> Site:
    """Return one visible site (one query); NotFound when absent or another's."""
    found = sites(viewer=viewer).filter(pk=site_id).first()
    if found is None:
        raise NotFound("Le site", site_id)
    return found


def services(*, viewer: Viewer) -> QuerySet[Service]:
    """Return the visible services with owner, site and lot, by name (one query)."""
    return (
        visible(Service.objects.all(), viewer, capability="service.read", lot="lot_id", site="site_id")
        .select_related("owner", "site", "lot__agreement")
        .order_by("name", "id")
    )


def service(*, viewer: Viewer, service_id: int) -> Service:
    """Return one visible service with owner, site and lot (one query); NotFound when absent or another's."""
    found = services(viewer=viewer).filter(pk=service_id).first()
    if found is None:
        raise NotFound("Le service", service_id)
    return found


def equipments(*, viewer: Viewer, retired: bool = False) -> QuerySet[Equipment]:
    """Return the visible equipment in service (or retired too), with site and service, by name (one query)."""
    rows = visible(Equipment.objects.all(), viewer, capability="equipment.read", lot="service__lot_id", site="site_id")
    if not retired:
        rows = rows.filter(retired_on__isnull=True)
    return rows.select_related("owner", "site", "service__lot__agreement").order_by("name", "id")


def equipment(*, viewer: Viewer, equipment_id: int) -> Equipment:
    """Return one visible equipment, retired or not (one query); NotFound when absent or another's."""
    found = equipments(viewer=viewer, retired=True).filter(pk=equipment_id).first()
    if found is None:
        raise NotFound("L’équipement", equipment_id)
    return found


def points(*, viewer: Viewer) -> QuerySet[MeasuringPoint]:
    """Return the visible measuring points with site and service, by name (one query)."""
    return (
        visible(
            MeasuringPoint.objects.all(), viewer, capability="measurement.read", lot="service__lot_id", site="site_id"
        )
        .select_related("owner", "site", "service")
        .order_by("name", "id")
    )


def point(*, viewer: Viewer, point_id: int) -> MeasuringPoint:
    """Return one visible measuring point (one query); NotFound when absent or another's."""
    found = points(viewer=viewer).filter(pk=point_id).first()
    if found is None:
        raise NotFound("Le point de mesure", point_id)
    return found


def mountings_of(*, viewer: Viewer, point_id: int) -> QuerySet[Mounting]:
    """Return which equipment measured the point and when, newest first (two queries).

    The series of a point is the measurements of each of them during its own mounting. NotFound as ``point``.
    """
    found = point(viewer=viewer, point_id=point_id)
    return Mounting.objects.filter(owner_id=found.owner_id, point=found).select_related("equipment").order_by("-during")


def mountings_of_equipment(*, viewer: Viewer, equipment_id: int) -> QuerySet[Mounting]:
    """Return which points the equipment measured and when, newest first (two queries). NotFound as ``equipment``."""
    found = equipment(viewer=viewer, equipment_id=equipment_id)
    return Mounting.objects.filter(owner_id=found.owner_id, equipment=found).select_related("point").order_by("-during")


def mounted_at(*, viewer: Viewer, equipment_id: int, at: datetime) -> MeasuringPoint | None:
    """Return the point that the equipment measured at that instant, if any (two queries)."""
    mounting = mountings_of_equipment(viewer=viewer, equipment_id=equipment_id).filter(during__contains=at).first()
    return mounting.point if mounting else None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of each kind the viewer may see; ``services_ok`` are those running without fault."""

    sites: int
    services: int
    services_ok: int
    sensors: int
    gateways: int
    points: int


def counts(*, viewer: Viewer) -> Counts:
    """Count the visible inventory in service (four queries)."""
    of_services = services(viewer=viewer).exclude(state=Service.State.ENDED).order_by()
    of_equipment = equipments(viewer=viewer).order_by()
    by_state = of_services.aggregate(all=Count("id"), ok=Count("id", filter=Q(state=Service.State.RUNNING)))
    by_kind = of_equipment.aggregate(
        sensors=Count("id", filter=Q(kind=Equipment.Kind.SENSOR)),
        gateways=Count("id", filter=Q(kind=Equipment.Kind.GATEWAY)),
    )
    return Counts(
        sites=sites(viewer=viewer).order_by().count(),
        services=by_state["all"],
        services_ok=by_state["ok"],
        sensors=by_kind["sensors"],
        gateways=by_kind["gateways"],
        points=points(viewer=viewer).order_by().count(),
    )
