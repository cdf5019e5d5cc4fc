"""A business alarm is told to the beneficiary's people and to the rule's recipients."""

from __future__ import annotations

import pytest

from cadran.inventory.models import MeasuringPoint, Site
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.messaging.models import Mail, Notification
from cadran.parties.models import Right
from cadran.telemetry.models import ThresholdRule
from cadran.telemetry.services import raise_alarm
from tests.support.desk import paris, run_events
from tests.support.world import World

pytestmark = pytest.mark.django_db
T0 = paris("2026-11-16 09:00")


def cold_room_warms_up(world: World) -> int:
    with scoped(SYSTEM):
        point = MeasuringPoint.objects.create(
            owner=world.bobville, site=world.bob_site, name="Chambre froide", kind="cold_room"
        )
        rule = ThresholdRule.objects.create(
            owner=world.bobville,
            point=point,
            quantity="temperature",
            comparison="above",
            threshold=8.0,
            kind="business",
            label="Chaîne du froid",
            recipients=["cuisine@example.org"],
        )
        alarm, _ = raise_alarm(
            owner_id=world.bobville.pk,
            origin_key=f"rule:{rule.pk}",
            code="threshold.business",
            kind="business",
            title="Chambre froide : 9,2 °C",
            detail="Au-dessus de 8 °C depuis 10 min.",
            site_id=world.bob_site.pk,
            point_id=point.pk,
            rule_id=rule.pk,
            raised_at=T0,
        )
        return alarm.pk


def test_its_people_and_the_rules_recipients_are_told_once(world: World) -> None:
    alarm_id = cold_room_warms_up(world)
    run_events(T0)
    run_events(T0)
    with scoped(SYSTEM):
        told = [(one.user.name, one.title, one.path) for one in Notification.objects.all()]
        letters = [(mail.recipient, mail.body.splitlines()) for mail in Mail.objects.all()]
    assert told == [("Bob", "Chambre froide : 9,2 °C", f"/alarmes/{alarm_id}/")]
    assert [recipient for recipient, _ in letters] == ["cuisine@example.org"]
    assert letters[0][1][0] == "Mairie de Bobville, le 16/11/2026 à 09:00 (heure du site)."
    assert letters[0][1][-1].endswith(f"/alarmes/{alarm_id}/")


def test_a_head_teacher_of_another_site_is_not_told(world: World) -> None:
    with scoped(SYSTEM):
        school = Site.objects.create(owner=world.bobville, code="S2", name="École")
        Right.objects.filter(user=world.bob).update(role="beneficiary.site", site_id=school.pk)
    cold_room_warms_up(world)
    run_events(T0)
    with scoped(SYSTEM):
        assert not Notification.objects.exists()
