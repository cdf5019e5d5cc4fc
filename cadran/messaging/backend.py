"""Django's mail backend: a mail is a row first, sent by the worker."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from cadran.messaging import services


class OutgoingBackend(BaseEmailBackend):
    """Queues each recipient's copy in the caller's transaction: no mail leaves for an act that was rolled back."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Queue the messages; return how many there were. A ``Message-ID`` header given is the idempotency key."""
        for message in email_messages:
            key = str(message.extra_headers.get("Message-ID") or uuid.uuid4())
            html = ""
            if isinstance(message, EmailMultiAlternatives):
                html = next((str(body) for body, kind in message.alternatives if kind == "text/html"), "")
            for recipient in message.recipients():
                services.queue_mail(
                    key=f"{key}:{recipient.lower()}",
                    recipient=recipient,
                    subject=str(message.subject),
                    body=str(message.body),
                    html=html,
                )
        return len(email_messages)
