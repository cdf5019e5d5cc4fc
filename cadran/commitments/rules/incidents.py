"""Types and priorities of incidents (CCTP IoT 6.6 and CCTP telecoms 6.1.5, the same text in both)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cadran.kernel.errors import DomainError

ARTICLE = "CCTP IoT 6.6, CCTP télécoms 6.1.5"


class IncidentType(StrEnum):
    """The three types, most severe first. An alert is typed exactly as an incident is."""

    BLOCKING = "bloquant"
    MAJOR = "majeur"
    MINOR = "mineur"


class Priority(StrEnum):
    """P0 urgent, P1 short term, P2 planned."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"


class PriorityRefused(DomainError):
    """The pair of type and priority does not exist in the contract, or lacks its reason."""

    code = "commitments.priority_refused"

    def __init__(self, type_: IncidentType, priority: Priority, remedy: str) -> None:
        super().__init__(f"Un incident {type_} ne peut pas être traité en {priority} ({ARTICLE}). {remedy}")
        self.type = type_
        self.priority = priority


# The first priority of each type is its default. Majeur-P2 is in the text and absent from the table; Majeur-P0 is
# exceptional ("de manière exceptionnelle") and wants a reason.
ALLOWED_PRIORITIES: Mapping[IncidentType, tuple[Priority, ...]] = MappingProxyType(
    {
        IncidentType.BLOCKING: (Priority.P0,),
        IncidentType.MAJOR: (Priority.P1, Priority.P0, Priority.P2),
        IncidentType.MINOR: (Priority.P2, Priority.P1),
    }
)
NEEDS_REASON = frozenset({(IncidentType.MAJOR, Priority.P0)})


def default_priority(type_: IncidentType) -> Priority:
    """Return the priority of an incident of this type when nobody chose another."""
    return ALLOWED_PRIORITIES[type_][0]


def check_priority(type_: IncidentType, priority: Priority, reason: str = "") -> None:
    """Refuse (PriorityRefused) a pair that the contract does not know, and Majeur-P0 without a reason."""
    allowed = ALLOWED_PRIORITIES[type_]
    if priority not in allowed:
        raise PriorityRefused(type_, priority, f"Choisissez parmi : {', '.join(allowed)}.")
    if (type_, priority) in NEEDS_REASON and not reason.strip():
        raise PriorityRefused(
            type_, priority, "Cette priorité est exceptionnelle : indiquez en quoi la dégradation est très pénalisante."
        )


@dataclass(frozen=True, slots=True)
class Criterion:
    """One tickable line of a type; ``text`` quotes the contract and is not translated."""

    code: str
    type: IncidentType
    text: str


CRITERIA: tuple[Criterion, ...] = (
    Criterion("complete_stop", IncidentType.BLOCKING, "Arrêt complet du système, d'un accès"),
    Criterion("essential_function_down", IncidentType.BLOCKING, "Indisponibilité d'une fonctionnalité indispensable"),
    Criterion(
        "performance_prevents_service",
        IncidentType.BLOCKING,
        "Dégradation des performances interdisant la continuité du service fourni",
    ),
    Criterion(
        "integrity_damaged",
        IncidentType.BLOCKING,
        "Atteinte à l'intégrité des informations de l'application et/ou des données",
    ),
    Criterion(
        "essential_function_partly_down",
        IncidentType.MAJOR,
        "Une fonction essentielle du service est partiellement inopérante mais les autres fonctions restent"
        " exploitables",
    ),
    Criterion(
        "scope_reduced",
        IncidentType.MAJOR,
        "Le champ d'opération des utilisateurs est diminué sans que cela ne relève d'un des critères des incidents"
        " bloquants",
    ),
    Criterion(
        "abnormal_operation",
        IncidentType.MAJOR,
        "Un fonctionnement pratique anormal, sans que cela ne bloque l'exploitation de la solution par les"
        " utilisateurs",
    ),
    Criterion(
        "secondary_function_down",
        IncidentType.MINOR,
        "Une fonction non essentielle du service est absente ou partiellement inopérante",
    ),
    Criterion(
        "intermittent_without_effect",
        IncidentType.MINOR,
        "Le service présente des défaillances intermittentes n'ayant pas pour conséquence de perturber le service"
        " délivré aux utilisateurs",
    ),
)


def qualify(ticked: Collection[str], criteria: Iterable[Criterion] = CRITERIA) -> IncidentType:
    """Return the most severe type among the criteria whose code is ``ticked``.

    Anything the list does not cover is minor: « Tout incident non-inclus dans la liste des incidents ci-dessus sera
    considéré comme un incident mineur » (same articles).
    """
    found = {criterion.type for criterion in criteria if criterion.code in ticked}
    return next((type_ for type_ in IncidentType if type_ in found), IncidentType.MINOR)
