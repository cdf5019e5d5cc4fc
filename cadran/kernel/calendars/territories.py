"""Where a site is: the territory decides the holidays and, unless the site says otherwise, the time zone."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cadran.kernel.calendars.errors import CalendarError


class Territory(StrEnum):
    """A part of France with holidays of its own. Codes are ISO 3166-1, plus AM for Alsace-Moselle."""

    FR = "FR"
    AM = "AM"
    GP = "GP"
    MQ = "MQ"
    GF = "GF"
    RE = "RE"
    YT = "YT"
    BL = "BL"
    MF = "MF"
    PM = "PM"
    PF = "PF"
    NC = "NC"
    WF = "WF"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the territory written in ``text`` (any case); CalendarError lists the known ones."""
        try:
            return cls(text.strip().upper())
        except ValueError:
            known = ", ".join(cls)
            raise CalendarError(f"Territoire {text!r} inconnu. Choisissez parmi : {known}.") from None


# French name and the zone of the seat of the territory. A site may carry another zone (the Marquesas and the
# Gambier Islands are not on Tahiti's time): Calendar.of takes it.
_TERRITORIES: Mapping[Territory, tuple[str, str]] = MappingProxyType(
    {
        Territory.FR: ("France métropolitaine", "Europe/Paris"),
        Territory.AM: ("Alsace-Moselle", "Europe/Paris"),
        Territory.GP: ("Guadeloupe", "America/Guadeloupe"),
        Territory.MQ: ("Martinique", "America/Martinique"),
        Territory.GF: ("Guyane", "America/Cayenne"),
        Territory.RE: ("La Réunion", "Indian/Reunion"),
        Territory.YT: ("Mayotte", "Indian/Mayotte"),
        Territory.BL: ("Saint-Barthélemy", "America/St_Barthelemy"),
        Territory.MF: ("Saint-Martin", "America/Marigot"),
        Territory.PM: ("Saint-Pierre-et-Miquelon", "America/Miquelon"),
        Territory.PF: ("Polynésie française", "Pacific/Tahiti"),
        Territory.NC: ("Nouvelle-Calédonie", "Pacific/Noumea"),
        Territory.WF: ("Wallis-et-Futuna", "Pacific/Wallis"),
    }
)


def name_of(territory: Territory) -> str:
    """Return the territory's French name."""
    return _TERRITORIES[territory][0]


def zone_of(territory: Territory) -> ZoneInfo:
    """Return the IANA zone of the territory's seat."""
    return zone_named(_TERRITORIES[territory][1])


def zone_named(key: str) -> ZoneInfo:
    """Return the IANA zone called ``key``; CalendarError if this machine does not know it."""
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CalendarError(
            f"Fuseau horaire {key!r} inconnu. Attendu : un nom IANA comme « Europe/Paris » (paquet tzdata installé)."
        ) from None
