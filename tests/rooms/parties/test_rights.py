"""A right = role x scope x end date."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange

from cadran.inventory.models import Site
from cadran.kernel.querysets import visible
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM, Grant, Side, Viewer
from cadran.parties import services
from cadran.parties.models import GroupingMember, Lot, LotMember, Organisation, Right, SiretPeriod
from cadran.parties.rules import ROLES, quality_on
from tests.support.world import NOW, SINCE, TODAY, World

pytestmark = pytest.mark.django_db


def test_a_beneficiary_sees_its_organisation_alone(world: World) -> None:
    bob = world.viewer(world.bob)
    assert (bob.side, bob.scope) == (Side.BENEFICIARY, (world.bobville.pk,))
    assert bob.may("incident.declare", owner_id=world.bobville.pk)
    assert not bob.may("incident.declare", owner_id=world.charlieville.pk)
    assert not bob.may("incident.handle", owner_id=world.bobville.pk)


def test_a_right_ends(world: World) -> None:
    with scoped(SYSTEM):
        Right.objects.filter(user=world.bob).update(ends_on=TODAY)
    assert world.viewer(world.bob).side is Side.BENEFICIARY
    assert world.viewer(world.bob, NOW + timedelta(days=1)).side is Side.NOBODY


def test_a_right_not_yet_begun_gives_nothing(world: World) -> None:
    assert world.viewer(world.bob, NOW.replace(year=2023)).side is Side.NOBODY


def test_a_head_teacher_sees_one_school(world: World) -> None:
    with scoped(SYSTEM):
        school = Site.objects.create(owner=world.bobville, code="S2", name="École")
        Right.objects.filter(user=world.bob).update(role="beneficiary.site", site_id=school.pk)
    viewer = world.viewer(world.bob)
    with scoped(viewer):
        seen = visible(Site.objects.all(), viewer, capability="site.read", site="id")
        assert [site.name for site in seen] == ["École"]


def test_members_of_a_grouping_are_in_its_right(world: World) -> None:
    with scoped(SYSTEM):
        GroupingMember.objects.create(
            grouping=world.bobville, member=world.charlieville, during=DateRange(SINCE, date(2026, 12, 1))
        )
    assert world.viewer(world.bob).scope == (world.bobville.pk, world.charlieville.pk)
    assert world.viewer(world.bob, NOW.replace(month=12)).scope == (world.bobville.pk,)
    assert world.viewer(world.charlie).scope == (world.charlieville.pk,)


def test_a_consortium_member_reaches_its_lots(world: World) -> None:
    with scoped(SYSTEM):
        other = Lot.objects.create(
            agreement=world.agreement, number=2, title="Autre", service_class="standard", network_access=True
        )
        Right.objects.filter(user=world.alice).update(company=world.holder)
    alice = world.viewer(world.alice)
    assert alice.may("incident.handle", owner_id=world.bobville.pk, lot_id=world.lot.pk)
    assert not alice.may("incident.handle", owner_id=world.bobville.pk, lot_id=other.pk)
    with scoped(SYSTEM):
        LotMember.objects.filter(company=world.holder).update(valid_during=DateRange(SINCE, date(2025, 1, 1)))
    assert not world.viewer(world.alice).may("incident.handle", lot_id=world.lot.pk)


def test_two_rights_do_not_mix() -> None:
    """A reader here and a technician there is not a technician here."""
    viewer = Viewer(
        1,
        "Two hats",
        Side.BENEFICIARY,
        (
            Grant("beneficiary.buyer", frozenset({"incident.read"}), frozenset({1})),
            Grant("beneficiary.technician", frozenset({"incident.read", "rule.write"}), frozenset({2})),
        ),
    )
    assert viewer.may("rule.write", owner_id=2)
    assert not viewer.may("rule.write", owner_id=1)
    assert viewer.scope == (1, 2)


def test_unknown_roles_are_refused(world: World) -> None:
    with pytest.raises(services.UnknownRole, match=r"beneficiary\.buyer"), scoped(SYSTEM):
        services.give_right(viewer=SYSTEM, user=world.bob, role="king", starts_on=TODAY, now=NOW)


def test_every_role_names_its_side() -> None:
    assert {role.side for role in ROLES.values()} == {Side.BENEFICIARY, Side.STAFF}
    assert all(role.code == code for code, role in ROLES.items())


def test_quality_follows_the_convention() -> None:
    periods = [(date(2026, 1, 1), date(2026, 2, 1)), (date(2026, 6, 1), None)]
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 2, 1), date(2026, 7, 1)]
    assert [quality_on(periods, day) for day in days] == [False, True, False, True]


def test_merged_communes_keep_their_history(world: World) -> None:
    with scoped(SYSTEM):
        services.absorb(
            viewer=SYSTEM,
            organisation=world.bobville,
            successor=world.charlieville,
            on=date(2026, 1, 1),
            reason="commune nouvelle",
            now=NOW,
        )
        with pytest.raises(services.AlreadyAbsorbed, match="01/01/2026"):
            services.absorb(
                viewer=SYSTEM,
                organisation=world.bobville,
                successor=world.charlieville,
                on=date(2026, 1, 1),
                reason="",
                now=NOW,
            )
        assert list(world.charlieville.absorbed.all()) == [world.bobville]
        assert Organisation.objects.get(pk=world.bobville.pk).siret == "21690123100011"


def test_a_former_siret_stays_readable(world: World) -> None:
    with scoped(SYSTEM):
        services.change_siret(
            viewer=SYSTEM,
            organisation=world.bobville,
            siret="21690123100029",
            on=date(2026, 3, 1),
            reason="déménagement",
            now=NOW,
        )
        periods = SiretPeriod.objects.filter(owner=world.bobville).order_by("id")
        assert [(period.siret, period.valid_during.lower, period.valid_during.upper) for period in periods] == [
            ("21690123100011", None, date(2026, 3, 1)),
            ("21690123100029", date(2026, 3, 1), None),
        ]
