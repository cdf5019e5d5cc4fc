"""Every piece passes the gate in both themes and at both widths; and the gate catches what it must."""

from __future__ import annotations

import pytest

from tests.a11y.gate import InaccessiblePage, Launch, check_page, inspect_page

PAGES = [
    "/ui/galerie/", "/ui/galerie/?vide=1", "/ui/galerie/?q=zzz", "/direct/", "/vide/", "/horloge/",
    *[f"/ui/galerie/erreurs/{status}/" for status in (400, 404, 422, 500, 503)],
]  # fmt: skip
COMBINATIONS = [(1280, False), (360, True)]


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize(("width", "dark"), COMBINATIONS, ids=["desktop-light", "phone-dark"])
def test_page_passes(kit: str, launch: Launch, address: str, width: int, dark: bool) -> None:
    with launch.page(width=width, height=760, dark=dark) as page:
        page.goto(kit + address)
        check_page(page, tab_stops=120)


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (360, False)], ids=["desktop-dark", "phone-light"])
def test_gallery_passes_in_the_other_combinations(kit: str, launch: Launch, width: int, dark: bool) -> None:
    with launch.page(width=width, height=760, dark=dark) as page:
        page.goto(kit + "/ui/galerie/")
        page.wait_for_selector(".map .pin")
        check_page(page, tab_stops=120)


def test_open_menus_pass(kit: str, launch: Launch) -> None:
    with launch.page(width=360, dark=True) as page:
        page.goto(kit + "/ui/galerie/")
        page.get_by_role("button", name="Menu").click()
        assert page.get_by_role("link", name="Carte & services").is_visible()
        page.keyboard.press("Escape")
        assert not page.get_by_role("link", name="Carte & services").is_visible()
        page.get_by_role("button", name="Ville de Bellerive").click()
        check_page(page, reflow=False)


def test_text_at_twice_the_size_is_not_cut(kit: str, launch: Launch) -> None:
    """200 % (RGAA 10.4): a window of 640 px shows what 1280 px shows when everything is twice as large."""
    with launch.page(width=640) as page:
        page.goto(kit + "/ui/galerie/")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 640


def test_wide_text_spacing_cuts_nothing(kit: str, launch: Launch) -> None:
    """RGAA 10.12: line 1.5, paragraph 2, letter 0.12, word 0.16."""
    with launch.page(width=360) as page:
        page.goto(kit + "/ui/galerie/")
        page.evaluate(
            "() => { const sheet = new CSSStyleSheet();"
            " sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: .12em !important;"
            " word-spacing: .16em !important } p { margin-bottom: 2em !important }');"
            " document.adoptedStyleSheets.push(sheet) }"
        )
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
        cut = page.evaluate(
            "() => [...document.querySelectorAll('.btn,.btn-quiet,.badge-state,td,dd')]"
            ".filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1 && !e.closest('.map,.scroll,.who'))"
            ".map(e => e.outerHTML.slice(0, 80))"
        )
        assert cut == []


def test_the_gate_catches_a_bad_page(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.goto(kit + "/mauvaise/")
        page.wait_for_timeout(300)
        with pytest.raises(InaccessiblePage) as raised:
            check_page(page)
    report = str(raised.value)
    for expected in (
        "2 h1", "titre de niveau 3 après un niveau 1", "langue de la page absente", "titre de page", "repère main",
        "composant <c-…>", "tableau sans titre", "style ou gestionnaire en ligne", "lien d'évitement", "axe image-alt",
        "axe color-contrast", "HTML_CodeSniffer WCAG2AA", "focus invisible", "défilement horizontal à 320 px",
        "Content Security Policy",
    ):  # fmt: skip
        assert expected in report, expected
    assert "RGAA-1.1.1" in report


def test_the_gate_catches_a_trap_and_another_origin(kit: str, launch: Launch) -> None:
    with launch.page() as page:
        page.goto(kit + "/piege/")
        found = inspect_page(page)
    assert any("piège au clavier" in error for error in found.errors)
    assert any("127.0.0.1:9" in error for error in found.errors)
