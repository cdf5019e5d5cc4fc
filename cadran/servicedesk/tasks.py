"""What the clock starts for the service desk."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from cadran.kernel import jobs
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.servicedesk import selectors, services

log = logging.getLogger(__name__)


@jobs.periodic(name="servicedesk.watch_clocks", cron="* * * * * */15", own_transactions=True)
def watch_clocks() -> None:
    """Notice the deadlines that have passed, every fifteen seconds; each incident in a transaction of its own."""
    now = datetime.now(UTC)
    with scoped(SYSTEM):
        due = selectors.incidents_to_redraw(now=now)
    for incident_id in due:
        try:
            with scoped(SYSTEM):
                services.redraw_clocks(incident_id=incident_id, now=now)
        except Exception:  # one broken case must not hide the others' deadlines
            log.exception("clocks of incident %s", incident_id)
