"""``penalties.yaml``: what lateness costs, as data. Nothing here applies a penalty: the beneficiary does, or waives."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from cadran.kernel.packs import Located, PathStep, read_located
from cadran.parties.packs import (
    AgreementPack,
    Count,
    Flag,
    NotNegative,
    Sourced,
    Text,
    check_agreement_code,
    check_amount,
    check_sources,
    check_unique,
    named,
)

PenaltyEvent = Literal["quote_late", "delivery_late", "gti_missed", "gtr_missed", "availability_missed", "report_late"]


class Annex(Sourced, frozen=True, kw_only=True):
    """The agreement's own annex on penalties, and whether it was given to us."""

    provided: bool


class Edition(Sourced, frozen=True, kw_only=True):
    """The edition of the general clauses (a year)."""

    value: Annotated[int, msgspec.Meta(ge=2009, le=2100)]


class CountsFrom(Sourced, frozen=True, kw_only=True):
    """The first day of lateness."""

    value: Literal["day_after", "same_day"]


class Rate(Sourced, frozen=True, kw_only=True):
    """A percentage, 0 to 100."""

    value: Decimal


class Amount(Sourced, frozen=True, kw_only=True):
    """An amount in euros, VAT excluded."""

    value: Decimal


class LegalDefault(Sourced, frozen=True, kw_only=True):
    """The general clauses' formula P = V x R / divisor, with its cap, its exemption and the time to comment."""

    formula: Text
    meaning: Text
    edition: Edition
    divisor: Count
    counts_from: CountsFrom
    cap_percent: Rate
    exemption_eur: Amount
    comment_days: Count
    outside_vat: Flag


class PenaltyUnit(Sourced, frozen=True, kw_only=True):
    """What lateness is counted in; a unit that has begun counts."""

    value: Literal["hour", "day", "working_day", "month"]


class PenaltyBase(Sourced, frozen=True, kw_only=True):
    """What V is, VAT excluded."""

    value: Literal["late_part_excl_vat", "order_excl_vat", "quote_excl_vat", "monthly_service_excl_vat"]


class Formula(Sourced, frozen=True, kw_only=True):
    """The general clauses' formula, or a fixed amount or a percentage of V for each unit."""

    kind: Literal["legal_default", "fixed", "percent"]
    value: Decimal | None = None


class Threshold(Sourced, frozen=True, kw_only=True):
    """How many units are forgiven before the first one counts."""

    value: NotNegative


class Limit(Sourced, frozen=True, kw_only=True):
    """A cap or an exemption: the general clauses', an amount, a percentage of the order, or none."""

    kind: Literal["legal_default", "amount", "percent", "none"]
    value: Decimal | None = None


class Penalty(Sourced, frozen=True, kw_only=True):
    """One kind of penalty; its own source is the article that allows it."""

    event: PenaltyEvent
    label: Text
    unit: PenaltyUnit
    base: PenaltyBase
    formula: Formula
    threshold: Threshold
    cap: Limit
    exemption: Limit


class Penalties(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The penalties of one agreement, from ``valid_from`` on (null: from its start)."""

    agreement: Text
    valid_from: dt.date | None
    annex: Annex
    legal_default: LegalDefault
    penalties: tuple[Penalty, ...]


def load_penalties(directory: Path, agreement: AgreementPack) -> Penalties:
    """Read and check ``penalties.yaml`` beside its agreement; raise the first ``PackError``."""
    located = read_located(directory / "penalties.yaml", Penalties)
    check_agreement_code(located, located.value.agreement, agreement)
    check_sources(located, agreement)
    check_unique(located, ("penalties",), [penalty.event for penalty in located.value.penalties])
    default = located.value.legal_default
    check_amount(located, ("legal_default", "cap_percent", "value"), default.cap_percent.value, percent=True)
    check_amount(located, ("legal_default", "exemption_eur", "value"), default.exemption_eur.value, percent=False)
    for index, penalty in enumerate(located.value.penalties):
        for name, part in (("formula", penalty.formula), ("cap", penalty.cap), ("exemption", penalty.exemption)):
            _check_value(located, ("penalties", index, name), part)
    return located.value


def _check_value(located: Located[Penalties], path: tuple[PathStep, ...], part: Formula | Limit) -> None:
    needs_value = part.kind in ("fixed", "percent", "amount")
    if needs_value and part.value is None:
        raise located.error(
            *path,
            problem=f"{named(path)} est de sorte « {part.kind} » sans valeur.",
            remedy="Ajoutez « value: … », ou écrivez « kind: legal_default ».",
        )
    if not needs_value and part.value is not None:
        raise located.error(
            *(*path, "value"),
            problem=f"{named(path)} est de sorte « {part.kind} » : sa valeur ne servirait pas.",
            remedy="Retirez « value », ou écrivez « kind: percent ».",
        )
    if part.value is not None:
        check_amount(located, (*path, "value"), part.value, percent=part.kind == "percent")
