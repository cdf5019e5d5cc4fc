"""The service desk in words: types, states, facts and acts as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.commitments.rules import ClockState, FactKind, IncidentType
from cadran.commitments.services import NoteKind
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import ACTION_WORDS, CONFIRMATION_WORDS, STATE_WORDS, Action, Confirmation, State
from cadran.ui.icons import State as Badge

TYPES: Mapping[str, str | Promise] = {
    IncidentType.BLOCKING: gettext_lazy("Bloquant"),
    IncidentType.MAJOR: gettext_lazy("Majeur"),
    IncidentType.MINOR: gettext_lazy("Mineur"),
}
STATE_BADGES: Mapping[str, Badge] = {
    State.OPEN: Badge.RISK,
    State.IN_PROGRESS: Badge.INFO,
    State.PAUSED: Badge.WAIT,
    State.RESTORED: Badge.OK,
    State.CLOSED: Badge.OFF,
}
CHANNELS: Mapping[str, str | Promise] = {
    Incident.Channel.PORTAL: gettext_lazy("portail"),
    Incident.Channel.PHONE: gettext_lazy("appel téléphonique"),
    Incident.Channel.FAX: gettext_lazy("télécopie"),
    Incident.Channel.MAIL: gettext_lazy("courriel"),
    Incident.Channel.ALARM: gettext_lazy("alarme automatique"),
}
FACTS: Mapping[str, str | Promise] = {
    FactKind.INFORMED: gettext_lazy("Titulaire informé"),
    FactKind.ACKNOWLEDGED: gettext_lazy("Réception accusée"),
    FactKind.CONFIRMED_IN_WRITING: gettext_lazy("Confirmé par écrit"),
    FactKind.QUALIFIED: gettext_lazy("Qualifié"),
    FactKind.TAKEN_IN_CHARGE: gettext_lazy("Pris en charge"),
    FactKind.INTERVENTION_STARTED: gettext_lazy("Intervention commencée"),
    FactKind.PAUSED: gettext_lazy("Suspendu"),
    FactKind.RESUMED: gettext_lazy("Repris"),
    FactKind.RESTORED: gettext_lazy("Service déclaré rétabli"),
    FactKind.REOPENED: gettext_lazy("Rouvert"),
    FactKind.CLOSED: gettext_lazy("Clos"),
    NoteKind.REQUALIFIED: gettext_lazy("Requalifié"),
    NoteKind.RESTORATION_CONFIRMED: gettext_lazy("Rétablissement confirmé"),
    NoteKind.RESTORATION_REFUSED: gettext_lazy("Rétablissement refusé"),
}
CLOCK_STATES: Mapping[str, str | Promise] = {
    ClockState.UPCOMING: gettext_lazy("à venir"),
    ClockState.RUNNING: gettext_lazy("en cours"),
    ClockState.PAUSED: gettext_lazy("suspendue"),
    ClockState.MET: gettext_lazy("tenue"),
    ClockState.MISSED: gettext_lazy("dépassée"),
}
# The address of an act: French, and stable.
SLUGS: Mapping[Action, str] = {
    Action.ACKNOWLEDGE: "accuser-reception",
    Action.CONFIRM_IN_WRITING: "confirmer-par-ecrit",
    Action.TAKE_IN_CHARGE: "prendre-en-charge",
    Action.START_INTERVENTION: "commencer-intervention",
    Action.PAUSE: "suspendre",
    Action.RESUME: "reprendre",
    Action.RESTORE: "retablir",
    Action.CONFIRM_RESTORED: "confirmer-retablissement",
    Action.REFUSE_RESTORATION: "refuser-retablissement",
    Action.REOPEN: "rouvrir",
    Action.REQUALIFY: "requalifier",
    Action.COMMENT: "repondre",
    Action.CLOSE: "clore",
}
ACTION_OF: Mapping[str, Action] = {slug: action for action, slug in SLUGS.items()}
CONSEQUENCES: Mapping[Action, str | Promise] = {
    Action.ACKNOWLEDGE: gettext_lazy(
        "Le bénéficiaire saura qu’une personne a lu l’incident. Aucune horloge ne s’arrête."
    ),
    Action.CONFIRM_IN_WRITING: gettext_lazy("Le texte rejoint le fil. Les horloges courent toujours depuis l’appel."),
    Action.TAKE_IN_CHARGE: gettext_lazy(
        "La personne nommée devient responsable. Si elle commence le diagnostic, la GTI s’arrête à cette heure."
    ),
    Action.START_INTERVENTION: gettext_lazy("La GTI s’arrête à l’heure du début ; la GTR continue."),
    Action.PAUSE: gettext_lazy(
        "Les horloges que le motif retient s’arrêtent jusqu’à la reprise ;"
        " motif et preuve sont montrés aux deux parties."
    ),
    Action.RESUME: gettext_lazy("Les horloges suspendues repartent avec ce qui leur reste."),
    Action.RESTORE: gettext_lazy(
        "La GTR s’arrête à cette heure, sous réserve de la confirmation que l’accord-cadre demande."
    ),
    Action.CONFIRM_RESTORED: gettext_lazy("Le rétablissement est acquis à l’heure donnée ; l’incident peut être clos."),
    Action.REFUSE_RESTORATION: gettext_lazy(
        "Les horloges reprennent comme si elles ne s’étaient jamais arrêtées. Les deux verdicts sont conservés."
    ),
    Action.REOPEN: gettext_lazy("Les horloges reprennent avec ce qui reste ; le temps entre les deux ne compte pas."),
    Action.REQUALIFY: gettext_lazy(
        "Les horloges encore en cours reçoivent le délai du nouveau type ; celles déjà jugées ne changent pas."
    ),
    Action.COMMENT: gettext_lazy("Les deux parties lisent le message ; aucune horloge ne change."),
    Action.CLOSE: gettext_lazy("L’incident est terminé ; ses horloges, son fil et ses preuves restent lisibles."),
}
AUDIT: Mapping[str, str | Promise] = {
    "incident.declared": gettext_lazy("Incident déclaré"),
    "incident.acknowledged": gettext_lazy("Réception accusée"),
    "incident.confirmed_in_writing": gettext_lazy("Confirmation écrite reçue"),
    "incident.taken_in_charge": gettext_lazy("Pris en charge"),
    "incident.intervention_started": gettext_lazy("Intervention commencée"),
    "incident.paused": gettext_lazy("Suspendu"),
    "incident.resumed": gettext_lazy("Repris"),
    "incident.restored": gettext_lazy("Déclaré rétabli"),
    "incident.restoration_confirmed": gettext_lazy("Rétablissement confirmé"),
    "incident.restoration_refused": gettext_lazy("Rétablissement refusé"),
    "incident.reopened": gettext_lazy("Rouvert"),
    "incident.requalified": gettext_lazy("Requalifié"),
    "incident.commented": gettext_lazy("Message écrit"),
    "incident.closed": gettext_lazy("Clos"),
}


def state_word(row: Incident) -> str:
    """Return the state of an incident in words; a restoration nobody confirmed says so."""
    if row.state == State.RESTORED and row.confirmation == Confirmation.AWAITED:
        return _(CONFIRMATION_WORDS[Confirmation.AWAITED])
    return _(STATE_WORDS[State(row.state)])


def state_badge(row: Incident) -> Badge:
    """Return the badge of an incident's state."""
    if row.state == State.RESTORED and row.confirmation == Confirmation.AWAITED:
        return Badge.WAIT
    return STATE_BADGES[row.state]


def action_word(action: Action) -> str:
    """Return the verb of a button."""
    return _(ACTION_WORDS[action])


def type_word(code: str) -> str:
    """Return an incident type in words."""
    return str(TYPES.get(code, code))


def channel_word(code: str) -> str:
    """Return a channel in words."""
    return str(CHANNELS.get(code, code))


def fact_word(kind: str) -> str:
    """Return a fact in words."""
    return str(FACTS.get(kind, kind))
