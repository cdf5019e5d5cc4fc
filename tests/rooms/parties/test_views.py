"""The pages of parties: beneficiaries, their import, the agreements with every figure's source."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.backends.postgresql.psycopg_any import DateRange
from django.test import Client

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.parties.models import Contact, Convention, GroupingMember, Organisation, Right, SiretPeriod, User
from cadran.parties.views import kept
from tests.support.furnish import load_packs
from tests.support.packs import TELECOMS
from tests.support.screens import opened, plain_files, queries_of, text_of
from tests.support.world import SINCE, World

__all__ = ["plain_files"]
pytestmark = pytest.mark.django_db

LIST, IMPORT = "/beneficiaires/", "/beneficiaires/importer/"
GOOD = "siret;nom;nature\n21690123100011;Commune de Lyon;commune\n21750001600019;Ville de Paris;commune\n"
BAD = "siret;nom;nature\n123;Sans numéro;commune\n21750001600019;Ville de Paris;hameau\n"


@pytest.fixture
def roc(world: World) -> User:
    """A person of the holder's who may import."""
    with scoped(SYSTEM):
        person = User.objects.create(email="roc@example.org", name="Hélène", password="!")
        Right.objects.create(user=person, role="holder.roc", starts_on=SINCE)
    return person


def sent(client: Client, text: str, name: str = "fichier.csv") -> Any:
    return client.post(IMPORT, {"file": SimpleUploadedFile(name, text.encode())})


def names() -> set[str]:
    with scoped(SYSTEM):
        return set(Organisation.objects.values_list("name", flat=True))


def test_the_list_is_in_scope_filters_and_exports(client: Client, world: World, roc: User) -> None:
    both = opened(client, roc, LIST)
    assert "Bobville" in both
    assert "Charlieville" in both
    assert "2024_AOO_IOT" in both
    of_bob = opened(client, world.bob, LIST)
    assert "Bobville" in of_bob
    assert "Charlieville" not in of_bob
    assert "Charlieville" not in opened(client, roc, f"{LIST}?q=216 901 231")  # a SIRET copied with its spaces
    assert "Bobville" in opened(client, roc, f"{LIST}?q=216\u202f901\u202f231")
    assert "Bobville" in opened(client, roc, f"{LIST}?accord=2024_AOO_IOT&nature=town&territoire=FR")
    assert "Bobville" not in opened(client, roc, f"{LIST}?nature=hospital")
    file: Any = client.get(f"{LIST}?export=csv")
    assert len(b"".join(file.streaming_content).decode().splitlines()) == 3


def test_a_grouping_gives_its_quality_to_its_members(client: Client, world: World, roc: User) -> None:
    with scoped(SYSTEM):
        member = Organisation.objects.create(siret="21750001600019", name="Membreville", kind="town")
        GroupingMember.objects.create(grouping=world.bobville, member=member, during=DateRange(SINCE, None))
    assert "2024_AOO_IOT (groupement)" in opened(client, roc, f"{LIST}?q=Membreville")
    assert "Membreville" in opened(client, roc, f"{LIST}?accord=2024_AOO_IOT")
    said = opened(client, roc, f"{LIST}{member.pk}/")
    assert "Bénéficiaire de 2024_AOO_IOT" in said
    assert "par le groupement Bobville" in said
    assert "Membreville" in opened(client, roc, f"{LIST}{world.bobville.pk}/")


def test_the_page_shows_history_people_and_todays_quality(client: Client, world: World, roc: User) -> None:
    today = datetime.now(UTC).date()
    with scoped(SYSTEM):
        Convention.objects.filter(owner=world.bobville).update(valid_during=DateRange(SINCE, today))
        SiretPeriod.objects.create(
            owner=world.bobville, siret="21690123100029", valid_during=DateRange(None, date(2020, 1, 1)),
            reason="Mairie",
        )  # fmt: skip
        Contact.objects.create(owner=world.bobville, name="Jeanne Dupont", email="j@example.org", roles=["on_call"])
    said = opened(client, world.bob, f"{LIST}{world.bobville.pk}/")
    assert "Pas bénéficiaire de 2024_AOO_IOT aujourd’hui" in said
    assert "terminée" in said  # its last day was yesterday: the end of a period is excluded
    assert f"{today - timedelta(days=1):%d/%m/%Y}" in said
    assert "216 901 231 00029" in said
    assert "31/12/2019" in said
    assert "Jeanne Dupont" in said
    assert "Astreinte" in said


def test_anothers_page_does_not_exist(client: Client, world: World) -> None:
    opened(client, world.bob, f"{LIST}{world.bobville.pk}/")
    opened(client, world.charlie, f"{LIST}{world.bobville.pk}/", status=404)


def test_importing_is_a_right(client: Client, world: World, roc: User) -> None:
    for url in (IMPORT, f"{IMPORT}modele.csv"):
        opened(client, world.bob, url, status=403)
        opened(client, roc, url)
    assert "Importer des bénéficiaires" not in opened(client, world.alice, LIST)


def test_the_template_file_passes_its_own_check(client: Client, world: World, roc: User) -> None:
    client.force_login(roc)
    template = client.get(f"{IMPORT}modele.csv").content.decode()
    checked = sent(client, template.replace("20004697700019", ""))  # its grouping does not exist here
    assert "Le fichier est bon" in text_of(checked) or "une autre convention" in text_of(checked)


def test_a_dry_run_writes_nothing_and_applying_writes_all(client: Client, world: World, roc: User) -> None:
    client.force_login(roc)
    before = names()
    checked = sent(client, GOOD)
    assert checked.status_code == 200
    said = text_of(checked)
    assert "Rien n’est encore écrit" in said
    assert "à modifier" in said
    assert names() == before
    token = re.search(r'name="jeton" value="([^"]+)"', checked.content.decode())
    assert token is not None
    applied = client.post(IMPORT, {"jeton": token[1]}, follow=True)
    assert "1 bénéficiaire créé, 1 modifié" in text_of(applied)
    assert names() == (before - {"Bobville"}) | {"Commune de Lyon", "Ville de Paris"}
    again = client.post(IMPORT, {"jeton": token[1]})  # a second click, or the page kept open
    assert again.status_code == 422
    assert "n’est plus conservé" in text_of(again)


def test_a_faulty_file_is_told_line_by_line_and_cannot_be_applied(client: Client, world: World, roc: User) -> None:
    client.force_login(roc)
    before = names()
    checked = sent(client, BAD)
    assert checked.status_code == 422
    said = text_of(checked)
    assert "2 erreurs" in said
    assert re.search(r"2\s+Sans numéro\s+siret", said)
    assert re.search(r"3\s+Ville de Paris\s+nature", said)
    assert 'name="jeton"' not in checked.content.decode()
    assert names() == before


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("photo.png", "x", "ni un CSV", id="another kind"),
        pytest.param("vide.csv", " ", "est vide", id="empty"),
        pytest.param("faux.xlsx", "x", "classeur", id="not a workbook"),
        pytest.param("mal.csv", "siret;couleur\n1;2\n", "colonnes inconnues", id="unknown column"),
    ],
)
def test_an_unreadable_file_is_refused_with_a_remedy(
    client: Client, world: World, roc: User, name: str, text: str, said: str
) -> None:
    client.force_login(roc)
    response = sent(client, text, name)
    assert response.status_code == 422
    assert said in text_of(response)
    assert client.post(IMPORT, {}).status_code == 422


def test_a_kept_file_is_for_its_person_for_an_hour(world: World, roc: User) -> None:
    now = datetime.now(UTC)
    with scoped(SYSTEM):
        token = kept.keep(b"SIRET de quelqu'un", filename="a.csv", user_id=roc.pk, now=now)
        assert kept.give_back(token, user_id=roc.pk, now=now + timedelta(minutes=59)).content == b"SIRET de quelqu'un"
        for who, when, what in (
            (world.alice.pk, now, token),
            (roc.pk, now + timedelta(minutes=61), token),
            (roc.pk, now, token[:-2]),
        ):
            with pytest.raises(kept.FileNoLongerKept):
                kept.give_back(what, user_id=who, now=when)
        kept.forget(token)
        with pytest.raises(kept.FileNoLongerKept):
            kept.give_back(token, user_id=roc.pk, now=now)


def test_a_kept_file_cannot_be_read_on_disk(world: World, roc: User) -> None:
    with scoped(SYSTEM):
        token = kept.keep(b"SIRET de quelqu'un", filename="a.csv", user_id=roc.pk, now=datetime.now(UTC))
    files = list(kept._directory().glob("*.sealed"))
    assert files
    assert all(b"SIRET" not in file.read_bytes() and file.stat().st_mode & 0o077 == 0 for file in files)
    kept.forget(token)


def test_an_agreement_cites_an_article_beside_every_figure(client: Client, world: World) -> None:
    load_packs(datetime.now(UTC))
    assert "2024_AOO_IOT" in opened(client, world.bob, "/accords-cadres/")
    said = opened(client, world.bob, "/accords-cadres/2024_AOO_IOT/").replace("\u202f", " ")
    for wanted in (
        "Titulaire IoT – Titulaire", "services standards", "« < 1h (HO) Option 24h/7j »", "calendrier choisi",
        "CCTP IoT 6.6", "Ambiguïté", "Accès au site refusé", "P = V x R / 1000", "CCAG-TIC 14.1", "Passerelle muette",
        "tous les 6 mois", "12 mois et 30 jours",
    ):  # fmt: skip
        assert wanted in said, wanted
    opened(client, world.bob, "/accords-cadres/INCONNU/", status=404)


def test_an_agreement_of_many_lots_and_one_without_its_file(client: Client, world: World) -> None:
    assert "sans son fichier" in opened(client, world.bob, "/accords-cadres/2024_AOO_IOT/")
    from cadran.commitments.services import load_service_levels
    from cadran.parties.services import load_agreement
    from cadran.servicedesk.packs import load_agreement_files

    now = datetime.now(UTC)
    with scoped(SYSTEM):
        load_agreement(viewer=SYSTEM, directory=TELECOMS, now=now)
        load_service_levels(viewer=SYSTEM, levels=load_agreement_files(TELECOMS).levels, now=now)
    said = opened(client, world.bob, "/accords-cadres/2024_AOO_TELECOMS/")
    for wanted in ("99,85 %", "services avancés", "aucun titulaire aujourd’hui", "Comprend aussi"):
        assert wanted in said, wanted


def test_pages_cost_the_same_with_more_rows(client: Client, world: World, roc: User) -> None:
    pages = [LIST, f"{LIST}{world.bobville.pk}/", "/accords-cadres/"]
    sirets = ("21750001600019", "21330063500025", "26690027300019", "21130055300016")
    before: list[int] = []
    for number, siret in enumerate(sirets):
        with scoped(SYSTEM):
            town = Organisation.objects.create(siret=siret, name=f"Ville {number}", kind="town")
            GroupingMember.objects.create(grouping=world.bobville, member=town, during=DateRange(SINCE, None))
            Contact.objects.create(owner=world.bobville, name=f"Contact {number}", roles=["buyer"])
        before = before or [queries_of(client, roc, url) for url in pages]
    assert [queries_of(client, roc, url) for url in pages] == before
