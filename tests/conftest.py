"""Fixtures of the whole suite: Alice (holder), Bob (beneficiary), Charlie (another, who sees nothing of Bob's)."""

from typing import Any

import pytest

from tests.support.database import django_db_setup
from tests.support.world import world, world_committed

__all__ = ["django_db_setup", "world", "world_committed"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """Share the suite among workers, when there are several, by what tests share."""
    from tests.support.schedule import ByWhatTheyShare

    return ByWhatTheyShare(config, log)
