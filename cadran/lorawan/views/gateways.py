"""Gateways: the list, and one gateway with what it says of itself and what it hears."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from cadran.inventory import selectors as inventory
from cadran.kernel.calendars import zone_named
from cadran.kernel.viewer import Side, Viewer
from cadran.lorawan import selectors
from cadran.lorawan.lists import (
    Gateways,
    data_rate_words,
    figure,
    gateway_state,
    percent_words,
    quality,
    received_percent,
)
from cadran.lorawan.models import Gateway
from cadran.ui import times
from cadran.ui.http import Request
from cadran.ui.icons import badge
from cadran.ui.lists import render_list


@require_GET
def gateways(request: Request) -> HttpResponseBase:
    """The list of gateways."""
    viewer = request.viewer
    viewer.require("gateway.read")
    return render_list(
        request,
        Gateways(now=request.now, owners=several_owners(viewer)),
        selectors.gateways(viewer=viewer),
        viewer=viewer,
        context={
            "title": _("Passerelles"),
            "lede": _("Elles relaient les capteurs vers le réseau. Une passerelle muette prive de mesures ceux qu’elle "
                      "est seule à entendre."),
        },
    )  # fmt: skip


def several_owners(viewer: Viewer) -> bool:
    """Tell whether the reader sees more than one beneficiary, so that lists must name it."""
    return viewer.side is not Side.BENEFICIARY or len(viewer.scope) > 1


@require_GET
def gateway(request: Request, gateway_id: int) -> HttpResponse:
    """One gateway: heard or not, its own figures, the devices it hears and how well."""
    viewer = request.viewer
    viewer.require("gateway.read")
    found = selectors.gateway(viewer=viewer, gateway_id=gateway_id)
    equipment = found.equipment
    place = {"owner_id": found.owner_id, "site_id": equipment.site_id}
    may_hear = viewer.may("frame.read", **place)
    context = {
        "gateway": found,
        "owners": several_owners(viewer),
        "zone": zone_named(equipment.site.zone),
        "state": badge(*gateway_state(found, request.now)),
        "silent_after": times.duration(timedelta(seconds=found.silent_after_s)),
        "figures": _figures(found),
        "own_clock": found.last_stat.get("time"),
        "may_hear": may_hear,
        "heard": _heard(request, found) if may_hear else None,
        "now": request.now,
    }
    return render(request, "lorawan/gateway.html", context)


def _figures(found: Gateway) -> list[dict[str, str]]:
    """What the gateway last said of itself, in words; nothing it did not say."""
    if not found.last_stat:
        return []

    def count(key: str) -> str:
        value = figure(found, key)
        return "—" if value is None else times.number(int(value))

    temperature = figure(found, "temp")
    return [
        {"label": _("Trames reçues sans erreur"), "value": percent_words(received_percent(found)),
         "help": _("{right} sur {received} depuis son démarrage").format(right=count("rxok"), received=count("rxnb"))},
        {"label": _("Envois acquittés par le serveur"), "value": percent_words(figure(found, "ackr")),
         "help": _("moins de 100 % : le lien vers le serveur perd des datagrammes")},
        {"label": _("Trames transmises au serveur"), "value": count("rxfw"), "help": ""},
        {"label": _("Émissions vers les équipements"), "value": count("txnb"),
         "help": _("sur {asked} demandées").format(asked=count("dwnb"))},
        {"label": _("Température"), "help": _("du concentrateur radio"),
         "value": "—" if temperature is None else f"{times.number(temperature, 1)}{times.THIN}°C"},
    ]  # fmt: skip


def _heard(request: Request, found: Gateway) -> dict[str, Any]:
    """The devices heard in the last hour, worst first, with their names (two queries)."""
    heard = selectors.heard_by(viewer=request.viewer, gateway=found, now=request.now)
    names = inventory.equipments(viewer=request.viewer).in_bulk([one.device_id for one in heard])
    lines = [
        {
            "equipment": names[one.device_id],
            "heard": one,
            "rssi": times.number(one.rssi_dbm, 0),
            "snr": times.number(one.snr_db, 1),
            "quality": badge(*quality(one.snr_db, one.data_rate)),
            "rate": data_rate_words(one.data_rate),
        }
        for one in heard
        if one.device_id in names
    ]
    return {"lines": lines[:MOST_SHOWN], "count": len(lines), "cut": len(lines) > MOST_SHOWN}


MOST_SHOWN = 50
