"""What happened to incidents."""

from __future__ import annotations

from datetime import datetime

from cadran.kernel.events import Event


class IncidentDeclared(Event, frozen=True):
    """An incident is open and its clocks run from ``informed_at``."""

    incident_id: int
    owner_id: int
    number: str
    service_id: int
    site_id: int
    lot_id: int
    incident_type: str
    priority: str
    channel: str
    informed_at: datetime
    alarm_id: int | None = None


class IncidentAcknowledged(Event, frozen=True):
    """A person of the holder's acknowledged the incident."""

    incident_id: int
    owner_id: int


class IncidentConfirmedInWriting(Event, frozen=True):
    """The written confirmation of a phone report arrived."""

    incident_id: int
    owner_id: int


class IncidentTakenInCharge(Event, frozen=True):
    """A named person is in charge."""

    incident_id: int
    owner_id: int
    assignee: str


class InterventionStarted(Event, frozen=True):
    """A named person started the diagnosis or the work."""

    incident_id: int
    owner_id: int
    by: str
    started_at: datetime


class IncidentPaused(Event, frozen=True):
    """The incident waits, for a reason of the contract's list."""

    incident_id: int
    owner_id: int
    reason: str
    paused_at: datetime


class IncidentResumed(Event, frozen=True):
    """The incident waits no more."""

    incident_id: int
    owner_id: int
    resumed_at: datetime


class IncidentRestored(Event, frozen=True):
    """The service is back; ``confirmation`` says according to whom (``awaited``: nobody but the holder yet)."""

    incident_id: int
    owner_id: int
    restored_at: datetime
    confirmation: str
    workaround: bool


class RestorationConfirmed(Event, frozen=True):
    """The beneficiary, or a measurement, agrees that the service is back."""

    incident_id: int
    owner_id: int
    confirmation: str


class RestorationRefused(Event, frozen=True):
    """The beneficiary says that the service never came back: the clocks had not stopped."""

    incident_id: int
    owner_id: int


class IncidentReopened(Event, frozen=True):
    """It broke again; the clocks go on with what is left."""

    incident_id: int
    owner_id: int
    reopened_at: datetime


class IncidentRequalified(Event, frozen=True):
    """Type or priority changed; the clocks still running have a new target."""

    incident_id: int
    owner_id: int
    incident_type: str
    priority: str


class IncidentCommented(Event, frozen=True):
    """Somebody wrote in the thread."""

    incident_id: int
    owner_id: int
    message_id: int
    author_user_id: int | None = None


class IncidentClosed(Event, frozen=True):
    """The incident is over."""

    incident_id: int
    owner_id: int
    closed_at: datetime


class DeadlineMissed(Event, frozen=True):
    """A commitment of an incident passed its deadline."""

    incident_id: int
    owner_id: int
    commitment: str
    due_at: datetime


class AlarmUnplaced(Event, frozen=True):
    """A service alarm concerns no running service: nobody's clock runs, a person must look."""

    alarm_id: int
    owner_id: int
    site_id: int
    code: str
