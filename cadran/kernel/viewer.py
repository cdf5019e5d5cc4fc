"""Who is looking: identity and rights as plain values, handed to every selector and service."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cadran.kernel.errors import NotAllowed


class Side(Enum):
    """Which database role serves the viewer."""

    BENEFICIARY = "beneficiary"  # rows of the viewer's own organisations only
    STAFF = "staff"  # holder and purchasing body: selectors restrict by lot, member and site
    SYSTEM = "system"  # the platform itself: handlers and scheduled tasks
    NOBODY = "nobody"  # not signed in: no owned table can be read at all


@dataclass(frozen=True, slots=True)
class Grant:
    """One right: a role's capabilities over a scope; ``None`` means "not restricted on that axis"."""

    role: str
    capabilities: frozenset[str]
    organisation_ids: frozenset[int] | None = None
    lot_ids: frozenset[int] | None = None
    site_ids: frozenset[int] | None = None
    domain: str | None = None

    def covers(self, *, owner_id: int | None, lot_id: int | None, site_id: int | None) -> bool:
        """Tell whether an object with those coordinates is inside this right."""
        return (
            _inside(self.organisation_ids, owner_id)
            and _inside(self.lot_ids, lot_id)
            and _inside(self.site_ids, site_id)
        )


def _inside(allowed: frozenset[int] | None, value: int | None) -> bool:
    return allowed is None or value is None or value in allowed


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person (or the platform) as the code sees them for one request."""

    user_id: int | None
    name: str
    side: Side
    grants: tuple[Grant, ...] = ()

    @property
    def scope(self) -> tuple[int, ...]:
        """Ids of the organisations whose rows a beneficiary may see, sorted; empty for other sides."""
        if self.side is not Side.BENEFICIARY:
            return ()
        ids: set[int] = set()
        for grant in self.grants:
            ids |= grant.organisation_ids or frozenset()
        return tuple(sorted(ids))

    @property
    def roles(self) -> frozenset[str]:
        """Codes of the roles held today."""
        return frozenset(grant.role for grant in self.grants)

    def may(
        self,
        capability: str,
        *,
        owner_id: int | None = None,
        lot_id: int | None = None,
        site_id: int | None = None,
    ) -> bool:
        """Tell whether one right gives ``capability`` on an object with those coordinates.

        Without coordinates: whether the viewer has the capability anywhere.
        """
        if self.side is Side.SYSTEM:
            return True
        return any(
            capability in grant.capabilities and grant.covers(owner_id=owner_id, lot_id=lot_id, site_id=site_id)
            for grant in self.grants
        )

    def require(
        self,
        capability: str,
        *,
        owner_id: int | None = None,
        lot_id: int | None = None,
        site_id: int | None = None,
    ) -> None:
        """Raise ``NotAllowed`` unless ``may`` is true."""
        if not self.may(capability, owner_id=owner_id, lot_id=lot_id, site_id=site_id):
            raise NotAllowed(capability=capability)


SYSTEM = Viewer(user_id=None, name="Cadran", side=Side.SYSTEM)
NOBODY = Viewer(user_id=None, name="", side=Side.NOBODY)
