"""What the clock starts for the private network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cadran.kernel import jobs, partitions
from cadran.lorawan import services

FRAMES_KEPT = timedelta(days=366)  # a year to answer a dispute about what was heard; measurements are kept apart


@jobs.periodic(name="lorawan.judge_gateways", cron="* * * * * */10")
def judge_gateways() -> None:
    """Look for silent gateways every ten seconds."""
    services.judge_gateways(now=datetime.now(UTC))


@jobs.periodic(name="lorawan.forget_frames", cron="23 4 * * *")
def forget_frames() -> None:
    """Forget frames as heard once they are older than a year, a whole month at a time."""
    partitions.forget(table="lorawan_uplink", before=(datetime.now(UTC) - FRAMES_KEPT).date())
