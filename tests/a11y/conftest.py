"""One server of the kit and one browser for the whole folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.a11y.gate import Launch, browser
from tests.a11y.serve import served


@pytest.fixture(scope="session")
def kit() -> Iterator[str]:
    """The address of the kit, served alone."""
    with served() as address:
        yield address


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    """A started browser, closed with the module: while it runs, Django refuses the database in this thread."""
    with browser() as started:
        yield started
