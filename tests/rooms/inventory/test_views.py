"""The inventory's pages: who sees what, what they say, what they cost."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from cadran.inventory.views.services import WINDOWS
from cadran.kernel.config import CHECKOUT
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from tests.support.screens import Furnished, opened, plain_files, queries_of, scene
from tests.support.world import NOW, World

pytestmark = pytest.mark.django_db

__all__ = ["plain_files", "scene"]


LISTS = ["inventory:sites", "inventory:services", "inventory:fleet", "inventory:map"]
TABS = ["", "mesures", "trames", "trames&forme=brutes", "cles", "garantie", "journal"]


def page(scene: Furnished, name: str) -> str:
    """The address of one of Bob's pages."""
    of_bob = {
        "site": scene.world.bob_site.pk,
        "service": scene.world.bob_service.pk,
        "equipment": scene.sensor.device_id,
    }
    return reverse(f"inventory:{name}", args=[of_bob[name]])


@pytest.mark.parametrize("name", LISTS)
def test_a_list_opens_and_shows_only_ones_own(client: Client, scene: Furnished, name: str) -> None:
    assert "Bobville" in opened(client, scene.world.bob, reverse(name))
    assert "Bobville" not in opened(client, scene.world.charlie, reverse(name))


@pytest.mark.parametrize("name", ["site", "service", "equipment"])
def test_anothers_object_does_not_exist(client: Client, scene: Furnished, name: str) -> None:
    opened(client, scene.world.bob, page(scene, name))
    opened(client, scene.world.alice, page(scene, name))
    assert "introuvable" in opened(client, scene.world.charlie, page(scene, name), status=404)


@pytest.mark.parametrize("name", [*LISTS, "inventory:map-data"])
def test_nobody_enters_without_signing_in(client: Client, name: str) -> None:
    response = client.get(reverse(name))
    assert response.status_code == 302
    assert response.headers["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_of_an_equipment_opens_for_its_technician(client: Client, scene: Furnished, tab: str) -> None:
    said = opened(client, scene.world.bob, f"{page(scene, 'equipment')}?onglet={tab}")
    assert "Sonde 1" in said


def test_frames_and_identity_are_not_for_every_role(client: Client, scene: Furnished) -> None:
    address = page(scene, "equipment")
    assert "Trames" not in opened(client, scene.world.alice, address)  # an agent of the desk has no frame.read
    for tab in ("trames", "cles"):
        opened(client, scene.world.alice, f"{address}?onglet={tab}", status=403)
    opened(client, scene.world.bob, f"{address}?onglet=rien", status=404)


def test_no_tab_ever_shows_a_key(client: Client, scene: Furnished) -> None:
    for tab in TABS:
        client.force_login(scene.world.bob)
        content = client.get(f"{page(scene, 'equipment')}?onglet={tab}").content
        for sealed in (b"a sealed root key", b"sealed one", b"sealed two"):
            assert sealed not in content
            assert sealed.hex().encode() not in content
    identity = opened(client, scene.world.bob, f"{page(scene, 'equipment')}?onglet=cles")
    assert "70b3d57ed0051a2c" in identity
    assert "jamais affichées" in identity


def test_the_equipment_page_says_what_it_measures_and_how_it_is_heard(client: Client, scene: Furnished) -> None:
    said = opened(client, scene.world.bob, page(scene, "equipment"))
    assert "9,5 °C" in said
    assert "Entendu" in said
    assert "Passerelle du toit" in said
    assert "passerelle d’un autre périmètre" in said  # heard by another body's gateway too: not named
    assert "Point 1" in said


def test_frames_are_shown_decoded_and_raw(client: Client, scene: Furnished) -> None:
    address = f"{page(scene, 'equipment')}?onglet=trames"
    assert "4,5 °C" in opened(client, scene.world.bob, address)
    raw = opened(client, scene.world.bob, f"{address}&forme=brutes")
    assert "01 67 00 5f 02 68 3c" in raw
    assert "SF7" in raw


def test_the_service_page_says_what_is_promised_and_where_it_is_written(client: Client, scene: Furnished) -> None:
    assert "Délais non chargés" in opened(client, scene.world.bob, page(scene, "service"))
    from tests.support.desk import load_promises

    load_promises(scene.now - timedelta(days=1))
    said = opened(client, scene.world.bob, page(scene, "service"))
    assert "Délais non chargés" not in said
    assert "6.6" in said
    assert "heures ouvrées" in said


@pytest.mark.parametrize(
    ("number", "service_class", "option", "counted_in"),
    [
        pytest.param(1, "standard", False, "heures ouvrées (HO)", id="standard"),
        pytest.param(10, "standard", False, "8 h-18 h, 6 j/7", id="lot 10: its support is open on Saturdays"),
        pytest.param(10, "standard", True, "24 h/24, 7 j/7", id="lot 10 with the option"),
        pytest.param(2, "advanced", False, "24 h/24, 7 j/7", id="advanced: included"),
    ],
)
def test_the_service_page_prints_the_hours_its_clocks_run_in(
    client: Client, world: World, number: int, service_class: str, option: bool, counted_in: str
) -> None:
    """CCTP telecoms 6.1.5 and 18.1.1."""
    from cadran.commitments.packs import commitments_for
    from cadran.commitments.rules import IncidentType
    from cadran.commitments.services import load_service_levels
    from cadran.inventory.models import Service
    from cadran.kernel.calendars import Territory
    from cadran.parties.models import Agreement, Lot
    from cadran.servicedesk.packs import load_agreement_files

    levels = load_agreement_files(CHECKOUT / "packs" / "agreements" / "2024_AOO_TELECOMS").levels
    with scoped(SYSTEM):
        load_service_levels(viewer=SYSTEM, levels=levels, now=NOW)
        agreement = Agreement.objects.create(
            code="2024_AOO_TELECOMS",
            title="Télécoms",
            purchasing_body=world.holder,
            pack_digest="0" * 64,
            loaded_at=NOW,
        )
        lot = Lot.objects.create(
            agreement=agreement, number=number, title="Lot", service_class=service_class, network_access=True
        )
        Service.objects.filter(pk=world.bob_service.pk).update(lot=lot, service_class=service_class, option_24_7=option)
    said = opened(client, world.bob, reverse("inventory:service", args=[world.bob_service.pk]))
    blocking = said[said.index("Bloquant") : said.index("Majeur")]
    assert blocking.count(counted_in) == 2  # GTI and GTR
    gti, _gtr = commitments_for(
        levels, lot=number, service_class=service_class, incident_type=IncidentType.BLOCKING, option_24_7=option,
        territory=Territory.FR,
    )  # fmt: skip
    assert counted_in == str(WINDOWS[gti.calendar.hours.code])


def test_the_site_page_shows_services_equipment_alarms_and_gateways(client: Client, scene: Furnished) -> None:
    said = opened(client, scene.world.bob, page(scene, "site"))
    for words in ("Réseau LoRaWAN privé", "1 capteur", "1 passerelle", "Chambre froide trop chaude", "En ligne"):
        assert words in said


def test_a_broken_service_colours_its_site(client: Client, scene: Furnished) -> None:
    assert "rien à signaler" in opened(client, scene.world.bob, reverse("inventory:map"))
    with scoped(SYSTEM):
        type(scene.world.bob_service).objects.filter(pk=scene.world.bob_service.pk).update(state="down")
    assert "Arrêté" in opened(client, scene.world.bob, page(scene, "site"))
    assert "1 lieu en panne" in opened(client, scene.world.bob, reverse("inventory:map"))


def test_the_map_gives_sites_and_gateways_as_data(client: Client, scene: Furnished) -> None:
    client.force_login(scene.world.bob)
    names = {point[2] for point in client.get(reverse("inventory:map-data")).json()["points"]}
    assert names == {"Mairie de Bobville", "Passerelle du toit"}
    client.force_login(scene.world.charlie)
    names = {point[2] for point in client.get(reverse("inventory:map-data")).json()["points"]}
    assert names == {"Mairie de Charlieville"}


def test_the_fleet_is_filtered_by_kind_warranty_life_and_silence(client: Client, scene: Furnished) -> None:
    fleet = reverse("inventory:fleet")

    def found(query: str) -> set[str]:
        said = opened(client, scene.world.bob, f"{fleet}?{query}")
        return {name for name in ("Sonde 1", "Passerelle du toit") if name in said}

    assert found("nature=sensor") == {"Sonde 1"}
    assert found("nature=gateway") == {"Passerelle du toit"}
    assert found("garantie=oui") == {"Sonde 1"}
    assert found("garantie=inconnue") == {"Passerelle du toit"}
    assert found("garantie=bientot") == set()
    assert found("etat=retires") == set()
    assert found("ecoute=entendus") == {"Sonde 1"}
    assert found("ecoute=muets") == set()
    from cadran.telemetry.models import Latest

    with scoped(SYSTEM):
        Latest.objects.update(ts=scene.now - timedelta(hours=20))
    assert found("ecoute=muets") == {"Sonde 1"}


def test_the_fleet_exports_what_its_filters_show(client: Client, scene: Furnished) -> None:
    client.force_login(scene.world.bob)
    response = client.get(reverse("inventory:fleet") + "?nature=sensor&export=csv")
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("Équipement;Mesures;")
    assert len(lines) == 2
    assert "70b3d57ed0051a2c" in lines[1]


def test_empty_pages_say_what_comes_next(client: Client, world: World) -> None:
    assert "Aucun équipement dans votre périmètre" in opened(client, world.bob, reverse("inventory:fleet"))
    said = opened(client, world.bob, reverse("inventory:site", args=[world.bob_site.pk]))
    assert "ils apparaissent à la pose des capteurs" in said
    with scoped(SYSTEM):
        type(world.bob_site).objects.update(latitude=None, longitude=None)
    assert "Aucun site n’a de position" in opened(client, world.bob, reverse("inventory:map"))


@pytest.mark.parametrize("name", [*LISTS, "inventory:map-data", "site", "service", "equipment", "fleet as a file"])
def test_a_page_costs_the_same_with_more_rows(client: Client, scene: Furnished, name: str) -> None:
    if name in ("site", "service", "equipment"):
        address = page(scene, name)
    else:
        address = reverse("inventory:fleet") + "?export=csv" if " " in name else reverse(name)
    before = queries_of(client, scene.world.bob, address)
    scene.more(4)
    assert queries_of(client, scene.world.bob, address) == before


def marker(*content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param("q=%00", id="a NUL typed"),
        pytest.param("apres=" + marker("\0", 1), id="a NUL in the place"),
        pytest.param("apres=" + marker("a", "\0"), id="a NUL as key"),
        pytest.param("apres=" + marker("a", 10**30), id="a key beyond any"),
        pytest.param("q=" + "a" * 3000, id="a long text"),
    ],
)
def test_what_the_address_says_never_breaks_a_list(client: Client, scene: Furnished, asked: str) -> None:
    opened(client, scene.world.bob, f"{reverse('inventory:sites')}?{asked}")
