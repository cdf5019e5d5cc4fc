"""What the clock starts for the private network."""

from __future__ import annotations

from datetime import UTC, datetime

from cadran.kernel import jobs
from cadran.lorawan import services


@jobs.periodic(name="lorawan.judge_gateways", cron="* * * * * */10")
def judge_gateways() -> None:
    """Look for silent gateways every ten seconds."""
    services.judge_gateways(now=datetime.now(UTC))
