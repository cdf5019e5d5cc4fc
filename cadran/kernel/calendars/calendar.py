"""The calendar a case is judged by: hours, holidays and zone, frozen."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from cadran.kernel.calendars.errors import CalendarError
from cadran.kernel.calendars.holidays import HolidayCalendar
from cadran.kernel.calendars.hours import Hours
from cadran.kernel.calendars.statutory import statutory_holidays
from cadran.kernel.calendars.territories import Territory, zone_named, zone_of
from cadran.kernel.calendars.timeline import EPOCH, MICROSECOND, Timeline, timeline_for, year_of


@dataclass(frozen=True, slots=True)
class Calendar:
    """Business hours of a site in its own zone. A case keeps its ``to_dict()``: later changes never reach it."""

    hours: Hours
    holidays: HolidayCalendar
    zone: ZoneInfo
    timeline: Timeline = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "timeline", timeline_for(self.hours, self.holidays, self.zone))

    @classmethod
    def of(
        cls,
        hours: Hours,
        territory: Territory,
        *,
        zone: ZoneInfo | None = None,
        holidays: HolidayCalendar | None = None,
    ) -> Self:
        """Build a calendar; ``zone`` and ``holidays`` default to the territory's own."""
        return cls(hours, holidays or statutory_holidays(territory), zone or zone_of(territory))

    @property
    def territory(self) -> Territory:
        """The territory whose holidays hold."""
        return self.holidays.territory

    @property
    def version(self) -> str:
        """An identifier of the whole content: hours, holidays and zone (16 hexadecimal digits)."""
        content = json.dumps(
            [self.hours.to_dict(), self.holidays.version, self.zone.key], ensure_ascii=False, sort_keys=True
        )
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def local(self, moment: datetime) -> datetime:
        """Return ``moment`` on the site's wall clock."""
        return moment.astimezone(self.zone)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole calendar as a plain value; ``from_dict`` reads it back without today's tables."""
        return {"hours": self.hours.to_dict(), "holidays": self.holidays.to_dict(), "zone": self.zone.key}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``to_dict`` wrote; CalendarError if it was altered or its zone is unknown here."""
        return cls(
            Hours.from_dict(data["hours"]), HolidayCalendar.from_dict(data["holidays"]), zone_named(data["zone"])
        )

    def __reduce__(self) -> tuple[type["Calendar"], tuple[Hours, HolidayCalendar, ZoneInfo]]:
        # The timeline is a cache: a copy or a pickle carries only the content.
        return Calendar, (self.hours, self.holidays, self.zone)


def to_instant(moment: datetime, what: str) -> int:
    """Return ``moment`` in UTC microseconds since 1970.

    Raises CalendarError: no offset (the message names ``what``), or outside the years that are computed.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise CalendarError(
            f"{what} {moment.isoformat()} sans décalage horaire : l’instant est ambigu."
            " Ajoutez-le, par exemple +02:00 ou Z."
        )
    instant = (moment - EPOCH) // MICROSECOND
    year_of(instant)
    return instant


def to_moment(instant: int) -> datetime:
    """Return the UTC datetime of an instant in microseconds since 1970."""
    return EPOCH + timedelta(microseconds=instant)
