"""A person declares an incident with the keyboard alone: wrong input first, then the recap, then its clocks."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.a11y.gate import Launch, check_page
from tests.journeys.conftest import Line
from tests.journeys.people import ACTION_MS, press_enter, tab_to
from tests.support.world import PASSWORD

TITLE = "Trois capteurs de l’école donnent des valeurs impossibles"
DESCRIPTION = "Depuis ce matin ; 85 °C affichés partout."
CRITERION = "Le champ d'opération des utilisateurs est diminué"
REASON = "La cantine sert 400 repas : les chambres froides ne sont plus surveillées."


def test_declaring_with_the_keyboard_alone(line: Line, launch: Launch) -> None:
    before = line.system.value("SELECT count(*) FROM servicedesk_incident")
    with launch.page(base_url=line.system.url) as page:
        page.set_default_timeout(ACTION_MS)
        page.goto("/compte/login/?next=/")
        _type(page, "Courriel", "bob@example.org")
        _type(page, "Mot de passe (obligatoire)", PASSWORD)
        press_enter(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Accueil")
        tab_to(page, "Déclarer un incident")
        press_enter(page)
        tab_to(page, "Réseau LoRaWAN privé")  # step 1: the service
        press_enter(page)
        expect(page.locator("main")).to_contain_text("Étape 2 sur 3")
        _first_try_is_refused(page)
        _second_try_is_sent(page)
        expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
        expect(page.locator("main")).to_contain_text("Majeur")
        expect(page.locator("main")).to_contain_text(REASON)
        number = page.locator("main .eyebrow").first.inner_text().split(" ")[0]
        check_page(page)
        _sent_again_by_mistake(page, number)
    rows = line.system.rows(
        "SELECT number, type, priority, channel, informed_at = created_at FROM servicedesk_incident WHERE title = %s",
        TITLE,
    )
    assert rows == [(number, "majeur", "P0", "portal", True)]
    assert line.system.value("SELECT count(*) FROM servicedesk_incident") == before + 1


def _type(page: Page, field: str, text: str) -> None:
    tab_to(page, field)
    page.keyboard.type(text)


def _first_try_is_refused(page: Page) -> None:
    """No subject, and an exceptional priority without its reason: nothing is sent, nothing typed is lost."""
    _type(page, "Description", DESCRIPTION)
    tab_to(page, CRITERION)
    page.keyboard.press("Space")
    tab_to(page, "Priorité")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Priorité", exact=True)).to_have_value("P0")
    tab_to(page, "Relire avant d’envoyer")
    assert press_enter(page) == 422
    expect(page.locator(".error-summary")).to_be_focused()
    assert page.title().startswith("Erreur")
    _still_typed(page)


def _still_typed(page: Page) -> None:
    expect(page.get_by_label("Description")).to_have_value(DESCRIPTION)
    expect(page.get_by_label(re.compile(CRITERION))).to_be_checked()
    expect(page.get_by_label("Priorité", exact=True)).to_have_value("P0")


def _second_try_is_sent(page: Page) -> None:
    tab_to(page, "Objet")  # the error's own link, then the field itself
    if page.evaluate("() => document.activeElement.tagName") == "A":
        page.keyboard.press("Enter")
    expect(page.get_by_label("Objet")).to_be_focused()
    page.keyboard.type(TITLE)
    tab_to(page, "Relire avant d’envoyer")
    assert press_enter(page) == 422  # the reason is still missing, and said beside its field
    _still_typed(page)
    tab_to(page, "Motif de la priorité")
    if page.evaluate("() => document.activeElement.tagName") == "A":
        page.keyboard.press("Enter")
    page.keyboard.type(REASON)
    tab_to(page, "Relire avant d’envoyer")
    assert press_enter(page) == 200
    expect(page.get_by_role("heading", level=1)).to_have_text("Relire la déclaration")
    for said in (TITLE, REASON, "Majeur", "P0", "4\u202fh", "12\u202fh", "CCTP IoT 6.6"):
        expect(page.locator("main")).to_contain_text(said)
    tab_to(page, "Déclarer l’incident")
    press_enter(page)


def _sent_again_by_mistake(page: Page, number: str) -> None:
    """Back, and the same button once more: the same incident, not a second one."""
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Relire la déclaration")
    tab_to(page, "Déclarer l’incident")
    press_enter(page)
    expect(page.locator("main .eyebrow").first).to_contain_text(number)
