"""The network server: alive or not, what it counted, what it refused and what to do about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Max, QuerySet, Sum
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from cadran.lorawan import selectors
from cadran.lorawan.counters import RefusalReason
from cadran.lorawan.lists import COUNTERS, WORRYING, Refusals, meaning_of
from cadran.lorawan.models import Refusal, ServerRun
from cadran.lorawan.services import SERVER_SILENT_AFTER
from cadran.ui import times
from cadran.ui.http import Request
from cadran.ui.icons import State, badge
from cadran.ui.lists import render_list

SINCE: Final = timedelta(days=7)
UNKNOWN_DEVICES: Final = (RefusalReason.JOIN_UNKNOWN_DEVICE,)
UNKNOWN_GATEWAYS: Final = (RefusalReason.UNKNOWN_GATEWAY,)


@require_GET
def network(request: Request) -> HttpResponseBase:
    """Servers, counters, unknown senders, and refusals with their meaning."""
    viewer, now = request.viewer, request.now
    viewer.require("radio.read")
    since = (now - SINCE).date()
    refusals = selectors.refusals(viewer=viewer, since=since)
    runs = list(selectors.server_runs(viewer=viewer))
    context = {
        "title": _("Réseau LoRaWAN"),
        "runs": [_run(run, now) for run in runs],
        "finding": _finding(runs, now),
        "gateways": selectors.refused_senders(viewer=viewer, reasons=UNKNOWN_GATEWAYS, since=since),
        "devices": selectors.refused_senders(viewer=viewer, reasons=UNKNOWN_DEVICES, since=since),
        "reasons": _reasons(refusals),
        "now": now,
    }
    return render_list(request, Refusals(), refusals, viewer=viewer, template="lorawan/network.html", context=context)


def _alive(run: ServerRun, now: datetime) -> bool:
    return now - run.seen_at <= SERVER_SILENT_AFTER


def _finding(runs: list[ServerRun], now: datetime) -> str:
    """Say whether frames can come in at all."""
    if not runs:
        return _("Aucun serveur réseau n’a encore démarré : lancez « cadran up » ou « cadran lorawan-server ».")
    down = [run.name for run in runs if not _alive(run, now)]
    if down:
        said = _(
            "Le serveur réseau {names} ne donne plus signe de vie : rien n’est reçu, et aucune passerelle n’est tenue "
            "pour muette pendant ce temps. Voyez « cadran doctor »."
        )
        return said.format(names=", ".join(down))
    return _("Le serveur réseau reçoit et écrit les trames.")


def _run(run: ServerRun, now: datetime) -> dict[str, Any]:
    groups = []
    for label, names in COUNTERS:
        lines = [
            {
                "label": words,
                "value": times.number(run.counters[name]),
                "worry": badge(State.RISK, _("à regarder")) if name in WORRYING and run.counters[name] else "",
            }
            for name, words in names
            if isinstance(run.counters.get(name), int)
        ]
        if lines:
            groups.append({"label": label, "lines": lines})
    alive = _alive(run, now)
    return {
        "run": run,
        "badge": badge(State.OK, _("En marche")) if alive else badge(State.LATE, _("Sans signe de vie")),
        "lasted": times.duration(now - run.started_at),
        "groups": groups,
    }


def _reasons(refusals: QuerySet[Refusal]) -> list[dict[str, Any]]:
    """Each reason met on the period, most frequent first, with what it means and what to do (one query)."""
    totals = refusals.order_by().values("reason").annotate(total=Sum("count"), newest=Max("last_at")).order_by("-total")
    return [{"meaning": meaning_of(line["reason"]), **line} for line in totals]
