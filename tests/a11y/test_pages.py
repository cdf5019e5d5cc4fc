"""Every page of the site passes the gate, in both themes and at both widths, as the person who may open it.

``CADRAN_TEST_AUDIT=1 .venv/bin/python -m pytest tests/a11y/test_pages.py -q`` (one process) also writes what was found
in ``cadran/portal/accessibility_audit.json``, from which the site's declaration is made; otherwise nothing is written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Page

from cadran import __version__
from cadran.portal.declaration import AUDIT, last_audit
from tests.a11y.gate import AXE, Launch, check_page, evaluate_unpoliced, inspect_page
from tests.architecture.test_permissions import MATRIX
from tests.support.furnish import Furniture
from tests.support.site import Opening, openings
from tests.support.system import System, installed
from tests.support.world import PASSWORD

FACES = {"wide": (1280, False), "narrow": (360, True)}  # desktop in the light theme, phone in the dark one
# Answers that are no page: streams, files, figures for a script.
FILES = {"portal:live", "inventory:map-data", "telemetry:series", "servicedesk:sheet", "parties:import-template"}
READERS = ("beneficiary.technician", "holder.agent", "holder.network", "platform.admin", "holder.roc", "anonyme")
STATUSES = (400, 409, 422, 500, 503)
ERRORS = ["/cette-page-n-existe-pas/", "/reseau/", *(f"/ui/galerie/erreurs/{one}/" for one in STATUSES)]
NOBODYS = Furniture(*[1] * len(Furniture.__dataclass_fields__))


def is_page(opening: Opening) -> bool:
    name = opening.address.name
    return "GET" in opening.methods and name not in FILES and not opening.label.endswith("=csv")


@cache
def recorded() -> dict[str, dict[str, str]]:
    return MATRIX.read()


def reader_of(opening: Opening) -> str | None:
    """Return who is asked to open a page: the first role to which the permission matrix says 200.

    The sign-in library's pages that ask for a recent password open to somebody who just signed in by the form.
    """
    cells = recorded().get(f"{opening.label} GET", {})
    found = next((reader for reader in READERS if cells.get(reader, "").split(" ")[0] == "200"), None)
    return found or (READERS[0] if opening.address.signing_in else None)


PAGES = {one.label: reader for one in openings(NOBODYS, mail_id=1) if is_page(one) and (reader := reader_of(one))}


class Site:
    """The furnished installation, who is signed in, and what was found so far."""

    def __init__(self, system: System, made: dict[str, Any]) -> None:
        self.system = system
        self.people: dict[str, str] = made["people"]
        things = Furniture(**made["things"]["bob"])
        self.paths = {one.label: one.path for one in openings(things, mail_id=made["mail"])}
        self.things = things
        self._sessions: dict[str, Any] = {}

    def session(self, launch: Launch, reader: str) -> Any:
        """Return the cookies of a reader who signed in by the form, once."""
        if reader == "anonyme":
            return None
        if reader not in self._sessions:
            with launch.page(base_url=self.system.url) as page:
                sign_in(page, self.people[reader])
                self._sessions[reader] = page.context.storage_state()
        return self._sessions[reader]


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/compte/login/")
    page.fill("#id_login", email)
    page.fill("#id_password", password)
    page.press("#id_password", "Enter")
    page.wait_for_load_state("load")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with installed() as system:
        yield Site(system, system.populate("furnished"))


found: dict[tuple[str, str], int] = {}  # errors by page and face, for the audit


def check(page: Page, label: str, face: str) -> None:
    if os.environ.get("CADRAN_TEST_AUDIT") == "1":
        found[label, face] = len(inspect_page(page).errors)
    check_page(page)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("label", PAGES)
def test_page_passes(site: Site, launch: Launch, label: str, face: str) -> None:
    width, dark = FACES[face]
    reader = PAGES[label]
    state = site.session(launch, reader)
    with launch.page(base_url=site.system.url, width=width, dark=dark, storage_state=state) as page:
        response = page.goto(site.paths[label])
        assert response is not None
        assert response.status == 200 or label.startswith(("account_", "mfa_", "ui:gallery-error")), (label, reader)
        check(page, label, face)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("path", ERRORS)
def test_error_page_passes(site: Site, launch: Launch, path: str, face: str) -> None:
    width, dark = FACES[face]
    reader = "beneficiary.technician" if path == "/reseau/" else "holder.agent"
    state = site.session(launch, reader)
    with launch.page(base_url=site.system.url, width=width, dark=dark, storage_state=state) as page:
        response = page.goto(path)
        assert response is not None
        assert response.status >= 400
        check(page, path, face)


# The form's page, what to type in it, the button, and what must still be there after the refusal.
REFUSED: dict[str, tuple[str, str, dict[str, str], str]] = {
    "login": ("anonyme", "account_login", {"#id_login": "bob@example.org", "#id_password": "faux"}, "Se connecter"),
    "declare": ("beneficiary.technician", "servicedesk:declare ?service", {"[name=description]": "Rien"}, ""),
    "comment": ("beneficiary.technician", "servicedesk:act repondre", {}, ""),
    "pause": ("holder.agent", "servicedesk:act suspendre", {}, ""),
    "requalify": ("holder.agent", "servicedesk:act requalifier", {}, ""),
    "rule": ("beneficiary.technician", "telemetry:rule-add", {"[name=label]": "Trop froid"}, ""),
    "import": ("holder.roc", "parties:import", {}, ""),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("form", REFUSED)
def test_refused_form_passes(site: Site, launch: Launch, form: str, face: str) -> None:
    """The page of a form the server refused: what was typed is kept, errors are told and tied to their fields."""
    width, dark = FACES[face]
    reader, label, typed, button = REFUSED[form]
    state = site.session(launch, reader)
    with launch.page(base_url=site.system.url, width=width, dark=dark, storage_state=state) as page:
        page.goto(site.paths[label])
        submit = page.locator("main").get_by_role("button", name=button or None).last
        page.evaluate("() => document.querySelectorAll('main form').forEach(form => { form.noValidate = true })")
        for field, text in typed.items():
            page.locator("main").locator(field).fill(text)
        with page.expect_navigation() as answered:
            submit.click()
        assert answered.value is not None
        assert answered.value.status in ({200, 422} if form == "login" else {422})
        for field, text in typed.items():
            if "password" not in field:
                assert page.locator("main").locator(field).input_value() == text
        check(page, f"refused {form}", face)


def test_every_page_of_the_site_is_checked() -> None:
    """A page that opens to nobody would be checked by nobody."""
    known = {one.label for one in openings(NOBODYS, mail_id=1) if is_page(one) and "GET" in one.methods}
    only_posted = {label for label in known if f"{label} GET" not in recorded()}
    assert known - only_posted == set(PAGES) | {"ui:gallery-error"}


@pytest.mark.skipif(os.environ.get("CADRAN_TEST_AUDIT") != "1", reason="an explicit act: it changes the declaration")
def test_write_the_audit(launch: Launch) -> None:
    with launch.page() as page:
        page.goto("about:blank")
        evaluate_unpoliced(page, AXE.read_text("utf-8") + "\n;0")
        tags = evaluate_unpoliced(page, "axe.getRules(['RGAAv4']).flatMap(r => r.tags)", wait=True)
    criteria = {".".join(tag.removeprefix("RGAA-").split(".")[:2]) for tag in tags if tag.startswith("RGAA-")}
    pages = {label for label, _face in found}
    assert len(found) == len(FACES) * len(pages)
    audit = json.loads(AUDIT.read_text("utf-8")) | {
        "audited_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "version": __version__,
        "checked_by_tools": len(criteria),
        "pages": len(pages),
        "errors": sum(found.values()),
    }
    AUDIT.write_text(json.dumps(audit, ensure_ascii=False) + "\n", encoding="utf-8")
    last_audit.cache_clear()
    assert last_audit().pages == len(pages)
