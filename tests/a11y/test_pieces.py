"""What the modules do in a real browser: live pages, clocks, charts, maps, theme."""

from __future__ import annotations

import re
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.a11y.gate import Launch, watch_of


def announce(kit: str) -> None:
    urllib.request.urlopen(f"{kit}/annonce/").read()


def test_a_change_elsewhere_refreshes_the_fragment_and_keeps_what_is_typed(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.goto(kit + "/direct/")
        expect(page.locator(".live-word")).to_have_text("En direct")
        before = page.locator("#version").inner_text()
        page.locator("#autre").fill("texte à moitié tapé")
        note = page.locator("#note")
        note.press_sequentially("Bonj")
        announce(kit)
        expect(page.locator("#version")).not_to_have_text(before)
        note.press_sequentially("our")
        expect(note).to_have_value("Bonjour")
        expect(note).to_be_focused()
        expect(page.locator("#autre")).to_have_value("texte à moitié tapé")
        expect(page.locator(".live-at")).to_have_text(re.compile(r"maj \d\d:\d\d:\d\d"))
        assert watch_of(page).console == []


def test_a_paused_page_stays_still_and_catches_up(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.goto(kit + "/direct/")
        expect(page.locator(".live-word")).to_have_text("En direct")
        pause = page.get_by_role("button", name="Mettre en pause le direct")
        pause.click()
        expect(pause).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".live-word")).to_have_text("Direct en pause")
        before = page.locator("#version").inner_text()
        announce(kit)
        page.wait_for_timeout(900)
        assert page.locator("#version").inner_text() == before
        pause.click()
        expect(page.locator("#version")).not_to_have_text(before)
        expect(pause).to_be_focused()


def test_many_changes_do_not_make_many_requests(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.goto(kit + "/direct/")
        expect(page.locator(".live-word")).to_have_text("En direct")
        fetched: list[str] = []
        page.on("request", lambda request: fetched.append(request.url) if request.url.endswith("/direct/") else None)
        for _turn in range(30):
            announce(kit)
        page.wait_for_timeout(1500)
        assert 1 <= len(fetched) <= 2


def test_without_room_for_a_stream_the_page_says_it_polls(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.route("**/live/**", lambda route: route.fulfill(status=503))
        page.goto(kit + "/direct/")
        expect(page.locator(".live-word")).to_have_text("Actualisé toutes les 30 s")


def test_the_clock_ticks_over_counted_time_only(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.clock.install()
        page.goto(kit + "/horloge/")
        lead = page.locator(".clock-lead")
        expect(lead).to_have_text("reste 11\u202fmin", use_inner_text=True)
        hand = page.locator(".dial-hand").get_attribute("d")
        page.clock.run_for(61_000)
        expect(lead).to_have_text("reste 10\u202fmin", use_inner_text=True)
        assert page.locator(".dial-hand").get_attribute("d") != hand
        page.clock.run_for(15 * 60_000)  # closed: the contract's clock stands still
        expect(lead).to_have_text("reste 10\u202fmin", use_inner_text=True)
        page.clock.run_for(17 * 60_000)
        expect(lead).to_have_text(re.compile("reste [67]\u202fmin"), use_inner_text=True)
        page.clock.run_for(10 * 60_000)
        expect(lead).to_have_text("échéance atteinte")


def test_htmx_sends_the_csrf_token_shows_a_refused_form_and_never_a_broken_page(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.goto(kit + "/horloge/")
        page.get_by_role("button", name="Envoyer").click()
        expect(page.locator("#reponse")).to_have_text("Le champ SIRET est à corriger")
        with page.expect_response("**/poste/?casse=1"):
            page.get_by_role("button", name="Casser").click()
        page.wait_for_timeout(200)
        expect(page.locator("#zone")).to_have_text("Le champ SIRET est à corriger")


def test_the_chart_is_read_with_the_keyboard(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.goto(kit + "/ui/galerie/")
        slider = page.get_by_role("slider", name="Lire un instant")
        slider.focus()
        page.keyboard.press("Home")
        expect(page.locator(".chart output")).to_have_text(
            re.compile(r"^ven\. 6 mars.* : Chambre 2 3,\d.°C, Chambre 1 ")
        )
        assert slider.get_attribute("aria-valuetext") == page.locator(".chart output").inner_text()
        page.get_by_role("button", name="Zoomer ici").press("Enter")
        page.get_by_text("Voir les valeurs en tableau").click()
        assert page.locator(".chart table tbody tr").count() > 100
        assert page.locator(".chart canvas").count() == 1


def test_the_map_is_used_with_the_keyboard(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.goto(kit + "/ui/galerie/")
        group = page.get_by_role("button", name=re.compile("3 lieux, dont 1 hors ligne"))
        group.press("Enter")
        expect(group).to_be_hidden()
        assert page.evaluate("() => document.activeElement.outerHTML.slice(0, 90)").startswith('<div class="map-plot')
        page.get_by_role("button", name=re.compile("2 lieux, dont 1 hors ligne")).press("Enter")
        hospital = page.locator(".map-plot").get_by_role("link", name="Hôpital Nord : hors ligne")
        expect(hospital).to_be_visible()
        page.get_by_role("button", name="La Réunion (1)").click()
        expect(page.locator(".map-plot").get_by_role("link", name="Centre de Saint-Denis : muet")).to_be_visible()
        expect(page.locator(".map-list").get_by_role("link", name="Centre de Saint-Denis")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without"])
def test_the_theme_is_chosen_and_kept(kit: str, launch: Launch, script: bool) -> None:
    with launch.page(java_script_enabled=script) as page:
        page.goto(kit + "/vide/")
        page.get_by_role("button", name="Ville de Bellerive").click()
        page.get_by_role("button", name="Sombre").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        page.wait_for_load_state("networkidle")
        page.goto(kit + "/vide/")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(20, 25, 27)"


def test_the_first_error_is_announced_and_ctrl_k_reaches_the_search(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.goto(kit + "/ui/galerie/")
        expect(page.locator(".error-summary")).to_be_focused()
        page.keyboard.press("Control+k")
        expect(page.locator("#recherche")).to_be_focused()


def test_a_base_page_weighs_less_than_80_kb(kit: str, launch: Launch) -> None:
    """Everything the first view loads, each file gzipped on its own as the server sends it (not the font: woff2)."""
    import gzip

    weights: dict[str, int] = {}
    with launch.page() as page:

        def weigh(response: object) -> None:
            body = response.body()  # type: ignore[attr-defined]
            url = response.url  # type: ignore[attr-defined]
            weights[url.removeprefix(kit)] = len(body) if url.endswith(".woff2") else len(gzip.compress(body, 6))

        page.on("response", weigh)
        page.goto(kit + "/vide/")
        page.wait_for_load_state("networkidle")
    assert any(name.endswith(".woff2") for name in weights)
    assert any("htmx" in name for name in weights)
    assert not any("leaflet" in name or "uplot" in name for name in weights)
    total = sum(weights.values())
    print(f"base page: {total} bytes gzipped", weights)
    assert total <= 80_000
