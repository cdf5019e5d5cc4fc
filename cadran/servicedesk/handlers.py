"""What the service desk does when something happens below it, and whom it tells of its own events.

Each runs once per event in the system's scope. Notifications carry the incident's id in their key: a repetition of an
event tells nobody twice.
"""

from __future__ import annotations

from datetime import datetime

from cadran.inventory import selectors as inventory
from cadran.kernel.outbox import on
from cadran.kernel.viewer import SYSTEM
from cadran.messaging import services as messaging
from cadran.servicedesk import selectors, services
from cadran.servicedesk.events import (
    AlarmUnplaced,
    DeadlineMissed,
    IncidentClosed,
    IncidentCommented,
    IncidentDeclared,
    IncidentReopened,
    IncidentRequalified,
    IncidentRestored,
    RestorationRefused,
)
from cadran.servicedesk.models import Incident
from cadran.telemetry import selectors as telemetry
from cadran.telemetry.events import AlarmCleared, AlarmRaised

HANDLE, READ, CONFIRM = "incident.handle", "incident.read", "incident.confirm"


@on(AlarmRaised)
def on_alarm_raised(event: AlarmRaised, *, now: datetime) -> None:
    """A service alarm opens its incident, or joins the one already open."""
    if event.kind == "service":
        services.take_alarm(alarm=telemetry.alarm(viewer=SYSTEM, alarm_id=event.alarm_id), now=now)


@on(AlarmCleared)
def on_alarm_cleared(event: AlarmCleared, *, now: datetime) -> None:
    """The end of a service alarm restores its incident, if the agreement takes a measurement as proof."""
    if event.kind == "service":
        services.end_alarm(alarm=telemetry.alarm(viewer=SYSTEM, alarm_id=event.alarm_id), now=now)


@on(AlarmUnplaced)
def on_alarm_unplaced(event: AlarmUnplaced, *, now: datetime) -> None:
    """Nobody's clock runs for that alarm: the holder's people must look."""
    alarm = telemetry.alarm(viewer=SYSTEM, alarm_id=event.alarm_id)
    messaging.notify(
        owner_id=event.owner_id,
        user_ids=_who_served(event, now),
        origin_key=f"alarm:{event.alarm_id}:unplaced",
        title=f"Alarme sans service : {alarm.title}",
        body=f"{alarm.site.name} n’a aucun service en cours que cette alarme concerne : aucun incident n’est ouvert.",
        path=f"/alarmes/{event.alarm_id}/",
        now=now,
    )


@on(IncidentDeclared)
def on_incident_declared(event: IncidentDeclared, *, now: datetime) -> None:
    """Both parties know: the holder must act, the beneficiary sees that it is known."""
    row = _row(event.incident_id)
    title = f"{row.number} : incident {row.type} {row.priority}, {row.title}"
    _tell(row, "declared", title, _staff(row, now) + _beneficiary(row, READ, now), now, mail=True)


@on(IncidentRestored)
def on_incident_restored(event: IncidentRestored, *, now: datetime) -> None:
    """The beneficiary is told, and asked to confirm when the holder's word is not enough."""
    row = _row(event.incident_id)
    mark = f"restored:{event.restored_at.isoformat()}"
    if event.confirmation == "awaited":
        title = f"{row.number} : confirmez le rétablissement"
        _tell(row, mark, title, _beneficiary(row, CONFIRM, now), now)
    else:
        _tell(row, mark, f"{row.number} : service rétabli", _beneficiary(row, READ, now), now)


@on(RestorationRefused)
def on_restoration_refused(event: RestorationRefused, *, now: datetime) -> None:
    """The holder must know that the clocks run."""
    row = _row(event.incident_id)
    _tell(row, f"refused:{now.isoformat()}", f"{row.number} : rétablissement refusé", _staff(row, now), now)


@on(IncidentReopened)
def on_incident_reopened(event: IncidentReopened, *, now: datetime) -> None:
    """Both parties know that it broke again."""
    row = _row(event.incident_id)
    people = _staff(row, now) + _beneficiary(row, READ, now)
    _tell(row, f"reopened:{event.reopened_at.isoformat()}", f"{row.number} : incident rouvert", people, now)


@on(IncidentRequalified)
def on_incident_requalified(event: IncidentRequalified, *, now: datetime) -> None:
    """A requalification is notified to the beneficiary, with its reason on the page."""
    row = _row(event.incident_id)
    title = f"{row.number} : requalifié en {event.incident_type} {event.priority}"
    mark = f"requalified:{now.isoformat()}"  # it may come back to a type it had: each time is news
    _tell(row, mark, title, _beneficiary(row, READ, now), now)


@on(IncidentCommented)
def on_incident_commented(event: IncidentCommented, *, now: datetime) -> None:
    """Whoever follows the incident on either side reads the message, its author excepted."""
    row = _row(event.incident_id)
    people = [one for one in _staff(row, now) + _beneficiary(row, READ, now) if one != event.author_user_id]
    _tell(row, f"message:{event.message_id}", f"{row.number} : nouveau message", people, now)


@on(DeadlineMissed)
def on_deadline_missed(event: DeadlineMissed, *, now: datetime) -> None:
    """The holder knows that a deadline has passed."""
    row = _row(event.incident_id)
    mark = f"missed:{event.commitment}:{event.due_at.isoformat()}"
    _tell(row, mark, f"{row.number} : {event.commitment} dépassée", _staff(row, now), now, mail=True)


@on(IncidentClosed)
def on_incident_closed(event: IncidentClosed, *, now: datetime) -> None:
    """The beneficiary knows that it is over."""
    row = _row(event.incident_id)
    mark = f"closed:{event.closed_at.isoformat()}"
    _tell(row, mark, f"{row.number} : incident clos", _beneficiary(row, READ, now), now)


def _who_served(event: AlarmUnplaced, now: datetime) -> list[int]:
    """The holder's people that no lot limits, and those of the lots under which the site, or its owner, was served."""
    served = inventory.services(viewer=SYSTEM).filter(owner_id=event.owner_id).order_by()
    lots = set(served.filter(site_id=event.site_id).values_list("lot_id", flat=True))
    people: set[int] = set()
    for lot_id in [None, *(lots or set(served.values_list("lot_id", flat=True)))]:
        people |= set(
            selectors.staff_people(
                owner_id=event.owner_id, lot_id=lot_id, site_id=event.site_id, capability=HANDLE, now=now
            )
        )
    return sorted(people)


def _row(incident_id: int) -> Incident:
    return selectors.incident(viewer=SYSTEM, reference=incident_id)


def _staff(row: Incident, now: datetime) -> list[int]:
    return selectors.staff_people(
        owner_id=row.owner_id, lot_id=row.lot_id, site_id=row.site_id, capability=HANDLE, now=now
    )


def _beneficiary(row: Incident, capability: str, now: datetime) -> list[int]:
    return selectors.beneficiary_people(
        owner_id=row.owner_id, lot_id=row.lot_id, site_id=row.site_id, capability=capability, now=now
    )


def _tell(row: Incident, mark: str, title: str, people: list[int], now: datetime, *, mail: bool = False) -> None:
    messaging.notify(
        owner_id=row.owner_id,
        user_ids=people,
        mail_to=selectors.addresses_of(user_ids=people) if mail else (),
        origin_key=f"incident:{row.pk}:{mark}",
        title=title,
        body=f"{row.service.name}, {row.site.name}",
        path=f"/incidents/{row.pk}/",
        now=now,
    )
