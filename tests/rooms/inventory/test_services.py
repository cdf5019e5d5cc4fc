"""Sites, services, things and points; a point's series survives the swap of a device."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.inventory import rules, selectors, services
from cadran.inventory.models import Mounting
from cadran.kernel.errors import InvalidInput, NotAllowed, NotFound
from cadran.kernel.models import OutboxEvent
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from tests.support.world import NOW, World

pytestmark = pytest.mark.django_db


def sensor(world: World, serial: str, **given: Any) -> Any:
    said = {"site_id": world.bob_site.pk, "kind": "sensor", "name": serial, "serial": serial}
    return services.register_equipment(viewer=SYSTEM, now=NOW, **(said | given))


def point(world: World) -> Any:
    return services.register_point(
        viewer=SYSTEM, site_id=world.bob_site.pk, name="Chambre froide", kind="cold_room", now=NOW
    )


def put(equipment: Any, where: Any, at: datetime) -> Any:
    return services.mount(viewer=SYSTEM, equipment_id=equipment.pk, point_id=where.pk, at=at, now=NOW)


@pytest.mark.parametrize(
    ("delivered", "until"),
    [
        (date(2026, 1, 15), date(2027, 2, 14)),
        (date(2024, 2, 29), date(2025, 3, 30)),  # 28 February 2025, plus 30 days
        (date(2026, 12, 31), date(2028, 1, 30)),
    ],
)
def test_the_warranty_is_a_year_from_delivery_plus_thirty_days(delivered: date, until: date) -> None:
    """CCTP IoT 6.5."""
    assert rules.warranty_until(delivered) == until
    assert rules.under_warranty(until, until)
    assert not rules.under_warranty(until, until + timedelta(days=1))
    assert not rules.under_warranty(None, delivered)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(12, 84), st.integers(30, 400))
def test_no_warranty_is_shorter_than_the_contracts(delivered: date, months: int, days: int) -> None:
    longer = rules.warranty_until(delivered, months=months, extra_days=days)
    assert longer >= rules.warranty_until(delivered)
    assert timedelta(days=365 + 30) <= rules.warranty_until(delivered) - delivered <= timedelta(days=366 + 30)


def test_a_warranty_under_the_minimum_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match=r"CCTP IoT 6\.5"):
        rules.warranty_until(date(2026, 1, 1), months=6)
    with scoped(SYSTEM), pytest.raises(InvalidInput, match="14/02/2027"):
        sensor(world, "A", delivered_on=date(2026, 1, 15), warranty_until=date(2027, 1, 15))


@pytest.mark.parametrize(
    ("territory", "zone", "expected"),
    [("RE", None, "Indian/Reunion"), ("FR", None, "Europe/Paris"), ("PF", "Pacific/Marquesas", "Pacific/Marquesas")],
)
def test_a_site_runs_on_its_territorys_time(world: World, territory: str, zone: str | None, expected: str) -> None:
    with scoped(SYSTEM):
        site = services.register_site(
            viewer=SYSTEM, owner_id=world.bobville.pk, code="S9", name="Site", territory=territory, zone=zone, now=NOW
        )
    assert (site.territory, site.zone) == (territory, expected)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"territory": "XX"}, "inconnu"),
        ({"zone": "Mars/Olympus"}, "inconnu"),
        ({"code": "S1"}, "porte déjà ce code"),
        ({"latitude": 95.0, "longitude": 2.0}, "latitude"),
        ({"latitude": 45.0}, "latitude"),
    ],
)
def test_a_site_that_cannot_be(world: World, given: dict[str, Any], says: str) -> None:
    said = {"owner_id": world.bobville.pk, "code": "S9", "name": "Site"} | given
    with scoped(SYSTEM), pytest.raises(InvalidInput, match=says):
        services.register_site(viewer=SYSTEM, now=NOW, **said)


def test_swapping_a_device_keeps_the_points_history(world: World) -> None:
    with scoped(SYSTEM):
        old, new, where = sensor(world, "A"), sensor(world, "B"), point(world)
        put(old, where, NOW - timedelta(days=30))
        put(new, where, NOW - timedelta(days=1))
        history = [
            (one.equipment.serial, one.during.lower, one.during.upper)
            for one in selectors.mountings_of(viewer=SYSTEM, point_id=where.pk)
        ]
        assert history == [
            ("B", NOW - timedelta(days=1), None),
            ("A", NOW - timedelta(days=30), NOW - timedelta(days=1)),
        ]
        found = selectors.mounted_at(viewer=SYSTEM, equipment_id=old.pk, at=NOW - timedelta(days=2))
        assert found == where
        assert selectors.mounted_at(viewer=SYSTEM, equipment_id=old.pk, at=NOW) is None
        swapped = OutboxEvent.objects.filter(name="inventory.EquipmentMounted").latest("id")
        assert swapped.payload["replaced_id"] == old.pk


def test_moving_a_device_ends_where_it_was(world: World) -> None:
    with scoped(SYSTEM):
        thing, first, second = sensor(world, "A"), point(world), point(world)
        put(thing, first, NOW - timedelta(days=3))
        put(thing, second, NOW - timedelta(days=1))
        again = put(thing, second, NOW)
        assert again.during.lower == NOW - timedelta(days=1)  # already there: nothing to do
        assert Mounting.objects.filter(during__endswith=None).count() == 1


@pytest.mark.parametrize(
    ("days", "says"),
    [pytest.param(1, "futur", id="future"), pytest.param(-40, "plus récente", id="before what is there")],
)
def test_a_mounting_that_would_rewrite_history(world: World, days: int, says: str) -> None:
    with scoped(SYSTEM):
        old, new, where = sensor(world, "A"), sensor(world, "B"), point(world)
        put(old, where, NOW - timedelta(days=30))
        with pytest.raises(InvalidInput, match=says):
            put(new, where, NOW + timedelta(days=days))


def test_a_retired_device_leaves_its_point_and_its_eui(world: World) -> None:
    with scoped(SYSTEM):
        thing, where = sensor(world, "A", eui="70B3D5-0000-000001"), point(world)
        put(thing, where, NOW - timedelta(days=3))
        with pytest.raises(InvalidInput, match="EUI-64"):
            sensor(world, "B", eui="70b3d50000000001")
        services.retire_equipment(viewer=SYSTEM, equipment_id=thing.pk, at=NOW, now=NOW)
        again = sensor(world, "B", eui="70b3d50000000001")
        assert again.eui == "70b3d50000000001"
        assert selectors.mounted_at(viewer=SYSTEM, equipment_id=thing.pk, at=NOW) is None
        assert [one.serial for one in selectors.equipments(viewer=SYSTEM)] == ["B"]
        assert selectors.equipment(viewer=SYSTEM, equipment_id=thing.pk).retired_on == NOW.date()
        with pytest.raises(InvalidInput, match="retiré"):
            put(thing, where, NOW)


def test_a_service_ends_and_stays_ended(world: World) -> None:
    with scoped(SYSTEM):
        service = services.open_service(
            viewer=SYSTEM,
            site_id=world.bob_site.pk,
            lot_id=world.lot.pk,
            code="SVC2",
            name="Qualité de l’air",
            service_class="standard",
            started_on=NOW.date(),
            now=NOW,
        )
        assert services.change_service_state(viewer=SYSTEM, service_id=service.pk, state="down", now=NOW)
        assert not services.change_service_state(viewer=SYSTEM, service_id=service.pk, state="down", now=NOW)
        with pytest.raises(InvalidInput, match="précède"):
            services.end_service(viewer=SYSTEM, service_id=service.pk, ended_on=NOW.date() - timedelta(days=1), now=NOW)
        services.end_service(viewer=SYSTEM, service_id=service.pk, ended_on=NOW.date(), now=NOW)
        with pytest.raises(InvalidInput, match="terminé"):
            services.change_service_state(viewer=SYSTEM, service_id=service.pk, state="running", now=NOW)


def test_counts_are_the_viewers_own(world: World) -> None:
    with scoped(SYSTEM):
        sensor(world, "A")
        point(world)
    bob, charlie = world.viewer(world.bob), world.viewer(world.charlie)
    with scoped(bob):
        counts = selectors.counts(viewer=bob)
        assert (counts.sites, counts.services, counts.services_ok, counts.sensors, counts.points) == (1, 1, 1, 1, 1)
    with scoped(charlie):
        assert (selectors.counts(viewer=charlie).sensors, selectors.counts(viewer=charlie).points) == (0, 0)


def test_charlie_finds_nothing_of_bobs(world: World) -> None:
    with scoped(SYSTEM):
        thing, where = sensor(world, "A"), point(world)
    charlie = world.viewer(world.charlie)
    with scoped(charlie):
        for read, given in (
            (selectors.site, {"site_id": world.bob_site.pk}),
            (selectors.service, {"service_id": world.bob_service.pk}),
            (selectors.equipment, {"equipment_id": thing.pk}),
            (selectors.point, {"point_id": where.pk}),
            (selectors.mountings_of, {"point_id": where.pk}),
        ):
            with pytest.raises(NotFound):
                read(viewer=charlie, **given)


def test_bob_writes_nothing_in_the_inventory(world: World) -> None:
    bob = world.viewer(world.bob)
    with scoped(bob), pytest.raises(NotAllowed, match=r"inventory\.write"):
        services.register_point(viewer=bob, site_id=world.bob_site.pk, name="Cave", now=NOW)


def test_a_right_over_a_lot_reaches_no_site_of_another_lot(world: World) -> None:
    """Two lots, two holders: neither learns whom the other serves."""
    from cadran.inventory.models import Service, Site
    from cadran.parties.models import Lot, Right

    with scoped(SYSTEM):
        other = Lot.objects.create(
            agreement=world.agreement, number=2, title="Autre lot", service_class="standard", network_access=False
        )
        Service.objects.filter(pk=world.charlie_service.pk).update(lot=other)
        Service.objects.create(
            owner=world.bobville, site=world.bob_site, lot=world.lot, code="SVC2", name="Autre",
            service_class="standard", started_on=NOW.date(),
        )  # fmt: skip
        bare = Site.objects.create(owner=world.bobville, code="S9", name="Terrain nu")
        Right.objects.filter(user=world.alice).update(lot=world.lot)
    alice = world.viewer(world.alice)
    with scoped(alice):
        assert list(selectors.sites(viewer=alice)) == [world.bob_site, bare]  # each once, in the order of names
        with pytest.raises(NotFound):
            selectors.site(viewer=alice, site_id=world.charlie_site.pk)
