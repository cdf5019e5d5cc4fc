"""Business hours: which minutes of a local week are open."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from cadran.kernel.calendars.errors import CalendarError

MINUTES_A_DAY = 1440
DAY_NAMES = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_WINDOW = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Open from ``opens`` (included) to ``closes`` (excluded), in minutes since local midnight, 0..1440."""

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 0 <= self.opens < self.closes <= MINUTES_A_DAY:
            raise CalendarError(f"Plage {self} impossible : le début doit précéder la fin, entre 00:00 et 24:00.")
        if self.closes == MINUTES_A_DAY - 1:
            # The well-known 24/7 calendar typed 00:00-23:59 is closed one minute every night.
            raise CalendarError(f"Plage {self} : 23:59 laisse une minute fermée chaque nuit. Écrivez 24:00.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the window written ``HH:MM-HH:MM``; ``24:00`` is a valid end."""
        match = _WINDOW.fullmatch(text.strip())
        if match is None or int(match[2]) > 59 or int(match[4]) > 59:
            raise CalendarError(f"Plage {text!r} illisible. Attendu : HH:MM-HH:MM, par exemple 08:00-18:00.")
        return cls(int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4]))

    def __str__(self) -> str:
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.opens, self.closes))


@dataclass(frozen=True, slots=True)
class Hours:
    """The open windows of each weekday, Monday first, and whether a holiday closes the whole local day."""

    code: str
    week: tuple[tuple[Window, ...], ...]
    closed_on_holidays: bool

    def __post_init__(self) -> None:
        if len(self.week) != len(DAY_NAMES):
            raise CalendarError(f"Horaires {self.code!r} : {len(self.week)} jours donnés, 7 attendus, lundi d’abord.")
        if not any(self.week):
            raise CalendarError(f"Horaires {self.code!r} : aucune plage ouverte, aucun délai ne pourrait s’achever.")
        for name, windows in zip(DAY_NAMES, self.week, strict=True):
            for earlier, later in pairwise(windows):
                if later.opens < earlier.closes:
                    raise CalendarError(
                        f"Horaires {self.code!r}, {name} : les plages {earlier} et {later} se chevauchent"
                        " ou ne sont pas dans l’ordre. Séparez-les."
                    )

    @classmethod
    def weekly(cls, code: str, days: Mapping[int, Sequence[str]], *, closed_on_holidays: bool) -> Self:
        """Build hours from ``{0: ["08:00-12:00", "14:00-18:00"]}``; 0 is Monday, an absent day is closed."""
        unknown = sorted(set(days) - set(range(7)))
        if unknown:
            raise CalendarError(f"Horaires {code!r} : jour {unknown[0]} inconnu. Attendu : 0 (lundi) à 6 (dimanche).")
        week = tuple(tuple(sorted(Window.parse(text) for text in days.get(day, ()))) for day in range(7))
        return cls(code, week, closed_on_holidays)

    @classmethod
    def parse(cls, code: str) -> "Hours":
        """Return the hours of the contract called ``HO``, ``24/7`` or ``8-18-6/7``."""
        try:
            return _NAMED[code.strip().upper()]
        except KeyError:
            known = ", ".join(_NAMED)
            raise CalendarError(f"Horaires {code!r} inconnus. Choisissez parmi : {known}.") from None

    def to_dict(self) -> dict[str, Any]:
        """Return a plain value that JSON can carry; ``from_dict`` reads it back."""
        return {
            "code": self.code,
            "week": [[str(window) for window in windows] for windows in self.week],
            "closed_on_holidays": self.closed_on_holidays,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``to_dict`` wrote."""
        week = tuple(tuple(Window.parse(text) for text in windows) for windows in data["week"])
        return cls(data["code"], week, data["closed_on_holidays"])


# HO = Heures Ouvrées, Monday to Friday 8:00-18:00 (CCTP IoT 6.6, CCTP telecoms 6.1.5), minus statutory holidays.
HO = Hours.weekly("HO", {day: ["08:00-18:00"] for day in range(5)}, closed_on_holidays=True)
# 24h/7j (same articles): no closure at all, holidays included.
ALWAYS = Hours.weekly("24/7", {day: ["00:00-24:00"] for day in range(7)}, closed_on_holidays=False)
# Monday to Saturday 8:00-18:00, minus the same holidays (Wi-Fi lot).
WIFI_8_18_6_7 = Hours.weekly("8-18-6/7", {day: ["08:00-18:00"] for day in range(6)}, closed_on_holidays=True)

_NAMED: Mapping[str, Hours] = {hours.code: hours for hours in (HO, ALWAYS, WIFI_8_18_6_7)}
