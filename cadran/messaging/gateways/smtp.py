"""Hand one mail to an SMTP server (RFC 5321), over TLS when a password is given."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Self
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS = 20.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class NotDelivered(Exception):
    """The server was not reached or refused the mail; the text is the server's."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed over: ``smtp://[user:password@]host[:port]`` or ``smtps://`` (TLS from the first byte)."""

    host: str
    port: int
    user: str
    password: str
    implicit_tls: bool

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read the URL of the configuration, whose scheme was checked there."""
        parts = urlsplit(url)
        implicit = parts.scheme == "smtps"
        return cls(
            host=parts.hostname or "localhost",
            port=parts.port or (465 if implicit else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            implicit_tls=implicit,
        )


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes on the wire. ``message_id`` is the same for every attempt."""

    sender: str
    recipient: str
    subject: str
    body: str
    html: str
    message_id: str
    date: datetime

    def as_message(self) -> EmailMessage:
        """Return the mail with its headers; RFC 3834: an automatic mail says so and gets no automatic answer."""
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = self.recipient
        message["Subject"] = self.subject.replace("\r", " ").replace("\n", " ")
        message["Message-ID"] = self.message_id
        message["Date"] = format_datetime(self.date)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.body)
        if self.html:
            message.add_alternative(self.html, subtype="html")
        return message


def deliver(server: Server, letter: Letter) -> None:
    """Hand the letter over; return only once the server has taken it.

    Raises:
        NotDelivered: unreachable, refused, or a password that would travel in clear text.
    """
    try:
        with _connect(server) as connection:
            if server.password:
                connection.login(server.user, server.password)
            connection.send_message(letter.as_message())
    except (OSError, smtplib.SMTPException) as error:
        raise NotDelivered(f"{type(error).__name__}: {error}") from error


def _connect(server: Server) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.implicit_tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=context)
    connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    connection.ehlo()
    if connection.has_extn("starttls"):
        connection.starttls(context=context)
        connection.ehlo()
    elif server.password and server.host not in LOOPBACK:
        connection.close()
        raise NotDelivered(f"{server.host} offers no TLS: the password stays here (use smtps://).")
    return connection
