"""What happened to messages."""

from __future__ import annotations

from cadran.kernel.events import Event


class MailGivenUp(Event, frozen=True):
    """A mail could not be delivered after the last attempt: somebody should know."""

    mail_id: int
    error: str
