"""Dates of the past, counted back from the load. No Django here."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cadran.kernel.calendars import Territory, statutory_holidays


def working_time(
    anchor: datetime, *, days_ago: int, at: str, territory: str = "FR", zone: str = "Europe/Paris"
) -> datetime:
    """Return ``HH:MM`` in that zone, on the working day ``days_ago`` days before ``anchor`` or the one before it."""
    day = anchor.astimezone(ZoneInfo(zone)).date() - timedelta(days=days_ago)
    hours, minutes = at.split(":")
    local = datetime.combine(working_day(day, territory), time(int(hours), int(minutes)), ZoneInfo(zone))
    return local.astimezone(UTC)


def working_day(day: date, territory: str) -> date:
    """Return that day, or the last one before it that is neither a week-end nor a holiday there."""
    holidays = statutory_holidays(Territory(territory))
    while day.weekday() >= 5 or holidays.on(day):
        day -= timedelta(days=1)
    return day
