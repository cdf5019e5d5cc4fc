"""Identifiers: what is accepted, what is refused, and that reading undoes writing."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.kernel.identifiers import Eui64, Siren, Siret

euis = st.integers(0, 2**64 - 1).map(Eui64)


def luhn_ok(digits: str) -> bool:
    """The slow, obvious yardstick: double every second digit from the right."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def with_check_digit(head: str) -> str:
    return next(head + digit for digit in "0123456789" if luhn_ok(head + digit))


sirens = st.from_regex(r"[1-9][0-9]{7}", fullmatch=True).map(with_check_digit)


@given(siren=sirens, nic=st.from_regex(r"[0-9]{4}", fullmatch=True))
def test_a_siret_with_its_luhn_key_is_read(siren: str, nic: str) -> None:
    if siren == "356000000":
        return
    digits = with_check_digit(siren + nic)
    assert Siret.parse(f" {digits[:3]} {digits[3:6]}\u00a0{digits[6:9]}.{digits[9:]} ").value == digits
    assert Siret.parse(digits).siren == Siren.parse(siren)


@given(siren=sirens, nic=st.from_regex(r"[0-9]{4}", fullmatch=True), position=st.integers(0, 13), by=st.integers(1, 9))
def test_one_wrong_digit_is_caught(siren: str, nic: str, position: int, by: int) -> None:
    digits = with_check_digit(siren + nic)
    wrong = digits[:position] + str((int(digits[position]) + by) % 10) + digits[position + 1 :]
    if wrong.startswith("356000000") or digits.startswith("356000000"):
        return
    with pytest.raises(ValueError, match="SIRET"):
        Siret.parse(wrong)


@pytest.mark.parametrize(
    ("digits", "valid"),
    [
        pytest.param("35600000000048", True, id="La Poste, head office: Luhn"),
        pytest.param("35600000049837", True, id="La Poste, establishment: digits add up to a multiple of 5"),
        pytest.param("35600000049838", False, id="La Poste, neither rule"),
        pytest.param("73282932000074", True, id="ordinary"),
        pytest.param("73282932000079", False, id="ordinary, wrong key"),
        pytest.param("00000000000000", False, id="only zeros pass Luhn but name nobody"),
        pytest.param("7328293200007", False, id="thirteen digits"),
        pytest.param("7328293200007٤", False, id="a digit of another script"),
        pytest.param("", False, id="empty"),
    ],
)
def test_siret_rules(digits: str, valid: bool) -> None:
    if valid:
        assert str(Siret.parse(digits)) == digits
    else:
        with pytest.raises(ValueError, match="SIRET"):
            Siret.parse(digits)


def test_siret_and_siren_read_well() -> None:
    assert Siret.parse("73282932000074").spaced == "732 829 320 00074"
    assert Siren.parse("732 829 320").spaced == "732 829 320"
    with pytest.raises(ValueError, match="clé de contrôle"):
        Siren.parse("732829321")
    with pytest.raises(ValueError, match="9 chiffres"):
        Siren.parse("73282932")


@given(euis)
def test_an_eui_is_read_back_from_each_of_its_forms(eui: Eui64) -> None:
    text = str(eui)
    assert len(text) == 16
    assert text == text.lower()
    assert Eui64.parse(text) == eui
    assert Eui64.parse("-".join(text[i : i + 2] for i in range(0, 16, 2)).upper()) == eui
    assert Eui64.from_bytes(eui.to_bytes()) == eui
    assert Eui64.from_bytes(eui.to_bytes(little_endian=True), little_endian=True) == eui
    assert eui.to_bytes(little_endian=True) == eui.to_bytes()[::-1]


@given(euis, euis)
def test_euis_sort_as_their_text(left: Eui64, right: Eui64) -> None:
    assert (left < right) == (str(left) < str(right))


@pytest.mark.parametrize("text", ["", "0004a30b001a2b3", "0004a30b001a2b3g", "0004a30b001a2b3c0", "0x04a30b001a2b3c"])
def test_what_is_not_an_eui_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="EUI-64"):
        Eui64.parse(text)


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        Eui64(2**64)
    with pytest.raises(ValueError, match="8 octets"):
        Eui64.from_bytes(b"1234567")


def test_identifiers_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Eui64(1).value = 2  # type: ignore[misc]
