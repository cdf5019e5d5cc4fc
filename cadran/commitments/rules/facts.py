"""The fact log of a case: what happened, when it happened and when it was written down."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class FactKind(StrEnum):
    """What can happen to a case. The log only grows: a mistake is corrected by a further fact."""

    INFORMED = "informed"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED_IN_WRITING = "confirmed_in_writing"
    QUALIFIED = "qualified"
    TAKEN_IN_CHARGE = "taken_in_charge"
    INTERVENTION_STARTED = "intervention_started"
    PAUSED = "paused"
    RESUMED = "resumed"
    RESTORED = "restored"
    REOPENED = "reopened"
    CLOSED = "closed"


def utc(moment: datetime, what: str) -> datetime:
    """Return ``moment`` in UTC; ValueError, naming ``what``, without an offset.

    Two datetimes of one zone compare by wall clock, and 02:30 happens twice on the last Sunday of October: every
    comparison of this room is made in UTC.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"{what} {moment.isoformat()} sans décalage horaire. Ajoutez-le, par exemple +02:00 ou Z.")
    return moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the log; both instants are kept in UTC.

    ``recorded_at`` is later than ``happened_at`` when the line was written down late. ``by`` names the actor.
    ``data`` of a pause or a resumption may carry ``pause`` (which hold it opens or ends) and ``reason`` (French).
    """

    kind: FactKind
    happened_at: datetime
    recorded_at: datetime
    by: str = ""
    data: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "happened_at", utc(self.happened_at, f"Fait « {self.kind} »"))
        object.__setattr__(self, "recorded_at", utc(self.recorded_at, f"Enregistrement du fait « {self.kind} »"))


def known_at(facts: Iterable[Fact], now: datetime) -> list[Fact]:
    """Return the facts that had happened and were on record at ``now``, in the order in which they happened.

    This is what keeps a past verdict: recomputed for its own ``now``, it never sees a line written later. Facts of
    the same instant keep the order of their recording, then of the log.
    """
    known = [fact for fact in facts if fact.recorded_at <= now and fact.happened_at <= now]
    return sorted(known, key=lambda fact: (fact.happened_at, fact.recorded_at))
