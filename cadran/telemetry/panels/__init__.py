"""The cards telemetry offers to the inventory's pages."""

from cadran.telemetry.panels.alarms import alarms_of_service, alarms_of_site
from cadran.telemetry.panels.equipment import (
    complete_fleet,
    frames_of_equipment,
    measurements_of_equipment,
    of_equipment,
)

__all__ = [
    "alarms_of_service",
    "alarms_of_site",
    "complete_fleet",
    "frames_of_equipment",
    "measurements_of_equipment",
    "of_equipment",
]
