"""Identifiers that are checked once, where they enter, then travel as values."""

import re
from dataclasses import dataclass
from typing import Self

from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret

_SEPARATORS = re.compile(r"[\s.\u00a0\u202f]")
_EUI_SEPARATORS = re.compile(r"[-:\s]")


def _digits(text: str, *, name: str, length: int) -> str:
    digits = _SEPARATORS.sub("", text)
    if not re.fullmatch(rf"[0-9]{{{length}}}", digits):
        raise ValueError(f"{text!r} n’est pas un {name} : {length} chiffres sont attendus. Vérifiez la saisie.")
    if not int(digits):
        raise ValueError(f"{text!r} n’est pas un {name} : il n’est fait que de zéros. Vérifiez la saisie.")
    return digits


@dataclass(frozen=True, slots=True, order=True)
class Siren:
    """A French legal unit: nine digits, the last one a Luhn check."""

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the SIREN written in ``text`` (spaces and dots are ignored); ValueError says what is wrong."""
        digits = _digits(text, name="SIREN", length=9)
        try:
            stdnum_siren.validate(digits)
        except ValidationError:
            raise ValueError(f"SIREN {digits} : la clé de contrôle est fausse. Vérifiez les chiffres saisis.") from None
        return cls(digits)

    def __str__(self) -> str:
        return self.value

    @property
    def spaced(self) -> str:
        """The form people read: ``123 456 789``."""
        return f"{self.value[:3]} {self.value[3:6]} {self.value[6:]}"


@dataclass(frozen=True, slots=True, order=True)
class Siret:
    """A French establishment: its legal unit's SIREN and five digits.

    Luhn over the fourteen digits, except La Poste (SIREN 356000000): its head office keeps Luhn, its other
    establishments have a sum of digits that is a multiple of 5.
    """

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the SIRET written in ``text`` (spaces and dots are ignored); ValueError says what is wrong."""
        digits = _digits(text, name="SIRET", length=14)
        try:
            stdnum_siret.validate(digits)
        except InvalidChecksum:
            raise ValueError(f"SIRET {digits} : la clé de contrôle est fausse. Vérifiez les chiffres saisis.") from None
        except ValidationError as error:
            raise ValueError(f"SIRET {digits} refusé : {error}. Vérifiez les chiffres saisis.") from None
        return cls(digits)

    def __str__(self) -> str:
        return self.value

    @property
    def siren(self) -> Siren:
        """The legal unit this establishment belongs to."""
        return Siren(self.value[:9])

    @property
    def spaced(self) -> str:
        """The form people read: ``123 456 789 00012``."""
        return f"{self.siren.spaced} {self.value[9:]}"


@dataclass(frozen=True, slots=True, order=True)
class Eui64:
    """A 64-bit device or gateway identifier, most significant byte first."""

    value: int

    def __post_init__(self) -> None:
        if not 0 <= self.value < 1 << 64:
            raise ValueError(f"{self.value} n’est pas un EUI-64 : il doit tenir sur 64 bits.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the EUI-64 written as 16 hexadecimal digits (``-``, ``:`` and spaces are ignored)."""
        digits = _EUI_SEPARATORS.sub("", text)
        if not re.fullmatch(r"[0-9A-Fa-f]{16}", digits):
            raise ValueError(
                f"{text!r} n’est pas un EUI-64 : 16 chiffres hexadécimaux sont attendus. "
                "Recopiez l’identifiant imprimé sur l’équipement."
            )
        return cls(int(digits, 16))

    @classmethod
    def from_bytes(cls, data: bytes, *, little_endian: bool = False) -> Self:
        """Return the EUI-64 of 8 bytes; LoRaWAN frames carry them little-endian."""
        if len(data) != 8:
            raise ValueError(f"Un EUI-64 tient sur 8 octets ; {len(data)} reçus.")
        return cls(int.from_bytes(data, "little" if little_endian else "big"))

    def to_bytes(self, *, little_endian: bool = False) -> bytes:
        """Return the 8 bytes, most significant first unless ``little_endian``."""
        return self.value.to_bytes(8, "little" if little_endian else "big")

    def __str__(self) -> str:
        return f"{self.value:016x}"
