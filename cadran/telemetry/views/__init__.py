"""Telemetry's pages."""

from cadran.telemetry.views.alarms import acknowledge, alarm, alarms
from cadran.telemetry.views.points import point, points, series
from cadran.telemetry.views.rules import rule, rule_add

__all__ = ["acknowledge", "alarm", "alarms", "point", "points", "rule", "rule_add", "series"]
