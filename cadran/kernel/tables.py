"""Every table says who may reach it: the one list row-level security is built from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.models import Model

ALL = "SELECT, INSERT, UPDATE, DELETE"


class TableKind(Enum):
    """How a table is guarded."""

    OWNED = "owned"  # rows belong to a beneficiary: policy owner = ANY(scope) for beneficiaries
    SHARED = "shared"  # same for everybody: beneficiaries read, staff write
    SYSTEM = "system"  # the platform's own: beneficiaries see nothing


@dataclass(frozen=True, slots=True)
class TableGuard:
    """The kind of a table, the column that names its owner, and the verbs of each database role."""

    kind: TableKind
    beneficiary: str
    staff: str
    login: str
    owner_column: str = "owner_id"


def owned(*, owner_column: str = "owner_id", beneficiary: str = ALL, staff: str = ALL, login: str = "") -> TableGuard:
    """Guard of a table whose rows belong to one beneficiary each."""
    return TableGuard(TableKind.OWNED, beneficiary, staff, login, owner_column)


def shared(*, staff: str = ALL, login: str = "SELECT") -> TableGuard:
    """Guard of a table that everybody signed in may read."""
    return TableGuard(TableKind.SHARED, "SELECT", staff, login)


def system(*, beneficiary: str = "", staff: str = ALL, login: str = ALL) -> TableGuard:
    """Guard of a table of the platform itself."""
    return TableGuard(TableKind.SYSTEM, beneficiary, staff, login)


# Tables of libraries: theirs to name, ours to guard. All are the platform's own (sign-in, sessions, jobs).
THIRD_PARTY_APPS = frozenset({"auth", "contenttypes", "sessions", "account", "mfa", "procrastinate"})


def guard_of(model: type[Model]) -> TableGuard:
    """Return the declared guard of ``model``.

    Raises:
        LookupError: the table is not declared: nobody can tell who may read it.
    """
    declared = getattr(model, "table_guard", None)
    if isinstance(declared, TableGuard):
        return declared
    if model._meta.app_label in THIRD_PARTY_APPS:
        return system()
    raise LookupError(
        f"{model._meta.label} does not say who may read it: add `table_guard = owned() | shared() | system()`."
    )
