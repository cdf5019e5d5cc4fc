"""Row-level security holds whatever the selectors forget."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.utils import ProgrammingError

from cadran.inventory.models import Site
from cadran.kernel.scope import as_system, scoped
from cadran.kernel.viewer import NOBODY, SYSTEM
from cadran.parties.models import Agreement, Organisation, User
from tests.support.database import administer
from tests.support.world import World

pytestmark = pytest.mark.django_db


def role() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


def test_a_forgotten_filter_leaks_nothing(world: World) -> None:
    """``objects.all()`` is the selector whose author forgot every filter."""
    with scoped(world.viewer(world.bob)):
        assert [site.owner_id for site in Site.objects.all()] == [world.bobville.pk]
        assert [one.pk for one in Organisation.objects.all()] == [world.bobville.pk]
    with scoped(world.viewer(world.charlie)):
        assert [site.owner_id for site in Site.objects.all()] == [world.charlieville.pk]
    with scoped(world.viewer(world.alice)):
        assert Site.objects.count() == 2


def test_a_forgotten_scope_is_refused_not_served(world: World) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        list(Site.objects.all())
    with pytest.raises(ProgrammingError, match="permission denied"), scoped(NOBODY):
        list(Site.objects.all())


def test_nobody_writes_for_another(world: World) -> None:
    with scoped(world.viewer(world.bob)):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Site.objects.create(owner=world.charlieville, code="X", name="Chez Charlie")
        assert Site.objects.filter(pk=world.charlie_site.pk).update(name="à moi") == 0
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Site.objects.filter(pk=world.bob_site.pk).update(owner=world.charlieville)


def test_beneficiaries_do_not_read_the_platform(world: World) -> None:
    with scoped(world.viewer(world.bob)):
        assert Agreement.objects.count() == 1
        for model in (User,):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                list(model.objects.all())
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            Agreement.objects.update(title="à moi")


def test_the_role_comes_back_after_a_nested_scope(world: World) -> None:
    with scoped(world.viewer(world.bob)):
        assert role() == "cadran_beneficiary"
        with as_system():
            assert role() == "cadran_staff"
            assert Site.objects.count() == 2
        assert role() == "cadran_beneficiary"
        assert Site.objects.count() == 1
        with pytest.raises(ZeroDivisionError), scoped(SYSTEM):
            raise ZeroDivisionError
        assert role() == "cadran_beneficiary"
    assert role() == "cadran_app"


def test_an_error_in_the_database_leaves_the_outer_scope_usable(world: World) -> None:
    with scoped(world.viewer(world.bob)):
        with pytest.raises(DatabaseError), as_system(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert role() == "cadran_beneficiary"
        assert Site.objects.count() == 1


@pytest.mark.parametrize("person", ["bob", "alice"])
@pytest.mark.django_db(transaction=True)
def test_the_list_of_sites_uses_its_index_under_both_roles(world_committed: World, person: str) -> None:
    world = world_committed
    with scoped(SYSTEM):
        Site.objects.bulk_create(
            Site(owner=owner, code=f"X{number}", name=f"Site {number}")
            for owner in (world.bobville, world.charlieville)
            for number in range(5_000)
        )
    administer("ANALYZE inventory_site", name=connection.settings_dict["NAME"])
    with scoped(world.viewer(getattr(world, person))):
        plan = Site.objects.filter(owner_id=world.bobville.pk).order_by("name", "id")[:50].explain()
    assert "site_list" in plan
    assert "Seq Scan" not in plan
