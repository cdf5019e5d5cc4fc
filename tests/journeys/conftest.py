"""One installation and one browser for every journey: real processes, real PostgreSQL, real UDP, real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.a11y.gate import Launch, browser
from tests.journeys.people import ACTION_MS
from tests.support.population import DEVICES
from tests.support.system import System, installed


@dataclass(frozen=True, slots=True)
class Line:
    """An installation where the simulator's first devices and gateway are Bob's."""

    system: System
    made: dict[str, Any]
    memory: Path  # what simulated devices remember from one play to the next

    def play(self, scenario: str, *, rate: float = 6.0) -> Any:
        """Play a scenario with Bob's devices and his one gateway, during a block."""
        return self.system.simulation(
            "--scenario", scenario, "--devices", str(DEVICES), "--gateways", "1", "--rate", str(rate),
            "--joins-per-second", "4", "--state", str(self.memory),
        )  # fmt: skip


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Start the installation and put Bob's things in it."""
    with installed() as system:
        made = system.populate("line")
        yield Line(system, made, tmp_path_factory.mktemp("devices") / "memory.json")


expect.set_options(timeout=ACTION_MS)


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    """A started browser."""
    with browser() as started:
        yield started
