"""What may happen to an incident, by whom and in which order. See docs/rules/incidents.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from cadran.commitments.rules import FactKind
from cadran.kernel.errors import Conflict, DomainError, InvalidInput


class State(StrEnum):
    """Where an incident stands; its clocks are elsewhere."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    RESTORED = "restored"
    CLOSED = "closed"


class Confirmation(StrEnum):
    """Who or what said that the service is back; the holder's word alone may not be enough (agreement's pack)."""

    NONE = ""
    AWAITED = "awaited"
    MEASUREMENT = "measurement"
    BENEFICIARY = "beneficiary"
    HOLDER = "holder"


class Action(StrEnum):
    """An act on an incident; ``WORDS`` says it to a person."""

    ACKNOWLEDGE = "acknowledge"
    CONFIRM_IN_WRITING = "confirm_in_writing"
    TAKE_IN_CHARGE = "take_in_charge"
    START_INTERVENTION = "start_intervention"
    PAUSE = "pause"
    RESUME = "resume"
    RESTORE = "restore"
    CONFIRM_RESTORED = "confirm_restored"
    REFUSE_RESTORATION = "refuse_restoration"
    REOPEN = "reopen"
    REQUALIFY = "requalify"
    COMMENT = "comment"
    CLOSE = "close"


def gettext_noop(text: str) -> str:
    """Mark a text for translation; screens translate it (rules cannot)."""
    return text


STATE_WORDS: Mapping[State, str] = MappingProxyType(
    {
        State.OPEN: gettext_noop("Ouvert"),
        State.IN_PROGRESS: gettext_noop("En cours"),
        State.PAUSED: gettext_noop("Suspendu"),
        State.RESTORED: gettext_noop("Rétabli"),
        State.CLOSED: gettext_noop("Clos"),
    }
)
CONFIRMATION_WORDS: Mapping[Confirmation, str] = MappingProxyType(
    {
        Confirmation.NONE: gettext_noop("Non rétabli"),
        Confirmation.AWAITED: gettext_noop("Rétablissement à confirmer"),
        Confirmation.MEASUREMENT: gettext_noop("Rétablissement confirmé par la mesure"),
        Confirmation.BENEFICIARY: gettext_noop("Rétablissement confirmé par le bénéficiaire"),
        Confirmation.HOLDER: gettext_noop("Rétablissement déclaré par le titulaire"),
    }
)
ACTION_WORDS: Mapping[Action, str] = MappingProxyType(
    {
        Action.ACKNOWLEDGE: gettext_noop("Accuser réception"),
        Action.CONFIRM_IN_WRITING: gettext_noop("Confirmer par écrit"),
        Action.TAKE_IN_CHARGE: gettext_noop("Prendre en charge"),
        Action.START_INTERVENTION: gettext_noop("Commencer l’intervention"),
        Action.PAUSE: gettext_noop("Suspendre"),
        Action.RESUME: gettext_noop("Reprendre"),
        Action.RESTORE: gettext_noop("Déclarer le service rétabli"),
        Action.CONFIRM_RESTORED: gettext_noop("Confirmer le rétablissement"),
        Action.REFUSE_RESTORATION: gettext_noop("Le service n’est pas rétabli"),
        Action.REOPEN: gettext_noop("Rouvrir"),
        Action.REQUALIFY: gettext_noop("Requalifier"),
        Action.COMMENT: gettext_noop("Répondre"),
        Action.CLOSE: gettext_noop("Clore"),
    }
)

NOT_RESTORED = frozenset({State.OPEN, State.IN_PROGRESS, State.PAUSED})
EVERYWHERE = frozenset(State)
# From which states, and with which capability (any of them), an act may be done.
ALLOWED: Mapping[Action, tuple[frozenset[State], tuple[str, ...]]] = MappingProxyType(
    {
        Action.ACKNOWLEDGE: (frozenset({State.OPEN}), ("incident.handle",)),
        Action.CONFIRM_IN_WRITING: (EVERYWHERE - {State.CLOSED}, ("incident.declare", "incident.handle")),
        Action.TAKE_IN_CHARGE: (frozenset({State.OPEN, State.IN_PROGRESS}), ("incident.handle",)),
        Action.START_INTERVENTION: (frozenset({State.OPEN, State.IN_PROGRESS}), ("incident.handle",)),
        Action.PAUSE: (frozenset({State.OPEN, State.IN_PROGRESS}), ("incident.handle",)),
        Action.RESUME: (frozenset({State.PAUSED}), ("incident.handle",)),
        Action.RESTORE: (NOT_RESTORED, ("incident.handle",)),
        Action.CONFIRM_RESTORED: (frozenset({State.RESTORED}), ("incident.confirm",)),
        Action.REFUSE_RESTORATION: (frozenset({State.RESTORED}), ("incident.confirm",)),
        Action.REOPEN: (frozenset({State.RESTORED, State.CLOSED}), ("incident.confirm", "incident.handle")),
        Action.REQUALIFY: (NOT_RESTORED, ("incident.handle",)),
        Action.COMMENT: (EVERYWHERE, ("incident.comment",)),
        Action.CLOSE: (frozenset({State.RESTORED}), ("incident.handle",)),
    }
)


class ActionRefused(Conflict):
    """The state of the incident does not allow the act (any more)."""

    code = "servicedesk.action_refused"

    def __init__(self, *, number: str, action: Action, state: State, remedy: str) -> None:
        DomainError.__init__(
            self,
            f"L’incident {number} est « {STATE_WORDS[state]} » : « {ACTION_WORDS[action]} » n’est pas possible."
            f" {remedy}",
        )
        self.action = action
        self.state = state


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides which acts are possible."""

    number: str
    state: State
    confirmation: Confirmation = Confirmation.NONE
    awaits_writing: bool = False
    acknowledged_by_person: bool = False


def possible(action: Action, situation: Situation) -> bool:
    """Tell whether the incident's situation allows the act, whoever asks."""
    if situation.state not in ALLOWED[action][0]:
        return False
    match action:
        case Action.ACKNOWLEDGE:
            return not situation.acknowledged_by_person
        case Action.CONFIRM_IN_WRITING:
            return situation.awaits_writing
        case Action.CONFIRM_RESTORED | Action.REFUSE_RESTORATION:
            return situation.confirmation is Confirmation.AWAITED
        case Action.CLOSE:
            return situation.confirmation is not Confirmation.AWAITED
        case Action.REOPEN:
            # What was never confirmed is refused, not reopened: the clock did not stop in between.
            return situation.confirmation is not Confirmation.AWAITED
    return True


def what_next(situation: Situation, may: Callable[[str], bool]) -> tuple[Action, ...]:
    """Return the acts open to a person, in the order of ``Action``; ``may`` answers for each capability."""
    return tuple(
        action for action in Action if possible(action, situation) and any(may(one) for one in ALLOWED[action][1])
    )


def check(action: Action, situation: Situation) -> None:
    """Refuse (ActionRefused) an act that the situation does not allow."""
    if possible(action, situation):
        return
    remedy = "Rechargez la page : elle montre ce qui est possible."
    if situation.state is State.RESTORED and situation.confirmation is Confirmation.AWAITED:
        remedy = "Le bénéficiaire doit d’abord confirmer ou refuser le rétablissement."
    raise ActionRefused(number=situation.number, action=action, state=situation.state, remedy=remedy)


# A fact told late keeps its place in time, but never one where it would mean nothing: a resumption before its pause.
_NOT_BEFORE: Mapping[FactKind, frozenset[FactKind]] = MappingProxyType(
    {
        FactKind.PAUSED: frozenset({FactKind.RESUMED, FactKind.REOPENED}),
        FactKind.RESUMED: frozenset({FactKind.PAUSED}),
        FactKind.RESTORED: frozenset({FactKind.REOPENED}),
        FactKind.REOPENED: frozenset({FactKind.RESTORED}),
        FactKind.CLOSED: frozenset({FactKind.RESTORED}),
    }
)


def earliest(kind: FactKind, *, informed_at: datetime, facts: Iterable[tuple[str, datetime]]) -> datetime:
    """Return the first instant at which a fact of that kind may have happened, given the log as (kind, instant)."""
    before = _NOT_BEFORE.get(kind, frozenset())
    return max([informed_at, *(at for other, at in facts if other in before)])


def check_instant(
    kind: FactKind, at: datetime, *, informed_at: datetime, facts: Iterable[tuple[str, datetime]], now: datetime
) -> None:
    """Refuse (InvalidInput) an instant in the future, or before what the act follows."""
    if at > now:
        raise InvalidInput("Heure", "elle est dans le futur.", "Donnez un instant passé ou présent.")
    first = earliest(kind, informed_at=informed_at, facts=facts)
    if at < first:
        raise InvalidInput(
            "Heure",
            f"elle précède ce que cet acte suit ({first:%d/%m/%Y %H:%M} UTC).",
            "Donnez une heure postérieure.",
        )


def number_of(year: int, rank: int) -> str:
    """Return the number shown to people, e.g. ``INC-2026-000042``: gapless per holder and year."""
    return f"INC-{year:04d}-{rank:06d}"


def percent_lost(lost: int, total: int) -> int:
    """Return the share of a service that is lost, 0..100, as ``alarms.yaml`` counts it.

    Truncated, except that one lost device is never nothing, and 100 means all of them.
    """
    if lost <= 0 or total <= 0:
        return 0
    return min(100, max(1, 100 * lost // total))
