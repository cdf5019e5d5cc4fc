"""Durations, instants and numbers in French."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from cadran.ui import times

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture(autouse=True)
def french_reader() -> Iterator[None]:
    with translation.override("fr"), timezone.override(PARIS):
        yield


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (1284, None, "1 284"),
        (1284.5, 1, "1 284,5"),
        (Decimal("99.93"), None, "99,93"),
        (-3, None, "−3"),
        (0.05, 2, "0,05"),
    ],
)
def test_number(value: float, digits: int | None, expected: str) -> None:
    assert times.number(value, digits) == expected.replace(" ", times.THIN)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (0, "moins d’une minute"),
        (1, "1 min"),
        (60, "1 h"),
        (61, "1 h 01"),
        (1440, "1 j"),
        (1505, "1 j 1 h"),
        (-90, "1 h 30"),
    ],
)
def test_duration(minutes: int, expected: str) -> None:
    assert times.duration(timedelta(minutes=minutes)).replace(times.THIN, " ") == expected


def test_the_zone_is_named_only_when_the_reader_sees_another_hour() -> None:
    winter, summer = datetime(2026, 1, 5, 12, tzinfo=UTC), datetime(2026, 7, 6, 12, tzinfo=UTC)
    assert times.zone_suffix(winter, zone=ZoneInfo("Europe/Brussels")) == ""
    assert times.zone_suffix(winter, zone=ZoneInfo("Indian/Mayotte")) == " (heure de Mayotte)"
    assert times.zone_suffix(summer, zone=ZoneInfo("Africa/Johannesburg")) == ""
    assert times.zone_suffix(winter, zone=ZoneInfo("Africa/Johannesburg")) == " (Africa/Johannesburg)"


def test_time_element() -> None:
    at = datetime(2026, 3, 9, 14, 42, tzinfo=UTC)
    assert times.time_html(at) == '<time datetime="2026-03-09T15:42:00+01:00">lundi 9 mars 15:42</time>'
    assert times.time_html(at, zone=ZoneInfo("Indian/Reunion"), short=True) == (
        '<time datetime="2026-03-09T18:42:00+04:00">09/03/2026 18:42 (heure de La Réunion)</time>'
    )
