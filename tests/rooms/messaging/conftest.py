"""Fixtures of messaging's tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.desk import desk, live_desk

__all__ = ["desk", "live_desk"]


@pytest.fixture(autouse=True)
def outgoing_mail_is_a_row(settings: Any) -> None:
    """Django's test runner swaps the mail backend for one in memory: take ours back."""
    settings.EMAIL_BACKEND = "cadran.messaging.backend.OutgoingBackend"
