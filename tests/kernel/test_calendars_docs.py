"""The tables of docs/rules/calendars.md say what the code does."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from cadran.kernel.calendars import (
    Calendar,
    HolidayRule,
    Hours,
    Territory,
    deadline,
    end_of_nth_day,
    name_of,
    statutory_holidays,
    zone_of,
)

PAGE = Path(__file__).parents[2] / "docs" / "rules" / "calendars.md"
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def table(*header: str) -> list[tuple[str, ...]]:
    """Return the rows under the table whose first cells are ``header``."""
    lines = iter(PAGE.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if cells(line)[: len(header)] == header:
            next(lines)  # the rule under the header
            return [cells(row) for row in until_blank(lines)]
    raise AssertionError(f"no table with {header}")


def cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|"))


def until_blank(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield line


def rule_row(rule: HolidayRule) -> tuple[str, ...]:
    if rule.easter_offset is None:
        day = f"{rule.month:02}-{rule.day:02}"
    else:
        day = f"Easter {'+' if rule.easter_offset > 0 else '-'} {abs(rule.easter_offset)}"
    bounds = (limit.isoformat() if limit else "" for limit in (rule.valid_from, rule.valid_to))
    return (rule.code, rule.name, day, *bounds)


def test_statutory_holidays() -> None:
    written = {
        (territory, (code, name, day, first, last))
        for code, name, day, where, first, last in table("code", "name", "day")
        for territory in (Territory if where == "all" else map(Territory, where.split(", ")))
    }
    coded = {(territory, rule_row(rule)) for territory in Territory for rule in statutory_holidays(territory).rules}
    assert written == coded


def test_territories() -> None:
    assert table("code", "name", "zone") == [(t.value, name_of(t), zone_of(t).key) for t in Territory]


@pytest.mark.parametrize("row", table("code", "open", "closed on holidays"), ids=lambda row: str(row[0]))
def test_hours_of_the_contract(row: tuple[str, ...]) -> None:
    hours = Hours.parse(row[0])
    days, window = row[1].split(" ")
    first, last = (WEEK.index(day) for day in days.split("-"))
    written = [[window] if first <= day <= last else [] for day in range(7)]
    assert [[str(w) for w in windows] for windows in hours.week] == written
    assert hours.closed_on_holidays == (row[2] == "yes")


@pytest.mark.parametrize("row", table("function", "start", "budget"), ids=lambda row: f"{row[0]} {row[1]}")
def test_worked_example(row: tuple[str, ...]) -> None:
    function, start, budget, where, pauses, expected = row
    code, territory = where.split(" ")
    calendar = Calendar.of(Hours.parse(code), Territory(territory))
    stopped = []
    for pause in re.findall(r"\S+", pauses):
        first, last = map(datetime.fromisoformat, pause.split("/"))
        stopped.append((first, last))
    compute = {"deadline": deadline, "end_of_nth_day": end_of_nth_day}[function]
    found = compute(datetime.fromisoformat(start), int(budget), calendar, stopped)
    assert calendar.local(found).isoformat(timespec="minutes") == expected
