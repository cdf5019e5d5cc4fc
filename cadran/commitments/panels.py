"""What an agreement promises, on its page: delays, clocks, pauses, availability, penalties, each with its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.commitments import packs, selectors
from cadran.commitments.packs import Delay, Delays, Penalties, Penalty, ServiceLevels
from cadran.commitments.rules import FactKind
from cadran.kernel.config import CHECKOUT
from cadran.kernel.packs import PackError
from cadran.parties.packs import AgreementPack
from cadran.ui import times

if TYPE_CHECKING:
    from cadran.parties.models import Agreement

FACTS = {
    FactKind.INFORMED: gettext_lazy("la première information du titulaire"),
    FactKind.ACKNOWLEDGED: gettext_lazy("l’accusé de réception"),
    FactKind.TAKEN_IN_CHARGE: gettext_lazy("la prise en charge"),
    FactKind.INTERVENTION_STARTED: gettext_lazy("le début de l’intervention"),
    FactKind.RESTORED: gettext_lazy("le rétablissement du service"),
    FactKind.CLOSED: gettext_lazy("la clôture"),
}
CONFIRMED_BY = {
    "measurement": gettext_lazy("une mesure redevenue normale"),
    "beneficiary": gettext_lazy("l’accord du bénéficiaire"),
    "holder": gettext_lazy("la parole du titulaire"),
}
USES = {
    "default": gettext_lazy("par défaut"),
    "allowed": gettext_lazy("admise"),
    "exceptional": gettext_lazy("exceptionnelle, motif obligatoire"),
}
UNITS = {
    "hour": gettext_lazy("par heure commencée"),
    "day": gettext_lazy("par jour commencé"),
    "working_day": gettext_lazy("par jour ouvré commencé"),
    "month": gettext_lazy("par mois commencé"),
}
BASES = {
    "late_part_excl_vat": gettext_lazy("prix hors taxes de la partie en retard"),
    "order_excl_vat": gettext_lazy("montant hors taxes de la commande"),
    "quote_excl_vat": gettext_lazy("montant hors taxes du devis"),
    "monthly_service_excl_vat": gettext_lazy("abonnement mensuel hors taxes du service"),
}
EVERY = {"month": gettext_lazy("chaque mois"), "half_year": gettext_lazy("chaque semestre")}


def agreement(request: HttpRequest, subject: Agreement) -> str:
    """Return the commitments of an agreement as cards; what is not loaded is said."""
    try:
        levels: selectors.Levels | None = selectors.levels_in_force(agreement_code=subject.code)
    except selectors.NoServiceLevels:
        levels = None
    penalties = penalties_of(subject.code, subject.pack_digest, msgspec.json.encode(subject.pack or {}))
    context = {
        "levels": levels,
        "classes": classes_of(levels.content) if levels else [],
        "clocks": clock_lines(levels.content) if levels else [],
        "penalties": penalties,
        "penalty_lines": [penalty_line(each) for each in penalties.penalties] if penalties else [],
        "every": EVERY,
    }
    return render_to_string("commitments/_agreement.html", context, request=request)


@dataclass(frozen=True, slots=True)
class DelayCell:
    """One figure of the table: what is printed, what it means, on which calendar and who says so."""

    delay: Delay
    words: str
    hours: str
    chosen: str  # why the calendar was chosen here; nothing when the specification prints it


@dataclass(frozen=True, slots=True)
class DelayRow:
    """A type of incident in one class of services."""

    label: str
    impact: str
    priorities: Sequence[tuple[packs.Pair, str]]
    gti: DelayCell
    gtr: DelayCell


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The delays of one class of services."""

    label: str
    option: str
    rows: Sequence[DelayRow]


def classes_of(levels: ServiceLevels) -> list[ClassTable]:
    """Return the tables of delays, one per class of services, most severe type first."""
    options = {
        "included": _("Le 24 h/24, 7 j/7 est compris."),
        "optional": _("Le 24 h/24, 7 j/7 est une option."),
    }
    return [
        ClassTable(
            line.label,
            options[line.option_24_7],
            [
                _row(levels, delays)
                for type_line in levels.incident_types
                if (delays := levels.delays_of(line.code, type_line.code)) is not None
            ],
        )
        for line in levels.classes
    ]


def _row(levels: ServiceLevels, delays: Delays) -> DelayRow:
    type_line = levels.type_line(delays.type)
    pairs = [pair for pair in levels.pairs if pair.type == delays.type]
    return DelayRow(
        label=type_line.label,
        impact=type_line.impact,
        priorities=[(pair, str(USES[pair.use])) for pair in pairs],
        gti=_cell(delays.gti),
        gtr=_cell(delays.gtr),
    )


def _cell(delay: Delay) -> DelayCell:
    if delay.minutes is not None:
        hours, minutes = divmod(delay.minutes, 60)
        amount = (f"{hours} h {minutes:02d}" if minutes else f"{hours} h") if hours else f"{minutes} min"
    else:
        amount = _("{n} jours ouvrés").format(n=delay.working_days)
    calendar = delay.hours
    if calendar.same_as is not None:
        hours_words = _("calendrier de la GTI")
    elif calendar.option is not None:
        hours_words = _("{base}, ou {option} avec l’option").format(base=calendar.base, option=calendar.option)
    else:
        hours_words = calendar.base or ""
    chosen = calendar.reason or "" if calendar.source == "chosen" else ""
    return DelayCell(delay, amount.replace(" ", times.THIN), hours_words, chosen)


@dataclass(frozen=True, slots=True)
class Statement:
    """A rule of the clocks in words, and where it comes from."""

    term: str
    words: str
    sourced: object


def clock_lines(levels: ServiceLevels) -> list[Statement]:
    """Return what starts, stops and resumes the clocks, in words."""
    clock = levels.clock
    mode = {
        "end_of_nth_day": _("fin du n-ième jour ouvré, jour de réception exclu"),
        "hours": _("dix heures ouvrées par jour"),
    }
    gtr = clock.gtr
    return [
        Statement(_("La GTI part sur"), _fact(clock.gti.starts_on.value), clock.gti.starts_on),
        Statement(_("La GTI s’arrête sur"), _facts(clock.gti.stops_on.value), clock.gti.stops_on),
        Statement(_("Une personne nommée"), _yes(clock.gti.named_person.value), clock.gti.named_person),
        Statement(_("La GTR part sur"), _fact(gtr.starts_on.value), gtr.starts_on),
        Statement(_("La GTR s’arrête sur"), _facts(gtr.stops_on.value), gtr.stops_on),
        Statement(_("Un contournement rétablit"), _yes(gtr.workaround_counts.value), gtr.workaround_counts),
        Statement(
            _("Rétablissement confirmé par"),
            _(" ou ").join(str(CONFIRMED_BY[one]) for one in gtr.confirmed_by.value),
            gtr.confirmed_by,
        ),
        Statement(
            _("Incident rouvert"),
            _("l’horloge reprend avec ce qui reste")
            if clock.reopening.value == "resumes"
            else _("l’horloge reste arrêtée"),
            clock.reopening,
        ),
        Statement(
            _("À la minute exacte de l’échéance"),
            _("c’est trop tard") if levels.limits_strict.value else _("c’est encore à temps"),
            levels.limits_strict,
        ),
        Statement(_("Jours ouvrés"), mode[levels.working_days.mode.value], levels.working_days.mode),
        Statement(_("Accusé de réception dû"), _yes(levels.acknowledgement.required.value),
                  levels.acknowledgement.required),
        Statement(_("L’accusé arrête la GTI"), _yes(levels.acknowledgement.stops_gti.value),
                  levels.acknowledgement.stops_gti),
    ]  # fmt: skip


def _fact(kind: FactKind) -> str:
    return str(FACTS.get(kind, kind.value))


def _facts(kinds: Sequence[FactKind]) -> str:
    return _(" ou ").join(_fact(kind) for kind in kinds)


def _yes(value: bool) -> str:
    return _("oui") if value else _("non")


@lru_cache(maxsize=16)
def penalties_of(code: str, digest: str, pack: bytes) -> Penalties | None:
    """Return the penalties delivered beside the agreement's pack; none when there is no such file, or not for it.

    Cached by the agreement's digest: a penalties file changes with a new version of Cadran, that is, a restart.
    """
    directory = CHECKOUT / "packs" / "agreements" / code
    if pack == b"{}" or not (directory / "penalties.yaml").is_file():
        return None
    try:
        return packs.load_penalties(directory, msgspec.json.decode(pack, type=AgreementPack))
    except PackError:
        return None


@dataclass(frozen=True, slots=True)
class PenaltyLine:
    """A penalty in words."""

    penalty: Penalty
    formula: str
    base: str
    unit: str
    cap: str
    exemption: str


def penalty_line(penalty: Penalty) -> PenaltyLine:
    """Say one penalty in words; figures are those of the pack."""
    formula = {
        "legal_default": _("formule générale"),
        "fixed": _("{value} € {unit}"),
        "percent": _("{value} % de V {unit}"),
    }[penalty.formula.kind]
    unit = str(UNITS[penalty.unit.value])
    return PenaltyLine(
        penalty,
        formula.format(value=penalty.formula.value, unit=unit),
        str(BASES[penalty.base.value]),
        unit,
        _limit(penalty.cap.kind, penalty.cap.value),
        _limit(penalty.exemption.kind, penalty.exemption.value),
    )


def _limit(kind: str, value: object) -> str:
    words = {
        "legal_default": _("règle générale"),
        "amount": _("{value} €"),
        "percent": _("{value} % de la commande"),
        "none": _("aucun"),
    }
    return words[kind].format(value=value)
