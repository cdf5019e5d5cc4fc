"""Statutory holidays, overrides, hours, and what a frozen calendar keeps."""

import copy
import json
import pickle
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cadran.kernel.calendars import (
    ALWAYS,
    HO,
    WIFI_8_18_6_7,
    Calendar,
    CalendarError,
    HolidayCalendar,
    HolidayRule,
    Hours,
    SegmentKind,
    Territory,
    deadline,
    easter,
    explain,
    name_of,
    statutory_holidays,
    zone_of,
)

NATIONAL_2026 = {
    "2026-01-01", "2026-04-06", "2026-05-01", "2026-05-08", "2026-05-14", "2026-05-25",
    "2026-07-14", "2026-08-15", "2026-11-01", "2026-11-11", "2026-12-25",
}  # fmt: skip
OWN_2026 = {
    "FR": set(),
    "AM": {"2026-04-03", "2026-12-26"},
    "GP": {"2026-05-27"},
    "MQ": {"2026-05-22"},
    "GF": {"2026-06-10"},
    "RE": {"2026-12-20"},
    "YT": {"2026-04-27"},
    "BL": {"2026-10-09"},
    "MF": {"2026-05-28"},
    "PM": set(),
    "PF": {"2026-03-05", "2026-04-03", "2026-11-20"},
    "NC": {"2026-09-24"},
    "WF": {"2026-04-28", "2026-06-29", "2026-07-29"},
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (1981, "1981-04-19"), (2000, "2000-04-23"), (2008, "2008-03-23"), (2011, "2011-04-24"), (2024, "2024-03-31"),
        (2025, "2025-04-20"), (2026, "2026-04-05"), (2038, "2038-04-25"), (2049, "2049-04-18"), (2076, "2076-04-19"),
    ],
)  # fmt: skip
def test_easter(year: int, day: str) -> None:
    assert easter(year) == date.fromisoformat(day)


@pytest.mark.parametrize("territory", sorted(Territory))
def test_statutory_days_of_2026_and_no_customary_one(territory: Territory) -> None:
    days = [holiday.day.isoformat() for holiday in statutory_holidays(territory).for_year(2026)]
    assert days == sorted(NATIONAL_2026 | OWN_2026[territory])


@pytest.mark.parametrize("territory", sorted(Territory))
def test_every_holiday_has_a_french_name_and_a_source(territory: Territory) -> None:
    for holiday in statutory_holidays(territory).for_year(2026):
        assert holiday.name
        assert any(word in holiday.source for word in ("article", "Loi", "Arrêté", "Code du travail"))
    assert name_of(territory)
    assert zone_of(territory).key.count("/") == 1


@pytest.mark.parametrize(
    ("territory", "closed", "open_"),
    [
        pytest.param("MF", "2017-05-27", "2017-05-28", id="Saint-Martin before 2018"),
        pytest.param("MF", "2018-05-28", "2018-05-27", id="Saint-Martin since 2018"),
        pytest.param("BL", "2011-05-27", "2011-10-09", id="Saint-Barthélemy with Guadeloupe"),
        pytest.param("BL", "2012-10-09", "2012-05-27", id="Saint-Barthélemy since 2012"),
        pytest.param("PF", "2025-06-29", "2025-11-20", id="Polynesia before Matari'i"),
        pytest.param("PF", "2026-11-20", "2026-06-29", id="Polynesia with Matari'i"),
        pytest.param("RE", "1983-12-20", "1982-12-20", id="Réunion since the decree of November 1983"),
        pytest.param("FR", "1982-05-08", "1981-05-08", id="8 May since 1982"),
        pytest.param("GP", "2026-05-27", "2026-04-03", id="Good Friday is only customary in Guadeloupe"),
        pytest.param("MQ", "2026-05-22", "2026-07-21", id="Schœlcher's day is only customary in Martinique"),
    ],
)
def test_holidays_are_dated(territory: str, closed: str, open_: str) -> None:
    calendar = statutory_holidays(Territory(territory))
    assert calendar.on(date.fromisoformat(closed))
    assert not calendar.on(date.fromisoformat(open_))


def test_two_holidays_on_one_day_are_both_named() -> None:
    calendar = Calendar.of(HO, Territory.FR)
    segments = explain(at("2008-04-30T17:00+02"), 120, calendar)
    assert [s.name for s in segments if s.kind is SegmentKind.HOLIDAY] == ["Fête du Travail, Ascension"]


def test_overrides_make_a_new_version_and_leave_the_old_one_alone() -> None:
    statutory = statutory_holidays(Territory.AM)
    bridge = statutory.add(date(2026, 5, 15), name="Pont de l’Ascension", reason="Fermeture annuelle du site")
    no_church = bridge.remove(date(2026, 4, 3), reason="Commune sans temple ni église mixte")
    assert len({statutory.version, bridge.version, no_church.version}) == 3
    assert [h.name for h in bridge.on(date(2026, 5, 15))] == ["Pont de l’Ascension"]
    assert bridge.on(date(2026, 4, 3))
    assert not no_church.on(date(2026, 4, 3))
    assert no_church.on(date(2027, 3, 26))  # one dated day only
    assert statutory == statutory_holidays(Territory.AM)
    site = Calendar.of(HO, Territory.AM, holidays=no_church)
    assert deadline(at("2026-05-13T17:30+02"), 60, site) == at("2026-05-18T08:30+02")
    assert deadline(at("2026-04-03T09:00+02"), 60, site) == at("2026-04-03T10:00+02")


def test_an_override_replaces_the_former_one_of_its_day() -> None:
    first = statutory_holidays(Territory.FR).add(date(2026, 5, 15), name="Pont", reason="Accord")
    back = first.remove(date(2026, 5, 15), reason="Accord dénoncé")
    assert not back.on(date(2026, 5, 15))
    assert len(back.overrides) == 1
    again = back.add(date(2026, 5, 15), name="Pont", reason="Accord")
    assert again.version == first.version


def test_version_depends_on_the_content_not_on_the_order_of_changes() -> None:
    base = statutory_holidays(Territory.RE)
    one = base.add(date(2026, 1, 2), name="Pont", reason="A").remove(date(2026, 5, 25), reason="B")
    two = base.remove(date(2026, 5, 25), reason="B").add(date(2026, 1, 2), name="Pont", reason="A")
    assert one.version == two.version


def test_an_override_without_a_reason_or_a_name_is_refused() -> None:
    with pytest.raises(CalendarError, match="raison"):
        statutory_holidays(Territory.FR).remove(date(2026, 5, 25), reason=" ")
    with pytest.raises(CalendarError, match="nom"):
        statutory_holidays(Territory.FR).add(date(2026, 5, 15), name="", reason="Accord")


def test_a_rule_that_does_not_return_every_year_is_refused() -> None:
    with pytest.raises(CalendarError, match="chaque année"):
        HolidayRule(code="leap", name="Jour bissextile", source="-", month=2, day=29)


def test_bug_9_a_frozen_calendar_never_changes_with_the_tables() -> None:
    holidays = statutory_holidays(Territory.FR).add(date(2026, 6, 9), name="Fermeture", reason="Site")
    frozen = json.loads(json.dumps(Calendar.of(HO, Territory.FR, holidays=holidays).to_dict()))
    later_tables = statutory_holidays(Territory.FR)
    assert later_tables.version != holidays.version
    thawed = Calendar.from_dict(frozen)
    assert thawed == Calendar.of(HO, Territory.FR, holidays=holidays)
    assert thawed.version == Calendar.of(HO, Territory.FR, holidays=holidays).version
    start = at("2026-06-08T17:30+02")
    assert deadline(start, 60, thawed) == at("2026-06-10T08:30+02")
    assert deadline(start, 60, Calendar.of(HO, Territory.FR)) == at("2026-06-09T08:30+02")


def test_an_altered_frozen_calendar_is_refused() -> None:
    frozen = Calendar.of(HO, Territory.RE).to_dict()
    frozen["holidays"]["rules"][0]["on"] = "01-02"
    with pytest.raises(CalendarError, match="altéré"):
        Calendar.from_dict(frozen)


def test_every_calendar_survives_freezing_copying_and_pickling() -> None:
    for territory in Territory:
        for hours in (HO, ALWAYS, WIFI_8_18_6_7):
            calendar = Calendar.of(hours, territory)
            assert Calendar.from_dict(json.loads(json.dumps(calendar.to_dict()))) == calendar
            assert HolidayCalendar.from_dict(calendar.holidays.to_dict()).version == calendar.holidays.version
            copied = copy.deepcopy(calendar)
            assert copied == calendar
            assert pickle.loads(pickle.dumps(calendar)) == calendar


def test_equal_calendars_share_their_index() -> None:
    thawed = Calendar.from_dict(Calendar.of(HO, Territory.GF).to_dict())
    assert thawed.timeline is Calendar.of(HO, Territory.GF).timeline


def test_the_site_may_keep_another_zone_than_its_territory() -> None:
    marquesas = Calendar.of(HO, Territory.PF, zone=ZoneInfo("Pacific/Marquesas"))
    assert deadline(at("2026-06-08T08:00-09:30"), 60, marquesas) == at("2026-06-08T09:00-09:30")
    assert marquesas.version != Calendar.of(HO, Territory.PF).version


@pytest.mark.parametrize(
    ("code", "expected"), [("HO", HO), ("ho", HO), (" 24/7 ", ALWAYS), ("8-18-6/7", WIFI_8_18_6_7)]
)
def test_hours_of_the_contract_by_name(code: str, expected: Hours) -> None:
    assert Hours.parse(code) is expected
    assert Hours.from_dict(expected.to_dict()) == expected


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        (["08:00-08:00"], "précéder"),
        (["18:00-08:00"], "précéder"),
        (["08:00-24:01"], "précéder"),
        (["08:00-23:59"], "24:00"),
        (["08:60-09:00"], "illisible"),
        (["8h-18h"], "illisible"),
        (["08:00-12:00", "11:00-13:00"], "chevauchent"),
    ],
)
def test_impossible_windows_are_refused(windows: list[str], said: str) -> None:
    with pytest.raises(CalendarError, match=said):
        Hours.weekly("essai", {0: windows}, closed_on_holidays=True)


def test_hours_that_never_open_and_unknown_days_are_refused() -> None:
    with pytest.raises(CalendarError, match="aucune plage"):
        Hours.weekly("fermé", {0: []}, closed_on_holidays=True)
    with pytest.raises(CalendarError, match="jour 7"):
        Hours.weekly("essai", {7: ["08:00-18:00"]}, closed_on_holidays=True)
    with pytest.raises(CalendarError, match="7 attendus"):
        Hours("essai", HO.week[:5], closed_on_holidays=True)
    with pytest.raises(CalendarError, match="HO, 24/7"):
        Hours.parse("H24")


def test_touching_windows_are_one_stretch() -> None:
    hours = Hours.weekly("essai", {0: ["12:00-18:00", "08:00-12:00"]}, closed_on_holidays=True)
    segments = explain(at("2026-06-08T08:00+02"), at("2026-06-08T18:00+02"), Calendar.of(hours, Territory.FR))
    assert [s.counted for s in segments] == [timedelta(hours=10)]


def test_explanation_names_the_holiday_the_weekend_and_the_pause() -> None:
    calendar = Calendar.of(HO, Territory.FR)
    pause = (at("2026-07-13T09:00+02"), at("2026-07-13T10:00+02"))
    found = explain(at("2026-07-10T17:00+02"), 60 * 11, calendar, [pause])
    assert [(s.kind.value, s.label, s.name, s.counted) for s in found] == [
        ("open", "open", "", timedelta(hours=1)),
        ("closed", "closed.outside_hours", "", timedelta(0)),
        ("closed", "closed.day_off", "", timedelta(0)),
        ("closed", "closed.outside_hours", "", timedelta(0)),
        ("open", "open", "", timedelta(hours=1)),
        ("pause", "pause", "", timedelta(0)),
        ("open", "open", "", timedelta(hours=8)),
        ("closed", "closed.outside_hours", "", timedelta(0)),
        ("holiday", "holiday", "Fête nationale", timedelta(0)),
        ("closed", "closed.outside_hours", "", timedelta(0)),
        ("open", "open", "", timedelta(hours=1)),
    ]
