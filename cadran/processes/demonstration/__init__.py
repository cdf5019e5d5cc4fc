"""The demonstration territory: fictional bodies, people, devices, six months of measurements, incidents and alarms.

Everything is written by the rooms' own services where a person would have done it, in bulk where there are thousands.
What this module needs of Django is imported when it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cadran.processes.demonstration.cast import BODIES, FIRMS, PEOPLE, TOTP_SEED

__all__ = ["TOTP_SEED", "Login", "load", "logins"]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Login:
    """Who may sign in to the demonstration, and what is worth seeing there."""

    persona: str
    email: str
    password: str
    look_at: str


def load(progress: Progress, *, now: datetime) -> None:
    """Write the demonstration, or what is missing of it; then what was measured since the last time.

    Safe to run again and after an interruption: each part commits with a mark, and is never done twice. Refused by an
    installation that is not a demonstration (``CADRAN_DEMO``).
    """
    from cadran.processes.demonstration.loading import load_all

    load_all(progress, now=now)


def logins() -> list[Login]:
    """Return the personas, beneficiaries first; the password is the same for all and public."""
    from cadran.parties.rules import DEMONSTRATION_PASSWORD, ROLES

    names = {one.key: one.name for one in (*BODIES, *FIRMS)}
    found = []
    for person in PEOPLE:
        whose = names.get(person.body or person.firm, "")
        persona = f"{ROLES[person.role].label}{', ' if whose else ''}{whose}"
        found.append(Login(persona, person.email, DEMONSTRATION_PASSWORD, person.look_at))
    return found
