"""The home page: what needs the reader, what state things are in, where to go next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cadran.inventory import selectors as inventory
from cadran.kernel.viewer import Side, Viewer
from cadran.lorawan import selectors as lorawan
from cadran.messaging import selectors as messaging
from cadran.portal.shell import BY_NAME, may_open
from cadran.servicedesk import selectors as servicedesk
from cadran.telemetry import selectors as telemetry

SOON: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits for this reader: the sentence, where to go, whether time is lost or short."""

    text: str
    url: str
    kind: str = ""  # "late" | "risk" | ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One state at a glance: a number, what it counts, and its lines one click away."""

    label: str
    value: str
    detail: str
    url: str
    link: str
    kind: str = ""  # "late" | "risk" | ""


@dataclass(frozen=True, slots=True)
class Home:
    """Everything the home page says."""

    tasks: Sequence[Task]
    figures: Sequence[Figure]
    shortcuts: Sequence[tuple[str | Promise, str]]


SHORTCUTS: Final = (
    "servicedesk:declare",
    "servicedesk:incidents",
    "telemetry:alarms",
    "inventory:fleet",
    "parties:import",
    "lorawan:network",
)


def home_of(*, viewer: Viewer, now: datetime) -> Home:
    """Return the reader's home (about a dozen counting queries, whatever the number of rows)."""
    return Home(
        tasks=[*_incident_tasks(viewer, now), *_alarm_tasks(viewer), *_message_tasks(viewer)],
        figures=_figures(viewer, now),
        shortcuts=[(BY_NAME[name].label, reverse(name)) for name in SHORTCUTS if may_open(viewer, BY_NAME[name])][:4],
    )


def _incident_tasks(viewer: Viewer, now: datetime) -> list[Task]:
    if not viewer.may("incident.read"):
        return []
    needs = servicedesk.needs(viewer=viewer, now=now, within=SOON)
    url = reverse("servicedesk:incidents")
    tasks = []
    if viewer.may("incident.handle"):
        tasks += [
            _task(needs.missed, "late", url, "{n} incident en dépassement", "{n} incidents en dépassement"),
            _task(needs.due_soon, "risk", url, "{n} échéance dans moins de 2 h", "{n} échéances dans moins de 2 h"),
            _task(needs.to_take, "", url, "{n} incident à prendre en charge", "{n} incidents à prendre en charge"),
            _task(needs.mine, "", url, "{n} incident dont vous êtes chargé", "{n} incidents dont vous êtes chargé"),
        ]
    if viewer.may("incident.confirm"):
        tasks += [
            _task(needs.to_confirm, "risk", url, "{n} rétablissement à confirmer", "{n} rétablissements à confirmer"),
            _task(
                needs.to_write,
                "",
                url,
                "{n} signalement par téléphone à confirmer par écrit",
                "{n} signalements par téléphone à confirmer par écrit",
            ),
        ]
    return [task for task in tasks if task is not None]


def _task(count: int, kind: str, url: str, one: str, many: str) -> Task | None:
    return Task(ngettext(one, many, count).format(n=count), url, kind) if count else None


def _alarm_tasks(viewer: Viewer) -> list[Task]:
    if not viewer.may("alarm.acknowledge"):
        return []
    counts = telemetry.alarm_counts(viewer=viewer)
    found = _task(
        counts.waiting,
        "",
        reverse("telemetry:alarms"),
        "{n} alarme à prendre en compte",
        "{n} alarmes à prendre en compte",
    )
    return [found] if found else []


def _message_tasks(viewer: Viewer) -> list[Task]:
    unread = messaging.unread_count(viewer=viewer)
    found = _task(unread, "", reverse("messaging:notifications"), "{n} notification à lire", "{n} notifications à lire")
    return [found] if found else []


def _figures(viewer: Viewer, now: datetime) -> list[Figure]:
    counts = inventory.counts(viewer=viewer)
    devices = telemetry.device_counts(viewer=viewer, now=now)
    figures = [
        Figure(
            _("Services"),
            f"{counts.services_ok} / {counts.services}",
            _("en service sans défaut connu"),
            reverse("inventory:services"),
            _("Voir les services"),
            "" if counts.services_ok == counts.services else "late",
        ),
        Figure(
            _("Capteurs"),
            f"{devices.expected - devices.silent} / {devices.expected}",
            ngettext("entendus ; {n} muet", "entendus ; {n} muets", devices.silent).format(n=devices.silent),
            reverse("inventory:fleet"),
            _("Voir le parc"),
            "risk" if devices.silent else "",
        ),
    ]
    if viewer.may("alarm.read"):
        alarms = telemetry.alarm_counts(viewer=viewer)
        figures.append(
            Figure(
                _("Alarmes"),
                str(alarms.service + alarms.business),
                _("{service} de service, {business} métier").format(service=alarms.service, business=alarms.business),
                reverse("telemetry:alarms"),
                _("Voir les alarmes"),
                "late" if alarms.service else "risk" if alarms.business else "",
            )
        )
    if viewer.may("incident.read"):
        figures.append(_incident_figure(viewer, now))
    if viewer.side is Side.STAFF and viewer.may("gateway.read"):
        figures.append(_gateway_figure(viewer, now))
    return figures


def _incident_figure(viewer: Viewer, now: datetime) -> Figure:
    needs = servicedesk.needs(viewer=viewer, now=now, within=SOON)
    return Figure(
        _("Incidents"),
        str(needs.running),
        ", ".join(
            [
                ngettext("{n} en dépassement", "{n} en dépassement", needs.missed).format(n=needs.missed),
                ngettext("{n} suspendu", "{n} suspendus", needs.paused).format(n=needs.paused),
            ]
        ),
        reverse("servicedesk:incidents"),
        _("Voir les incidents"),
        "late" if needs.missed else "risk" if needs.due_soon else "",
    )


def _gateway_figure(viewer: Viewer, now: datetime) -> Figure:
    heard, silent = lorawan.gateway_counts(viewer=viewer, now=now)
    return Figure(
        _("Passerelles"),
        f"{heard} / {heard + silent}",
        ngettext("entendues ; {n} muette", "entendues ; {n} muettes", silent).format(n=silent),
        reverse("lorawan:gateways"),
        _("Voir les passerelles"),
        "late" if silent else "",
    )
