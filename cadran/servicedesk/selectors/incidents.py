"""Incidents a viewer may see, their clocks and what waits for that person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q, QuerySet

from cadran.commitments import selectors as commitments
from cadran.commitments.rules import ClockState, Verdict
from cadran.kernel.errors import NotFound
from cadran.kernel.querysets import visible
from cadran.kernel.viewer import Viewer
from cadran.servicedesk import rules
from cadran.servicedesk.models import Incident, IncidentMessage
from cadran.servicedesk.rules import Action, Confirmation, Situation, State

if TYPE_CHECKING:
    from cadran.commitments.models import CaseFact

READ = "incident.read"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFilter:
    """What a list is narrowed to; an empty field narrows nothing. ``text`` is looked for in number and title."""

    states: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    owner_id: int | None = None
    site_id: int | None = None
    service_id: int | None = None
    equipment_id: int | None = None
    assignee_user_id: int | None = None
    text: str = ""


def incidents(*, viewer: Viewer, filters: IncidentFilter | None = None) -> QuerySet[Incident]:
    """Return the visible incidents with owner, site, service and lot, last informed first (one query)."""
    rows = visible(Incident.objects.all(), viewer, capability=READ, lot="lot_id", site="site_id")
    if filters is not None:
        rows = rows.filter(_condition(filters))
    return rows.select_related("owner", "site", "service", "lot__agreement").order_by("-informed_at", "-id")


def _condition(filters: IncidentFilter) -> Q:
    condition = Q()
    for lookup, values in (
        ("state__in", filters.states),
        ("type__in", filters.types),
        ("priority__in", filters.priorities),
        ("owner_id", filters.owner_id),
        ("site_id", filters.site_id),
        ("service_id", filters.service_id),
        ("equipment_id", filters.equipment_id),
        ("assignee_user_id", filters.assignee_user_id),
    ):
        if values:
            condition &= Q(**{lookup: values})
    text = filters.text.strip()
    if text:
        condition &= Q(number__icontains=text) | Q(title__icontains=text)
    return condition


def incident(*, viewer: Viewer, reference: int | str) -> Incident:
    """Return one visible incident by id or by number (one query).

    A number is unique per holder: with several holders the most recent incident answers. NotFound: absent or another's.
    """
    wanted = Q(pk=reference) if isinstance(reference, int) else Q(number=reference)
    found = incidents(viewer=viewer).filter(wanted).first()
    if found is None:
        raise NotFound("L’incident", reference)
    return found


def incidents_at_risk(*, viewer: Viewer, now: datetime, within: timedelta) -> QuerySet[Incident]:
    """Return the incidents not restored whose GTR is missed, or a clock due before ``now + within`` (one query).

    Most urgent first. A paused clock has no deadline: it is not at risk until it resumes.
    """
    soon = now + within
    return (
        incidents(viewer=viewer)
        .exclude(state__in=[State.RESTORED, State.CLOSED])
        .filter(
            Q(gtr_state=ClockState.RUNNING, gtr_due_at__lt=soon)
            | Q(gti_state=ClockState.RUNNING, gti_due_at__lt=soon)
            | Q(gtr_state=ClockState.MISSED)
        )
        .order_by("gtr_due_at", "id")
    )


def incidents_to_redraw(*, now: datetime, most: int = 500) -> list[int]:
    """Return the ids of the incidents whose deadline passed since their clocks were drawn (one query, system scope)."""
    passed = Q(gti_state=ClockState.RUNNING, gti_due_at__lte=now) | Q(gtr_state=ClockState.RUNNING, gtr_due_at__lte=now)
    rows = Incident.objects.exclude(state=State.CLOSED).filter(passed).order_by("gtr_due_at", "id")
    return list(rows.values_list("pk", flat=True)[:most])


def clocks_of(*, viewer: Viewer, rows: Iterable[Incident], now: datetime) -> dict[int, dict[str, Verdict]]:
    """Return the clocks at ``now`` of incidents already read, by incident id then name (three queries in all)."""
    cases = {row.case_id: row.pk for row in rows}
    verdicts = commitments.verdicts_of_cases(viewer=viewer, case_ids=cases, now=now)
    return {cases[case_id]: clocks for case_id, clocks in verdicts.items()}


def why(*, viewer: Viewer, incident_id: int, commitment: str, now: datetime) -> commitments.Explanation:
    """Return what « Pourquoi ? » shows of GTI or GTR (four queries). NotFound: another's incident, no such clock."""
    found = incident(viewer=viewer, reference=incident_id)
    return commitments.explain(viewer=viewer, case_id=found.case_id, commitment=commitment, now=now)


def history_of(*, viewer: Viewer, incident_id: int) -> list[CaseFact]:
    """Return the log of a visible incident in the order in which things happened (three queries)."""
    found = incident(viewer=viewer, reference=incident_id)
    return commitments.facts_of(viewer=viewer, case_id=found.case_id)


def messages_of(*, viewer: Viewer, incident_id: int) -> QuerySet[IncidentMessage]:
    """Return the thread of a visible incident, oldest first (two queries)."""
    found = incident(viewer=viewer, reference=incident_id)
    return IncidentMessage.objects.filter(owner_id=found.owner_id, incident=found).order_by("created_at", "id")


def situation_of(row: Incident) -> Situation:
    """Return what decides which acts are possible on an incident already read (no query)."""
    return Situation(
        number=row.number,
        state=State(row.state),
        confirmation=Confirmation(row.confirmation),
        awaits_writing=row.awaits_writing,
        acknowledged_by_person=row.acknowledged_at is not None,
    )


def what_next(*, viewer: Viewer, row: Incident) -> tuple[Action, ...]:
    """Return the acts open to the viewer on an incident already read (no query)."""

    def may(capability: str) -> bool:
        return viewer.may(capability, owner_id=row.owner_id, lot_id=row.lot_id, site_id=row.site_id)

    return rules.what_next(situation_of(row), may)


@dataclass(frozen=True, slots=True)
class Needs:
    """How many visible incidents wait for whom; counts overlap."""

    running: int  # not restored yet
    to_take: int  # nobody is in charge
    mine: int  # the viewer is in charge
    due_soon: int
    missed: int
    paused: int
    to_confirm: int  # restored according to the holder alone
    to_write: int  # phone reports not confirmed in writing


def needs(*, viewer: Viewer, now: datetime, within: timedelta) -> Needs:
    """Count what waits, for « À faire pour vous » (one query)."""
    not_restored = Q(state__in=[State.OPEN, State.IN_PROGRESS, State.PAUSED])
    running = Q(gtr_state=ClockState.RUNNING) | Q(gti_state=ClockState.RUNNING)
    late = (
        Q(gtr_state=ClockState.MISSED)
        | Q(gti_state=ClockState.MISSED)
        | Q(gtr_state=ClockState.RUNNING, gtr_due_at__lte=now)
        | Q(gti_state=ClockState.RUNNING, gti_due_at__lte=now)
    )
    soon = running & (Q(gtr_due_at__lt=now + within) | Q(gti_due_at__lt=now + within))
    row = (
        incidents(viewer=viewer)
        .order_by()
        .exclude(state=State.CLOSED)
        .aggregate(
            running=Count("id", filter=not_restored),
            to_take=Count("id", filter=not_restored & Q(assignee="")),
            mine=Count("id", filter=not_restored & Q(assignee_user_id=viewer.user_id or -1)),
            due_soon=Count("id", filter=not_restored & soon & ~late),
            missed=Count("id", filter=not_restored & late),
            paused=Count("id", filter=Q(state=State.PAUSED)),
            to_confirm=Count("id", filter=Q(confirmation=Confirmation.AWAITED)),
            to_write=Count("id", filter=Q(awaits_writing=True)),
        )
    )
    return Needs(**row)
