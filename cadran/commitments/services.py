"""Change commitments: load what is promised, open a case, add to its log.

Nothing is ever corrected in place: a log, a target and a verdict only grow. Lock order: the subject's row (its own
room takes it), then the case's row, which makes the recordings of one case follow each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec
from django.db import transaction

from cadran.commitments import packs, selectors
from cadran.commitments.events import CaseOpened, FactRecorded, ServiceLevelsLoaded, VerdictDrawn
from cadran.commitments.models import Case, CaseFact, CaseTarget, CaseVerdict, NoteKind, ServiceLevels
from cadran.commitments.rules import ClockState, Commitment, FactKind, IncidentType, Priority, Verdict
from cadran.commitments.selectors import Levels
from cadran.kernel import audit, outbox
from cadran.kernel.calendars import HolidayCalendar, Territory, zone_named
from cadran.kernel.errors import InvalidInput, NotFound
from cadran.kernel.viewer import SYSTEM, Viewer

__all__ = ["NewFact", "NoteKind", "load_service_levels", "open_case", "record_facts", "redraw", "retarget"]


@dataclass(frozen=True, slots=True)
class NewFact:
    """A line to add to the log. ``by`` names the actor when it is not the viewer (a named technician)."""

    kind: FactKind | NoteKind
    happened_at: datetime
    data: Mapping[str, str | int] = field(default_factory=dict)
    by: str = ""


@transaction.atomic
def load_service_levels(*, viewer: Viewer, levels: packs.ServiceLevels, now: datetime) -> ServiceLevels:
    """Put a version of an agreement's service levels in force; the same content is the same row, whenever it returns.

    Running cases keep the version they were opened under.
    """
    digest = hashlib.sha256(msgspec.json.encode(levels, order="deterministic")).hexdigest()
    row, created = ServiceLevels.objects.get_or_create(
        agreement_code=levels.agreement,
        digest=digest,
        defaults={"content": msgspec.to_builtins(levels), "loaded_at": now},
    )
    newest = ServiceLevels.objects.filter(agreement_code=levels.agreement).order_by("-loaded_at", "-id").first()
    if not created and newest == row:
        return row
    ServiceLevels.objects.filter(pk=row.pk).update(loaded_at=now)
    audit.record(
        viewer=viewer,
        action="service_levels.loaded",
        object_type="service_levels",
        object_id=row.pk,
        owner_id=None,
        now=now,
        details={"agreement": levels.agreement, "digest": digest},
    )
    outbox.publish(ServiceLevelsLoaded(levels_id=row.pk, agreement_code=levels.agreement))
    row.refresh_from_db()
    return row


@transaction.atomic
def open_case(
    *,
    viewer: Viewer,
    owner_id: int,
    subject_type: str,
    levels: Levels,
    lot_id: int,
    lot_number: int,
    site_id: int | None,
    service_class: str,
    option_24_7: bool,
    incident_type: IncidentType,
    priority: Priority,
    territory: str,
    zone: str,
    facts: Sequence[NewFact],
    now: datetime,
) -> tuple[Case, dict[str, Verdict]]:
    """Open a case with its first facts; freeze its commitments with their calendars and holidays.

    ``zone`` is the site's, whoever looks. Returns the case and its verdicts at ``now``, by name.
    Raises NoSuchDelay: the agreement promises nothing for that class of service.
    """
    case = Case.objects.create(
        owner_id=owner_id,
        lot_id=lot_id,
        site_id=site_id,
        subject_type=subject_type,
        levels_id=levels.id,
        service_class=service_class,
        option_24_7=option_24_7,
        zone=zone,
        opened_at=now,
    )
    promised = _promised(levels.content, case, lot_number, incident_type, Territory.parse(territory), None)
    CaseTarget.objects.create(
        owner_id=owner_id,
        case=case,
        incident_type=incident_type,
        priority=priority,
        commitments=[commitment.to_dict() for commitment in promised],
        recorded_at=now,
    )
    outbox.publish(CaseOpened(case_id=case.pk, owner_id=owner_id, subject_type=subject_type))
    return case, record_facts(viewer=viewer, case_id=case.pk, facts=facts, now=now)


def _promised(
    levels: packs.ServiceLevels,
    case: Case,
    lot_number: int,
    incident_type: IncidentType,
    territory: Territory,
    holidays: HolidayCalendar | None,
) -> list[Commitment]:
    """The delays of the pack, a restoration also ending the wait for an intervention (docs/rules/incidents.md)."""
    promised = packs.commitments_for(
        levels,
        lot=lot_number,
        service_class=case.service_class,
        incident_type=incident_type,
        option_24_7=case.option_24_7,
        territory=territory,
        zone=zone_named(case.zone),
        holidays=holidays,
    )
    resumes = levels.clock.reopening.value == "resumes"
    return [
        replace(
            commitment,
            stops_on=commitment.stops_on | {FactKind.RESTORED},
            continues_on=frozenset({FactKind.REOPENED}) if resumes else frozenset(),
        )
        if commitment.name == "GTI"
        else commitment
        for commitment in promised
    ]


@transaction.atomic
def record_facts(*, viewer: Viewer, case_id: int, facts: Sequence[NewFact], now: datetime) -> dict[str, Verdict]:
    """Add lines to the log of a visible case and draw its verdicts again; return them by commitment name.

    A verdict is stored only when it says something new; earlier ones stay. Facts may be told late, never early.
    Raises InvalidInput: an instant in the future, a pause without a reason of the contract's list. NotFound.
    """
    case, levels = _lock(viewer, case_id)
    known = list(case.facts.order_by("id"))
    # Two requests read their clocks before they queued for the lock: what is on record never comes from the future.
    recorded_at = max([now, *(fact.recorded_at for fact in known)])
    for fact in facts:
        if fact.happened_at > now:
            raise InvalidInput("Heure du fait", "elle est dans le futur.", "Donnez un instant passé ou présent.")
        row = CaseFact.objects.create(
            owner_id=case.owner_id,
            case=case,
            kind=str(fact.kind),
            happened_at=fact.happened_at,
            recorded_at=recorded_at,
            by=(fact.by or viewer.name)[:160],
            by_user_id=viewer.user_id,
            data=_data(levels.content, fact),
        )
        known.append(row)
        audit.record(
            viewer=viewer,
            action=f"case.{fact.kind}",
            object_type="case",
            object_id=case.pk,
            owner_id=case.owner_id,
            now=now,
            details={"fact": row.pk, "happened_at": fact.happened_at.isoformat()},
        )
        outbox.publish(
            FactRecorded(
                case_id=case.pk,
                owner_id=case.owner_id,
                fact_id=row.pk,
                kind=row.kind,
                happened_at=row.happened_at,
                recorded_at=row.recorded_at,
            )
        )
    return _draw(case, levels.content, known, recorded_at)


def _data(levels: packs.ServiceLevels, fact: NewFact) -> dict[str, str | int]:
    """Complete the data of a pause with the words of its reason; refuse one that the contract does not list."""
    data = dict(fact.data)
    if fact.kind is not FactKind.PAUSED:
        return data
    reason = next((line for line in levels.pauses if line.code == data.get("pause")), None)
    if reason is None:
        codes = ", ".join(line.code for line in levels.pauses)
        raise InvalidInput("Motif de suspension", "il est obligatoire.", f"Choisissez dans la liste : {codes}.")
    return data | {"reason": reason.label}


@transaction.atomic
def retarget(
    *,
    viewer: Viewer,
    case_id: int,
    lot_number: int,
    incident_type: IncidentType,
    priority: Priority,
    reason: str,
    now: datetime,
) -> dict[str, Verdict]:
    """Give a case the delays of another type from now on; return its verdicts.

    The levels, the holidays and the pauses stay those of the case. A clock that was already stopped or missed keeps
    the promise it was judged by: a new target never recomputes the past.
    """
    case, levels = _lock(viewer, case_id)
    targets, facts = list(case.targets.order_by("id")), list(case.facts.order_by("id"))
    at = max([now, *(fact.recorded_at for fact in facts)])
    before = selectors.judge(levels=levels.content, targets=targets, facts=facts, now=at)
    calendar = next(iter(before.values())).commitment.calendar
    promised = _promised(levels.content, case, lot_number, incident_type, calendar.territory, calendar.holidays)
    old = targets[-1]
    CaseTarget.objects.create(
        owner_id=case.owner_id,
        case=case,
        incident_type=incident_type,
        priority=priority,
        commitments=[_kept_or_new(before[new.name], new).to_dict() for new in promised],
        recorded_at=at,
    )
    note = NewFact(
        NoteKind.REQUALIFIED,
        now,
        {
            "from": f"{old.incident_type} {old.priority}",
            "to": f"{incident_type} {priority}",
            "reason": reason,
        },
    )
    return record_facts(viewer=viewer, case_id=case_id, facts=[note], now=now)


def _kept_or_new(before: Verdict, new: Commitment) -> Commitment:
    decided = before.state is ClockState.MISSED or before.stopped_at is not None
    return before.commitment if decided else new


@transaction.atomic
def redraw(*, case_id: int, now: datetime) -> dict[str, Verdict]:
    """Draw the verdicts of a case again because time has passed: a deadline missed with no fact is a verdict too."""
    case, levels = _lock(SYSTEM, case_id)
    known = list(case.facts.order_by("id"))
    return _draw(case, levels.content, known, max([now, *(fact.recorded_at for fact in known)]))


def _lock(viewer: Viewer, case_id: int) -> tuple[Case, Levels]:
    levels = selectors.levels_of_case(viewer=viewer, case_id=case_id)
    case = Case.objects.select_for_update(no_key=True).filter(pk=case_id).first()
    if case is None:
        raise NotFound("Le dossier", case_id)
    return case, levels


def _draw(case: Case, levels: packs.ServiceLevels, facts: Sequence[CaseFact], now: datetime) -> dict[str, Verdict]:
    """Judge the log and store each verdict that differs from the last one stored."""
    targets = list(case.targets.order_by("id"))
    verdicts = selectors.judge(levels=levels, targets=targets, facts=facts, now=now)
    last = {
        row.commitment: row
        for row in CaseVerdict.objects.filter(owner_id=case.owner_id, case=case)
        .order_by("commitment", "-id")
        .distinct("commitment")
    }
    _store(case, selectors.target_at(targets, now), len(facts), _changed(verdicts, last))
    return verdicts


def _changed(verdicts: Mapping[str, Verdict], last: Mapping[str, CaseVerdict]) -> list[Verdict]:
    """While a clock is paused its deadline recedes with time: that alone is not news."""

    def said(state: str, due_at: datetime | None, stopped_at: datetime | None) -> tuple[object, ...]:
        return state, None if state == ClockState.PAUSED else due_at, stopped_at

    return [
        verdict
        for name, verdict in verdicts.items()
        if name not in last
        or said(verdict.state, verdict.due_at, verdict.stopped_at)
        != said(last[name].state, last[name].due_at, last[name].stopped_at)
    ]


def _store(case: Case, target: CaseTarget, facts_count: int, changed: Iterable[Verdict]) -> None:
    for verdict in changed:
        row = CaseVerdict.objects.create(
            owner_id=case.owner_id,
            case=case,
            target=target,
            commitment=verdict.commitment.name,
            drawn_at=verdict.as_of,
            facts_count=facts_count,
            state=verdict.state,
            due_at=verdict.due_at,
            stopped_at=verdict.stopped_at,
            content=verdict.to_dict(),
        )
        outbox.publish(
            VerdictDrawn(
                case_id=case.pk,
                owner_id=case.owner_id,
                verdict_id=row.pk,
                commitment=row.commitment,
                state=row.state,
                due_at=row.due_at,
                stopped_at=row.stopped_at,
            )
        )
