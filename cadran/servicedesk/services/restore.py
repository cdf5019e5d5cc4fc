"""The end of an incident: restored, confirmed or refused, reopened, closed."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from cadran.commitments import selectors as commitments
from cadran.commitments.rules import FactKind
from cadran.commitments.services import NewFact, NoteKind
from cadran.kernel.errors import InvalidInput
from cadran.kernel.viewer import Viewer
from cadran.servicedesk.events import (
    IncidentClosed,
    IncidentReopened,
    IncidentRestored,
    RestorationConfirmed,
    RestorationRefused,
)
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import Action, Confirmation, State
from cadran.servicedesk.services import common


@transaction.atomic
def restore(
    *,
    viewer: Viewer,
    incident_id: int,
    workaround: bool = False,
    measured: bool = False,
    happened_at: datetime | None = None,
    now: datetime,
) -> Incident:
    """Record that the service is back since ``happened_at``; ``measured``: a measurement says so.

    The clocks stop at that instant. When the agreement does not take the holder's word alone, they stop subject to a
    confirmation: a refusal strikes the restoration out, as if the clocks had never stopped.
    Raises InvalidInput: a workaround that the agreement does not count, an instant before the last reopening.
    """
    row = common.begin(viewer, incident_id, Action.RESTORE)
    at = happened_at or now
    common.check_instant(viewer, row, FactKind.RESTORED, at, now)
    gtr = commitments.levels_of_case(viewer=viewer, case_id=row.case_id).content.clock.gtr
    if workaround and not gtr.workaround_counts.value:
        raise InvalidInput(
            "Contournement",
            "cet accord-cadre ne le compte pas comme un rétablissement.",
            "Décrivez-le dans le fil et poursuivez l’intervention.",
        )
    row.confirmation = _confirmation(gtr.confirmed_by.value, measured)
    data = {"workaround": "yes" if workaround else "no", "confirmation": str(row.confirmation)}
    facts = [NewFact(FactKind.RESTORED, at, data)]
    if row.state == State.PAUSED:
        facts.insert(0, _end_of_pause(viewer, row, at))
    common.record(viewer, row, facts, now)
    row.state, row.restored_at, row.workaround = State.RESTORED, at, workaround
    event = IncidentRestored(
        incident_id=row.pk,
        owner_id=row.owner_id,
        restored_at=at,
        confirmation=row.confirmation,
        workaround=workaround,
    )
    return common.finish(viewer, row, "restored", now, event, confirmation=row.confirmation, workaround=workaround)


def _confirmation(accepted: tuple[str, ...], measured: bool) -> Confirmation:
    if measured and "measurement" in accepted:
        return Confirmation.MEASUREMENT
    return Confirmation.HOLDER if "holder" in accepted else Confirmation.AWAITED


def _end_of_pause(viewer: Viewer, row: Incident, at: datetime) -> NewFact:
    """Whoever says the service is back says that nothing is waited for any more, should this be refused later."""
    log = commitments.facts_of(viewer=viewer, case_id=row.case_id)
    paused_at = max(fact.happened_at for fact in log if fact.kind == FactKind.PAUSED)
    return NewFact(FactKind.RESUMED, max(at, paused_at))


@transaction.atomic
def confirm_restored(*, viewer: Viewer, incident_id: int, measured: bool = False, now: datetime) -> Incident:
    """Agree that the service is back since the instant the holder gave: the beneficiary's word, or a measurement."""
    row = common.begin(viewer, incident_id, Action.CONFIRM_RESTORED)
    row.confirmation = Confirmation.MEASUREMENT if measured else Confirmation.BENEFICIARY
    note = NewFact(NoteKind.RESTORATION_CONFIRMED, now, {"confirmation": str(row.confirmation)})
    common.record(viewer, row, [note], now)
    event = RestorationConfirmed(incident_id=row.pk, owner_id=row.owner_id, confirmation=row.confirmation)
    return common.finish(viewer, row, "restoration_confirmed", now, event, confirmation=row.confirmation)


@transaction.atomic
def refuse_restoration(*, viewer: Viewer, incident_id: int, reason: str, now: datetime) -> Incident:
    """Say that the service never came back: the clocks run as if they had not stopped.

    Both verdicts are kept, the one that believed the holder and the one drawn now. Raises InvalidInput: no reason.
    """
    row = common.begin(viewer, incident_id, Action.REFUSE_RESTORATION)
    if not reason.strip():
        raise InvalidInput("Motif", "il est vide.", "Dites ce qui ne fonctionne toujours pas.")
    log = commitments.facts_of(viewer=viewer, case_id=row.case_id)
    restored = max((fact for fact in log if fact.kind == FactKind.RESTORED), key=lambda fact: fact.pk)
    note = NewFact(NoteKind.RESTORATION_REFUSED, now, {"fact": restored.pk, "reason": reason.strip()})
    common.record(viewer, row, [note], now)
    _not_restored(row)
    event = RestorationRefused(incident_id=row.pk, owner_id=row.owner_id)
    return common.finish(viewer, row, "restoration_refused", now, event, reason=reason.strip())


@transaction.atomic
def reopen(
    *,
    viewer: Viewer,
    incident_id: int,
    reason: str,
    alarm_id: int | None = None,
    happened_at: datetime | None = None,
    now: datetime,
) -> Incident:
    """Say that it broke again: the clocks go on with what is left, the time in between does not count.

    ``alarm_id``: the new alarm of the same origin. Raises InvalidInput: no reason, an instant before the restoration.
    """
    row = common.begin(viewer, incident_id, Action.REOPEN)
    if not reason.strip():
        raise InvalidInput("Motif", "il est vide.", "Dites ce qui ne fonctionne plus.")
    at = happened_at or now
    common.check_instant(viewer, row, FactKind.REOPENED, at, now)
    common.record(viewer, row, [NewFact(FactKind.REOPENED, at, {"reason": reason.strip()})], now)
    _not_restored(row)
    row.alarm_id = alarm_id or row.alarm_id
    event = IncidentReopened(incident_id=row.pk, owner_id=row.owner_id, reopened_at=at)
    return common.finish(viewer, row, "reopened", now, event, reason=reason.strip())


def _not_restored(row: Incident) -> None:
    row.state = common.working_state(row)
    row.restored_at, row.closed_at = None, None
    row.confirmation, row.workaround = Confirmation.NONE, False


@transaction.atomic
def close(*, viewer: Viewer, incident_id: int, now: datetime) -> Incident:
    """Close a restored incident, once the restoration is confirmed as the agreement asks."""
    row = common.begin(viewer, incident_id, Action.CLOSE)
    common.record(viewer, row, [NewFact(FactKind.CLOSED, now)], now)
    row.state, row.closed_at = State.CLOSED, now
    event = IncidentClosed(incident_id=row.pk, owner_id=row.owner_id, closed_at=now)
    return common.finish(viewer, row, "closed", now, event)
