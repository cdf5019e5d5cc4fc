"""Amounts in euros: exact decimals, one currency, one named rounding rule.

The rule: **each line is rounded to the cent, half up, and totals add rounded lines.** So that the column a person
adds up on paper gives the printed total, and because half up is what French accounting software and public
accountants expect; Python's default (half to even) would surprise both. No clause of the agreements prescribes a
rounding; this is the house's choice.

A unit price may have more decimals than the cent (a price per SMS, per litre): it stays exact until the line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import ClassVar, Self

ROUNDING = ROUND_HALF_UP
CENT = Decimal("0.01")
_DIGITS = 28  # enough for any amount here; a context wider than the ambient one keeps quantize from overflowing

_SPACES = re.compile(r"[\s\u00a0\u202f]")
_PLAIN = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[\s\u00a0\u202f][0-9]{3})+(?:,[0-9]+)?")


def round_to_cent(amount: Decimal) -> Decimal:
    """Round euros to the cent, half up (away from zero on the tie). ValueError unless finite."""
    if not amount.is_finite():
        raise ValueError(f"{amount} n’est pas un montant.")
    with localcontext() as context:
        context.prec = max(_DIGITS, amount.adjusted() + 4)
        rounded = amount.quantize(CENT, rounding=ROUNDING)
    return rounded if rounded else CENT * 0  # no "-0.00" on an invoice


def parse_decimal(text: str) -> Decimal:
    """Read a number as French people and spreadsheets write it: ``1 234,56``, ``1234,56`` or ``1234.56``.

    Thousands may be separated by spaces (ordinary, no-break, narrow), three digits by three; never by a dot or a
    comma, which would be ambiguous. ValueError (French) otherwise.
    """
    stripped = text.strip().removesuffix("€").strip().replace("\u2212", "-")
    if not (_PLAIN.fullmatch(stripped) or _GROUPED.fullmatch(stripped)):
        raise ValueError(f"{text!r} n’est pas un montant. Écrivez par exemple 1 234,56.")
    return Decimal(_SPACES.sub("", stripped).replace(",", "."))


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in euros, exact; ``rounded()`` gives what is printed and added up."""

    currency: ClassVar[str] = "EUR"
    amount: Decimal

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError("Un montant est un Decimal, jamais un flottant.")
        if not self.amount.is_finite():
            raise ValueError(f"{self.amount} n’est pas un montant.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an amount a person typed (see ``parse_decimal``)."""
        return cls(parse_decimal(text))

    @classmethod
    def of(cls, euros: int | str) -> Self:
        """Build from an integer or a machine-readable decimal string such as ``"12.5"``."""
        return cls(Decimal(euros))

    @classmethod
    def line(cls, *, unit_price: Decimal, quantity: Decimal) -> Self:
        """Return a line's amount: exact product, rounded once to the cent."""
        with localcontext() as context:
            context.prec = len(unit_price.as_tuple().digits) + len(quantity.as_tuple().digits) + 1
            product = unit_price * quantity
        return cls(round_to_cent(product))

    @classmethod
    def total(cls, lines: "Iterable[Money]") -> Self:
        """Add lines, each rounded to the cent first: the printed column adds up to the printed total."""
        return cls(sum((round_to_cent(line.amount) for line in lines), start=CENT * 0))

    def rounded(self) -> "Money":
        """Return the amount rounded to the cent, half up."""
        return Money(round_to_cent(self.amount))

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + other.amount)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - other.amount)

    def __neg__(self) -> "Money":
        return Money(-self.amount)

    def __str__(self) -> str:
        """The French form, to the cent, with narrow no-break spaces: ``1 234,56 €``."""
        whole, cents = f"{abs(round_to_cent(self.amount)):,.2f}".split(".")
        sign = "-" if round_to_cent(self.amount) < 0 else ""
        return f"{sign}{whole.replace(',', chr(0x202F))},{cents}\u00a0€"
