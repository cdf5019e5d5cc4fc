"""Read commitments: the levels in force, the log of a case, and what it says at an instant.

Verdicts are recomputed from the log each time. Those stored are what was said at some moment, kept as evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from django.db.models import QuerySet

from cadran.commitments import packs, rules
from cadran.commitments.models import Case, CaseFact, CaseTarget, CaseVerdict, NoteKind, ServiceLevels
from cadran.commitments.rules import Commitment, Fact, FactKind, IncidentType, Priority, Verdict
from cadran.kernel.calendars import Segment, SegmentKind
from cadran.kernel.errors import DomainError, InvalidInput, NotFound
from cadran.kernel.querysets import visible
from cadran.kernel.viewer import Viewer

# A case shows no more than its subject: the only subject there is yet is an incident.
CAPABILITY = "incident.read"


class NoServiceLevels(DomainError):
    """Nothing is promised yet under that agreement."""

    code = "commitments.no_service_levels"

    def __init__(self, agreement_code: str) -> None:
        super().__init__(
            f"Les niveaux de service de l’accord-cadre {agreement_code} ne sont pas chargés."
            " Demandez à l’exploitant de charger ses fichiers."
        )


@dataclass(frozen=True, slots=True)
class Levels:
    """One frozen version of an agreement's service levels, readable."""

    id: int
    agreement_code: str
    digest: str
    loaded_at: datetime
    content: packs.ServiceLevels


def _readable(row: ServiceLevels) -> Levels:
    content = msgspec.convert(row.content, packs.ServiceLevels)
    return Levels(row.pk, row.agreement_code, row.digest, row.loaded_at, content)


def levels_in_force(*, agreement_code: str) -> Levels:
    """Return the version loaded last (one query); NoServiceLevels when there is none. The same for every reader."""
    row = ServiceLevels.objects.filter(agreement_code=agreement_code).order_by("-loaded_at", "-id").first()
    if row is None:
        raise NoServiceLevels(agreement_code)
    return _readable(row)


def levels_of_case(*, viewer: Viewer, case_id: int) -> Levels:
    """Return the version frozen in a visible case (one query); NotFound as ``case``."""
    return _readable(case(viewer=viewer, case_id=case_id).levels)


def typing_of(
    *,
    levels: Levels,
    criteria: Collection[str],
    incident_type: str | None = None,
    priority: str | None = None,
    priority_reason: str = "",
) -> tuple[IncidentType, Priority]:
    """Return the type that the ticked criteria make, and the priority asked for or the type's default.

    ``incident_type`` alone stands for a report whose criteria were not ticked; with criteria it must agree with them.
    Raises InvalidInput (unknown criterion, contradiction) and PriorityRefused (a pair the agreement does not know).
    Source: CCTP IoT 6.6, CCTP telecoms 6.1.5.
    """
    known = {criterion.code for criterion in levels.content.criteria}
    unknown = sorted(set(criteria) - known)
    if unknown:
        raise InvalidInput(
            "Critères", f"« {unknown[0]} » est inconnu.", f"Choisissez parmi : {', '.join(sorted(known))}."
        )
    found = rules.qualify(criteria, levels.content.criteria)
    if incident_type is not None:
        asked = IncidentType(incident_type)
        if criteria and asked is not found:
            raise InvalidInput(
                "Type d’incident", f"les critères cochés font un incident {found}.", "Corrigez l’un ou l’autre."
            )
        found = asked
    chosen = Priority(priority) if priority else packs.default_priority(levels.content, found)
    packs.check_pair(levels.content, type_=found, priority=chosen, reason=priority_reason)
    return found, chosen


def cases(*, viewer: Viewer) -> QuerySet[Case]:
    """Return the visible cases with their frozen levels (one query)."""
    rows = visible(Case.objects.all(), viewer, capability=CAPABILITY, lot="lot_id", site="site_id")
    return rows.select_related("levels")


def case(*, viewer: Viewer, case_id: int) -> Case:
    """Return one visible case (one query); NotFound when absent or another's."""
    found = cases(viewer=viewer).filter(pk=case_id).first()
    if found is None:
        raise NotFound("Le dossier", case_id)
    return found


def facts_of(*, viewer: Viewer, case_id: int) -> list[CaseFact]:
    """Return the log of a visible case in the order in which things happened (two queries)."""
    found = case(viewer=viewer, case_id=case_id)
    return list(found.facts.filter(owner_id=found.owner_id).order_by("happened_at", "id"))


def drawn_verdicts(*, viewer: Viewer, case_id: int) -> list[CaseVerdict]:
    """Return every verdict ever drawn of a visible case, oldest first (two queries)."""
    found = case(viewer=viewer, case_id=case_id)
    return list(found.verdicts.filter(owner_id=found.owner_id).order_by("id"))


def verdicts_of(*, viewer: Viewer, case_id: int, now: datetime) -> dict[str, Verdict]:
    """Return what the log of a visible case says at ``now``, by commitment name (three queries)."""
    found = verdicts_of_cases(viewer=viewer, case_ids=[case_id], now=now)
    if case_id not in found:
        raise NotFound("Le dossier", case_id)
    return found[case_id]


def verdicts_of_cases(*, viewer: Viewer, case_ids: Iterable[int], now: datetime) -> dict[int, dict[str, Verdict]]:
    """Return the verdicts at ``now`` of each visible case among those (three queries, however many)."""
    rows = {row.pk: row for row in cases(viewer=viewer).filter(pk__in=list(case_ids))}
    targets: dict[int, list[CaseTarget]] = defaultdict(list)
    facts: dict[int, list[CaseFact]] = defaultdict(list)
    for target in CaseTarget.objects.filter(case_id__in=rows).order_by("id"):
        targets[target.case_id].append(target)
    for fact in CaseFact.objects.filter(case_id__in=rows).order_by("id"):
        facts[fact.case_id].append(fact)
    levels = {row.levels_id: _readable(row.levels) for row in rows.values()}
    return {
        pk: judge(levels=levels[row.levels_id].content, targets=targets[pk], facts=facts[pk], now=now)
        for pk, row in rows.items()
    }


def judge(
    *, levels: packs.ServiceLevels, targets: Sequence[CaseTarget], facts: Sequence[CaseFact], now: datetime
) -> dict[str, Verdict]:
    """Return the verdict of each commitment at ``now`` from rows already read, in the order they were recorded.

    Only what was on record at ``now`` counts, targets included: a later requalification leaves it as it was.
    """
    target = target_at(targets, now)
    return {
        commitment.name: rules.verdict(clock_facts(levels, commitment, facts, now), commitment, now)
        for commitment in map(Commitment.from_dict, target.commitments)
    }


def target_at(targets: Sequence[CaseTarget], now: datetime) -> CaseTarget:
    """Return the target on record at ``now``; the first one when the case was not open yet."""
    known = [target for target in targets if target.recorded_at <= now]
    return known[-1] if known else targets[0]


def clock_facts(
    levels: packs.ServiceLevels, commitment: Commitment, facts: Sequence[CaseFact], now: datetime
) -> list[Fact]:
    """Return the lines of the log that count for one clock at ``now``.

    Left out: pauses whose reason does not hold this clock, restorations that were refused, workarounds when the
    agreement does not count them, and, once somebody has intervened, the reopenings for GTI.
    """
    refused = {
        row.data.get("fact") for row in facts if row.kind == NoteKind.RESTORATION_REFUSED and row.recorded_at <= now
    }
    kept = [
        Fact(FactKind(row.kind), row.happened_at, row.recorded_at, row.by, row.data)
        for row in facts
        if row.kind in _CLOCK_KINDS
        and row.pk not in refused
        and (levels.clock.gtr.workaround_counts.value or not _is_workaround(row))
    ]
    name: packs.ClockName = "GTI" if commitment.name == "GTI" else "GTR"
    kept = packs.facts_for(levels, name, kept)
    if name == "GTI":
        kept = _intervened_once(levels, rules.known_at(kept, now))
    return kept


_CLOCK_KINDS = frozenset(str(kind) for kind in FactKind)


def _is_workaround(row: CaseFact) -> bool:
    return row.kind == FactKind.RESTORED and row.data.get("workaround") == "yes"


def _intervened_once(levels: packs.ServiceLevels, facts: Iterable[Fact]) -> list[Fact]:
    """A restoration suspends the wait for an intervention, a reopening renews it, an intervention ends it for good."""
    kept, done = [], False
    for fact in facts:
        if fact.kind is FactKind.REOPENED and done:
            continue
        done = done or fact.kind in levels.clock.gti.stops_on.value
        kept.append(fact)
    return kept


@dataclass(frozen=True, slots=True)
class PauseLine:
    """One hold of the log; ``counts`` tells whether its reason holds this very clock."""

    start: datetime
    end: datetime | None
    reason: str
    proof: str
    by: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """« Pourquoi ? »: everything one verdict rests on, the same for both parties."""

    verdict: Verdict
    commitment: Commitment
    printed: str  # what the specification prints, e.g. "< 4h"
    calendar_reason: str  # why that calendar, when the text leaves it open
    segments: tuple[Segment, ...]
    holidays: tuple[str, ...]
    pauses: tuple[PauseLine, ...]
    facts: tuple[CaseFact, ...]
    targets: tuple[CaseTarget, ...]
    levels: Levels


def explain(*, viewer: Viewer, case_id: int, commitment: str, now: datetime) -> Explanation:
    """Return why a commitment of a visible case stands as it does at ``now`` (three queries).

    Raises NotFound: no such case for this viewer, or no such commitment in it.
    """
    found = case(viewer=viewer, case_id=case_id)
    targets = list(found.targets.filter(owner_id=found.owner_id).order_by("id"))
    facts = [fact for fact in found.facts.filter(owner_id=found.owner_id).order_by("id") if fact.recorded_at <= now]
    levels = _readable(found.levels)
    verdicts = judge(levels=levels.content, targets=targets, facts=facts, now=now)
    if commitment not in verdicts:
        raise NotFound("L’engagement", commitment)
    verdict = verdicts[commitment]
    target = target_at(targets, now)
    delays = levels.content.delays_of(found.service_class, IncidentType(target.incident_type))
    delay = None if delays is None else (delays.gti if commitment == "GTI" else delays.gtr)
    segments = verdict.segments
    return Explanation(
        verdict=verdict,
        commitment=verdict.commitment,
        printed=delay.printed if delay else "",
        calendar_reason=(delay.hours.reason or "") if delay else "",
        segments=segments,
        holidays=tuple(dict.fromkeys(s.name for s in segments if s.kind is SegmentKind.HOLIDAY)),
        pauses=tuple(_pause_lines(levels.content, commitment, facts)),
        facts=tuple(sorted(facts, key=lambda fact: (fact.happened_at, fact.pk))),
        targets=tuple(targets),
        levels=levels,
    )


def _pause_lines(levels: packs.ServiceLevels, commitment: str, facts: Sequence[CaseFact]) -> list[PauseLine]:
    holding = {reason.code for reason in levels.pauses if commitment in reason.suspends}
    ends = {FactKind.RESUMED, FactKind.RESTORED}
    lines: list[PauseLine] = []
    for fact in sorted(facts, key=lambda fact: (fact.happened_at, fact.pk)):
        if fact.kind in ends:
            lines = [replace(line, end=line.end or fact.happened_at) for line in lines]
        elif fact.kind == FactKind.PAUSED:
            data: Mapping[str, str] = fact.data
            counts = data.get("pause") in holding
            lines.append(
                PauseLine(fact.happened_at, None, data.get("reason", ""), data.get("proof", ""), fact.by, counts)
            )
    return lines
