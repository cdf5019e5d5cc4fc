"""What ``service_levels.yaml`` may say: incident types, pairs, delays and their calendars, pauses, availability."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from cadran.commitments.rules import Criterion, DayMode, FactKind, IncidentType, Priority
from cadran.parties.packs import Flag, NotNegative, Positive, ServiceClassCode, Sourced, Text

WindowCode = Literal["HO", "24/7", "8-18-6/7"]
ClockName = Literal["GTI", "GTR"]
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+([-._][a-z0-9]+)*$", max_length=60)]


class _Plain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group of fields that are sourced one by one."""


class Window(Sourced, frozen=True, kw_only=True):
    """Business hours the agreement speaks of; their exact minutes are the calendars' of the same code."""

    code: WindowCode
    label: Text


class WindowChoice(Sourced, frozen=True, kw_only=True):
    """A choice of business hours."""

    value: WindowCode


class LotWindows(_Plain, frozen=True, kw_only=True):
    """Hours of one lot: ``base`` stands where HO would; ``service`` and ``support`` are promised to users."""

    lot: Positive
    service: WindowChoice
    support: WindowChoice
    base: WindowChoice


class WorkingDayMode(Sourced, frozen=True, kw_only=True):
    """``end_of_nth_day``: the receipt day is excluded. ``hours``: a day is ten hours of HO."""

    value: DayMode


class WorkingDays(_Plain, frozen=True, kw_only=True):
    """How « n jours ouvrés » are counted."""

    mode: WorkingDayMode
    window: WindowChoice


class CriterionLine(Sourced, frozen=True, kw_only=True):
    """One line a person ticks to justify the type."""

    code: Code
    text: Text


class TypeLine(Sourced, frozen=True, kw_only=True):
    """Bloquant, Majeur or Mineur; ``fallback`` is the type of whatever meets no criterion."""

    code: IncidentType
    label: Text
    impact: Text
    description: Text
    fallback: bool
    criteria: Annotated[tuple[CriterionLine, ...], msgspec.Meta(min_length=1)]


class PriorityLine(Sourced, frozen=True, kw_only=True):
    """How soon an incident is treated."""

    code: Priority
    label: Text


class Pair(Sourced, frozen=True, kw_only=True):
    """An allowed type and priority; ``exceptional`` demands a written reason."""

    type: IncidentType
    priority: Priority
    use: Literal["default", "allowed", "exceptional"]


class ServiceClass(Sourced, frozen=True, kw_only=True):
    """A column of the table of delays; the 24/7 option is taken on request or always there."""

    code: ServiceClassCode
    label: Text
    option_24_7: Literal["optional", "included"]


class DelayHours(_Plain, frozen=True, kw_only=True):
    """The calendar of one delay: ``base``, replaced by ``option`` when the 24/7 option is taken; or the GTI's own.

    ``source`` says whether the specification prints it (``stated``) or it was chosen here, and then why.
    """

    base: WindowCode | None = None
    option: WindowCode | None = None
    same_as: Literal["gti"] | None = None
    source: Literal["stated", "chosen"]
    reason: Text | None = None


class Delay(Sourced, frozen=True, kw_only=True):
    """One budget: ``minutes`` or ``working_days``, with the words the specification prints."""

    minutes: Positive | None = None
    working_days: Positive | None = None
    printed: Text
    hours: DelayHours


class Delays(_Plain, frozen=True, kw_only=True, rename={"service_class": "class"}):
    """One line of the table: a class and a type, their GTI and their GTR."""

    service_class: ServiceClassCode
    type: IncidentType
    gti: Delay
    gtr: Delay


class StartFact(Sourced, frozen=True, kw_only=True):
    """The fact a clock starts on."""

    value: FactKind


class StopFacts(Sourced, frozen=True, kw_only=True):
    """The facts of which the first one stops a clock."""

    value: Annotated[tuple[FactKind, ...], msgspec.Meta(min_length=1)]


class ConfirmedBy(Sourced, frozen=True, kw_only=True):
    """Who or what may confirm a restoration."""

    value: Annotated[tuple[Literal["measurement", "beneficiary", "holder"], ...], msgspec.Meta(min_length=1)]


class Reopening(Sourced, frozen=True, kw_only=True):
    """What the GTR of a reopened incident does: it goes on with what is left, or stays judged."""

    value: Literal["resumes", "stays_stopped"]


class GtiClock(_Plain, frozen=True, kw_only=True):
    """What starts and stops the time to intervene."""

    starts_on: StartFact
    stops_on: StopFacts
    named_person: Flag


class GtrClock(_Plain, frozen=True, kw_only=True):
    """What starts and stops the time to restore."""

    starts_on: StartFact
    stops_on: StopFacts
    workaround_counts: Flag
    confirmed_by: ConfirmedBy


class Clock(_Plain, frozen=True, kw_only=True):
    """Both clocks of an incident."""

    gti: GtiClock
    gtr: GtrClock
    reopening: Reopening


class Acknowledgement(_Plain, frozen=True, kw_only=True):
    """The holder's acknowledgement of an incident."""

    required: Flag
    stops_gti: Flag


class Channel(Sourced, frozen=True, kw_only=True):
    """A way to inform the holder; a phone report is confirmed in writing."""

    code: Code
    label: Text
    written_confirmation: bool


class PauseReason(Sourced, frozen=True, kw_only=True):
    """Why a clock may be held, which clocks it holds, and the proof it needs."""

    code: Code
    label: Text
    suspends: Annotated[tuple[ClockName, ...], msgspec.Meta(min_length=1)]
    proof: Text


class AvailabilityFloor(Sourced, frozen=True, kw_only=True):
    """The rate no commitment may go below in a lot with network access; none when ``percent`` is null."""

    percent: Decimal | None
    period: Literal["month"]


class AvailabilityCommitment(Sourced, frozen=True, kw_only=True):
    """The rate the holder commits to in one lot."""

    lot: Positive
    percent: Decimal


class Availability(_Plain, frozen=True, kw_only=True):
    """The floor and what the holder promised above it."""

    floor: AvailabilityFloor
    commitments: tuple[AvailabilityCommitment, ...]


class Answer(Sourced, frozen=True, kw_only=True):
    """A promised answer that is not an incident; ``working_days`` null means nobody has set it yet.

    ``strict``: at the very deadline it is too late (« < »); otherwise it is just in time (« maximum »).
    """

    code: Code
    label: Text
    working_days: NotNegative | None
    starts_on: Literal["receipt"]
    strict: bool


class Report(Sourced, frozen=True, kw_only=True):
    """A report the holder owes on its service levels."""

    code: Code
    label: Text
    every: Literal["month", "half_year"]


class ServiceLevels(_Plain, frozen=True, kw_only=True):
    """The service levels of one agreement."""

    agreement: Text
    windows: tuple[Window, ...]
    lot_windows: tuple[LotWindows, ...]
    limits_strict: Flag
    working_days: WorkingDays
    incident_types: tuple[TypeLine, ...]
    priorities: tuple[PriorityLine, ...]
    pairs: tuple[Pair, ...]
    classes: tuple[ServiceClass, ...]
    delays: tuple[Delays, ...]
    clock: Clock
    acknowledgement: Acknowledgement
    channels: tuple[Channel, ...]
    pauses: tuple[PauseReason, ...]
    availability: Availability
    answers: tuple[Answer, ...]
    reports: tuple[Report, ...]

    def type_line(self, type_: IncidentType) -> TypeLine:
        """Return what the agreement says of an incident type; KeyError when it does not know it."""
        for line in self.incident_types:
            if line.code == type_:
                return line
        raise KeyError(f"L'accord-cadre {self.agreement} n'a pas d'incident {type_}.")

    def class_line(self, code: str) -> ServiceClass | None:
        """Return the service class of that code, None when the agreement has none."""
        return next((line for line in self.classes if line.code == code), None)

    def pair(self, type_: IncidentType, priority: Priority) -> Pair | None:
        """Return the allowed pair, or None when the agreement refuses it."""
        return next((pair for pair in self.pairs if (pair.type, pair.priority) == (type_, priority)), None)

    def delays_of(self, service_class: str, type_: IncidentType) -> Delays | None:
        """Return the line of the table, None when the agreement has none."""
        wanted = (service_class, type_)
        return next((line for line in self.delays if (line.service_class, line.type) == wanted), None)

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """Every tickable line as the rules read it, most severe type first."""
        return tuple(Criterion(c.code, line.code, c.text) for line in self.incident_types for c in line.criteria)
