"""What the clock starts for telemetry."""

from __future__ import annotations

from datetime import UTC, datetime

from cadran.kernel import jobs
from cadran.telemetry import services


@jobs.periodic(name="telemetry.close_days", cron="23 * * * *", own_transactions=True)
def close_days() -> None:
    """Compact the closed days, every hour: the late frames of the day before join them within the hour."""
    services.close_days(now=datetime.now(UTC))


@jobs.periodic(name="telemetry.silence", cron="* * * * * */20")
def check_silence() -> None:
    """Look for devices that went silent or are heard again, every twenty seconds."""
    services.check_silence(now=datetime.now(UTC))
