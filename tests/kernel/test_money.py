"""Money: exact, half up at the line, read as French people write."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.kernel.money import CENT, Money, parse_decimal, round_to_cent

amounts = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=5)


@given(amounts)
def test_rounding_is_the_nearest_cent_and_ties_go_away_from_zero(amount: Decimal) -> None:
    rounded = round_to_cent(amount)
    distance = Fraction(rounded) - Fraction(amount)
    assert rounded == rounded.quantize(CENT)
    assert abs(distance) <= Fraction(1, 200)
    if abs(distance) == Fraction(1, 200):
        assert abs(rounded) > abs(amount)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("0.005", "0.01"),
        ("0.015", "0.02"),
        ("0.025", "0.03"),
        ("-0.005", "-0.01"),
        ("1.004999", "1.00"),
        ("-0.001", "0.00"),
    ],
)
def test_half_a_cent_goes_up(amount: str, expected: str) -> None:
    assert str(round_to_cent(Decimal(amount))) == expected


@given(unit_price=amounts, quantity=st.decimals(min_value=0, max_value=10**9, places=3))
def test_a_line_is_rounded_once_from_the_exact_product(unit_price: Decimal, quantity: Decimal) -> None:
    exact = Fraction(unit_price) * Fraction(quantity)
    assert abs(Fraction(Money.line(unit_price=unit_price, quantity=quantity).amount) - exact) <= Fraction(1, 200)


@given(st.lists(amounts.map(Money), max_size=30))
def test_the_printed_column_adds_up_to_the_printed_total(lines: list[Money]) -> None:
    cents = sum(int(line.rounded().amount * 100) for line in lines)
    assert int(Money.total(lines).amount * 100) == cents


@given(st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=2))
def test_what_is_printed_is_read_back(amount: Decimal) -> None:
    assert Money.parse(str(Money(amount))).amount == amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 234,56", "1234.56"),
        ("1\u202f234\u202f567,8 €", "1234567.8"),
        ("1234,56", "1234.56"),
        ("1234.56", "1234.56"),
        (" -12 ", "-12"),
        ("\u22123,5", "-3.5"),
    ],
)
def test_french_and_spreadsheet_forms(text: str, expected: str) -> None:
    assert parse_decimal(text) == Decimal(expected)


@pytest.mark.parametrize(
    "text", ["", "€", "1.234,56", "1,234.56", "12 34", "1 2345", "douze", "1e3", "NaN", "1_000", "٣"]
)
def test_ambiguous_or_foreign_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Écrivez par exemple"):
        parse_decimal(text)


def test_french_text() -> None:
    assert str(Money.of("1234567.895")) == "1\u202f234\u202f567,90\u00a0€"
    assert str(Money.of("-0.004")) == "0,00\u00a0€"
    assert str(-Money.of(12)) == "-12,00\u00a0€"


def test_a_float_is_not_money() -> None:
    with pytest.raises(TypeError):
        Money(0.1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="montant"):
        Money(Decimal("Infinity"))


def test_money_adds_exactly() -> None:
    assert Money.of("0.1") + Money.of("0.2") - Money.of("0.3") == Money.of(0)
