"""What every verb on an incident does before and after its own part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cadran.commitments import selectors as commitments
from cadran.commitments import services as cases
from cadran.commitments.rules import ClockState, FactKind, IncidentType, Verdict
from cadran.commitments.services import NewFact
from cadran.inventory import selectors as inventory
from cadran.inventory import services as inventory_services
from cadran.kernel import audit, live, outbox
from cadran.kernel.errors import NotAllowed, NotFound
from cadran.kernel.events import Event
from cadran.kernel.scope import as_system
from cadran.kernel.viewer import SYSTEM, Viewer
from cadran.servicedesk import rules, selectors
from cadran.servicedesk.events import DeadlineMissed
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import Action, State

NOT_RESTORED = (State.OPEN, State.IN_PROGRESS, State.PAUSED)
SERVICE_STATES = ((IncidentType.BLOCKING, "down"), (IncidentType.MAJOR, "degraded"))  # worst first
ENDED = "ended"
CHANGED_BY_VERBS = (
    *("type", "criteria", "priority", "priority_reason", "state", "awaits_writing", "alarm"),
    *("acknowledged_at", "assignee", "assignee_user_id", "restored_at", "confirmation", "workaround", "closed_at"),
    *("gti_due_at", "gti_state", "gtr_due_at", "gtr_state"),
)


def locked(viewer: Viewer, incident_id: int) -> Incident:
    """Lock a visible incident and return it as it is now; NotFound when absent or another's."""
    selectors.incident(viewer=viewer, reference=incident_id)
    row: Incident | None = (
        Incident.objects.select_for_update(of=("self",), no_key=True)
        .select_related("lot", "site")
        .filter(pk=incident_id)
        .first()
    )
    if row is None:
        raise NotFound("L’incident", incident_id)
    return row


def begin(viewer: Viewer, incident_id: int, action: Action) -> Incident:
    """Lock the incident, check the viewer's right then the incident's state.

    Raises NotFound, NotAllowed, ActionRefused.
    """
    row = locked(viewer, incident_id)
    wanted = rules.ALLOWED[action][1]
    if not any(viewer.may(one, owner_id=row.owner_id, lot_id=row.lot_id, site_id=row.site_id) for one in wanted):
        raise NotAllowed(capability=wanted[0])
    rules.check(action, selectors.situation_of(row))
    return row


def check_instant(viewer: Viewer, row: Incident, kind: FactKind, at: datetime, now: datetime) -> None:
    """Refuse an instant at which a fact of that kind would mean nothing in the incident's log."""
    log = [(fact.kind, fact.happened_at) for fact in commitments.facts_of(viewer=viewer, case_id=row.case_id)]
    rules.check_instant(kind, at, informed_at=row.informed_at, facts=log, now=now)


def record(viewer: Viewer, row: Incident, facts: Sequence[NewFact], now: datetime) -> None:
    """Add facts to the incident's case and show its clocks on the row."""
    show_clocks(row, cases.record_facts(viewer=viewer, case_id=row.case_id, facts=facts, now=now))


def show_clocks(row: Incident, verdicts: Mapping[str, Verdict]) -> None:
    """Copy the verdicts on the row, for lists; say once that a deadline is missed."""
    for name in ("gti", "gtr"):
        verdict = verdicts[name.upper()]
        missed = verdict.state is ClockState.MISSED
        if missed and getattr(row, f"{name}_state") != ClockState.MISSED and verdict.due_at is not None:
            outbox.publish(
                DeadlineMissed(
                    incident_id=row.pk, owner_id=row.owner_id, commitment=name.upper(), due_at=verdict.due_at
                )
            )
        waits = verdict.state in (ClockState.RUNNING, ClockState.MISSED)
        setattr(row, f"{name}_state", str(verdict.state))
        setattr(row, f"{name}_due_at", verdict.due_at if waits else None)


def finish(viewer: Viewer, row: Incident, action: str, now: datetime, event: Event, **details: object) -> Incident:
    """Save the row, leave an audit line, publish the event and wake the open pages."""
    row.save(update_fields=CHANGED_BY_VERBS)
    audit.record(
        viewer=viewer,
        action=f"incident.{action}",
        object_type="incident",
        object_id=row.pk,
        owner_id=row.owner_id,
        now=now,
        details={"number": row.number, **details},
    )
    outbox.publish(event)
    live.touch("incident", row.pk, row.owner_id)
    _show_service(row, now)
    return row


def _show_service(row: Incident, now: datetime) -> None:
    """Let the state of the service say what its unrestored incidents say (CCTP IoT 6.6: loss, degradation, defect).

    A minor incident is a "défaut sans altération du service": the service runs. Lock order: incident, then service.
    """
    with as_system():
        if inventory.service(viewer=SYSTEM, service_id=row.service_id).state == ENDED:
            return
        open_types = set(
            Incident.objects.filter(service_id=row.service_id, state__in=NOT_RESTORED).values_list("type", flat=True)
        )
        state = next((state for type_, state in SERVICE_STATES if type_ in open_types), "running")
        inventory_services.change_service_state(viewer=SYSTEM, service_id=row.service_id, state=state, now=now)


def working_state(row: Incident) -> State:
    """Return the state of an incident that neither waits nor is restored."""
    return State.IN_PROGRESS if row.assignee else State.OPEN
