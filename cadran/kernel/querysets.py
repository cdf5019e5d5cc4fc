"""The service layer's own filter, in front of row-level security."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from cadran.kernel.viewer import Side, Viewer

M = TypeVar("M", bound=Model)


def visible(
    queryset: QuerySet[M],
    viewer: Viewer,
    *,
    capability: str,
    owner: str = "owner_id",
    lot: str | None = None,
    site: str | None = None,
) -> QuerySet[M]:
    """Keep the rows on which a right of ``viewer`` gives ``capability``.

    ``owner``, ``lot`` and ``site`` are the lookups of those coordinates from the model; ``None`` when it has none.
    """
    if viewer.side is Side.SYSTEM:
        return queryset
    conditions: list[Q] = []
    for grant in viewer.grants:
        if capability not in grant.capabilities:
            continue
        condition = Q()
        for lookup, allowed in ((owner, grant.organisation_ids), (lot, grant.lot_ids), (site, grant.site_ids)):
            if lookup is not None and allowed is not None:
                condition &= Q(**{f"{lookup}__in": sorted(allowed)})
        conditions.append(condition)
    if not conditions:
        return queryset.none()
    if any(not condition for condition in conditions):
        return queryset
    combined = conditions[0]
    for condition in conditions[1:]:
        combined |= condition
    return queryset.filter(combined)
