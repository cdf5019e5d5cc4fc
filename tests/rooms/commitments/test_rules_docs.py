"""The tables of docs/rules/clocks.md say what the code does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cadran.commitments.rules import (
    ALLOWED_PRIORITIES,
    DayMode,
    IncidentType,
    Priority,
    PriorityRefused,
    check_priority,
    verdict,
)
from tests.rooms.commitments.test_rules_clocks import GTI, GTR, PARIS, at, log

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "rules" / "clocks.md"
COMMITMENTS = {
    "GTI": GTI,
    "GTR": GTR,
    "GTR5": replace(GTR, minutes=None, working_days=5),
    "GTR5H": replace(GTR, minutes=None, working_days=5, day_mode=DayMode.HOURS),
}


def cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|"))


def table(*header: str) -> list[tuple[str, ...]]:
    lines = iter(PAGE.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if cells(line)[: len(header)] == header:
            next(lines)  # the rule under the header
            return [cells(row) for row in until_blank(lines)]
    raise AssertionError(f"no table with {header}")


def until_blank(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield line


@pytest.mark.parametrize("row", table("commitment", "facts", "now"), ids=lambda row: f"{row[0]} {row[1]} at {row[2]}")
def test_scenario(row: tuple[str, ...]) -> None:
    name, facts, now, state, due_at, elapsed = row
    found = verdict(log(*facts.split("; ")), COMMITMENTS[name], at(now))
    hours, minutes = map(int, elapsed.split(":"))
    assert found.due_at is not None
    assert (found.state.value, f"{PARIS.local(found.due_at):%d %H:%M}") == (state, due_at)
    assert found.elapsed == timedelta(hours=hours, minutes=minutes)


def test_types_and_priorities() -> None:
    rows = table("type", "priority", "reason needed")
    written: dict[IncidentType, tuple[Priority, ...]] = {}
    for type_, priority, needs_reason, _ in rows:
        pair = IncidentType(type_), Priority(priority)
        written[pair[0]] = (*written.get(pair[0], ()), pair[1])
        if needs_reason == "yes":
            with pytest.raises(PriorityRefused):
                check_priority(*pair)
        else:
            check_priority(*pair)
    assert written == dict(ALLOWED_PRIORITIES)


@pytest.mark.parametrize("row", table("family", "what others do"), ids=lambda row: str(row[2]))
def test_every_family_has_its_test(row: tuple[str, ...]) -> None:
    tests = [*ROOT.glob("tests/kernel/test_calendars_*.py"), *ROOT.glob("tests/rooms/commitments/test_rules_*.py")]
    assert any(f"def {row[2]}(" in path.read_text(encoding="utf-8") for path in tests)
    assert row[2].startswith(f"test_bug_{row[0]}_")
