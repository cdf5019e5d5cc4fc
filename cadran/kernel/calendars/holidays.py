"""Holidays as dated data: rules with a validity, overridable day by day, frozen under a content version."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Self

from cadran.kernel.calendars.errors import CalendarError
from cadran.kernel.calendars.territories import Territory


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian ``year`` (anonymous algorithm, Meeus, Astronomical Algorithms ch. 8)."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon_correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon_correction + 15) % 30
    leaps, rest = divmod(of_century, 4)
    weekday = (32 + 2 * century_rest + 2 * leaps - epact - rest) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


@dataclass(frozen=True, slots=True)
class Holiday:
    """One closed local day. ``name`` is French, for the explanation; ``source`` is the text or the reason."""

    day: date
    code: str
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class HolidayRule:
    """A holiday that returns every year: a fixed month and day, or a number of days after Easter Sunday.

    ``valid_from`` and ``valid_to`` (both included, None = open) bound the days on which the rule holds.
    """

    code: str
    name: str
    source: str
    month: int = 0
    day: int = 0
    easter_offset: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if self.easter_offset is None:
            try:
                date(2001, self.month, self.day)  # any year but a leap one: the rule must return every year
            except ValueError:
                raise CalendarError(
                    f"Jour férié {self.name!r} : {self.day}/{self.month} ne revient pas chaque année. Corrigez la date."
                ) from None

    def occurrence(self, year: int) -> date | None:
        """Return the rule's day in ``year``, or None when the rule did not hold on that day."""
        if self.easter_offset is None:
            day = date(year, self.month, self.day)
        else:
            day = easter(year) + timedelta(days=self.easter_offset)
        if self.valid_from is not None and day < self.valid_from:
            return None
        if self.valid_to is not None and day > self.valid_to:
            return None
        return day


class Change(StrEnum):
    """What an override does to a day."""

    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, order=True)
class Override:
    """One dated day added to or removed from the statutory list, for an agreement or a site, with its reason."""

    day: date
    change: Change
    name: str
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise CalendarError(f"Jour {self.day:%d/%m/%Y} : donnez la raison de la dérogation (texte ou accord).")


@dataclass(frozen=True, slots=True)
class HolidayCalendar:
    """The holidays of one territory with its overrides. Frozen: ``add`` and ``remove`` return a new calendar.

    ``version`` identifies the content (first 16 hexadecimal digits of its SHA-256): two calendars with the same
    version close the same days for the same reasons, whatever the release of Cadran.
    """

    territory: Territory
    rules: tuple[HolidayRule, ...]
    overrides: tuple[Override, ...] = ()
    version: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        content = json.dumps(self._content(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        object.__setattr__(self, "version", hashlib.sha256(content.encode()).hexdigest()[:16])

    def for_year(self, year: int) -> tuple[Holiday, ...]:
        """Return the holidays of ``year``, in order; two holidays may share a day (1 May and Ascension in 2008)."""
        overridden = {override.day for override in self.overrides}
        found = []
        for rule in self.rules:
            day = rule.occurrence(year)
            if day is not None and day not in overridden:
                found.append(Holiday(day, rule.code, rule.name, rule.source))
        found.extend(
            Holiday(override.day, "override", override.name, override.reason)
            for override in self.overrides
            if override.change is Change.ADD and override.day.year == year
        )
        return tuple(sorted(found, key=lambda holiday: holiday.day))

    def on(self, day: date) -> tuple[Holiday, ...]:
        """Return the holidays that fall on ``day`` (empty when it is an ordinary day)."""
        return tuple(holiday for holiday in self.for_year(day.year) if holiday.day == day)

    def add(self, day: date, *, name: str, reason: str) -> Self:
        """Return a new version in which ``day`` is closed under the French ``name``; replaces an older override."""
        if not name.strip():
            raise CalendarError(f"Jour {day:%d/%m/%Y} : donnez le nom du jour ajouté, il paraît dans l’explication.")
        return self._with(Override(day, Change.ADD, name, reason))

    def remove(self, day: date, *, reason: str) -> Self:
        """Return a new version in which ``day`` is an ordinary day; replaces an older override."""
        return self._with(Override(day, Change.REMOVE, "", reason))

    def _with(self, override: Override) -> Self:
        kept = [other for other in self.overrides if other.day != override.day]
        return replace(self, overrides=tuple(sorted([*kept, override])))

    def _content(self) -> dict[str, Any]:
        return {
            "territory": str(self.territory),
            "rules": [_rule_to_dict(rule) for rule in self.rules],
            "overrides": [
                {"day": o.day.isoformat(), "change": str(o.change), "name": o.name, "reason": o.reason}
                for o in self.overrides
            ],
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the whole content, rules included, as a plain value: a case frozen with it never changes."""
        return {**self._content(), "version": self.version}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``to_dict`` wrote; CalendarError if the content is not the one of its version."""
        calendar = cls(
            territory=Territory.parse(data["territory"]),
            rules=tuple(_rule_from_dict(rule) for rule in data["rules"]),
            overrides=tuple(_overrides_from(data["overrides"])),
        )
        if data.get("version", calendar.version) != calendar.version:
            raise CalendarError(
                f"Calendrier des jours fériés {data['version']} altéré : son contenu donne {calendar.version}."
                " Restaurez-le depuis une sauvegarde."
            )
        return calendar


def _overrides_from(items: Iterable[Mapping[str, str]]) -> Iterable[Override]:
    for item in items:
        yield Override(date.fromisoformat(item["day"]), Change(item["change"]), item["name"], item["reason"])


def _rule_to_dict(rule: HolidayRule) -> dict[str, Any]:
    """Only what the rule says: absent keys keep the frozen copies short and the version stable."""
    data: dict[str, Any] = {"code": rule.code, "name": rule.name, "source": rule.source}
    if rule.easter_offset is None:
        data["on"] = f"{rule.month:02}-{rule.day:02}"
    else:
        data["easter"] = rule.easter_offset
    if rule.valid_from is not None:
        data["from"] = rule.valid_from.isoformat()
    if rule.valid_to is not None:
        data["to"] = rule.valid_to.isoformat()
    return data


def _rule_from_dict(data: Mapping[str, Any]) -> HolidayRule:
    month, day = (int(part) for part in data["on"].split("-")) if "on" in data else (0, 0)
    return HolidayRule(
        code=data["code"],
        name=data["name"],
        source=data["source"],
        month=month,
        day=day,
        easter_offset=data.get("easter"),
        valid_from=date.fromisoformat(data["from"]) if "from" in data else None,
        valid_to=date.fromisoformat(data["to"]) if "to" in data else None,
    )
