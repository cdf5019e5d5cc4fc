"""The verbs of telemetry."""

from cadran.telemetry.decoding import Undecodable, decode_uplinks
from cadran.telemetry.services.alarms import acknowledge_alarm, clear_alarm, raise_alarm
from cadran.telemetry.services.history import close_days, write_history
from cadran.telemetry.services.ingest import Recorded, record_uplinks
from cadran.telemetry.services.rules import create_rule, disable_rule, enable_rule, update_rule
from cadran.telemetry.services.silence import check_silence, explain_silence_with
from cadran.telemetry.services.sources import load_profiles, register_source

__all__ = [
    "Recorded",
    "Undecodable",
    "acknowledge_alarm",
    "check_silence",
    "clear_alarm",
    "close_days",
    "create_rule",
    "decode_uplinks",
    "disable_rule",
    "enable_rule",
    "explain_silence_with",
    "load_profiles",
    "raise_alarm",
    "record_uplinks",
    "register_source",
    "update_rule",
    "write_history",
]
