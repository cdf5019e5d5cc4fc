"""Services: the list, and one service with what was promised for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from cadran.commitments import selectors as commitments
from cadran.commitments.packs import windows_for
from cadran.commitments.rules import IncidentType
from cadran.inventory import selectors
from cadran.inventory.lists import SERVICE_CLASSES, Services, service_badge, service_hours
from cadran.inventory.models import Service
from cadran.inventory.views.common import several_owners
from cadran.kernel.calendars import zone_named
from cadran.ui.http import Request
from cadran.ui.lists import render_list
from cadran.ui.lists.declare import Words

SHOWN: Final = 50  # rows of the equipment and points of one service; the rest is one link away


@require_GET
def services(request: Request) -> HttpResponseBase:
    """The list of services."""
    request.viewer.require("service.read")
    return render_list(
        request,
        Services(owners=several_owners(request.viewer)),
        selectors.services(viewer=request.viewer),
        viewer=request.viewer,
        context={
            "title": _("Services"),
            "lede": _("Ce qui vous est dû sur chaque site : c’est le service qui tombe en panne et qu’on rétablit."),
        },
    )


@require_GET
def service(request: Request, service_id: int) -> HttpResponse:
    """One service: state, promises with their article, equipment, points, and what other rooms say of it."""
    viewer = request.viewer
    viewer.require("service.read")
    found = selectors.service(viewer=viewer, service_id=service_id)
    equipment = list(selectors.equipments(viewer=viewer).filter(service=found)[: SHOWN + 1])
    points = list(selectors.points(viewer=viewer).filter(service=found)[: SHOWN + 1])
    context = {
        "service": found,
        "owners": several_owners(viewer),
        "zone": zone_named(found.site.zone),
        "badge": service_badge(found.state),
        "class": SERVICE_CLASSES.get(found.service_class, found.service_class),
        "hours": service_hours(found),
        "promises": list(_promises(found)),
        "may_declare": found.state != Service.State.ENDED
        and viewer.may("incident.declare", owner_id=found.owner_id, lot_id=found.lot_id, site_id=found.site_id),
        "equipment": equipment[:SHOWN],
        "more_equipment": len(equipment) > SHOWN,
        "points": points[:SHOWN],
        "more_points": len(points) > SHOWN,
        "now": request.now,
    }
    return render(request, "inventory/service.html", context)


WINDOWS: Final[Mapping[str, Words]] = {
    "HO": gettext_lazy("heures ouvrées (HO)"),
    "24/7": gettext_lazy("24 h/24, 7 j/7"),
    "8-18-6/7": gettext_lazy("8 h-18 h, 6 j/7"),
}


@dataclass(frozen=True, slots=True)
class Promise:
    """One line of the table of delays, as the specification prints it."""

    incident: str
    gti: tuple[str, Words]  # the delay as printed, the hours it is counted in
    gtr: tuple[str, Words]
    article: str


def _promises(service: Service) -> Iterator[Promise]:
    """What the agreement in force promises a service of that class (one query); nothing when it is not loaded."""
    try:
        levels = commitments.levels_in_force(agreement_code=service.lot.agreement.code).content
    except commitments.NoServiceLevels:
        return
    for type_ in IncidentType:
        delays = levels.delays_of(service.service_class, type_)
        if delays is None:
            continue
        gti, gtr = windows_for(
            levels,
            lot=service.lot.number,
            service_class=service.service_class,
            incident_type=type_,
            option_24_7=service.option_24_7,
        )
        yield Promise(
            incident=levels.type_line(type_).label,
            gti=(delays.gti.printed, WINDOWS.get(gti, gti)),
            gtr=(delays.gtr.printed, WINDOWS.get(gtr, gtr)),
            article=delays.gti.article or delays.gtr.article or "",
        )
