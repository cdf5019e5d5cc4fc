"""Gateways where they stand: a card of a site, and points of the map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from cadran.kernel.calendars import zone_named
from cadran.lorawan import selectors
from cadran.lorawan.lists import gateway_state
from cadran.ui.http import Request
from cadran.ui.icons import badge
from cadran.ui.maps import Point

if TYPE_CHECKING:
    from cadran.inventory.models import Site


def gateways_of_site(request: HttpRequest, site: Site) -> str:
    """The gateways of a site (one query); nothing when it has none."""
    viewer, now = cast(Request, request).viewer, cast(Request, request).now
    found = list(selectors.gateways(viewer=viewer).filter(equipment__site_id=site.pk))
    if not found:
        return ""
    context = {
        "gateways": [{"gateway": one, "badge": badge(*gateway_state(one, now))} for one in found],
        "zone": zone_named(site.zone),
        "now": now,
    }
    return render_to_string("lorawan/_gateways.html", context, request=request)


def places(request: HttpRequest, points: list[Any]) -> str:
    """Add the gateways to the points of the map (one query); says nothing itself."""
    viewer, now = cast(Request, request).viewer, cast(Request, request).now
    for gateway in selectors.gateways(viewer=viewer).filter(
        equipment__retired_on__isnull=True, equipment__site__latitude__isnull=False
    ):
        site = gateway.equipment.site
        state, word = gateway_state(gateway, now)
        points.append(
            Point(
                name=gateway.equipment.name,
                latitude=cast(float, site.latitude),
                longitude=cast(float, site.longitude),
                url=reverse("lorawan:gateway", args=[gateway.pk]),
                state=state,
                word=str(word),
            )
        )
    return ""
