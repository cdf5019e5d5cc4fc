"""What several pages of the inventory need."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Case, Count, IntegerField, Max, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from cadran.inventory import selectors
from cadran.inventory.lists import SEVERITY
from cadran.inventory.models import Equipment, Service
from cadran.kernel.viewer import Side, Viewer
from cadran.ui.http import Request


def several_owners(viewer: Viewer) -> bool:
    """Tell whether the reader sees more than one beneficiary, so that lists must name it."""
    return viewer.side is not Side.BENEFICIARY or len(viewer.scope) > 1


def today(request: Request) -> date:
    """Return the reader's day."""
    return request.now.astimezone(timezone.get_current_timezone()).date()


def described_sites(viewer: Viewer) -> QuerySet[Any]:
    """Return the visible sites with ``worst`` (state of their services), ``sensors`` and ``gateways`` (one query)."""
    running = selectors.services(viewer=viewer).exclude(state=Service.State.ENDED).filter(site=OuterRef("pk"))
    severity = Case(
        *(When(state=state, then=Value(rank)) for state, rank in SEVERITY.items()), output_field=IntegerField()
    )
    worst = running.order_by().values("site").annotate(worst=Max(severity)).values("worst")
    return selectors.sites(viewer=viewer).annotate(
        worst=Subquery(worst),
        sensors=_how_many(viewer, Equipment.Kind.SENSOR),
        gateways=_how_many(viewer, Equipment.Kind.GATEWAY),
    )


def _how_many(viewer: Viewer, kind: Equipment.Kind) -> Coalesce:
    of_site = selectors.equipments(viewer=viewer).filter(site=OuterRef("pk"), kind=kind)
    return Coalesce(Subquery(of_site.order_by().values("site").annotate(n=Count("pk")).values("n")), 0)
