"""The holder's acts on an incident that is not restored yet, and the thread of both parties.

``happened_at`` says when the act took place when it is told afterwards; it defaults to ``now``.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from cadran.commitments import selectors as commitments
from cadran.commitments import services as cases
from cadran.commitments.rules import FactKind
from cadran.commitments.services import NewFact
from cadran.kernel.errors import InvalidInput
from cadran.kernel.viewer import Side, Viewer
from cadran.servicedesk.events import (
    IncidentAcknowledged,
    IncidentCommented,
    IncidentConfirmedInWriting,
    IncidentPaused,
    IncidentRequalified,
    IncidentResumed,
    IncidentTakenInCharge,
    InterventionStarted,
)
from cadran.servicedesk.models import Incident, IncidentMessage
from cadran.servicedesk.rules import Action, State
from cadran.servicedesk.services import common


@transaction.atomic
def acknowledge(*, viewer: Viewer, incident_id: int, now: datetime) -> Incident:
    """Record that a person of the holder's has read the incident; no clock stops on it (agreement's pack)."""
    row = common.begin(viewer, incident_id, Action.ACKNOWLEDGE)
    common.record(viewer, row, [NewFact(FactKind.ACKNOWLEDGED, now)], now)
    row.acknowledged_at = now
    event = IncidentAcknowledged(incident_id=row.pk, owner_id=row.owner_id)
    return common.finish(viewer, row, "acknowledged", now, event)


@transaction.atomic
def confirm_in_writing(
    *, viewer: Viewer, incident_id: int, text: str, happened_at: datetime | None = None, now: datetime
) -> Incident:
    """Record the written confirmation of a phone report (CCTP IoT 6.6): its text joins the thread.

    The clocks keep running from the call: the first information counts.
    """
    row = common.begin(viewer, incident_id, Action.CONFIRM_IN_WRITING)
    at = happened_at or now
    common.check_instant(viewer, row, FactKind.CONFIRMED_IN_WRITING, at, now)
    message = _write(viewer, row, text, now)
    common.record(viewer, row, [NewFact(FactKind.CONFIRMED_IN_WRITING, at, {"message": message.pk})], now)
    row.awaits_writing = False
    event = IncidentConfirmedInWriting(incident_id=row.pk, owner_id=row.owner_id)
    return common.finish(viewer, row, "confirmed_in_writing", now, event)


@transaction.atomic
def take_in_charge(
    *,
    viewer: Viewer,
    incident_id: int,
    person: str = "",
    person_user_id: int | None = None,
    starts_diagnosis: bool = True,
    happened_at: datetime | None = None,
    now: datetime,
) -> Incident:
    """Put a named person in charge, by default the viewer; unless told otherwise that person starts the diagnosis.

    Which of the two facts stops GTI is the agreement's (``clock.gti.stops_on``): by default the diagnosis.
    Raises InvalidInput: nobody is named (an automaton takes nothing in charge).
    """
    row = common.begin(viewer, incident_id, Action.TAKE_IN_CHARGE)
    at = happened_at or now
    common.check_instant(viewer, row, FactKind.TAKEN_IN_CHARGE, at, now)
    name = _named(viewer, person)
    facts = [NewFact(FactKind.TAKEN_IN_CHARGE, at, {"person": name}, by=name)]
    if starts_diagnosis:
        facts.append(NewFact(FactKind.INTERVENTION_STARTED, at, {"person": name, "what": "diagnosis"}, by=name))
    common.record(viewer, row, facts, now)
    row.assignee = name
    row.assignee_user_id = person_user_id if person else viewer.user_id
    row.state = State.IN_PROGRESS
    event = IncidentTakenInCharge(incident_id=row.pk, owner_id=row.owner_id, assignee=name)
    return common.finish(viewer, row, "taken_in_charge", now, event, person=name, diagnosis=starts_diagnosis)


@transaction.atomic
def start_intervention(
    *, viewer: Viewer, incident_id: int, person: str = "", happened_at: datetime | None = None, now: datetime
) -> Incident:
    """Record that a named person, by default the viewer, started to work on the incident."""
    row = common.begin(viewer, incident_id, Action.START_INTERVENTION)
    at = happened_at or now
    common.check_instant(viewer, row, FactKind.INTERVENTION_STARTED, at, now)
    name = _named(viewer, person)
    common.record(viewer, row, [NewFact(FactKind.INTERVENTION_STARTED, at, {"person": name}, by=name)], now)
    if not row.assignee:
        row.assignee = name
        row.assignee_user_id = None if person else viewer.user_id
    row.state = State.IN_PROGRESS
    event = InterventionStarted(incident_id=row.pk, owner_id=row.owner_id, by=name, started_at=at)
    return common.finish(viewer, row, "intervention_started", now, event, person=name)


@transaction.atomic
def pause(
    *,
    viewer: Viewer,
    incident_id: int,
    reason: str,
    proof: str,
    happened_at: datetime | None = None,
    now: datetime,
) -> Incident:
    """Hold the clocks that the reason holds: a code of the contract's list, and its proof, both mandatory.

    Raises InvalidInput: a reason outside the list, no proof, an instant before the last resumption.
    """
    row = common.begin(viewer, incident_id, Action.PAUSE)
    at = happened_at or now
    common.check_instant(viewer, row, FactKind.PAUSED, at, now)
    if not proof.strip():
        raise InvalidInput("Preuve", "elle est obligatoire pour suspendre.", "Décrivez la pièce ou l’échange daté.")
    fact = NewFact(FactKind.PAUSED, at, {"pause": reason, "proof": proof.strip()})
    common.record(viewer, row, [fact], now)
    row.state = State.PAUSED
    event = IncidentPaused(incident_id=row.pk, owner_id=row.owner_id, reason=reason, paused_at=at)
    return common.finish(viewer, row, "paused", now, event, reason=reason)


@transaction.atomic
def resume(*, viewer: Viewer, incident_id: int, happened_at: datetime | None = None, now: datetime) -> Incident:
    """Let every held clock run again. Raises InvalidInput: an instant before the pause."""
    row = common.begin(viewer, incident_id, Action.RESUME)
    at = happened_at or now
    common.check_instant(viewer, row, FactKind.RESUMED, at, now)
    common.record(viewer, row, [NewFact(FactKind.RESUMED, at)], now)
    row.state = common.working_state(row)
    event = IncidentResumed(incident_id=row.pk, owner_id=row.owner_id, resumed_at=at)
    return common.finish(viewer, row, "resumed", now, event)


@transaction.atomic
def requalify(
    *,
    viewer: Viewer,
    incident_id: int,
    criteria: Collection[str] = (),
    incident_type: str | None = None,
    priority: str | None = None,
    reason: str,
    now: datetime,
) -> Incident:
    """Change the type or the priority, with a reason both parties read; clocks still running get a new target.

    Raises InvalidInput: no reason, nothing changed. PriorityRefused: a pair the agreement does not know.
    """
    row = common.begin(viewer, incident_id, Action.REQUALIFY)
    if not reason.strip():
        raise InvalidInput("Motif", "une requalification se justifie.", "Dites ce qui a changé dans les faits.")
    levels = commitments.levels_of_case(viewer=viewer, case_id=row.case_id)
    type_, chosen = commitments.typing_of(
        levels=levels, criteria=criteria, incident_type=incident_type, priority=priority, priority_reason=reason
    )
    if (type_, chosen) == (row.type, row.priority):
        raise InvalidInput("Type et priorité", "ils sont déjà ceux de l’incident.", "Changez l’un des deux.")
    verdicts = cases.retarget(
        viewer=viewer,
        case_id=row.case_id,
        lot_number=row.lot.number,
        incident_type=type_,
        priority=chosen,
        reason=reason.strip(),
        now=now,
    )
    before = f"{row.type} {row.priority}"
    row.type, row.priority, row.criteria, row.priority_reason = type_, chosen, sorted(criteria), reason.strip()
    common.show_clocks(row, verdicts)
    event = IncidentRequalified(incident_id=row.pk, owner_id=row.owner_id, incident_type=type_, priority=chosen)
    return common.finish(viewer, row, "requalified", now, event, before=before, after=f"{type_} {chosen}")


@transaction.atomic
def comment(*, viewer: Viewer, incident_id: int, body: str, now: datetime) -> IncidentMessage:
    """Write in the thread that both parties read. Raises InvalidInput: nothing is written."""
    row = common.begin(viewer, incident_id, Action.COMMENT)
    message = _write(viewer, row, body, now)
    event = IncidentCommented(
        incident_id=row.pk, owner_id=row.owner_id, message_id=message.pk, author_user_id=viewer.user_id
    )
    common.finish(viewer, row, "commented", now, event, message=message.pk)
    return message


def _write(viewer: Viewer, row: Incident, body: str, now: datetime) -> IncidentMessage:
    if not body.strip():
        raise InvalidInput("Message", "il est vide.", "Écrivez-le avant de l’envoyer.")
    return IncidentMessage.objects.create(
        owner_id=row.owner_id,
        incident=row,
        author=viewer.name[:160],
        author_user_id=viewer.user_id,
        body=body.strip(),
        created_at=now,
    )


def _named(viewer: Viewer, person: str) -> str:
    name = person.strip() or (viewer.name if viewer.side is not Side.SYSTEM else "")
    if not name:
        raise InvalidInput("Personne", "un nom est obligatoire.", "Nommez qui commence le diagnostic.")
    return name[:160]
