"""What types cannot say about ``service_levels.yaml``: each mistake with its line and its remedy."""

import re
from decimal import Decimal

from cadran.commitments.packs.schema import Delay, Delays, ServiceClass, ServiceLevels
from cadran.commitments.rules import FactKind
from cadran.kernel.packs import Located, PathStep
from cadran.parties.packs import AgreementPack, LotPack, check_amount, check_unique, named

Levels = Located[ServiceLevels]
_PRINTED_HOURS = re.compile(r"< ?(\d+) ?h\b")
_PRINTED_DAYS = re.compile(r"< ?(\d+) jours ouvrés")


def check_levels(located: Levels, agreement: AgreementPack) -> None:
    """Raise the first mistake of the service levels, read beside their agreement."""
    _check_names(located)
    _check_types_and_pairs(located)
    _check_table(located, agreement)
    for index, line in enumerate(located.value.delays):
        _check_line(located, index, line)
    _check_windows(located, agreement)
    _check_clock(located)
    _check_availability(located, agreement)


def _check_names(located: Levels) -> None:
    levels = located.value
    check_unique(located, ("windows",), [window.code for window in levels.windows])
    check_unique(located, ("lot_windows",), [str(line.lot) for line in levels.lot_windows])
    check_unique(located, ("incident_types",), [line.code for line in levels.incident_types])
    check_unique(located, ("priorities",), [line.code for line in levels.priorities])
    check_unique(located, ("pairs",), [f"{pair.type}-{pair.priority}" for pair in levels.pairs])
    check_unique(located, ("classes",), [line.code for line in levels.classes])
    check_unique(located, ("delays",), [f"{line.service_class} / {line.type}" for line in levels.delays])
    check_unique(located, ("channels",), [channel.code for channel in levels.channels])
    check_unique(located, ("pauses",), [pause.code for pause in levels.pauses])
    check_unique(located, ("answers",), [answer.code for answer in levels.answers])
    check_unique(located, ("reports",), [report.code for report in levels.reports])
    check_unique(located, ("availability", "commitments"), [str(c.lot) for c in levels.availability.commitments])
    seen: set[str] = set()
    for index, line in enumerate(levels.incident_types):
        for position, criterion in enumerate(line.criteria):
            if criterion.code in seen:
                raise located.error(
                    *("incident_types", index, "criteria", position, "code"),
                    problem=f"le critère « {criterion.code} » est écrit deux fois.",
                    remedy="Donnez à chaque critère un code à lui.",
                )
            seen.add(criterion.code)


def _check_types_and_pairs(located: Levels) -> None:
    levels = located.value
    fallbacks = [line.code for line in levels.incident_types if line.fallback]
    if len(fallbacks) != 1:
        raise located.error(
            "incident_types",
            problem=f"{len(fallbacks)} types portent « fallback: true », un seul est attendu.",
            remedy="Mettez « fallback: true » au seul type qui reçoit les incidents sans critère.",
        )
    known_types = [line.code for line in levels.incident_types]
    known_priorities = [line.code for line in levels.priorities]
    for index, pair in enumerate(levels.pairs):
        if pair.type not in known_types:
            raise located.error(
                *("pairs", index, "type"),
                problem=f"le type « {pair.type} » n'est pas décrit dans « incident_types ».",
                remedy=f"Choisissez parmi : {', '.join(known_types)}.",
            )
        if pair.priority not in known_priorities:
            raise located.error(
                *("pairs", index, "priority"),
                problem=f"la priorité « {pair.priority} » n'est pas décrite dans « priorities ».",
                remedy=f"Choisissez parmi : {', '.join(known_priorities)}.",
            )
        if pair.use == "exceptional" and pair.reason is None:
            raise located.error(
                *("pairs", index, "use"),
                problem=f"le couple {pair.type}-{pair.priority} est exceptionnel sans dire quand.",
                remedy="Ajoutez « reason: … » : ce qui justifie l'exception.",
            )
    for type_ in known_types:
        defaults = [pair for pair in levels.pairs if pair.type == type_ and pair.use == "default"]
        if len(defaults) != 1:
            raise located.error(
                "pairs",
                problem=f"le type « {type_} » a {len(defaults)} priorités par défaut, une seule est attendue.",
                remedy=f"Écrivez « use: default » à un seul couple du type {type_}.",
            )


def _check_table(located: Levels, agreement: AgreementPack) -> None:
    levels = located.value
    classes = [line.code for line in levels.classes]
    for lot in agreement.lots:
        if lot.service_class.value not in classes:
            raise located.error(
                "classes",
                problem=f"le lot {lot.number} est de classe « {lot.service_class.value} », absente de « classes ».",
                remedy=f"Ajoutez la classe, ou corrigez celle du lot {lot.number} dans agreement.yaml.",
            )
    for index, line in enumerate(levels.delays):
        if line.service_class not in classes:
            raise located.error(
                *("delays", index, "class"),
                problem=f"la classe « {line.service_class} » n'est pas décrite dans « classes ».",
                remedy=f"Choisissez parmi : {', '.join(classes)}.",
            )
    for service_class in levels.classes:
        for type_line in levels.incident_types:
            if levels.delays_of(service_class.code, type_line.code) is None:
                raise located.error(
                    "delays",
                    problem=f"la classe « {service_class.code} » n'a pas de délais pour le type « {type_line.code} ».",
                    remedy=f"Ajoutez la ligne « class: {service_class.code} », « type: {type_line.code} », gti et gtr.",
                )


def _check_line(located: Levels, index: int, line: Delays) -> None:
    service_class = located.value.class_line(line.service_class)
    for name, delay in (("gti", line.gti), ("gtr", line.gtr)):
        path: tuple[PathStep, ...] = ("delays", index, name)
        if (delay.minutes is None) == (delay.working_days is None):
            raise located.error(
                *path,
                problem=f"{named(path)} n'a pas un délai et un seul.",
                remedy="Écrivez « minutes: … » ou « working_days: … », pas les deux.",
            )
        _check_printed(located, path, delay)
        _check_hours(located, path, delay, service_class)


def _check_printed(located: Levels, path: tuple[PathStep, ...], delay: Delay) -> None:
    hours, days = _PRINTED_HOURS.match(delay.printed), _PRINTED_DAYS.match(delay.printed)
    if hours and delay.minutes != int(hours[1]) * 60:
        raise located.error(
            *(*path, "minutes"),
            problem=f"{named(path)} vaut {delay.minutes} minutes, le texte imprimé dit « {delay.printed} ».",
            remedy=f"Écrivez « minutes: {int(hours[1]) * 60} », ou recopiez le texte de l'article.",
        )
    if days and delay.working_days != int(days[1]):
        raise located.error(
            *(*path, "working_days"),
            problem=f"{named(path)} vaut {delay.working_days} jours, le texte imprimé dit « {delay.printed} ».",
            remedy=f"Écrivez « working_days: {days[1]} », ou recopiez le texte de l'article.",
        )


def _check_hours(located: Levels, path: tuple[PathStep, ...], delay: Delay, service_class: ServiceClass | None) -> None:
    hours = delay.hours
    place: tuple[PathStep, ...] = (*path, "hours")
    problem, remedy = "", ""
    if (hours.base is None) == (hours.same_as is None):
        problem, remedy = "n'a pas un calendrier et un seul", "Écrivez « base: … » ou « same_as: gti », pas les deux"
    elif hours.same_as is not None and (path[-1] == "gti" or delay.working_days is not None):
        problem, remedy = "ne peut pas reprendre le calendrier de la GTI", "Écrivez « base: HO »"
    elif hours.option is not None and hours.base is None:
        problem, remedy = "donne une option sans calendrier de base", "Ajoutez « base: … », ou retirez « option »"
    elif hours.option is not None and service_class is not None and service_class.option_24_7 == "included":
        problem = "offre une option que la classe comprend déjà"
        remedy = "Retirez « option » et écrivez son calendrier dans « base »"
    elif hours.source == "chosen" and hours.reason is None:
        problem, remedy = "est choisi sans dire pourquoi", "Ajoutez « reason: … » à côté de « source: chosen »"
    if problem:
        raise located.error(*place, problem=f"{named(place)} {problem}.", remedy=f"{remedy}.")


def _check_windows(located: Levels, agreement: AgreementPack) -> None:
    levels = located.value
    declared = [window.code for window in levels.windows]
    used: list[tuple[tuple[PathStep, ...], str | None]] = [
        (("working_days", "window", "value"), levels.working_days.window.value)
    ]
    for index, line in enumerate(levels.delays):
        for name, delay in (("gti", line.gti), ("gtr", line.gtr)):
            used += [
                (("delays", index, name, "hours", "base"), delay.hours.base),
                (("delays", index, name, "hours", "option"), delay.hours.option),
            ]
    for index, lot_line in enumerate(levels.lot_windows):
        _known_lot(located, ("lot_windows", index, "lot"), lot_line.lot, agreement)
        for name, choice in (("service", lot_line.service), ("support", lot_line.support), ("base", lot_line.base)):
            used.append((("lot_windows", index, name, "value"), choice.value))
    for path, code in used:
        if code is not None and code not in declared:
            raise located.error(
                *path,
                problem=f"les horaires « {code} » ne sont pas décrits dans « windows ».",
                remedy=f"Ajoutez-les à « windows », ou choisissez parmi : {', '.join(declared)}.",
            )


def _check_clock(located: Levels) -> None:
    levels = located.value
    stops = FactKind.ACKNOWLEDGED in levels.clock.gti.stops_on.value
    if stops != levels.acknowledgement.stops_gti.value:
        raise located.error(
            *("acknowledgement", "stops_gti"),
            problem="« acknowledgement.stops_gti » et « clock.gti.stops_on » ne disent pas la même chose.",
            remedy="Mettez les deux d'accord : l'accusé de réception arrête la GTI, ou ne l'arrête pas.",
        )


def _check_availability(located: Levels, agreement: AgreementPack) -> None:
    availability = located.value.availability
    floor = availability.floor.percent
    if floor is not None:
        check_amount(located, ("availability", "floor", "percent"), floor, percent=True)
    with_access = [lot.number for lot in agreement.lots if lot.network_access.value]
    if floor is None and with_access:
        raise located.error(
            *("availability", "floor", "percent"),
            problem=f"le lot {with_access[0]} comporte des accès réseau, et aucun plancher n'est fixé.",
            remedy="Écrivez le taux minimal, ou « network_access: false » au lot dans agreement.yaml.",
        )
    promised = {line.lot: line.percent for line in availability.commitments}
    for index, line in enumerate(availability.commitments):
        path: tuple[PathStep, ...] = ("availability", "commitments", index)
        lot = _known_lot(located, (*path, "lot"), line.lot, agreement)
        check_amount(located, (*path, "percent"), line.percent, percent=True)
        if floor is not None and lot.network_access.value and line.percent < floor:
            raise located.error(
                *(*path, "percent"),
                problem=f"le lot {line.lot} s'engage à {line.percent} %, sous le plancher de {floor} %.",
                remedy=f"Engagez au moins {floor} % ({availability.floor.article or availability.floor.reason}).",
            )
        _check_better(located, path, lot, line.percent, promised)


def _check_better(
    located: Levels, path: tuple[PathStep, ...], lot: LotPack, percent: Decimal, promised: dict[int, Decimal]
) -> None:
    for include in lot.includes:
        if include.lot in promised and percent <= promised[include.lot]:
            raise located.error(
                *(*path, "percent"),
                problem=f"le lot {lot.number} s'engage à {percent} %, pas mieux que le lot {include.lot} compris.",
                remedy=f"Engagez plus de {promised[include.lot]} % ({include.article}).",
            )


def _known_lot(located: Levels, path: tuple[PathStep, ...], number: int, agreement: AgreementPack) -> LotPack:
    try:
        return agreement.lot(number)
    except KeyError:
        known = ", ".join(str(lot.number) for lot in agreement.lots)
        raise located.error(
            *path, problem=f"le lot {number} n'existe pas.", remedy=f"Choisissez parmi les lots {known}."
        ) from None
