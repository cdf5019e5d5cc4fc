"""What time alone changes: a deadline that passes."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from cadran.commitments import services as cases
from cadran.kernel import live
from cadran.kernel.viewer import SYSTEM
from cadran.servicedesk.models import Incident
from cadran.servicedesk.services import common


@transaction.atomic
def redraw_clocks(*, incident_id: int, now: datetime) -> Incident:
    """Draw the clocks of an incident again; a missed deadline becomes a verdict, an event, and shows on the row.

    System scope. No audit line: nobody acted, and the verdict itself is kept.
    """
    row = common.locked(SYSTEM, incident_id)
    common.show_clocks(row, cases.redraw(case_id=row.case_id, now=now))
    row.save(update_fields=["gti_due_at", "gti_state", "gtr_due_at", "gtr_state"])
    live.touch("incident", row.pk, row.owner_id)
    return row
