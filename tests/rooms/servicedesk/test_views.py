"""The service desk's pages: who sees what, what a wrong form keeps, what an act does, what a page costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.servicedesk import services, words
from cadran.servicedesk.forms import FORM_OF, on_site
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import Action, State
from tests.support.desk import act, declare
from tests.support.screens import opened, plain_files, queries_of, text_of
from tests.support.world import NOW, World

__all__ = ["plain_files"]
pytestmark = pytest.mark.django_db

LIST = "/incidents/"
DECLARE = "/incidents/declarer/"
H = timedelta(hours=1)


def page(incident: Any, *rest: str) -> str:
    return "/".join(["/incidents", str(incident.pk), *rest, ""])


def declared(world: World, *, hours_ago: float = 2, **given: Any) -> Any:
    """Bob's incident, told that long before the present of the pages."""
    return declare(world, at=NOW - hours_ago * H, **given)


def handled(world: World, verb: Callable[..., Any], incident: Any, **given: Any) -> Any:
    return act(world, verb, incident, now=NOW, **given)


def wrote(world: World, incident: Any, body: str) -> None:
    bob = world.viewer(world.bob)
    with scoped(bob):
        services.comment(viewer=bob, incident_id=incident.pk, body=body, now=NOW)


def fresh(incident: Any) -> Incident:
    with scoped(SYSTEM):
        return Incident.objects.get(pk=incident.pk)


class FixedClock:
    """The clock of the web's door, stopped on a Monday at ten in Paris."""

    @staticmethod
    def now(tz: tzinfo) -> datetime:
        return NOW.astimezone(tz)


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    with patch("cadran.portal.middleware.datetime", FixedClock):
        yield


def test_the_list_is_ones_own_and_says_both_clocks(client: Client, desk: World) -> None:
    declared(desk, title="Chambre froide muette", hours_ago=1)
    said = opened(client, desk.bob, LIST)
    assert "Chambre froide muette" in said
    # Told at nine on a Monday, at ten: the GTI of one hour is just missed, three hours of the GTR are left.
    assert "dépassée de moins d’une minute" in said
    assert "reste 3 h ouvrées" in said.replace("\u202f", " ")
    assert "échéance lun 16/11 13:00" in said
    assert "Chambre froide muette" in opened(client, desk.alice, LIST)
    assert "Chambre froide muette" not in opened(client, desk.charlie, LIST)


def test_the_list_opens_on_what_is_broken_and_filters(client: Client, desk: World) -> None:
    done = declared(desk, title="Panne finie", criteria=["secondary_function_down"])
    handled(desk, services.restore, done)
    declared(desk, title="Panne en cours", hours_ago=1)
    first = opened(client, desk.bob, LIST)
    assert "Panne en cours" in first
    assert "Panne finie" not in first
    assert "Panne finie" in opened(client, desk.bob, f"{LIST}?etat=a_confirmer")
    assert "Panne finie" in opened(client, desk.bob, f"{LIST}?etat=&tri=-informe")
    assert "Panne en cours" not in opened(client, desk.bob, f"{LIST}?type=mineur")


def test_the_list_is_a_file_too(client: Client, desk: World) -> None:
    declared(desk, title="=Panne")
    client.force_login(desk.bob)
    response: Any = client.get(f"{LIST}?export=csv&etat=")
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert len(lines) == 2
    assert "'=Panne" in lines[1]  # a spreadsheet does not run it
    assert "échéance" in lines[1]


@pytest.mark.parametrize(("zone", "informed"), [("Europe/Paris", "08:00:00"), ("Indian/Reunion", "11:00:00")])
def test_the_file_tells_the_hours_the_screen_tells(client: Client, desk: World, zone: str, informed: str) -> None:
    """The file leaves once the view has returned: it keeps the reader's zone, and is not in UTC without a word."""
    declared(desk)
    desk.bob.zone = zone
    desk.bob.save()
    client.force_login(desk.bob)
    response: Any = client.get(f"{LIST}?export=csv&etat=")
    assert f"2026-11-16 {informed}" in b"".join(response.streaming_content).decode()


@pytest.mark.parametrize("rest", [(), ("pourquoi", "GTI"), ("pourquoi", "GTR"), ("fiche",), ("repondre",)])
def test_anothers_incident_does_not_exist(client: Client, desk: World, rest: tuple[str, ...]) -> None:
    incident = declared(desk)
    opened(client, desk.bob, page(incident, *rest))
    opened(client, desk.alice, page(incident, *rest))
    opened(client, desk.charlie, page(incident, *rest), status=404)


def test_the_page_says_clocks_thread_and_acts_by_right(client: Client, desk: World) -> None:
    incident = declared(desk)
    wrote(desk, incident, "Le froid tient.")
    of_bob = opened(client, desk.bob, page(incident))
    for words_ in ("GTI 1", "GTR 4", "Pourquoi cette GTR ?", "Le froid tient.", "Réception accusée automatiquement"):
        assert words_ in of_bob.replace("\u202f", " ")
    assert "Suspendre" not in of_bob
    of_alice = opened(client, desk.alice, page(incident))
    assert "Suspendre" in of_alice
    assert "Prendre en charge" in of_alice
    assert "Journal d’audit" in of_alice


def test_why_names_calendar_article_pause_and_versions(client: Client, desk: World) -> None:
    incident = declared(desk)
    handled(desk, services.pause, incident, reason="site_access", proof="Courriel refusé ce matin.")
    of_bob, of_alice = (opened(client, who, page(incident, "pourquoi", "GTR")) for who in (desk.bob, desk.alice))
    for said in (of_bob, of_alice):
        for wanted in ("CCTP IoT 6.6", "Calendrier choisi", "Accès au site refusé", "Courriel refusé ce matin.",
                       "Versions gelées", "France métropolitaine"):  # fmt: skip
            assert wanted in said
    body = re.compile(r"Cette page est la même.*Versions gelées")
    first, second = (body.search(said) for said in (of_bob, of_alice))
    assert first is not None
    assert second is not None
    assert first[0] == second[0]
    assert opened(client, desk.bob, page(incident, "pourquoi", "GTX"), status=404)


def test_times_are_the_sites_and_say_so(client: Client, desk: World) -> None:
    from cadran.inventory.models import Site

    with scoped(SYSTEM):
        Site.objects.filter(pk=desk.bob_site.pk).update(territory="RE", zone="Indian/Reunion")
    incident = declared(desk)
    said = opened(client, desk.bob, page(incident))
    local = incident.informed_at.astimezone(ZoneInfo("Indian/Reunion"))
    assert "heure de La Réunion" in said
    assert f"{local:%d/%m %H:%M}" in said


def test_each_act_has_its_address_word_consequence_and_form() -> None:
    assert set(FORM_OF) == set(words.SLUGS) == set(words.CONSEQUENCES) == set(Action)
    assert len(set(words.SLUGS.values())) == len(Action)


def test_an_act_is_done_by_post_and_shows_on_the_page(client: Client, desk: World) -> None:
    incident = declared(desk)
    client.force_login(desk.alice)
    asked = client.get(page(incident, "prendre-en-charge"))
    assert "la GTI s’arrête à cette heure" in text_of(asked)
    done = client.post(page(incident, "prendre-en-charge"), {"person": "Karim Benali", "starts_diagnosis": "on"})
    assert done.status_code == 302
    assert fresh(incident).assignee == "Karim Benali"
    assert "Karim Benali" in opened(client, desk.bob, page(incident))


def test_a_pause_wants_a_reason_of_the_contract_and_keeps_what_was_typed(client: Client, desk: World) -> None:
    incident = declared(desk)
    client.force_login(desk.alice)
    response = client.post(page(incident, "suspendre"), {"proof": "Courriel de 14 h 02", "reason": "vacances"})
    assert response.status_code == 422
    assert "Courriel de 14 h 02" in response.content.decode()
    assert "point" in text_of(response)
    assert fresh(incident).state == State.OPEN


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param("demain", "jour/mois/année", id="not a date"),
        pytest.param("01/01/2199 10:00", "futur", id="in the future"),
        pytest.param("01/01/2020 10:00", "précède", id="before the information"),
    ],
)
def test_an_impossible_instant_is_refused_on_the_form(client: Client, desk: World, typed: str, said: str) -> None:
    incident = declared(desk)
    client.force_login(desk.alice)
    response = client.post(page(incident, "retablir"), {"happened_at": typed})
    assert response.status_code == 422
    assert said in text_of(response)
    assert typed in response.content.decode()
    assert fresh(incident).state == State.OPEN


def test_an_act_without_the_right_or_out_of_its_state_is_refused(client: Client, desk: World) -> None:
    incident = declared(desk)
    for method in ("get", "post"):
        client.force_login(desk.bob)
        assert getattr(client, method)(page(incident, "clore")).status_code == 403
        client.force_login(desk.alice)
        assert getattr(client, method)(page(incident, "clore")).status_code == 409
        assert getattr(client, method)(page(incident, "danser")).status_code == 404
        client.force_login(desk.charlie)
        assert getattr(client, method)(page(incident, "repondre"), {"body": "?"}).status_code == 404


def test_the_beneficiary_confirms_and_the_holder_closes(client: Client, desk: World) -> None:
    incident = declared(desk)
    handled(desk, services.take_in_charge, incident)
    handled(desk, services.restore, incident)
    assert "Confirmer le rétablissement" in opened(client, desk.bob, page(incident))
    assert client.post(page(incident, "confirmer-retablissement")).status_code == 302
    client.force_login(desk.alice)
    assert client.post(page(incident, "clore")).status_code == 302
    assert fresh(incident).state == State.CLOSED


def test_a_requalification_shows_what_was_ticked_and_takes_the_new_lines(client: Client, desk: World) -> None:
    incident = declared(desk)
    client.force_login(desk.alice)
    assert re.search(r'value="complete_stop"[^>]*checked', client.get(page(incident, "requalifier")).content.decode())
    same = client.post(page(incident, "requalifier"), {"constat_bloquant": "complete_stop", "reason": "Rien"})
    assert same.status_code == 422
    changed = client.post(page(incident, "requalifier"), {"constat_majeur": "scope_reduced", "reason": "Un site tient"})
    assert changed.status_code == 302
    assert (fresh(incident).type, fresh(incident).criteria) == ("majeur", ["scope_reduced"])


def form_of(client: Client, service: Any) -> dict[str, str]:
    """Open the declaration form of a service; return what it holds already."""
    html = client.get(f"{DECLARE}?service={service.pk}").content.decode()
    token = re.search(r'name="token" value="([0-9a-f]{32})"', html)
    assert token is not None
    given = {"title": "Plus de mesure", "constat_bloquant": "complete_stop"}
    return given | {"service": str(service.pk), "token": token[1]}


def test_a_declaration_is_read_again_then_sent_once(client: Client, desk: World) -> None:
    client.force_login(desk.bob)
    assert "Réseau LoRaWAN privé" in text_of(client.get(DECLARE))
    typed = form_of(client, desk.bob_service)
    recap = client.post(DECLARE, typed | {"etape": "relire"})
    said = text_of(recap).replace("\u202f", " ")
    assert "GTI 1 h" in said
    assert "Bloquant P0" in said
    with scoped(SYSTEM):
        assert not Incident.objects.exists()
    sent = [client.post(DECLARE, typed | {"etape": "envoyer"}) for _click in range(2)]
    assert [response.status_code for response in sent] == [302, 302]
    assert sent[0].headers["Location"] == sent[1].headers["Location"]
    with scoped(SYSTEM):
        incident = Incident.objects.get()
    assert (incident.channel, incident.type, incident.priority) == ("portal", "bloquant", "P0")


def test_a_correction_and_a_refusal_keep_what_was_typed(client: Client, desk: World) -> None:
    client.force_login(desk.bob)
    typed = form_of(client, desk.bob_service) | {"description": "Depuis ce matin", "priority": "P2"}
    for step, status in (("relire", 422), ("corriger", 200)):
        response = client.post(DECLARE, typed | {"etape": step})
        html = response.content.decode()
        assert response.status_code == status
        assert "Depuis ce matin" in html
        assert re.search(r'value="complete_stop"[^>]*checked', html)
        assert ("ne peut pas être traité en P2" in text_of(response)) is (step == "relire")
    empty = client.post(DECLARE, typed | {"title": "", "etape": "relire"})
    assert empty.status_code == 422
    assert typed["token"] in empty.content.decode()


def test_an_exceptional_priority_wants_its_reason_on_its_field(client: Client, desk: World) -> None:
    client.force_login(desk.bob)
    typed = form_of(client, desk.bob_service) | {"constat_bloquant": "", "constat_majeur": "scope_reduced"}
    del typed["constat_bloquant"]
    response = client.post(DECLARE, typed | {"priority": "P0", "etape": "envoyer"})
    assert response.status_code == 422
    assert 'id="id_priority_reason_error"' in response.content.decode()
    assert client.post(
        DECLARE, typed | {"priority": "P0", "priority_reason": "Le SAMU en dépend", "etape": "envoyer"}
    ).status_code == 302  # fmt: skip


def test_the_holder_records_a_call_at_its_own_hour(client: Client, desk: World) -> None:
    client.force_login(desk.alice)
    typed = form_of(client, desk.bob_service)
    an_hour_ago = (NOW - H).astimezone(ZoneInfo("Europe/Paris")).replace(second=0, microsecond=0)
    call = {"channel": "phone", "happened_at": f"{an_hour_ago:%d/%m/%Y %H:%M}", "etape": "envoyer"}
    assert client.post(DECLARE, typed | call).status_code == 302
    with scoped(SYSTEM):
        incident = Incident.objects.get()
    assert incident.informed_at == an_hour_ago
    assert incident.created_at - incident.informed_at == H
    assert incident.awaits_writing
    assert "Appel à confirmer par écrit" in opened(client, desk.bob, page(incident))


@pytest.mark.parametrize(
    ("typed", "recap"),
    [
        pytest.param("01/01/0001 00:00", 422, id="before any calendar"),
        pytest.param("01/01/1950 08:00", 422, id="before the calendars of contracts"),
        pytest.param("01/01/2023 08:00", 200, id="before the service began"),
    ],
)
def test_a_call_of_another_age_is_refused(client: Client, desk: World, typed: str, recap: int) -> None:
    with scoped(SYSTEM):
        type(desk.bob_site).objects.update(zone="Indian/Reunion", territory="RE")
    client.force_login(desk.alice)
    call = form_of(client, desk.bob_service) | {"channel": "phone", "happened_at": typed}
    assert client.post(DECLARE, call | {"etape": "relire"}).status_code == recap
    assert client.post(DECLARE, call | {"etape": "envoyer"}).status_code == 422
    assert client.post(page(declared(desk), "prendre-en-charge"), {"happened_at": typed}).status_code == 422


def test_a_beneficiary_neither_backdates_nor_declares_for_another(client: Client, desk: World) -> None:
    client.force_login(desk.bob)
    typed = form_of(client, desk.bob_service)
    sent = typed | {"happened_at": "01/01/2025 08:00", "channel": "phone", "etape": "envoyer"}
    assert client.post(DECLARE, sent).status_code == 302
    with scoped(SYSTEM):
        incident = Incident.objects.get()
    assert incident.channel == "portal"
    assert incident.informed_at == NOW
    assert client.get(f"{DECLARE}?service={desk.charlie_service.pk}").status_code == 404
    assert client.post(DECLARE, typed | {"service": str(desk.charlie_service.pk)}).status_code == 404
    assert client.get(f"{DECLARE}?service=abc").status_code == 404
    assert client.get(f"{DECLARE}?service={'9' * 5_000}").status_code == 404


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        pytest.param("2026-10-25 02:30", "2026-10-25 00:30", id="twice in October: the first one"),
        pytest.param("2026-07-01 12:00", "2026-07-01 10:00", id="summer"),
    ],
)
def test_a_reading_of_the_sites_clock_becomes_an_instant(typed: str, expected: str) -> None:
    at = on_site(datetime.fromisoformat(typed), ZoneInfo("Europe/Paris"))
    assert at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_an_hour_that_summer_time_skips_is_refused() -> None:
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError, match="n’existe pas"):
        on_site(datetime.fromisoformat("2026-03-29 02:30"), ZoneInfo("Europe/Paris"))


def test_the_sheet_is_a_pdf_and_a_page_of_the_same_words(client: Client, desk: World) -> None:
    incident = declared(desk, title="Fuite <script>")
    handled(desk, services.pause, incident, reason="site_access", proof="Courriel")
    client.force_login(desk.bob)
    pdf = client.get(f"/incidents/{incident.pk}/fiche.pdf")
    assert pdf.headers["Content-Type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    html = client.get(page(incident, "fiche")).content.decode()
    assert "Fuite &lt;script&gt;" in html
    for wanted in ("GTI 1", "GTR : le temps, morceau par morceau", "Accès au site refusé", incident.number):
        assert wanted in html
    client.force_login(desk.charlie)
    assert client.get(f"/incidents/{incident.pk}/fiche.pdf").status_code == 404


def test_running_incidents_show_on_the_pages_of_what_they_are_about(client: Client, desk: World) -> None:
    declared(desk, title="Chambre froide muette")
    for url in (
        reverse("inventory:service", args=[desk.bob_service.pk]),
        reverse("inventory:site", args=[desk.bob_site.pk]),
        reverse("parties:organisation", args=[desk.bobville.pk]),
    ):
        assert "Chambre froide muette" in opened(client, desk.bob, url)


def test_pages_cost_the_same_with_more_rows(client: Client, desk: World) -> None:
    incident = declared(desk)
    pages = [LIST, page(incident), page(incident, "pourquoi", "GTR"), f"/beneficiaires/{desk.bobville.pk}/"]
    before = [queries_of(client, desk.bob, url) for url in pages]
    for number in range(6):
        declared(desk, hours_ago=1 + number / 10, title=f"Panne {number}")
        wrote(desk, incident, f"Message {number}")
    assert [queries_of(client, desk.bob, url) for url in pages] == before
