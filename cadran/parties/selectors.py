"""Read parties."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

from django.db.models import Q, QuerySet

from cadran.kernel.errors import NotFound
from cadran.kernel.querysets import visible
from cadran.kernel.scope import as_system
from cadran.kernel.viewer import Viewer
from cadran.parties.models import (
    AccountManager,
    Agreement,
    Contact,
    Convention,
    GroupingMember,
    Lot,
    Organisation,
    Right,
    User,
)
from cadran.parties.rules import HeldRight, viewer_from


def viewer_of(*, user: User, now: datetime) -> Viewer:
    """Return the person as a viewer on that day (two queries; three with a consortium member's right).

    Runs before any scope exists: users, rights and memberships have no row policy.
    """
    today = now.date()
    rights = list(Right.objects.filter(user_id=user.pk))
    groupings = {right.organisation_id for right in rights if right.organisation_id is not None}
    members: dict[int, set[int]] = defaultdict(set)
    for grouping_id, member_id in GroupingMember.objects.filter(
        grouping_id__in=groupings, during__contains=today
    ).values_list("grouping_id", "member_id"):
        members[grouping_id].add(member_id)
    held = [
        HeldRight(
            role=right.role,
            organisation_ids=None
            if right.organisation_id is None
            else frozenset({right.organisation_id} | members[right.organisation_id]),
            lot_ids=_lots_of(right, today),
            site_id=right.site_id,
            domain=right.domain,
            starts_on=right.starts_on,
            ends_on=right.ends_on,
        )
        for right in rights
    ]
    return viewer_from(user_id=user.pk, name=user.name, rights=held, today=today)


def _lots_of(right: Right, today: date) -> frozenset[int] | None:
    """A right of a consortium member reaches the lots where that company has a part today."""
    if right.company_id is None:
        return None if right.lot_id is None else frozenset({right.lot_id})
    lots = Lot.objects.filter(members__company_id=right.company_id, members__valid_during__contains=today)
    if right.lot_id is not None:
        lots = lots.filter(pk=right.lot_id)
    return frozenset(lots.values_list("pk", flat=True))


def organisations(*, viewer: Viewer) -> QuerySet[Organisation]:
    """Return the organisations the viewer may see, by name (one query)."""
    return visible(Organisation.objects.all(), viewer, capability="organisation.read", owner="id").order_by(
        "name", "id"
    )


def organisation(*, viewer: Viewer, organisation_id: int) -> Organisation:
    """Return one visible organisation (one query).

    Raises:
        NotFound: absent or another's.
    """
    found = organisations(viewer=viewer).filter(pk=organisation_id).first()
    if found is None:
        raise NotFound("L'organisation", organisation_id)
    return found


def agreements(*, viewer: Viewer) -> QuerySet[Agreement]:
    """Return the agreements, by code, with their purchasing body (one query)."""
    if not viewer.may("agreement.read"):
        return Agreement.objects.none()
    return Agreement.objects.select_related("purchasing_body").order_by("code")


def lots(*, viewer: Viewer) -> QuerySet[Lot]:
    """Return the lots, by agreement and number (one query)."""
    if not viewer.may("agreement.read"):
        return Lot.objects.none()
    return Lot.objects.select_related("agreement").order_by("agreement__code", "number")


def contacts_of(*, viewer: Viewer, organisation_id: int, today: date) -> QuerySet[Contact]:
    """Return the current contacts of a visible organisation, by name (one query)."""
    return (
        visible(Contact.objects.filter(owner_id=organisation_id), viewer, capability="organisation.read")
        .filter(Q(ends_on__isnull=True) | Q(ends_on__gte=today))
        .order_by("name", "id")
    )


def conventions_of(*, viewer: Viewer, organisation_id: int) -> QuerySet[Convention]:
    """Return the conventions of a visible organisation, newest first (one query)."""
    return (
        visible(Convention.objects.filter(owner_id=organisation_id), viewer, capability="organisation.read")
        .select_related("agreement")
        .order_by("-signed_on", "-id")
    )


def account_managers_of(*, viewer: Viewer, organisation_id: int, today: date) -> QuerySet[AccountManager]:
    """Return the ROC of a visible organisation today, general ones first (one query)."""
    return (
        visible(AccountManager.objects.filter(owner_id=organisation_id), viewer, capability="organisation.read")
        .filter(during__contains=today)
        .select_related("lot__agreement")
        .order_by("lot_id", "name")
    )


def groupings_of(organisation_id: int, *, today: date) -> list[int]:
    """Return the ids of the groupings whose quality that organisation has today (one query)."""
    with as_system():
        return list(
            GroupingMember.objects.filter(member_id=organisation_id, during__contains=today).values_list(
                "grouping_id", flat=True
            )
        )


def is_beneficiary(*, organisation_id: int, agreement_id: int, day: date) -> bool:
    """Tell whether the organisation, or a grouping it belongs to, is a beneficiary that day (two queries).

    Source: CCTP IoT 4.2 and 4.3, CCTP telecoms 4.2 and 4.3.
    """
    with as_system():
        holders = [organisation_id, *groupings_of(organisation_id, today=day)]
        return Convention.objects.filter(
            owner_id__in=holders, agreement_id=agreement_id, valid_during__contains=day
        ).exists()


def users_to_notify(*, owner_id: int, capability: str, now: datetime) -> list[User]:
    """Return the active people on the beneficiary's side whose right covers that organisation (few queries).

    Rights on a grouping count for its members.
    """
    today = now.date()
    holders = [owner_id, *groupings_of(owner_id, today=today)]
    with as_system():
        people = User.objects.filter(is_active=True, rights__organisation_id__in=holders).distinct().order_by("id")
        return [person for person in people if viewer_of(user=person, now=now).may(capability, owner_id=owner_id)]
