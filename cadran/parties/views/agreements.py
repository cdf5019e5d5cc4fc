"""The framework agreements, with every figure's source beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from django.db.models import Count, Prefetch
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.kernel.errors import NotFound
from cadran.parties import packs, selectors
from cadran.parties.lists import Agreements, spaced_siret, territory_name
from cadran.parties.models import Agreement, Lot, LotMember
from cadran.ui.http import Request
from cadran.ui.lists import render_list

CLASSES = {"standard": gettext_lazy("standards"), "advanced": gettext_lazy("avancés")}
AVAILABILITY = {
    "open": ("ok", gettext_lazy("ouvert")),
    "to_be_stated": ("wait", gettext_lazy("à préciser")),
    "excluded": ("off", gettext_lazy("exclu")),
}


def agreements(request: Request) -> HttpResponseBase:
    """The agreements loaded."""
    request.viewer.require("agreement.read")
    rows = selectors.agreements(viewer=request.viewer).annotate(lots_count=Count("lots"))
    return render_list(request, Agreements(), rows, viewer=request.viewer)


def agreement(request: Request, code: str) -> HttpResponse:
    """One agreement: its lots and who holds them, what it owes; then what other rooms know of it."""
    viewer, today = request.viewer, request.now.date()
    viewer.require("agreement.read")
    found = selectors.agreements(viewer=viewer).filter(code=code).first()
    if found is None:
        raise NotFound("L’accord-cadre", code)
    pack = pack_of(found)
    members = LotMember.objects.filter(valid_during__contains=today).select_related("company").order_by("role", "id")
    lots = selectors.lots(viewer=viewer).filter(agreement=found).prefetch_related(Prefetch("members", members, "parts"))
    context = {
        "agreement": found,
        "pack": pack,
        "body_siret": spaced_siret(found.purchasing_body.siret),
        "lots": [lot_card(lot, pack) for lot in lots],
        "ambiguities": packs.ambiguities(pack) if pack else [],
        "periods": _periods(pack),
    }
    return render(request, "parties/agreement.html", context)


def pack_of(found: Agreement) -> packs.AgreementPack | None:
    """Return the pack an agreement was loaded from, readable; none when it was written without one."""
    return msgspec.convert(found.pack, packs.AgreementPack) if found.pack else None


@dataclass(frozen=True, slots=True)
class CoverageLine:
    """Territories that share a status, with the limits stated there."""

    names: str
    state: str
    word: str
    limits: str
    sourced: packs.Sourced


@dataclass(frozen=True, slots=True)
class LotCard:
    """A lot as the page shows it; ``pack`` is nothing when the agreement was written without one."""

    lot: Lot
    members: Sequence[LotMember]
    service_class: str
    pack: packs.LotPack | None
    coverage: Sequence[CoverageLine]
    default_hours: str


def lot_card(lot: Lot, pack: packs.AgreementPack | None) -> LotCard:
    """Put a lot's row, its members of the day and its pack together."""
    of_pack = next((each for each in pack.lots if each.number == lot.number), None) if pack else None
    hours = {"base": _("heures de base"), "option_24_7": _("24 h/24, 7 j/7")}
    return LotCard(
        lot=lot,
        members=lot.parts,  # type: ignore[attr-defined]  # prefetched under that name
        service_class=str(CLASSES.get(lot.service_class, lot.service_class)),
        pack=of_pack,
        coverage=[_coverage(part) for part in of_pack.coverage] if of_pack else [],
        default_hours=hours[of_pack.default_hours.value] if of_pack else "",
    )


def _coverage(part: packs.Coverage) -> CoverageLine:
    state, word = AVAILABILITY[part.availability]
    names = ", ".join(territory_name(territory) for territory in part.territories)
    return CoverageLine(names, state, str(word), part.limits or "", part)


def _periods(pack: packs.AgreementPack | None) -> str:
    if pack is None:
        return ""
    words = {
        "civil_half_year": _("par semestre civil"),
        "from_notification": _("par période de six mois depuis la notification"),
    }
    return words[pack.reporting.periods.value]
