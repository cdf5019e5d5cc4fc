"""What talks to PostgreSQL directly runs again on Debian's PostgreSQL 15, the oldest release that is promised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "tests/architecture/test_tables.py",
    "tests/kernel/test_scope.py",
    "tests/kernel/test_outbox.py",
    "tests/kernel/test_sequences.py",
    "tests/kernel/test_audit.py",
    "tests/rooms/lorawan/test_store.py",
    "tests/rooms/telemetry/test_store.py",
)


def test_migrations_row_security_and_stores_on_postgresql_15() -> None:
    """A run of its own: another cluster, the same tests. A machine without PostgreSQL 15 fails here, and says why."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CADRAN_", "PYTEST_"))}
    environment["CADRAN_TEST_POSTGRES"] = "system"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
