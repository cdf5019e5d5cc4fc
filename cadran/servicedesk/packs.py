"""``alarms.yaml``: which alarms open a contractual incident, and as what; and the loader of a whole agreement.

Pure: no Django, no database; a mistake is a ``PackError`` with its file, its line and its remedy.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from cadran.commitments.packs import Penalties, ServiceLevels, load_penalties, load_service_levels
from cadran.commitments.packs.schema import Code
from cadran.commitments.rules import IncidentType, Priority
from cadran.kernel.packs import Located, PathStep, read_located
from cadran.parties.packs import (
    AgreementPack,
    Flag,
    Positive,
    Sourced,
    Text,
    check_agreement_code,
    check_sources,
    check_unique,
    load_agreement,
)

WHOLE_PERCENT = 100


class InformedAt(Sourced, frozen=True, kw_only=True):
    """When an alarm counts as the holder's first information; ``never``: only a person informs."""

    value: Literal["raised_at", "never"]


class EndOfAlarm(Sourced, frozen=True, kw_only=True):
    """What the end of an alarm does to its incident."""

    value: Literal["records_restoration", "proposes_restoration"]


class Unlisted(Sourced, frozen=True, kw_only=True):
    """How a service alarm that the pack does not list is classed."""

    type: IncidentType
    priority: Priority


class Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The class of an incident once at least ``from_percent`` of its service is lost; sourced by its alarm."""

    from_percent: Annotated[int, msgspec.Meta(ge=0, le=WHOLE_PERCENT)]
    type: IncidentType
    priority: Priority
    criteria: tuple[Code, ...]
    because: Text


class AlarmLine(Sourced, frozen=True, kw_only=True):
    """One kind of alarm. ``absorbs``: the kinds that stay silent while this one lasts. No ``lots``: every lot."""

    code: Code
    label: Text
    kind: Literal["service", "business"]
    explain: Text
    lots: tuple[Positive, ...] = ()
    absorbs: tuple[Code, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


class Alarms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The alarms of one agreement."""

    agreement: Text
    informed_at: InformedAt
    one_incident_per_origin: Flag
    end_of_alarm: EndOfAlarm
    unlisted: Unlisted
    alarms: tuple[AlarmLine, ...]

    def line(self, code: str) -> AlarmLine | None:
        """Return the alarm of that code, None when the pack does not list it."""
        return next((alarm for alarm in self.alarms if alarm.code == code), None)


@dataclass(frozen=True, slots=True)
class Classification:
    """What a service alarm opens: its type, its priority, the criteria ticked and why, in French.

    ``source`` is the article that says so, empty when the pack chose it.
    """

    type: IncidentType
    priority: Priority
    criteria: tuple[str, ...]
    because: str
    source: str


@dataclass(frozen=True, slots=True)
class AgreementFiles:
    """Everything an agreement's directory says, checked together."""

    agreement: AgreementPack
    levels: ServiceLevels
    alarms: Alarms
    penalties: Penalties


def classify(alarms: Alarms, *, code: str, lot: int, affected_percent: int) -> Classification | None:
    """Return the incident a *service* alarm opens, or None when the alarm is a business one.

    ``affected_percent`` (0..100) is the share of the service that is lost. A service alarm the pack does not list, or
    not for that lot, is classed by ``unlisted``. Raises ValueError outside 0..100.
    """
    if not 0 <= affected_percent <= WHOLE_PERCENT:
        raise ValueError(f"Part du service perdue : {affected_percent} %, attendu de 0 à 100.")
    alarm = alarms.line(code)
    if alarm is not None and alarm.kind == "business":
        return None
    if alarm is None or (alarm.lots and lot not in alarm.lots):
        unlisted = alarms.unlisted
        return Classification(unlisted.type, unlisted.priority, (), unlisted.reason or "", unlisted.article or "")
    outcome = next(outcome for outcome in alarm.outcomes if outcome.from_percent <= affected_percent)
    return Classification(outcome.type, outcome.priority, outcome.criteria, outcome.because, alarm.article or "")


def load_alarms(directory: Path, agreement: AgreementPack, levels: ServiceLevels) -> Alarms:
    """Read and check ``alarms.yaml`` beside its agreement and its service levels; raise the first ``PackError``."""
    located = read_located(directory / "alarms.yaml", Alarms)
    alarms = located.value
    check_agreement_code(located, alarms.agreement, agreement)
    check_sources(located, agreement)
    check_unique(located, ("alarms",), [alarm.code for alarm in alarms.alarms])
    _check_pair(located, ("unlisted",), alarms.unlisted.type, alarms.unlisted.priority, levels)
    for index, alarm in enumerate(alarms.alarms):
        _check_alarm(located, index, alarm, agreement)
        for position, outcome in enumerate(alarm.outcomes):
            path: tuple[PathStep, ...] = ("alarms", index, "outcomes", position)
            _check_pair(located, path, outcome.type, outcome.priority, levels)
            _check_criteria(located, path, outcome, levels)
    return alarms


def load_agreement_files(directory: Path) -> AgreementFiles:
    """Read and check the four files of one agreement's directory; raise the first ``PackError``."""
    agreement = load_agreement(directory)
    levels = load_service_levels(directory, agreement)
    return AgreementFiles(
        agreement=agreement,
        levels=levels,
        alarms=load_alarms(directory, agreement, levels),
        penalties=load_penalties(directory, agreement),
    )


def _check_alarm(located: Located[Alarms], index: int, alarm: AlarmLine, agreement: AgreementPack) -> None:
    path: tuple[PathStep, ...] = ("alarms", index)
    shares = [outcome.from_percent for outcome in alarm.outcomes]
    if alarm.kind == "business" and shares:
        raise located.error(
            *(*path, "outcomes"),
            problem=f"l'alarme métier « {alarm.code} » ouvrirait un incident.",
            remedy="Retirez « outcomes », ou écrivez « kind: service ».",
        )
    if alarm.kind == "service" and (not shares or shares[-1] != 0 or shares != sorted(set(shares), reverse=True)):
        raise located.error(
            *(*path, "outcomes"),
            problem=f"les issues de l'alarme « {alarm.code} » ne couvrent pas de 100 à 0 % du service.",
            remedy="Rangez « from_percent » du plus grand au plus petit, sans double, et terminez par 0.",
        )
    known_lots = [lot.number for lot in agreement.lots]
    for position, lot in enumerate(alarm.lots):
        if lot not in known_lots:
            raise located.error(
                *(*path, "lots", position),
                problem=f"l'alarme « {alarm.code} » vise le lot {lot}, qui n'existe pas.",
                remedy=f"Choisissez parmi les lots {', '.join(map(str, known_lots))}.",
            )
    for position, absorbed in enumerate(alarm.absorbs):
        other = located.value.line(absorbed)
        if other is None or other is alarm:
            raise located.error(
                *(*path, "absorbs", position),
                problem=f"l'alarme « {alarm.code} » ferait taire « {absorbed} », qui n'est pas une autre alarme.",
                remedy="Écrivez le code d'une autre alarme de ce fichier.",
            )


def _check_pair(
    located: Located[Alarms],
    path: tuple[PathStep, ...],
    type_: IncidentType,
    priority: Priority,
    levels: ServiceLevels,
) -> None:
    pair = levels.pair(type_, priority)
    allowed = ", ".join(pair.priority for pair in levels.pairs if pair.type == type_ and pair.use != "exceptional")
    if pair is None:
        raise located.error(
            *(*path, "priority"),
            problem=f"le couple {type_}-{priority} n'est pas admis par l'accord-cadre.",
            remedy=f"Pour un incident {type_}, choisissez parmi : {allowed}.",
        )
    if pair.use == "exceptional":
        raise located.error(
            *(*path, "priority"),
            problem=f"le couple {type_}-{priority} est exceptionnel : une personne le décide, pas une alarme.",
            remedy=f"Pour un incident {type_}, choisissez parmi : {allowed}.",
        )


def _check_criteria(
    located: Located[Alarms], path: tuple[PathStep, ...], outcome: Outcome, levels: ServiceLevels
) -> None:
    line = levels.type_line(outcome.type)
    known = [criterion.code for criterion in line.criteria]
    if not outcome.criteria and not line.fallback:
        raise located.error(
            *(*path, "criteria"),
            problem=f"un incident {outcome.type} se caractérise par au moins un critère, aucun n'est coché.",
            remedy=f"Choisissez parmi : {', '.join(known)}.",
        )
    for position, code in enumerate(outcome.criteria):
        if code not in known:
            raise located.error(
                *(*path, "criteria", position),
                problem=f"« {code} » n'est pas un critère du type {outcome.type}.",
                remedy=f"Choisissez parmi : {', '.join(known)}.",
            )
