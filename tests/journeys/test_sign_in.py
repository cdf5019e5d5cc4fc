"""Signing in: a wrong password, the right one, then a second factor from activation to a code computed here."""

from __future__ import annotations

import base64
import hmac
import re
import time

from playwright.sync_api import Page, expect

from tests.a11y.gate import Launch, check_page
from tests.journeys.conftest import Line
from tests.journeys.people import ACTION_MS, type_sign_in
from tests.support.population import BUYER
from tests.support.world import PASSWORD

STEP_S = 30


def code_at(secret: str, step: int) -> str:
    """Return the code of a time step (RFC 6238: SHA-1, 30 s, six digits)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


class Authenticator:
    """The application on the phone: it never gives the same code twice, as a person who waits for the next one."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self._last = 0

    def code(self) -> str:
        while (step := int(time.time()) // STEP_S) <= self._last:
            time.sleep(0.5)
        self._last = step
        return code_at(self.secret, step)


def test_the_code_is_the_one_of_the_standard() -> None:
    """The reference values of RFC 6238, appendix B, cut to six digits."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert [code_at(secret, at // STEP_S) for at in (59, 1111111109, 20000000000)] == ["287082", "081804", "353130"]


def test_from_a_wrong_password_to_a_second_factor(line: Line, launch: Launch) -> None:
    with launch.page(base_url=line.system.url) as page:
        page.set_default_timeout(ACTION_MS)
        page.goto("/incidents/")
        expect(page).to_have_url(re.compile(r"/compte/login/\?next=/incidents/$"))
        type_sign_in(page, BUYER, "pas le bon mot de passe")
        expect(page).to_have_url(re.compile("/compte/login/"))
        expect(page.locator(".error-summary")).to_be_visible()
        expect(page.locator("#id_login")).to_have_value(BUYER)
        check_page(page)
        type_sign_in(page, BUYER)
        expect(page.get_by_role("heading", level=1)).to_have_text("Accueil")
        phone = _activate(page)
        _recovery_codes(page)
        _sign_out(page)
        _sign_in_with_code(page, phone)
        _sign_out(page)
        assert (
            line.system.value(
                "SELECT count(*) FROM mfa_authenticator WHERE type = 'totp' AND data::text LIKE %s", f"%{phone.secret}%"
            )
            == 0
        )  # the seed is sealed at rest


def _activate(page: Page) -> Authenticator:
    page.goto("/")
    page.locator("[popovertarget=personne]").click()
    page.get_by_role("link", name="Validation en deux étapes").click()
    check_page(page)
    page.locator("main a[href*='totp/activate']").click()
    expect(page).to_have_url(re.compile("/compte/reauthenticate/"))  # the password again, before what protects it
    check_page(page)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#id_password").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Activer la validation en deux étapes")
    check_page(page)
    phone = Authenticator(page.locator("main code").inner_text().strip())
    page.locator("#id_code").fill("000000")
    page.get_by_role("button", name="Activer la validation").click()
    expect(page.locator(".error-summary")).to_be_visible()  # the same key is kept for the second try
    assert page.locator("main code").inner_text().strip() == phone.secret
    page.locator("#id_code").fill(phone.code())
    page.get_by_role("button", name="Activer la validation").click()
    expect(page.locator("#id_code")).to_have_count(0)
    check_page(page)
    return phone


def _recovery_codes(page: Page) -> None:
    page.goto("/compte/2fa/recovery-codes/")
    expect(page.locator("main code")).to_have_count(10)
    check_page(page)


def _sign_out(page: Page) -> None:
    page.goto("/")
    page.locator("[popovertarget=personne]").click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_load_state("load")
    page.goto("/incidents/")
    expect(page).to_have_url(re.compile(r"/compte/login/\?next=/incidents/$"))


def _sign_in_with_code(page: Page, phone: Authenticator) -> None:
    type_sign_in(page, BUYER)
    expect(page.get_by_role("heading", level=1)).to_have_text("Validation en deux étapes")
    check_page(page)
    page.goto("/incidents/")  # half signed in is not signed in
    expect(page).to_have_url(re.compile("/compte/login/|/compte/2fa/authenticate/"))
    page.goto("/compte/2fa/authenticate/")
    page.locator("#id_code").fill("000000")
    page.get_by_role("button", name="Valider le code").click()
    expect(page.locator(".error-summary")).to_be_visible()
    check_page(page)
    page.locator("#id_code").fill(phone.code())
    page.get_by_role("button", name="Valider le code").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Accueil")
