"""Who should know of an incident. Run in the system's scope: rights are not a beneficiary's to read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.contrib.auth import get_user_model

from cadran.kernel.viewer import Side
from cadran.parties import selectors as parties
from cadran.parties.rules import ROLES


def beneficiary_people(
    *, owner_id: int, lot_id: int | None, site_id: int | None, capability: str, now: datetime
) -> list[int]:
    """Return the ids of the beneficiary's people whose right covers that lot and that site (few queries a person)."""
    people = parties.users_to_notify(owner_id=owner_id, capability=capability, now=now)
    return [
        person.pk
        for person in people
        if parties.viewer_of(user=person, now=now).may(capability, owner_id=owner_id, lot_id=lot_id, site_id=site_id)
    ]


def staff_people(
    *, owner_id: int, lot_id: int | None, site_id: int | None, capability: str, now: datetime
) -> list[int]:
    """Return the ids of the holder's people whose right covers that owner, lot and site (few queries a person).

    Without a lot (nobody knows under which the thing is owed), only the rights that no lot limits: another lot's
    subcontractor must not learn of it.
    """
    roles = [code for code, role in ROLES.items() if role.side is Side.STAFF and capability in role.capabilities]
    people = get_user_model().objects.filter(is_active=True, rights__role__in=roles).distinct().order_by("id")
    told = [(person.pk, parties.viewer_of(user=person, now=now)) for person in people]
    if lot_id is None:
        told = [
            (pk, replace(viewer, grants=tuple(grant for grant in viewer.grants if grant.lot_ids is None)))
            for pk, viewer in told
        ]
    return [pk for pk, viewer in told if viewer.may(capability, owner_id=owner_id, lot_id=lot_id, site_id=site_id)]


def addresses_of(*, user_ids: list[int]) -> list[str]:
    """Return the mail addresses of those people, in a stable order (one query)."""
    people = get_user_model().objects.filter(pk__in=user_ids, is_active=True).order_by("id")
    return list(people.values_list("email", flat=True))
