"""A slow and obvious contract clock, second by second, to hold against the one of the platform."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
SECOND = timedelta(seconds=1)


def easter(year: int) -> date:
    """Return Easter Sunday, by Gauss's method (another one than the platform's)."""
    a, b, c = year % 19, year % 4, year % 7
    k = year // 100
    m = (15 - (13 + 8 * k) // 25 + k - k // 4) % 30
    n = (4 + k - k // 4) % 7
    d = (19 * a + m) % 30
    e = (2 * b + 4 * c + 6 * d + n) % 7
    days = 22 + d + e
    if e == 6 and (d == 29 or (d == 28 and (11 * m + 11) % 30 < 19)):
        days -= 7
    return date(year, 3, 1) + timedelta(days=days - 1)


def closed(day: date) -> bool:
    """Whether that day is a week-end or one of the eleven statutory holidays of metropolitan France."""
    fixed = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
    moving = {easter(day.year) + timedelta(days=days) for days in (1, 39, 50)}
    return day.weekday() >= 5 or (day.month, day.day) in fixed or day in moving


def business_deadline(start: datetime, budget: timedelta) -> datetime:
    """Return when ``budget`` of business time (Monday to Friday, 8 to 18 in Paris) is spent, to two seconds."""
    at, left = start.astimezone(UTC), budget
    while left > timedelta(0):
        local = at.astimezone(PARIS)
        if not closed(local.date()) and 8 <= local.hour < 18:
            left -= SECOND
        at += SECOND
    return at
