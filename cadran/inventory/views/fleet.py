"""The fleet: the list, and one equipment with a tab for each question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise as Lazy
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from cadran.inventory import selectors
from cadran.inventory.lists import KINDS, RETIRED, Fleet, Journal, model_name, warranty_badge
from cadran.inventory.models import Equipment
from cadran.inventory.views.common import several_owners, today
from cadran.kernel.calendars import zone_named
from cadran.kernel.errors import NotFound
from cadran.kernel.models import AuditEntry
from cadran.kernel.querysets import visible
from cadran.ui.http import Request
from cadran.ui.icons import State, badge
from cadran.ui.lists import render_list
from cadran.ui.panels import panels_of


@require_GET
def fleet(request: Request) -> HttpResponseBase:
    """The list of equipment."""
    viewer = request.viewer
    viewer.require("equipment.read")
    liste = Fleet(
        rows=selectors.equipments(viewer=viewer, retired=request.GET.get("etat") == RETIRED),
        today=today(request),
        owners=several_owners(viewer),
    )
    for complete in panels_of("inventory.fleet"):  # a panel of this slot completes the list and says nothing
        complete(request, liste)
    return render_list(
        request,
        liste,
        liste.rows,
        viewer=viewer,
        context={
            "title": _("Parc d’équipements"),
            "lede": _("Capteurs, passerelles et autres équipements en service, leur site et leur garantie."),
        },
    )


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of an equipment: its address, its name, who may open it, and the slot rooms above fill."""

    key: str
    label: str | Lazy
    capability: str
    kinds: frozenset[str]
    slot: str = ""


EVERY_KIND: Final = frozenset(Equipment.Kind.values)
SENSORS: Final = frozenset({Equipment.Kind.SENSOR.value})
TABS: Final = (
    Tab("", gettext_lazy("Vue d’ensemble"), "equipment.read", EVERY_KIND, "inventory.equipment"),
    Tab("mesures", gettext_lazy("Mesures"), "measurement.read", SENSORS, "inventory.equipment.measurements"),
    Tab("trames", gettext_lazy("Trames"), "frame.read", SENSORS, "inventory.equipment.frames"),
    Tab("cles", gettext_lazy("Clés"), "frame.read", SENSORS, "inventory.equipment.keys"),
    Tab("garantie", gettext_lazy("Garantie et poses"), "equipment.read", EVERY_KIND),
    Tab("journal", gettext_lazy("Journal"), "audit.read", EVERY_KIND),
)


@require_GET
def equipment(request: Request, equipment_id: int) -> HttpResponseBase:
    """One equipment; ``?onglet=`` chooses the tab, and each tab asks for its own right."""
    viewer = request.viewer
    viewer.require("equipment.read")
    found = selectors.equipment(viewer=viewer, equipment_id=equipment_id)
    tabs = [tab for tab in TABS if found.kind in tab.kinds]
    tab = next((tab for tab in tabs if tab.key == request.GET.get("onglet", "")), None)
    if tab is None:
        raise NotFound(_("L’onglet"), request.GET.get("onglet", ""))
    place = {
        "owner_id": found.owner_id,
        "lot_id": found.service.lot_id if found.service else None,
        "site_id": found.site_id,
    }
    viewer.require(tab.capability, **place)
    day = today(request)
    context: dict[str, Any] = {
        "equipment": found,
        "owners": several_owners(viewer),
        "kind": KINDS[found.kind],
        "model": model_name(found),
        "zone": zone_named(found.site.zone),
        "state": _life(found),
        "warranty": warranty_badge(found, day),
        "tab": tab.key,
        "tabs": [
            {"label": each.label, "url": f"?onglet={each.key}" if each.key else request.path, "current": each is tab}
            for each in tabs
            if viewer.may(each.capability, **place)
        ],
        "slot": _slot(request, tab.slot, found),
        "now": request.now,
    }
    if tab.key in ("", "garantie"):
        context["mountings"] = list(selectors.mountings_of_equipment(viewer=viewer, equipment_id=found.pk))
    if tab.key == "journal":
        return render_list(
            request,
            Journal(zone=found.site.zone),
            visible(_acts_on(found), viewer, capability="audit.read"),
            viewer=viewer,
            template="inventory/equipment.html",
            context=context,
        )
    return render(request, "inventory/equipment.html", context)


def _life(found: Equipment) -> SafeString:
    if found.retired_on is not None:
        return badge(State.OFF, _("Retiré le {day}").format(day=f"{found.retired_on:%d/%m/%Y}"))
    return SafeString("")


def _slot(request: Request, slot: str, found: Equipment) -> SafeString:
    """What the rooms above say in that tab; each card is already safe HTML."""
    return mark_safe("".join(panel(request, found) for panel in panels_of(slot)))  # noqa: S308 - templates' output


def _acts_on(found: Equipment) -> Any:
    """The lines of the audit trail about an equipment and its mountings."""
    own = Q(object_type="equipment", object_id=str(found.pk))
    of_mountings = Q(object_type="mounting", details__equipment_id=found.pk)
    return AuditEntry.objects.filter(own | of_mountings, owner_id=found.owner_id)
