"""What people do in a browser, by what they read and press."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect

from tests.a11y.gate import Launch, watch_of
from tests.support.system import PATIENCE, System
from tests.support.world import PASSWORD

PATIENCE_MS = PATIENCE * 1000  # for what the line does by itself
ACTION_MS = 60_000  # for what a page answers to a person


def type_sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Type an address and a password on the sign-in page, and send them."""
    page.goto("/compte/login/")
    page.locator("#id_login").fill(email)
    page.locator("#id_password").fill(password)
    page.locator("#id_password").press("Enter")
    page.wait_for_load_state("load")


@contextmanager
def signed_in(launch: Launch, system: System, email: str, **options: bool) -> Iterator[Page]:
    """Open a browser as somebody who signs in; at the end nothing must have gone wrong in the console."""
    with launch.page(base_url=system.url, **options) as page:
        page.set_default_timeout(ACTION_MS)
        type_sign_in(page, email)
        expect(page.get_by_role("heading", level=1)).to_have_text("Accueil")
        yield page
        assert watch_of(page).console == []
        assert watch_of(page).foreign == []


def another_tab(page: Page, path: str) -> Page:
    """Open a second tab of the same person, and wait until it is live."""
    tab = page.context.new_page()
    tab.set_default_timeout(ACTION_MS)
    tab.goto(path)
    expect(tab.locator(".live-word").first).to_have_text("En direct", timeout=PATIENCE_MS)
    tab.evaluate("() => { window.neverReloaded = true }")
    return tab


def never_reloaded(tab: Page) -> bool:
    """Tell whether what the tab shows came without loading the page again."""
    return bool(tab.evaluate("() => window.neverReloaded === true"))


def status_of(page: Page, path: str) -> int:
    """Return the status a person gets at an address."""
    response = page.goto(path)
    assert response is not None
    return response.status


def tab_to(page: Page, name: str, *, most: int = 120) -> None:
    """Press Tab until what has the focus bears that name; AssertionError when it is never reached."""
    words = []
    for _stop in range(most):
        page.keyboard.press("Tab")
        word = page.evaluate(_NAME_OF_FOCUS)
        words.append(word)
        if name in word:
            return
    raise AssertionError(f"{name!r} is not reached with the Tab key: {words}")


def press_enter(page: Page) -> int:
    """Press Enter on what has the focus and return the status of the page it leads to."""
    with page.expect_navigation() as answered:
        page.keyboard.press("Enter")
    return answered.value.status if answered.value else 200


_NAME_OF_FOCUS = """() => {
  const focused = document.activeElement
  if (!focused || focused === document.body) return ""
  const labels = [...(focused.labels ?? [])].map(label => label.innerText).join(" ")
  return [focused.getAttribute("aria-label"), labels, focused.innerText].filter(Boolean).join(" ").trim()
}"""
