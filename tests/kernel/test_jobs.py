"""A job whose worker died goes back to the queue; the clock's jobs are all declared."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from django.db import connection
from procrastinate import App, PsycopgConnector
from procrastinate.contrib.django import app as django_app

from cadran.kernel import jobs
from tests.support.database import url

pytestmark = pytest.mark.django_db(transaction=True)

CLOCK = {
    "kernel.partitions",
    "kernel.purge",
    "kernel.seal_audit",
    "lorawan.forget_frames",
    "lorawan.judge_gateways",
    "messaging.send_waiting",
    "servicedesk.watch_clocks",
    "telemetry.silence",
    "telemetry.close_days",
}


def test_the_clocks_jobs_are_declared() -> None:
    """Written out on purpose: a job nobody starts any more is noticed."""
    declared = {task.task.name for task in django_app.periodic_registry.periodic_tasks.values()}
    assert declared == CLOCK


def run(act: Any) -> Any:
    """Run ``act`` with an app connected as the application's role."""

    async def main() -> Any:
        app = App(connector=PsycopgConnector(conninfo=url("cadran_app", connection.settings_dict["NAME"])))

        @app.task(name="tests.nothing")
        def nothing() -> None:
            """Do nothing."""

        async with app.open_async():
            return await act(app)

    return asyncio.run(main())


def statuses() -> list[str]:
    with psycopg.connect(url("cadran_owner", connection.settings_dict["NAME"])) as owner:
        return [row[0] for row in owner.execute("SELECT status::text FROM procrastinate_jobs ORDER BY id")]


def abandon(*, silent_for: str) -> None:
    """Give every job to a worker that last gave a sign of life that long ago."""
    with psycopg.connect(url("cadran_owner", connection.settings_dict["NAME"]), autocommit=True) as owner:
        row = owner.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s::interval) RETURNING id",
            [silent_for],
        ).fetchone()
        assert row is not None
        owner.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", [row[0]])


@pytest.mark.parametrize(("silent_for", "given_back", "status"), [("5 minutes", 1, "todo"), ("1 second", 0, "doing")])
def test_a_job_of_a_silent_worker_is_given_back(silent_for: str, given_back: int, status: str) -> None:
    async def defer(app: App) -> None:
        await app.configure_task("tests.nothing").defer_async()

    async def rescue(app: App) -> int:
        return await jobs.retry_stalled(app)

    run(defer)
    abandon(silent_for=silent_for)
    assert statuses() == ["doing"]
    assert run(rescue) == given_back
    assert statuses() == [status]
