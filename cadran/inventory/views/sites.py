"""Sites: the list, and one site with everything on it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.db.models import Count
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from cadran.inventory import selectors
from cadran.inventory.lists import (
    NO_SERVICE,
    SERVICE_CLASSES,
    SEVERITY,
    Sites,
    how_many,
    service_badge,
    service_hours,
    territory_name,
    worst_state,
)
from cadran.inventory.models import Service, Site
from cadran.inventory.views.common import described_sites, several_owners
from cadran.kernel.calendars import zone_named
from cadran.ui import times
from cadran.ui.http import Request
from cadran.ui.icons import State, badge
from cadran.ui.lists import render_list
from cadran.ui.maps import Map, Point

SHOWN: Final = 12  # points shown on a site's page; the rest is one link away


@require_GET
def sites(request: Request) -> HttpResponseBase:
    """The list of sites."""
    request.viewer.require("site.read")
    return render_list(
        request,
        Sites(owners=several_owners(request.viewer)),
        described_sites(request.viewer),
        viewer=request.viewer,
        context={
            "title": _("Sites"),
            "lede": _("Les lieux où vos services sont rendus, avec leur fuseau horaire et leurs jours fériés."),
            "action": _("Voir les sites sur la carte"),
            "action_url": reverse("inventory:map"),
        },
    )


@require_GET
def site(request: Request, site_id: int) -> HttpResponse:
    """One site: its services, equipment and points, where it is, and what other rooms say of it."""
    viewer = request.viewer
    viewer.require("site.read")
    found = selectors.site(viewer=viewer, site_id=site_id)
    services = list(selectors.services(viewer=viewer).filter(site=found))
    running = [service for service in services if service.state != Service.State.ENDED]
    state = worst_state(max((SEVERITY[service.state] for service in running), default=None)) if running else NO_SERVICE
    points = list(selectors.points(viewer=viewer).filter(site=found)[: SHOWN + 1])
    context = {
        "site": found,
        "owners": several_owners(viewer),
        "zone": zone_named(found.zone),
        "zone_name": times.zone_name(zone_named(found.zone)),
        "territory": territory_name(found.territory),
        "state": badge(*state),
        "services": [
            {
                "row": service,
                "badge": service_badge(service.state),
                "class": SERVICE_CLASSES.get(service.service_class, service.service_class),
                "hours": service_hours(service),
            }
            for service in services
        ],
        "equipment": _equipment(request, found),
        "points": points[:SHOWN],
        "more_points": len(points) > SHOWN,
        "map": _map(found, *state),
        "now": request.now,
    }
    return render(request, "inventory/site.html", context)


def _equipment(request: Request, found: Site) -> list[dict[str, object]]:
    """How many of each kind, each with the list that shows them (one query)."""
    totals = (
        selectors.equipments(viewer=request.viewer)
        .filter(site=found)
        .order_by()
        .values("kind")
        .annotate(n=Count("pk"))
        .order_by("-n")
    )
    fleet = reverse("inventory:fleet")
    return [
        {
            "words": how_many(line["kind"], line["n"]),
            "url": f"{fleet}?{urlencode({'site': found.name, 'nature': line['kind']})}",
        }
        for line in totals
    ]


def _map(found: Site, state: State, word: object) -> Map | None:
    if found.latitude is None or found.longitude is None:
        return None
    point = Point(
        name=found.name,
        latitude=found.latitude,
        longitude=found.longitude,
        url=reverse("inventory:site", args=[found.pk]),
        state=state,
        word=str(word),
    )
    return Map(
        identity="site",
        title=_("Où est ce site"),
        finding=_("{place}, {territory}.").format(
            place=found.city or found.name, territory=territory_name(found.territory)
        ),
        points=[point],
    )
