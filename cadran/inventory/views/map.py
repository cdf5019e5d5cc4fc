"""The map: every site and gateway by state, with the equal list beside."""

from __future__ import annotations

from collections import Counter

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from cadran.inventory.lists import worst_state
from cadran.inventory.views.common import described_sites
from cadran.ui.http import Request
from cadran.ui.icons import State
from cadran.ui.maps import Map, Point
from cadran.ui.panels import panels_of


@require_GET
def map_page(request: Request) -> HttpResponse:
    """The map and its list."""
    request.viewer.require("site.read")
    shown = _map(request)
    unplaced = described_sites(request.viewer).filter(latitude__isnull=True).order_by().count()
    return render(request, "inventory/map.html", {"map": shown, "unplaced": unplaced})


@require_GET
def map_data(request: Request) -> JsonResponse:
    """The same points as JSON: name, position, state, word, page."""
    request.viewer.require("site.read")
    response = JsonResponse(_map(request).payload())
    response["Cache-Control"] = "private, no-store"
    return response


def _map(request: Request) -> Map:
    """Every place the reader may see (one query, plus those of the rooms that add places)."""
    points = [
        Point(
            name=site.name,
            latitude=site.latitude,
            longitude=site.longitude,
            url=reverse("inventory:site", args=[site.pk]),
            state=worst_state(site.worst)[0],
            word=str(worst_state(site.worst)[1]),
        )
        for site in described_sites(request.viewer).filter(latitude__isnull=False, longitude__isnull=False)
    ]
    of_sites = len(points)
    for add_points in panels_of("inventory.map"):  # a panel of this slot appends its points and says nothing
        add_points(request, points)
    return Map(
        identity="parc",
        title=_("Sites et passerelles"),
        finding=_finding(points, of_sites),
        points=points,
        points_url=reverse("inventory:map-data"),
        all_url=reverse("inventory:sites"),
    )


def _finding(points: list[Point], of_sites: int) -> str:
    """Say what the map shows, the worst first."""
    if not points:
        return _("Aucun site n’a de position pour l’instant.")
    where = ngettext("{n} site", "{n} sites", of_sites).format(n=of_sites)
    others = len(points) - of_sites
    if others:
        where = _("{sites} et {gateways}").format(
            sites=where, gateways=ngettext("{n} passerelle", "{n} passerelles", others).format(n=others)
        )
    states = Counter(point.state for point in points)
    late, risk = states[State.LATE], states[State.RISK]
    if not late and not risk:
        return _("{where}, rien à signaler.").format(where=where)
    parts = []
    if late:
        parts.append(ngettext("{n} lieu en panne", "{n} lieux en panne", late).format(n=late))
    if risk:
        parts.append(ngettext("{n} lieu dégradé", "{n} lieux dégradés", risk).format(n=risk))
    return _("{where} : {troubles}.").format(where=where, troubles=", ".join(parts))
