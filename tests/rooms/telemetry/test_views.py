"""Telemetry's pages: curves and what they say, thresholds, alarms, who may act on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.telemetry import services
from cadran.telemetry.models import Alarm, ThresholdRule
from cadran.telemetry.views.curves import summary_of
from tests.rooms.telemetry.fleet import make_sensor
from tests.support.screens import Furnished, opened, plain_files, queries_of, raise_alarm, scene, text_of
from tests.support.world import World

pytestmark = pytest.mark.django_db
__all__ = ["plain_files", "scene"]


def point_page(scene: Furnished, query: str = "") -> str:
    return reverse("telemetry:point", args=[scene.sensor.point_id]) + query


def alarm_of(scene: Furnished) -> Alarm:
    with scoped(SYSTEM):
        return Alarm.objects.get(rule_id=scene.rule.pk)


def alarm_page(scene: Furnished, name: str = "alarm") -> str:
    return reverse(f"telemetry:{name}", args=[alarm_of(scene).pk])


PAGES: dict[str, Callable[[Furnished], str]] = {
    "points": lambda scene: reverse("telemetry:points"),
    "point": point_page,
    "series": lambda scene: reverse("telemetry:series", args=[scene.sensor.point_id]) + "?grandeur=temperature",
    "rule-add": lambda scene: reverse("telemetry:rule-add", args=[scene.sensor.point_id]),
    "rule": lambda scene: reverse("telemetry:rule", args=[scene.rule.pk]),
    "alarms": lambda scene: reverse("telemetry:alarms"),
    "alarm": alarm_page,
}
OF_ONE_OBJECT = [name for name in PAGES if name not in ("points", "alarms")]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_for_its_owner(client: Client, scene: Furnished, name: str) -> None:
    opened(client, scene.world.bob, PAGES[name](scene))


@pytest.mark.parametrize("name", OF_ONE_OBJECT)
def test_anothers_object_does_not_exist(client: Client, scene: Furnished, name: str) -> None:
    assert "introuvable" in opened(client, scene.world.charlie, PAGES[name](scene), status=404)


@pytest.mark.parametrize("name", PAGES)
def test_nobody_enters_without_signing_in(client: Client, scene: Furnished, name: str) -> None:
    assert client.get(PAGES[name](scene)).status_code == 302


@pytest.mark.parametrize("name", ["points", "alarms"])
def test_lists_show_only_ones_own(client: Client, scene: Furnished, name: str) -> None:
    assert "Bobville" in opened(client, scene.world.bob, PAGES[name](scene))
    said = opened(client, scene.world.charlie, PAGES[name](scene))
    assert "Bobville" not in said
    assert "Chambre froide" not in said


@pytest.mark.parametrize("name", PAGES)
def test_a_page_costs_the_same_with_more_rows(client: Client, scene: Furnished, name: str) -> None:
    before = queries_of(client, scene.world.bob, PAGES[name](scene))
    scene.more(4)
    assert queries_of(client, scene.world.bob, PAGES[name](scene)) == before


# --- a point --------------------------------------------------------------------------------------------------------


def test_the_point_page_says_what_its_curve_shows(client: Client, scene: Furnished) -> None:
    said = opened(client, scene.world.bob, point_page(scene))
    assert "Au-dessus de 8,0 °C pendant" in said
    assert "% du temps mesuré" in said
    assert "de 4,5 °C" in said
    assert "à 9,5 °C" in said
    assert "dernière valeur 9,5 °C" in said
    assert "En alarme" in said
    assert "Sonde 1" in said


@pytest.mark.parametrize("period", ["24h", "7j", "30j", "1an"])
def test_every_period_opens(client: Client, scene: Furnished, period: str) -> None:
    client.force_login(scene.world.bob)
    content = client.get(point_page(scene, f"?grandeur=temperature&periode={period}")).content.decode()
    assert f'periode={period}" aria-current="page"' in content


def test_another_quantity_is_one_link_away(client: Client, scene: Furnished) -> None:
    said = opened(client, scene.world.bob, point_page(scene, "?grandeur=humidity"))
    assert "dernière valeur 60 %" in said
    assert "Au-dessus de 8" not in said  # the threshold is the temperature's


def test_a_point_without_sensor_or_measure_says_so(client: Client, scene: Furnished) -> None:
    from cadran.inventory.models import MeasuringPoint

    silent = make_sensor(scene.world, scene.profile_id, "2", since=scene.now - timedelta(days=1))
    with scoped(SYSTEM):
        bare = MeasuringPoint.objects.create(owner=scene.world.bobville, site=scene.world.bob_site, name="Cave").pk
    assert "Rien ne mesure ce point" in opened(client, scene.world.bob, reverse("telemetry:point", args=[bare]))
    assert "posez d’abord un capteur" in opened(client, scene.world.bob, reverse("telemetry:rule-add", args=[bare]))
    said = opened(client, scene.world.bob, reverse("telemetry:point", args=[silent.point_id]))
    assert "Aucune mesure sur cette période" in said
    assert "Aucun seuil" in said


def test_a_live_refetch_does_not_draw_the_curve_again(client: Client, scene: Furnished) -> None:
    client.force_login(scene.world.bob)
    for address in (point_page(scene), alarm_page(scene)):
        assert "data-chart" in client.get(address).content.decode()
        again = client.get(address, headers={"HX-Request": "true"}).content.decode()
        assert "data-chart" not in again
        assert "data-live" in again


def test_times_are_those_of_the_site(client: Client, scene: Furnished) -> None:
    with scoped(SYSTEM):
        type(scene.world.bob_site).objects.update(zone="Indian/Reunion", territory="RE")
    assert "heure de La Réunion" in opened(client, scene.world.bob, point_page(scene))


def test_the_series_is_given_as_json_and_as_a_file(client: Client, scene: Furnished) -> None:
    address = PAGES["series"](scene)
    client.force_login(scene.world.bob)
    data = client.get(address).json()
    assert (data["unit"], data["total"], len(data["values"])) == ("°C", 90, 90)
    file = client.get(f"{address}&format=csv")
    lines = b"".join(file.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "Instant (UTC);Température (°C)"
    assert len(lines) == 91
    assert lines[1].endswith(";4,5")
    opened(client, scene.world.bob, address.replace("temperature", "pressure"), status=404)


AT = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "beyond"),
    [
        pytest.param([9.0, 4.0, 4.0, 4.0, 4.0], 0.25, id="a value holds until the next"),
        pytest.param([9.0, None, 4.0, 4.0, 4.0], 0.0, id="a gap is not measured time"),
        pytest.param([8.0, 8.0, 8.0, 8.0, 8.0], 0.0, id="the threshold itself is admitted"),
        pytest.param([9.0], 0.0, id="one value lasts no time"),
    ],
)
def test_share_of_time_beyond_a_threshold(values: list[float | None], beyond: float) -> None:
    instants = [AT + timedelta(minutes=15 * n) for n in range(len(values))]
    summary = summary_of(instants, values, [("above", 8.0)])
    assert summary is not None
    assert summary.beyond == (beyond,)


def test_a_curve_without_value_has_no_summary() -> None:
    assert summary_of([AT, AT], [None, None], []) is None


# --- the list of points ---------------------------------------------------------------------------------------------


def test_points_are_filtered_by_state(client: Client, scene: Furnished) -> None:
    then = scene.now - timedelta(days=9)
    make_sensor(scene.world, scene.profile_id, "2", since=then, now=then)

    def found(query: str) -> set[str]:
        said = opened(client, scene.world.bob, f"{reverse('telemetry:points')}?{query}")
        return {name for name in ("Point 1", "Point 2") if name in said}

    assert found("") == {"Point 1", "Point 2"}
    assert found("etat=alarme") == {"Point 1"}
    assert found("etat=muet") == {"Point 2"}
    assert found("etat=sans") == set()


# --- thresholds -----------------------------------------------------------------------------------------------------

TYPED: dict[str, Any] = {
    "label": "Trop froid", "quantity": "temperature", "comparison": "below", "threshold": "1,5", "hysteresis": "0,5",
    "duration_minutes": "30", "kind": "business", "recipients": "a@example.org\nb@example.org\n",
}  # fmt: skip


def test_a_technician_adds_a_threshold(client: Client, scene: Furnished) -> None:
    client.force_login(scene.world.bob)
    response = client.post(PAGES["rule-add"](scene), TYPED, follow=True)
    said = text_of(response)
    assert "« Trop froid » surveille ce point" in said
    assert "au-dessous de 1,5 °C pendant 30" in said
    with scoped(SYSTEM):
        added = ThresholdRule.objects.get(label="Trop froid")
    assert (added.threshold, added.hysteresis, added.duration_s) == (1.5, 0.5, 1800)
    assert added.recipients == ["a@example.org", "b@example.org"]


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        pytest.param({"threshold": "froid"}, "Seuil :", id="not a number"),
        pytest.param({"recipients": "personne"}, "« personne » n’est pas une adresse électronique", id="not a mail"),
        pytest.param({"kind": "service"}, "Nature de l’alarme :", id="a commitment is the holder's to write"),
    ],
)
def test_a_mistake_is_named_and_what_was_typed_stays(
    client: Client, scene: Furnished, mistake: dict[str, str], said: str
) -> None:
    client.force_login(scene.world.bob)
    response = client.post(PAGES["rule-add"](scene), TYPED | mistake)
    assert response.status_code == 422
    assert said in text_of(response)
    assert 'value="Trop froid"' in response.content.decode()
    with scoped(SYSTEM):
        assert not ThresholdRule.objects.filter(label="Trop froid").exists()


def test_a_threshold_is_changed_put_to_rest_and_woken(client: Client, scene: Furnished) -> None:
    client.force_login(scene.world.bob)
    address = PAGES["rule"](scene)
    client.post(address, TYPED | {"acte": "enregistrer"})
    with scoped(SYSTEM):
        assert ThresholdRule.objects.get(pk=scene.rule.pk).threshold == 1.5
    assert "désactivé, son alarme close" in text_of(client.post(address, {"acte": "desactiver"}, follow=True))
    with scoped(SYSTEM):
        assert not ThresholdRule.objects.get(pk=scene.rule.pk).enabled
    assert alarm_of(scene).cleared_at is not None
    assert "réactivé" in text_of(client.post(address, {"acte": "reactiver"}, follow=True))


def test_without_the_right_there_is_neither_button_nor_form(client: Client, scene: Furnished) -> None:
    assert "Ajouter un seuil" in opened(client, scene.world.bob, point_page(scene))
    assert "Ajouter un seuil" not in opened(client, scene.world.alice, point_page(scene))  # an agent of the desk
    for name in ("rule-add", "rule"):
        opened(client, scene.world.alice, PAGES[name](scene), status=403)
        assert client.post(PAGES[name](scene), TYPED).status_code == 403


# --- alarms ---------------------------------------------------------------------------------------------------------


def test_the_console_shows_open_alarms_first_and_all_on_request(client: Client, scene: Furnished) -> None:
    console = reverse("telemetry:alarms")
    assert "1 alarme ouverte (0 de service, 1 métier), 1 attend" in opened(client, scene.world.bob, console)
    with scoped(SYSTEM):
        services.clear_alarm(owner_id=scene.world.bobville.pk, origin_key=f"rule:{scene.rule.pk}", at=scene.now)
    said = opened(client, scene.world.bob, console)
    assert "Aucune alarme ouverte" in said
    assert "Chambre froide trop chaude" not in said
    assert "Chambre froide trop chaude" in opened(client, scene.world.bob, f"{console}?etat=")
    assert "Chambre froide trop chaude" in opened(client, scene.world.bob, f"{console}?etat=cleared")


def test_alarms_are_filtered_by_kind_and_site(client: Client, scene: Furnished) -> None:
    with scoped(SYSTEM):
        raise_alarm(scene, scene.sensor, "Sonde muette", key="test:mute")
    console = reverse("telemetry:alarms")
    assert "Sonde muette" not in opened(client, scene.world.bob, f"{console}?nature=business")
    assert "Sonde muette" in opened(client, scene.world.bob, f"{console}?nature=service")
    assert "Aucun résultat" in opened(client, scene.world.bob, f"{console}?site=Ailleurs")


def test_an_alarm_says_what_where_and_what_follows(client: Client, scene: Furnished) -> None:
    said = opened(client, scene.world.bob, alarm_page(scene))
    for words in ("9,5 °C", "au-dessus de 8,0 °C", "Prévenus : astreinte@example.org", "Point 1", "par personne"):
        assert words in said
    with scoped(SYSTEM):
        mute = raise_alarm(scene, scene.sensor, "Sonde muette", key="test:mute")
    said = opened(client, scene.world.bob, reverse("telemetry:alarm", args=[mute.pk]))
    assert "elle ouvre un incident" in said


def test_taking_an_alarm_in_charge(client: Client, scene: Furnished) -> None:
    client.force_login(scene.world.bob)
    said = text_of(client.post(alarm_page(scene, "acknowledge"), follow=True))
    assert "Vous prenez en compte" in said
    assert "par Bob" in said
    assert "Prendre en compte l’alarme" not in said
    assert client.post(alarm_page(scene, "acknowledge")).status_code == 409


def test_taking_in_charge_needs_a_post_a_token_and_the_right(client: Client, scene: Furnished, world: World) -> None:
    address = alarm_page(scene, "acknowledge")
    client.force_login(world.bob)
    assert client.get(address).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.bob)
    assert strict.post(address).status_code == 403
    client.force_login(world.charlie)
    assert client.post(address).status_code == 404
    from cadran.parties.models import Right

    Right.objects.filter(user=world.bob).update(role="beneficiary.buyer")
    assert "Prendre en compte l’alarme" not in opened(client, world.bob, alarm_page(scene))
    assert client.post(address).status_code == 403
    assert alarm_of(scene).state == Alarm.State.ACTIVE


def test_an_empty_console_says_so(client: Client, world: World) -> None:
    assert "Aucune alarme ouverte" in opened(client, world.bob, reverse("telemetry:alarms"))
    assert "Aucun point de mesure dans votre périmètre" in opened(client, world.bob, reverse("telemetry:points"))
