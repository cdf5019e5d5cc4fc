"""Enter a viewer's database role for one transaction.

The login role of the application has no right on beneficiaries' tables: code that forgets ``scoped`` is refused by
PostgreSQL instead of seeing everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection, transaction

from cadran.kernel.viewer import SYSTEM, Side, Viewer

ROLE_OF_SIDE = {
    Side.BENEFICIARY: "cadran_beneficiary",
    Side.STAFF: "cadran_staff",
    Side.SYSTEM: "cadran_staff",
}

_current: ContextVar[Viewer | None] = ContextVar("cadran_scope", default=None)


def current() -> Viewer | None:
    """Return the viewer whose role the current transaction has, if any."""
    return _current.get()


def _enter(viewer: Viewer | None) -> None:
    role = "NONE" if viewer is None or viewer.side is Side.NOBODY else ROLE_OF_SIDE[viewer.side]
    scope = "{" + ",".join(str(owner) for owner in viewer.scope) + "}" if viewer else "{}"
    with connection.cursor() as cursor:
        # One round trip: the role is a constant of this file, the scope a list of integers.
        cursor.execute(f"SET LOCAL ROLE {role}; SET LOCAL cadran.scope = '{scope}'")


@contextmanager
def scoped(viewer: Viewer) -> Iterator[None]:
    """Run the block in one transaction that sees what ``viewer`` may see (one query to enter)."""
    outer = _current.get()
    nested = connection.in_atomic_block
    with transaction.atomic():
        _enter(viewer)
        token = _current.set(viewer)
        try:
            yield
        finally:
            _current.reset(token)
        if nested:
            _enter(outer)


@contextmanager
def as_system() -> Iterator[None]:
    """Run a few statements of a verb with the platform's own rights, then return to the caller's."""
    with scoped(SYSTEM):
        yield
