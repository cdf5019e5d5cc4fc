"""Read the service desk."""

from cadran.servicedesk.selectors.impact import percent_lost
from cadran.servicedesk.selectors.incidents import (
    IncidentFilter,
    Needs,
    clocks_of,
    history_of,
    incident,
    incidents,
    incidents_at_risk,
    incidents_to_redraw,
    messages_of,
    needs,
    situation_of,
    what_next,
    why,
)
from cadran.servicedesk.selectors.people import addresses_of, beneficiary_people, staff_people
from cadran.servicedesk.selectors.policies import (
    NoHolder,
    alarm_policy,
    criteria_of,
    issuer_of,
    levels_of_incident,
    pause_reasons,
    service_for_alarm,
)

__all__ = [
    "IncidentFilter",
    "Needs",
    "NoHolder",
    "addresses_of",
    "alarm_policy",
    "beneficiary_people",
    "clocks_of",
    "criteria_of",
    "history_of",
    "incident",
    "incidents",
    "incidents_at_risk",
    "incidents_to_redraw",
    "issuer_of",
    "levels_of_incident",
    "messages_of",
    "needs",
    "pause_reasons",
    "percent_lost",
    "service_for_alarm",
    "situation_of",
    "staff_people",
    "what_next",
    "why",
]
