"""What was promised and whether it was kept: pure decisions over the fact log of a case. See docs/rules/clocks.md."""

from cadran.commitments.rules.clocks import (
    ClockDial,
    ClockState,
    Commitment,
    DayMode,
    Verdict,
    at_later,
    budget_of,
    clock_dial,
    escalation_at,
    verdict,
)
from cadran.commitments.rules.facts import Fact, FactKind, known_at
from cadran.commitments.rules.incidents import (
    ALLOWED_PRIORITIES,
    CRITERIA,
    Criterion,
    IncidentType,
    Priority,
    PriorityRefused,
    check_priority,
    default_priority,
    qualify,
)

__all__ = [
    "ALLOWED_PRIORITIES",
    "CRITERIA",
    "ClockDial",
    "ClockState",
    "Commitment",
    "Criterion",
    "DayMode",
    "Fact",
    "FactKind",
    "IncidentType",
    "Priority",
    "PriorityRefused",
    "Verdict",
    "at_later",
    "budget_of",
    "check_priority",
    "clock_dial",
    "default_priority",
    "escalation_at",
    "known_at",
    "qualify",
    "verdict",
]
