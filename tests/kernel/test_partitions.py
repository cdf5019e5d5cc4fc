"""Partitions are made ahead; those of a table kept for a limited time are forgotten, and no other."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection

from cadran.kernel import partitions
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from tests.support.world import World

pytestmark = pytest.mark.django_db
OLD = date(2020, 1, 15)


def of(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return {name for (name,) in cursor.fetchall()}


def test_months_are_made_ahead_and_missed_when_absent() -> None:
    far = datetime(2031, 5, 20, tzinfo=UTC)
    assert "telemetry_measurement_203105" in partitions.missing(now=far)
    assert partitions.ensure_ahead(now=far) == 4 * len({"lorawan_uplink", "measurement", "measurementday"})
    assert partitions.missing(now=far) == []
    assert partitions.ensure_ahead(now=far) == 0


def test_old_frames_are_forgotten_a_month_at_a_time() -> None:
    with scoped(SYSTEM):
        partitions.ensure(first=OLD, last=date(2020, 3, 1))
        assert partitions.forget(table="lorawan_uplink", before=date(2020, 2, 28)) == 1
    assert not {"lorawan_uplink_202001"} & of("lorawan_uplink")
    assert {"lorawan_uplink_202002", "lorawan_uplink_202003"} <= of("lorawan_uplink")
    assert "telemetry_measurement_202001" in of("telemetry_measurement")


@pytest.mark.parametrize("table", ["telemetry_measurement", "kernel_auditentry", "nothing"])
def test_what_is_kept_cannot_be_forgotten(table: str) -> None:
    with pytest.raises(DatabaseError, match="is kept"), scoped(SYSTEM):
        partitions.forget(table=table, before=OLD)


def test_the_last_month_cannot_be_forgotten() -> None:
    with pytest.raises(DatabaseError, match="thirty days"), scoped(SYSTEM):
        partitions.forget(table="lorawan_uplink", before=datetime.now(UTC).date() + timedelta(days=1))


def test_a_beneficiary_maintains_nothing(world: World) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), scoped(world.viewer(world.bob)):
        partitions.ensure(first=OLD, last=OLD)
