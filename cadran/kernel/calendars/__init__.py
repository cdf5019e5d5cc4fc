"""Calendars: statutory holidays, business hours, and the contract clock that runs on them.

Pure: standard library only, no clock of its own, no file, no database. See docs/rules/calendars.md.
"""

from cadran.kernel.calendars.calendar import Calendar
from cadran.kernel.calendars.clock import (
    MAX_DAYS,
    MAX_MINUTES,
    Pause,
    PauseLike,
    advance,
    deadline,
    elapsed,
    end_of_nth_day,
    is_open,
    next_opening,
)
from cadran.kernel.calendars.errors import CalendarError
from cadran.kernel.calendars.explain import LABELS, Segment, SegmentKind, explain
from cadran.kernel.calendars.holidays import Change, Holiday, HolidayCalendar, HolidayRule, Override, easter
from cadran.kernel.calendars.hours import ALWAYS, HO, WIFI_8_18_6_7, Hours, Window
from cadran.kernel.calendars.statutory import statutory_holidays
from cadran.kernel.calendars.territories import Territory, name_of, zone_named, zone_of

__all__ = [
    "ALWAYS",
    "HO",
    "LABELS",
    "MAX_DAYS",
    "MAX_MINUTES",
    "WIFI_8_18_6_7",
    "Calendar",
    "CalendarError",
    "Change",
    "Holiday",
    "HolidayCalendar",
    "HolidayRule",
    "Hours",
    "Override",
    "Pause",
    "PauseLike",
    "Segment",
    "SegmentKind",
    "Territory",
    "Window",
    "advance",
    "deadline",
    "easter",
    "elapsed",
    "end_of_nth_day",
    "explain",
    "is_open",
    "name_of",
    "next_opening",
    "statutory_holidays",
    "zone_named",
    "zone_of",
]
