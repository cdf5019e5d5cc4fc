"""The private network's pages: gateways, what they hear, what the server counted and refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.lorawan.counters import Counters, RefusalReason
from cadran.lorawan.lists import COUNTERS, MEANINGS, quality
from cadran.lorawan.models import Gateway, Refusal, ServerRun, Uplink
from cadran.ui.icons import State
from tests.support.screens import GATEWAY_EUI, Furnished, opened, plain_files, queries_of, scene
from tests.support.world import World

pytestmark = pytest.mark.django_db
__all__ = ["plain_files", "scene"]

PAGES: dict[str, Callable[[Furnished], str]] = {
    "gateways": lambda scene: reverse("lorawan:gateways"),
    "gateway": lambda scene: reverse("lorawan:gateway", args=[scene.gateway.pk]),
    "network": lambda scene: reverse("lorawan:network"),
}


@pytest.fixture
def operator(world: World) -> object:
    """A network operator of the holder."""
    from cadran.parties.models import Right

    Right.objects.filter(user=world.alice).update(role="holder.network")
    return world.alice


@pytest.mark.parametrize("name", ["gateways", "gateway"])
def test_a_page_opens_for_its_owner(client: Client, scene: Furnished, name: str) -> None:
    assert "Passerelle du toit" in opened(client, scene.world.bob, PAGES[name](scene))


def test_anothers_gateway_does_not_exist(client: Client, scene: Furnished) -> None:
    assert "Passerelle du toit" not in opened(client, scene.world.charlie, PAGES["gateways"](scene))
    assert "introuvable" in opened(client, scene.world.charlie, PAGES["gateway"](scene), status=404)


@pytest.mark.parametrize("name", PAGES)
def test_nobody_enters_without_signing_in(client: Client, scene: Furnished, name: str) -> None:
    assert client.get(PAGES[name](scene)).status_code == 302


@pytest.mark.parametrize("name", PAGES)
def test_a_page_costs_the_same_with_more_rows(client: Client, scene: Furnished, operator: object, name: str) -> None:
    with scoped(SYSTEM):
        refuse("unknown_gateway", "00000000000000aa", 1, scene)
        running(scene)
    before = queries_of(client, operator, PAGES[name](scene))
    scene.more(2)
    with scoped(SYSTEM):
        for number in range(4):
            refuse("unknown_gateway", f"00000000000000b{number}", 1, scene)
            refuse("wrong_mic", f"0000000{number}", 1, scene)
        device = Uplink.objects.get()
        for minute in range(1, 5):
            device.ts = scene.now - timedelta(minutes=minute)
            device.save(force_insert=True)
    assert queries_of(client, operator, PAGES[name](scene)) == before


def running(scene: Furnished, *, seconds_ago: int = 2) -> None:
    """Write the server's signs of life."""
    counters = Counters().snapshot() | {"uplinks": 12_345, "uplinks_lost": 3, "kernel_drops": 0}
    ServerRun.objects.create(
        name="lorawan", started_at=scene.now - timedelta(hours=5), counters=counters,
        seen_at=scene.now - timedelta(seconds=seconds_ago),
    )  # fmt: skip


def refuse(reason: str, subject: str, count: int, scene: Furnished) -> None:
    """Write refusals of today."""
    Refusal.objects.create(day=scene.now.date(), reason=reason, subject=subject, count=count, last_at=scene.now)


# --- gateways -------------------------------------------------------------------------------------------------------


def test_the_gateway_page_says_how_it_is_and_what_it_hears(client: Client, scene: Furnished) -> None:
    said = opened(client, scene.world.bob, PAGES["gateway"](scene))
    for words in ("En ligne", GATEWAY_EUI, "98,0 %", "196 sur 200", "41,5 °C", "Sonde 1", "Bonne", "-97", "5 min"):
        assert words.replace("-", "\u2212") in said or words in said, words


@pytest.mark.parametrize(
    ("ago", "state", "filtered"),
    [
        (timedelta(seconds=10), "En ligne", "ligne"),
        (timedelta(minutes=6), "Muette", "muette"),
        (None, "Jamais vue", "jamais"),
    ],
)
def test_a_gateway_is_silent_past_its_limit(
    client: Client, scene: Furnished, ago: timedelta | None, state: str, filtered: str
) -> None:
    with scoped(SYSTEM):
        Gateway.objects.update(last_seen_at=scene.now - ago if ago else None)
    assert state in opened(client, scene.world.bob, PAGES["gateway"](scene))
    for each in ("ligne", "muette", "jamais"):
        said = opened(client, scene.world.bob, f"{PAGES['gateways'](scene)}?etat={each}")
        assert ("Passerelle du toit" in said) is (each == filtered)


def test_what_a_gateway_hears_is_for_those_who_may_see_frames(client: Client, scene: Furnished) -> None:
    said = opened(client, scene.world.alice, PAGES["gateway"](scene))  # an agent of the desk
    assert "Votre rôle ne donne pas accès aux trames" in said
    assert "Sonde 1" not in said


def test_a_gateway_that_never_spoke_says_what_to_check(client: Client, scene: Furnished) -> None:
    with scoped(SYSTEM):
        Gateway.objects.update(last_stat={})
        Uplink.objects.update(receptions=[])
    said = opened(client, scene.world.bob, PAGES["gateway"](scene))
    assert "Aucun état reçu" in said
    assert "Aucun équipement entendu" in said


def test_without_gateway_the_list_says_so(client: Client, world: World) -> None:
    assert "Aucune passerelle dans votre périmètre" in opened(client, world.bob, reverse("lorawan:gateways"))


@pytest.mark.parametrize(
    ("snr", "data_rate", "state"),
    [
        pytest.param(6.5, 5, State.OK, id="far above what SF7 needs"),
        pytest.param(-2.0, 5, State.RISK, id="SF7 with 5.5 dB left"),
        pytest.param(-7.0, 5, State.LATE, id="SF7 with half a decibel"),
        pytest.param(-7.0, 0, State.OK, id="the same ratio is comfortable at SF12"),
        pytest.param(6.5, 7, State.INFO, id="FSK has no such ratio"),
    ],
)
def test_radio_quality_is_a_margin(snr: float, data_rate: int, state: State) -> None:
    assert quality(snr, data_rate)[0] is state


# --- the network server ---------------------------------------------------------------------------------------------


def test_the_network_page_is_for_those_who_run_the_radio(client: Client, scene: Furnished) -> None:
    opened(client, scene.world.bob, PAGES["network"](scene), status=403)
    opened(client, scene.world.alice, PAGES["network"](scene), status=403)


def test_the_network_page_says_what_was_refused_and_what_to_do(
    client: Client, scene: Furnished, operator: object
) -> None:
    with scoped(SYSTEM):
        running(scene)
        refuse("unknown_gateway", "00000000000000aa", 17, scene)
        refuse("join_unknown_device", "70b3d57ed00000bb", 5, scene)
        refuse("join_wrong_mic", "70b3d57ed00000cc", 2, scene)
    said = opened(client, operator, PAGES["network"](scene))
    for words in (
        "reçoit et écrit les trames", "12 345", "à regarder", "00000000000000aa", "70b3d57ed00000bb",
        "Enregistrez-la avec cet EUI", "Clé d’activation fausse",
    ):  # fmt: skip
        assert words in said.replace("\u202f", " "), words
    only = opened(client, operator, f"{PAGES['network'](scene)}?motif=join_wrong_mic&export=csv")
    assert "70b3d57ed00000cc" in only
    assert "70b3d57ed00000bb" not in only


def test_a_dead_server_is_told_from_silent_gateways(client: Client, scene: Furnished, operator: object) -> None:
    assert "Aucun serveur réseau n’a encore démarré" in opened(client, operator, PAGES["network"](scene))
    with scoped(SYSTEM):
        running(scene, seconds_ago=300)
    assert "ne donne plus signe de vie" in opened(client, operator, PAGES["network"](scene))


def test_every_reason_of_refusal_is_explained() -> None:
    assert set(MEANINGS) == set(RefusalReason)
    for meaning in MEANINGS.values():
        assert all(str(words) for words in (meaning.label, meaning.sender, meaning.means, meaning.remedy))


def test_counters_shown_are_counters_kept() -> None:
    held = {"kernel_drops", "devices", "sessions", "gateways", "unknown_gateways"}  # NetworkServer.snapshot
    assert {name for _label, lines in COUNTERS for name, _words in lines} <= {*Counters().snapshot(), *held}
