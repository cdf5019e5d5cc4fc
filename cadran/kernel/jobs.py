"""Jobs: what the clock or a long act starts, run by the worker through procrastinate.

A job is at-least-once (a worker may die after the effect and before the acknowledgement), so every job is idempotent.
Never one job per uplink: the queue handles hundreds a second, uplinks come by thousands.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from procrastinate.contrib.django import app as procrastinate_app
from procrastinate.jobs import Job

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM

STALLED_AFTER = timedelta(seconds=30)  # no heartbeat of its worker for that long
RETRIES = 5

log = logging.getLogger(__name__)
Body = Callable[..., Any]


def task(*, name: str, queue: str = "default", own_transactions: bool = False) -> Callable[[Body], Any]:
    """Declare a job. Its body runs in one system-scoped transaction unless it manages ``own_transactions``."""

    def declare(body: Body) -> Any:
        return procrastinate_app.task(name=name, queue=queue, retry=RETRIES)(_in_scope(body, own_transactions))

    return declare


def periodic(*, name: str, cron: str, queue: str = "clock", own_transactions: bool = False) -> Callable[[Body], Any]:
    """Declare a job started by the clock (five cron fields, or six with seconds last).

    A run still waiting in the queue is not doubled by the next tick.
    """

    def declare(body: Body) -> Any:
        inner = _in_scope(body, own_transactions)

        def tick(timestamp: int) -> None:
            inner()

        functools.update_wrapper(tick, body, assigned=("__module__", "__qualname__", "__doc__"), updated=())
        declared = procrastinate_app.task(name=name, queue=queue, queueing_lock=name, lock=name)(tick)
        return procrastinate_app.periodic(cron=cron)(declared)

    return declare


def _in_scope(body: Body, own_transactions: bool) -> Body:
    @functools.wraps(body)
    def run(**arguments: Any) -> Any:
        if own_transactions:
            return body(**arguments)
        with scoped(SYSTEM):
            return body(**arguments)

    return run


async def retry_stalled(app: Any) -> int:
    """Give back to the queue the jobs whose worker stopped giving signs of life; return how many."""
    stalled: list[Job] = list(
        await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER.total_seconds())
    )
    for job in stalled:
        log.warning("job %s (%s) lost its worker: back in the queue", job.id, job.task_name)
        await app.job_manager.retry_job(job)
    return len(stalled)
