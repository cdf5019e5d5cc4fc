"""Roles and what each may do: a right is a role over a scope until a date."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from cadran.kernel.viewer import Grant, Side, Viewer

READ = frozenset(
    {
        "agreement.read",
        "organisation.read",
        "site.read",
        "service.read",
        "equipment.read",
        "measurement.read",
        "gateway.read",
        "alarm.read",
        "incident.read",
        "notification.read",
    }
)
HANDLE = frozenset({"incident.handle", "incident.comment", "incident.declare", "alarm.acknowledge", "audit.read"})

DEMONSTRATION_PASSWORD = "cadran-demonstration"  # noqa: S105 - public, and worth nothing outside the demonstration


def gettext_noop(text: str) -> str:
    """Mark a text for translation; screens translate it (rules cannot)."""
    return text


@dataclass(frozen=True, slots=True)
class Role:
    """A role: its French name, the side it sits on and its capabilities."""

    code: str
    label: str
    side: Side
    capabilities: frozenset[str]


ROLES: dict[str, Role] = {
    role.code: role
    for role in (
        Role(
            "beneficiary.buyer",
            gettext_noop("Bénéficiaire – acheteur"),
            Side.BENEFICIARY,
            READ | {"incident.declare", "incident.comment", "incident.confirm", "audit.read"},
        ),
        Role(
            "beneficiary.technician",
            gettext_noop("Bénéficiaire – technicien"),
            Side.BENEFICIARY,
            READ
            | {
                "incident.declare",
                "incident.comment",
                "incident.confirm",
                "alarm.acknowledge",
                "rule.write",
                "frame.read",
                "audit.read",
            },
        ),
        Role(
            "beneficiary.site",
            gettext_noop("Bénéficiaire – responsable de site"),
            Side.BENEFICIARY,
            READ | {"incident.declare", "incident.comment", "alarm.acknowledge"},
        ),
        Role(
            "holder.roc",
            gettext_noop("Titulaire – ROC"),
            Side.STAFF,
            READ | HANDLE | {"organisation.import", "radio.read"},
        ),
        Role("holder.agent", gettext_noop("Titulaire – agent du centre de services"), Side.STAFF, READ | HANDLE),
        Role(
            "holder.field",
            gettext_noop("Titulaire – technicien terrain"),
            Side.STAFF,
            READ - {"organisation.read"} | {"incident.comment", "incident.handle"},
        ),
        Role(
            "holder.network",
            gettext_noop("Titulaire – exploitant réseau"),
            Side.STAFF,
            READ
            | HANDLE
            | {"frame.read", "radio.read", "operations.read", "rule.write", "inventory.write", "device.register"},
        ),
        Role(
            "canut.pilot",
            gettext_noop("Pilote de la centrale d'achat"),
            Side.STAFF,
            READ | {"audit.read", "organisation.import"},
        ),
        Role(
            "platform.admin",
            gettext_noop("Administrateur de la plateforme"),
            Side.STAFF,
            READ
            | HANDLE
            | {"frame.read", "radio.read", "operations.read", "organisation.import", "mailbox.read"}
            | {"inventory.write", "device.register"},
        ),
    )
}


@dataclass(frozen=True, slots=True)
class HeldRight:
    """A right as stored, with its organisation already widened to the members of a grouping."""

    role: str
    organisation_ids: frozenset[int] | None
    lot_ids: frozenset[int] | None
    site_id: int | None
    domain: str
    starts_on: date
    ends_on: date | None


def viewer_from(*, user_id: int, name: str, rights: Iterable[HeldRight], today: date) -> Viewer:
    """Return the viewer that those rights make on that day.

    A person with a right on the holder's or purchasing body's side is staff; a beneficiary's right without an
    organisation gives nothing.
    """
    grants = []
    sides = set()
    for right in rights:
        role = ROLES.get(right.role)
        if role is None or right.starts_on > today or (right.ends_on is not None and right.ends_on < today):
            continue
        if role.side is Side.BENEFICIARY and not right.organisation_ids:
            continue
        sides.add(role.side)
        grants.append(
            Grant(
                role=right.role,
                capabilities=role.capabilities,
                organisation_ids=right.organisation_ids,
                lot_ids=right.lot_ids,
                site_ids=None if right.site_id is None else frozenset({right.site_id}),
                domain=right.domain or None,
            )
        )
    if not grants:
        return Viewer(user_id=user_id, name=name, side=Side.NOBODY)
    side = Side.STAFF if Side.STAFF in sides else Side.BENEFICIARY
    return Viewer(user_id=user_id, name=name, side=side, grants=tuple(grants))


def quality_on(periods: Iterable[tuple[date, date | None]], day: date) -> bool:
    """Tell whether a convention in those ``[start, end)`` periods makes a beneficiary on ``day`` (CCTP 4.2)."""
    return any(start <= day and (end is None or day < end) for start, end in periods)
