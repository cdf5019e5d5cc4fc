"""What the clock starts: one broken case hides nothing of the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cadran.commitments.models import Case, ServiceLevels
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.servicedesk import tasks
from cadran.servicedesk.models import Incident
from tests.support.desk import declare, paris
from tests.support.world import World

pytestmark = pytest.mark.django_db


def test_deadlines_that_passed_are_noticed(desk: World, caplog: Any) -> None:
    t0 = paris("2026-11-02 09:00")
    first, second = (declare(desk, at=t0 + timedelta(minutes=rank)) for rank in range(2))
    with scoped(SYSTEM):
        broken = ServiceLevels.objects.create(agreement_code="2024_AOO_IOT", digest="x", content={}, loaded_at=t0)
        Case.objects.filter(pk=first.case_id).update(levels=broken)
    tasks.watch_clocks.func(timestamp=0)
    with scoped(SYSTEM):
        states = dict(Incident.objects.values_list("pk", "gti_state"))
    assert states == {first.pk: "running", second.pk: "missed"}
    assert f"clocks of incident {first.pk}" in caplog.text
