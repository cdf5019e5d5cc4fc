"""The conformity matrix is a deliverable: every row is there, and what it points at exists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MATRIX = ROOT / "docs" / "conformity.md"
STATUSES = {"works", "partial", "not yet"}
HEADER = ["row", "where in the code", "proving test", "status"]

# Written out on purpose: a row can neither vanish nor slip in unseen.
ROWS = [
    "IOT-4 TEL-4 parties",
    "IOT-4.1 TEL-4.1 purchasing body",
    "TEL-3 lots",
    "IOT-def TEL-def notification",
    "IOT-5.1 catalogue",
    "IOT-5.1.1 initial catalogue",
    "IOT-5.1.2 catalogue evolution",
    "IOT-5.1 industrialisation",
    "IOT-5.1 takeover",
    "IOT-5.1 data platform",
    "IOT-5.1 logistics",
    "IOT-5.2.1..11 services",
    "IOT-5.2.5 integration",
    "IOT-5.2.9 change support",
    "IOT-5.3 supplies",
    "IOT-5.6 answer times",
    "IOT-6.5 TEL-6.1.4 contact desk",
    "IOT-9 TEL-8 ordering tools",
    "TEL-6.1.1 quotes",
    "IOT-4.2/9 TEL-4.2/8 orders",
    "TEL-9.2.6 TEL-11.2.1 rating and recurring billing",
    "TEL-5.9 projects",
    "IOT-5.2.6 acceptance",
    "TEL-5.8 service agreement",
    "IOT-6.6 TEL-6.1.5 incidents",
    "IOT-6.3 TEL-5.9.5 maintenance",
    "IOT-6.6 TEL-6.1.5 portal",
    "TEL-6.1.1 IOT-4.2 penalties",
    "IOT-6.4 IOT-6.5 TEL-6.1.2 TEL-6.1.3 warranty",
    "TEL-5.9.6 supervision",
    "IOT-7 TEL-7 reporting",
    "IOT-8 governance",
    "IOT-5.7 TEL-5.6 reversibility",
    "IOT-6.1 TEL-5.7 TEL-18.1.1 data location",
    "IOT-6.2 privacy",
    "TEL-5.4 TEL-5.9 quality",
    "TEL-5.5 security plan",
    "TEL-6.1.4 account",
    "TEL-18.1.4 standards",
    "IOT-5.3 collection",
    "IOT-5.3 hypervisor",
    "IOT-5.4 LoRaWAN",
    "IOT-5.1 alerts",
    "IOT-5.2.8 operation",
    "IOT-5.2.10 recycling",
    "IOT-5.2.4 data takeover",
    "IOT-5.2.7 backups",
    "IOT-5.1 use cases",
    "TEL-9.2.1 Internet",
    "TEL-9.2.2 VPN",
    "TEL-9.2.3 layer 2",
    "TEL-9.2.4 GFU",
    "TEL-9.2.5 SD-WAN / SD-LAN",
    "TEL-9.2.6 fixed voice",
    "TEL-9.2.7 Centrex",
    "TEL-9.2.8 SVA",
    "TEL-9.2.9 deployment",
    "TEL-10 advanced fixed",
    "TEL-11.2.1 mobile",
    "TEL-11.2.1.2 fleet change",
    "TEL-11.2.2 MDM",
    "TEL-11.2.3 mobile security",
    "TEL-11.2.4 TEL-13.2.2 mass messages",
    "TEL-11.2.5 TEL-16 devices",
    "TEL-11.3 mobile commitments",
    "TEL-12 advanced mobile",
    "TEL-13.2.1 emergency calls",
    "TEL-13.2 lot 5 catalogue",
    "TEL-14 dark fibre",
    "TEL-15 indoor coverage",
    "TEL-17 packs",
    "TEL-18.1.1 public Wi-Fi",
    "TEL-18.1.2 Wi-Fi equipment",
]


@dataclass(frozen=True)
class Row:
    name: str
    where: str
    test: str
    status: str


@cache
def matrix() -> list[Row]:
    lines = [line for line in MATRIX.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == HEADER
    assert set("".join(cells[1])) <= {"-"}
    assert [cell for cell in cells if len(cell) != len(HEADER)] == []
    return [Row(*cell) for cell in cells[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def missing(reference: str) -> str:
    """Why the path, or the test of that path, does not exist; empty when it does."""
    path, _, name = reference.partition("::")
    if not (ROOT / path).exists():
        return f"{path} does not exist"
    if name and not re.search(rf"^(?:async )?def {re.escape(name)}\(", (ROOT / path).read_text(encoding="utf-8"), re.M):
        return f"{path} has no {name}"
    return ""


def test_every_row_is_there_once_and_in_order() -> None:
    assert [row.name for row in matrix()] == ROWS
    assert len(set(ROWS)) == len(ROWS) == 73


@pytest.mark.parametrize("name", ROWS)
def test_a_row_points_at_what_exists(name: str) -> None:
    (row,) = [row for row in matrix() if row.name == name]
    where, tests = quoted(row.where), quoted(row.test)
    assert row.status in STATUSES
    assert [problem for reference in where + tests if (problem := missing(reference))] == []
    assert all(reference.startswith("tests/") for reference in tests)
    if row.status != "not yet":
        assert where, "says it does something, nowhere"
        assert tests, "says it does something, unproven"
    if row.status == "not yet":
        assert not tests, "has a test: say what it proves, « partial » or « works »"


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("cadran/nowhere.py", "cadran/nowhere.py does not exist"),
        ("tests/architecture/test_conformity.py::test_nothing", "has no test_nothing"),
        ("tests/architecture/test_conformity.py::test_the_check_can_fail", ""),
    ],
)
def test_the_check_can_fail(reference: str, problem: str) -> None:
    found = missing(reference)
    assert problem in found
    assert bool(found) is bool(problem)
