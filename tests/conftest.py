"""Fixtures of the whole suite: Alice (holder), Bob (beneficiary), Charlie (another, who sees nothing of Bob's)."""

from tests.support.database import django_db_setup
from tests.support.world import world, world_committed

__all__ = ["django_db_setup", "world", "world_committed"]
