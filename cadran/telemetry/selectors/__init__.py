"""Read telemetry."""

from cadran.telemetry.selectors.alarms import (
    AlarmCounts,
    alarm,
    alarm_counts,
    alarms,
    rule,
    rules,
    rules_of_point,
)
from cadran.telemetry.selectors.readings import (
    DeviceCounts,
    LatestReading,
    Reading,
    decode_failures,
    device_counts,
    latest_of_points,
    latest_values,
    profile_ids,
    profiles,
    quantities_of_point,
    sources,
)
from cadran.telemetry.selectors.series import Series, series

__all__ = [
    "AlarmCounts",
    "DeviceCounts",
    "LatestReading",
    "Reading",
    "Series",
    "alarm",
    "alarm_counts",
    "alarms",
    "decode_failures",
    "device_counts",
    "latest_of_points",
    "latest_values",
    "profile_ids",
    "profiles",
    "quantities_of_point",
    "rule",
    "rules",
    "rules_of_point",
    "series",
    "sources",
]
