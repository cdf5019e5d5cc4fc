"""From an agreement's service levels to the promises of one case, ready for the rules to judge."""

from collections.abc import Iterable
from decimal import Decimal
from zoneinfo import ZoneInfo

from cadran.commitments.packs.schema import ClockName, Delay, ServiceLevels
from cadran.commitments.rules import Commitment, Fact, FactKind, IncidentType, Priority, PriorityRefused
from cadran.kernel.calendars import HO, Calendar, HolidayCalendar, Hours, Territory
from cadran.kernel.errors import DomainError
from cadran.parties.packs import LotPack


class NoSuchDelay(DomainError):
    """The agreement promises nothing for that class of service."""

    code = "commitments.no_such_delay"

    def __init__(self, *, agreement: str, service_class: str, type_: IncidentType) -> None:
        super().__init__(
            f"L'accord-cadre {agreement} n'a pas de délais pour un incident {type_} d'un service de classe"
            f" « {service_class} ». Corrigez la classe du service."
        )


def commitments_for(
    levels: ServiceLevels,
    *,
    lot: int,
    service_class: str,
    incident_type: IncidentType,
    option_24_7: bool,
    territory: Territory,
    zone: ZoneInfo | None = None,
    holidays: HolidayCalendar | None = None,
) -> list[Commitment]:
    """Return the GTI and the GTR of an incident, calendars included, to freeze in its case.

    ``option_24_7`` is what the service bought; a class that includes it always has it. ``zone`` and ``holidays``
    default to the territory's own. Raises NoSuchDelay when the agreement has no such class.
    """
    line = levels.delays_of(service_class, incident_type)
    if line is None:
        raise NoSuchDelay(agreement=levels.agreement, service_class=service_class, type_=incident_type)
    windows = windows_for(
        levels, lot=lot, service_class=service_class, incident_type=incident_type, option_24_7=option_24_7
    )

    def promise(name: ClockName, delay: Delay) -> Commitment:
        clock = levels.clock.gti if name == "GTI" else levels.clock.gtr
        window = windows[0] if name == "GTI" else windows[1]
        resumes = name == "GTR" and levels.clock.reopening.value == "resumes"
        return Commitment(
            name=name,
            calendar=Calendar.of(Hours.parse(window), territory, zone=zone, holidays=holidays),
            starts_on=clock.starts_on.value,
            stops_on=frozenset(clock.stops_on.value),
            minutes=delay.minutes,
            working_days=delay.working_days,
            day_mode=levels.working_days.mode.value,
            continues_on=frozenset({FactKind.REOPENED}) if resumes else frozenset(),
            strict=levels.limits_strict.value,
            article=delay.article or delay.reason or "",
        )

    return [promise("GTI", line.gti), promise("GTR", line.gtr)]


def windows_for(
    levels: ServiceLevels, *, lot: int, service_class: str, incident_type: IncidentType, option_24_7: bool
) -> tuple[str, str]:
    """Return the hours in which GTI and GTR are counted, by code: what a clock runs in and what a screen prints.

    Raises NoSuchDelay when the agreement has no such class.
    """
    line = levels.delays_of(service_class, incident_type)
    class_line = levels.class_line(service_class)
    if line is None or class_line is None:
        raise NoSuchDelay(agreement=levels.agreement, service_class=service_class, type_=incident_type)
    around_the_clock = option_24_7 or class_line.option_24_7 == "included"
    restored = line.gti if line.gtr.hours.same_as == "gti" else line.gtr
    return _window(levels, lot, line.gti, around_the_clock), _window(levels, lot, restored, around_the_clock)


def _window(levels: ServiceLevels, lot: int, delay: Delay, around_the_clock: bool) -> str:
    """The hours one delay runs in: the option if taken, else the base, which a lot may replace for its minutes."""
    hours = delay.hours
    if delay.working_days is not None:
        return hours.base or levels.working_days.window.value
    if around_the_clock and hours.option is not None:
        return hours.option
    if hours.base == HO.code:
        return next((line.base.value for line in levels.lot_windows if line.lot == lot), hours.base)
    return hours.base or levels.working_days.window.value


def check_pair(levels: ServiceLevels, *, type_: IncidentType, priority: Priority, reason: str = "") -> None:
    """Refuse (PriorityRefused) a type and priority the agreement does not allow, and an exception without a reason."""
    pair = levels.pair(type_, priority)
    if pair is None:
        allowed = ", ".join(pair.priority for pair in levels.pairs if pair.type == type_)
        raise PriorityRefused(type_, priority, f"Choisissez parmi : {allowed}.")
    if pair.use == "exceptional" and not reason.strip():
        raise PriorityRefused(type_, priority, f"{pair.reason or 'Cette priorité est exceptionnelle.'} Indiquez-le.")


def default_priority(levels: ServiceLevels, type_: IncidentType) -> Priority:
    """Return the priority of an incident of that type when nobody chose another."""
    return next(pair.priority for pair in levels.pairs if pair.type == type_ and pair.use == "default")


def facts_for(levels: ServiceLevels, clock: ClockName, facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts that count for one clock: a pause whose reason does not suspend it is left out.

    A pause names its reason in ``data["pause"]``, the code of one of ``levels.pauses``.
    """
    foreign = {pause.code for pause in levels.pauses if clock not in pause.suspends}
    return [fact for fact in facts if not (fact.kind is FactKind.PAUSED and fact.data.get("pause") in foreign)]


def availability_promised(levels: ServiceLevels, lot: LotPack) -> Decimal | None:
    """Return the monthly rate owed in a lot, in percent: the holder's commitment, else the floor, else None."""
    for line in levels.availability.commitments:
        if line.lot == lot.number:
            return line.percent
    return levels.availability.floor.percent if lot.network_access.value else None
