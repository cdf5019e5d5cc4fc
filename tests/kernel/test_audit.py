"""The audit chain shows any change made behind its back."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.db import ProgrammingError, connection

from cadran.kernel import audit
from cadran.kernel.models import AuditEntry
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from tests.support.database import url
from tests.support.world import NOW, World

pytestmark = pytest.mark.django_db(transaction=True)


def write(count: int) -> None:
    with scoped(SYSTEM):
        for number in range(count):
            audit.record(
                viewer=SYSTEM,
                action="test.done",
                object_type="test",
                object_id=number,
                owner_id=None,
                now=NOW + timedelta(seconds=number),
                details={"é": number},
            )


def tamper(statement: str) -> None:
    """Change the table as somebody with the owner's password would."""
    with psycopg.connect(url("postgres", connection.settings_dict["NAME"]), autocommit=True) as owner:
        owner.execute(statement)


def sealed(most: int = 100) -> int:
    with scoped(SYSTEM):
        return audit.seal(now=NOW, most=most)


def verify() -> audit.Verification:
    with scoped(SYSTEM):
        return audit.verify()


def test_entries_are_sealed_in_order_and_verified() -> None:
    write(5)
    assert verify() == audit.Verification(sealed=0, unsealed=5, broken_at=None)
    assert sealed(most=3) == 3
    assert sealed() == 2
    assert sealed() == 0
    assert verify() == audit.Verification(sealed=5, unsealed=0, broken_at=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE kernel_auditentry SET actor_label = 'somebody else' WHERE object_id = '2'",
        "UPDATE kernel_auditentry SET at = at - interval '1 day' WHERE object_id = '2'",
        """UPDATE kernel_auditentry SET details = '{"é": 99}' WHERE object_id = '2'""",
        "DELETE FROM kernel_auditseal WHERE position = 3",
    ],
)
def test_a_change_behind_the_chain_is_found(statement: str) -> None:
    write(5)
    sealed()
    tamper(statement)
    broken_at = verify().broken_at
    assert broken_at in {3, 4}  # the third entry, or the first seal after the missing one
    assert not verify().intact


def test_nobody_of_the_application_can_change_a_line(world_committed: World) -> None:
    write(1)
    for viewer in (SYSTEM, world_committed.viewer(world_committed.bob)):
        for statement in ("UPDATE kernel_auditentry SET action = 'x'", "DELETE FROM kernel_auditentry"):
            with (
                pytest.raises(ProgrammingError, match="permission denied"),
                scoped(viewer),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)


def test_a_beneficiary_reads_the_lines_about_its_own_objects(world_committed: World) -> None:
    with scoped(SYSTEM):
        for owner in (world_committed.bobville, world_committed.charlieville):
            audit.record(viewer=SYSTEM, action="site.seen", object_type="site", object_id=1, owner_id=owner.pk, now=NOW)
    with scoped(world_committed.viewer(world_committed.bob)):
        assert set(AuditEntry.objects.values_list("owner_id", flat=True)) == {world_committed.bobville.pk}
