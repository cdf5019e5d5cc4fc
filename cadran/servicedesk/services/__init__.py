"""Change incidents: one verb per function.

Lock order, everywhere: the incident's row, then its case's row (``commitments``), then the row of the number series
(declaration only, taken late). No verb locks two incidents.
"""

from cadran.servicedesk.services.alarms import end_alarm, load_alarm_policy, take_alarm
from cadran.servicedesk.services.clocks import redraw_clocks
from cadran.servicedesk.services.declare import ServiceEnded, declare_incident
from cadran.servicedesk.services.handle import (
    acknowledge,
    comment,
    confirm_in_writing,
    pause,
    requalify,
    resume,
    start_intervention,
    take_in_charge,
)
from cadran.servicedesk.services.restore import close, confirm_restored, refuse_restoration, reopen, restore

__all__ = [
    "ServiceEnded",
    "acknowledge",
    "close",
    "comment",
    "confirm_in_writing",
    "confirm_restored",
    "declare_incident",
    "end_alarm",
    "load_alarm_policy",
    "pause",
    "redraw_clocks",
    "refuse_restoration",
    "reopen",
    "requalify",
    "restore",
    "resume",
    "start_intervention",
    "take_alarm",
    "take_in_charge",
]
