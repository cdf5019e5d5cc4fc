"""The accessibility declaration, made from the last audit's own figures."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

import msgspec
from django.utils.translation import gettext as _

AUDIT = Path(__file__).with_name("accessibility_audit.json")


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked, when, by what, and what was found."""

    audited_on: date
    version: str
    reference: str  # "RGAA 4.1.2"
    criteria: int  # of the reference
    checked_by_tools: int  # criteria the tools cover
    pages: int
    errors: int
    tools: tuple[str, ...]
    not_yet_checked: str


@lru_cache(maxsize=1)
def last_audit() -> Audit:
    """Return the last audit recorded with this version."""
    return msgspec.json.decode(AUDIT.read_bytes(), type=Audit)


def sentence() -> str:
    """Return the mention every page carries.

    Without a whole audit of the criteria by hand nothing better than "not conformant" may be claimed (RGAA 4.1.2,
    "obligations", art. 5 of decree 2019-768), however many errors the tools find.
    """
    return _("Accessibilité : non conforme")
