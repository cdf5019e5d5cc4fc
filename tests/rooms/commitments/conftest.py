"""Fixtures of the tests that need promises."""

from tests.support.desk import desk, live_desk

__all__ = ["desk", "live_desk"]
