"""Fixtures of the service desk's tests."""

from tests.support.desk import desk, live_desk

__all__ = ["desk", "live_desk"]
