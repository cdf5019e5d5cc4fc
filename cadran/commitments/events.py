"""What happened to the commitments of a case."""

from __future__ import annotations

from datetime import datetime

from cadran.kernel.events import Event


class ServiceLevelsLoaded(Event, frozen=True):
    """A version of an agreement's service levels is in force for the cases opened from now on."""

    levels_id: int
    agreement_code: str


class CaseOpened(Event, frozen=True):
    """A subject is under contract clocks."""

    case_id: int
    owner_id: int
    subject_type: str


class FactRecorded(Event, frozen=True):
    """A line was added to the log of a case."""

    case_id: int
    owner_id: int
    fact_id: int
    kind: str
    happened_at: datetime
    recorded_at: datetime


class VerdictDrawn(Event, frozen=True):
    """What a log says of one commitment changed."""

    case_id: int
    owner_id: int
    verdict_id: int
    commitment: str
    state: str
    due_at: datetime | None = None
    stopped_at: datetime | None = None
