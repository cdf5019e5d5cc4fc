"""What surrounds each page for this reader: menu by right, bell, person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cadran.kernel.viewer import NOBODY, Side, Viewer
from cadran.messaging import selectors as messaging
from cadran.parties.rules import ROLES
from cadran.portal import declaration
from cadran.ui.menu import Entry, Shell


@dataclass(frozen=True, slots=True)
class Page:
    """A page that can be opened without naming an object: its words, address and who may."""

    label: str | Promise
    url_name: str
    capability: str
    staff_only: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Pages of one theme, for the site map."""

    title: str | Promise
    pages: Sequence[Page]


HOME: Final = Page(_("Accueil"), "portal:home", "")
SECTIONS: Final = (
    Section(
        _("Contrat"),
        (
            Page(_("Bénéficiaires"), "parties:organisations", "organisation.read"),
            Page(_("Importer des bénéficiaires"), "parties:import", "organisation.import"),
            Page(_("Accords-cadres et engagements"), "parties:agreements", "agreement.read"),
        ),
    ),
    Section(
        _("Services et parc"),
        (
            Page(_("Carte"), "inventory:map", "site.read"),
            Page(_("Sites"), "inventory:sites", "site.read"),
            Page(_("Services"), "inventory:services", "service.read"),
            Page(_("Parc"), "inventory:fleet", "equipment.read"),
            Page(_("Points de mesure"), "telemetry:points", "measurement.read"),
        ),
    ),
    Section(
        _("Exploitation"),
        (
            Page(_("Alarmes"), "telemetry:alarms", "alarm.read"),
            Page(_("Incidents"), "servicedesk:incidents", "incident.read"),
            Page(_("Déclarer un incident"), "servicedesk:declare", "incident.declare"),
            Page(_("Passerelles"), "lorawan:gateways", "gateway.read"),
            Page(_("Réseau LoRaWAN"), "lorawan:network", "radio.read"),
        ),
    ),
    Section(
        _("Messages"),
        (
            Page(_("Notifications"), "messaging:notifications", "notification.read"),
            Page(_("Boîte de démonstration"), "messaging:mailbox", "mailbox.read"),
        ),
    ),
)
BY_NAME: Final = {page.url_name: page for section in SECTIONS for page in section.pages} | {HOME.url_name: HOME}

# Five to seven entries each; everything else is one search or the site map away.
BENEFICIARY_MENU: Final = (
    "portal:home",
    "inventory:map",
    "inventory:services",
    "inventory:fleet",
    "telemetry:alarms",
    "servicedesk:incidents",
    "parties:agreements",
)
MENUS: Final = (
    ("holder.network", ("portal:home", "inventory:map", "lorawan:gateways", "inventory:fleet", "lorawan:network",
                        "telemetry:alarms", "servicedesk:incidents")),
    ("platform.admin", ("portal:home", "parties:organisations", "inventory:fleet", "lorawan:network",
                        "telemetry:alarms", "servicedesk:incidents", "messaging:mailbox")),
    ("holder.roc", ("portal:home", "parties:organisations", "inventory:services", "inventory:fleet",
                    "servicedesk:incidents", "parties:agreements")),
    ("holder.agent", ("portal:home", "servicedesk:incidents", "telemetry:alarms", "inventory:fleet",
                      "parties:organisations", "parties:agreements")),
    ("holder.field", ("portal:home", "servicedesk:incidents", "inventory:map", "inventory:fleet", "telemetry:points")),
    ("canut.pilot", ("portal:home", "parties:organisations", "parties:agreements", "inventory:services",
                     "servicedesk:incidents")),
)  # fmt: skip


def may_open(viewer: Viewer, page: Page) -> bool:
    """Tell whether the reader may open the page."""
    return not page.capability or viewer.may(page.capability)


def menu_of(viewer: Viewer) -> Sequence[str]:
    """Return the names of the pages of the reader's menu, in order."""
    names = next((menu for role, menu in MENUS if role in viewer.roles), BENEFICIARY_MENU)
    return [name for name in names if may_open(viewer, BY_NAME[name])]


def sections(request: HttpRequest) -> list[tuple[str | Promise, list[Entry]]]:
    """Return the site map: every page the reader may open, by theme."""
    viewer: Viewer = getattr(request, "viewer", NOBODY)
    return [
        (section.title, [_entry(request, page) for page in section.pages if may_open(viewer, page)])
        for section in SECTIONS
        if any(may_open(viewer, page) for page in section.pages)
    ]


def shell_of(request: HttpRequest) -> Shell:
    """Return the shell of a page (one query, for the bell, when the reader is signed in)."""
    viewer: Viewer = getattr(request, "viewer", NOBODY)
    bare = Shell(
        accessibility_url=reverse("portal:accessibility"),
        accessibility=declaration.sentence(),
        notice=DEMONSTRATION if settings.CADRAN.demo else "",
    )
    if viewer.side is Side.NOBODY:
        return replace(bare, sign_in_url=reverse("account_login"))
    return replace(
        bare,
        entries=[_entry(request, BY_NAME[name]) for name in menu_of(viewer)],
        person=viewer.name,
        organisation=", ".join(sorted(gettext(ROLES[role].label) for role in viewer.roles)),
        person_entries=[
            Entry(label=_("Validation en deux étapes"), url=reverse("mfa_index")),
            Entry(label=_("Changer de mot de passe"), url=reverse("account_change_password")),
        ],
        sign_out_url=reverse("account_logout"),
        bell_url=reverse("messaging:notifications"),
        bell_count=messaging.unread_count(viewer=viewer) if getattr(request, "scope_open", False) else 0,
        live_url=reverse("portal:live"),
        site_map_url=reverse("portal:site-map"),
    )


DEMONSTRATION: Final = _("Démonstration : bénéficiaires, sites et personnes sont fictifs.")


def _entry(request: HttpRequest, page: Page) -> Entry:
    url = reverse(page.url_name)
    inside = request.path == url if url == "/" else request.path.startswith(url)
    return Entry(label=page.label, url=url, current=inside)
