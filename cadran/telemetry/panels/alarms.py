"""Open alarms, as a card of a site or a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from cadran.kernel.calendars import zone_named
from cadran.telemetry import selectors
from cadran.telemetry.lists import OPEN, alarm_badge
from cadran.telemetry.models import Alarm
from cadran.ui.http import Request

if TYPE_CHECKING:
    from cadran.inventory.models import Service, Site

SHOWN: Final = 5


def alarms_of_site(request: HttpRequest, site: Site) -> str:
    """The open alarms of a site (one query)."""
    viewer = cast(Request, request).viewer
    if not viewer.may("alarm.read", owner_id=site.owner_id, site_id=site.pk):
        return ""
    return _card(request, selectors.alarms(viewer=viewer, open_only=True).filter(site_id=site.pk), site)


def alarms_of_service(request: HttpRequest, service: Service) -> str:
    """The open alarms of a service (one query)."""
    viewer = cast(Request, request).viewer
    if not viewer.may("alarm.read", owner_id=service.owner_id, lot_id=service.lot_id, site_id=service.site_id):
        return ""
    return _card(request, selectors.alarms(viewer=viewer, open_only=True).filter(service_id=service.pk), service.site)


def _card(request: HttpRequest, alarms: QuerySet[Alarm], site: Site) -> str:
    found = list(alarms[: SHOWN + 1])
    context = {
        "alarms": [{"alarm": alarm, "badge": alarm_badge(alarm)} for alarm in found[:SHOWN]],
        "more": len(found) > SHOWN,
        "all_url": f"{reverse('telemetry:alarms')}?{urlencode({'etat': OPEN, 'site': site.name})}",
        "zone": zone_named(site.zone),
        "now": cast(Request, request).now,
    }
    return render_to_string("telemetry/_alarms.html", context, request=request)
