"""What the clock starts for messaging."""

from __future__ import annotations

import functools
from datetime import UTC, datetime

from django.conf import settings

from cadran.kernel import jobs
from cadran.messaging import services
from cadran.messaging.gateways import smtp


@jobs.periodic(name="messaging.send_waiting", cron="* * * * * */10", queue="mail", own_transactions=True)
def send_waiting() -> None:
    """Send the mails that are due, every ten seconds."""
    url = settings.CADRAN.smtp_url
    transport = functools.partial(smtp.deliver, smtp.Server.parse(url)) if url else None
    services.send_waiting(transport=transport, now=datetime.now(UTC))
