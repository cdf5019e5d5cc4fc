"""Who may open what: every address of the site, asked by every role about its own beneficiary's things and another's.

``permission_matrix.txt`` is the record, one line per page and method, compared exactly. The invariants below hold
whatever the record says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client

from cadran.kernel.viewer import Side
from cadran.parties.rules import ROLES
from cadran.portal import live
from tests.architecture.conftest import Site
from tests.support.furnish import AGENT_OF_ANOTHER_LOT, AGENT_OF_BOBVILLE
from tests.support.site import Opening, addresses, openings
from tests.support.tables import Table

ANONYMOUS = "anonyme"
PERSONAS = [ANONYMOUS, *ROLES, AGENT_OF_BOBVILLE, AGENT_OF_ANOTHER_LOT]
OUTSIDERS = [*(code for code, role in ROLES.items() if role.side is Side.BENEFICIARY), AGENT_OF_BOBVILLE]
NOT_ANSWERED = 405  # a method the page does not know

MATRIX = Table(
    Path(__file__).with_name("permission_matrix.txt"),
    PERSONAS,
    about="""\
Who may open what: HTTP status per page, method and role. Where a page is about a beneficiary's thing, the first figure
is about Bobville's, the second about Charlieville's: beneficiaries' roles are Bobville's, so theirs is 404.
200 page, 302 elsewhere (anonymous: the sign-in page), 403 no such right, 404 nothing there for you, 405 method unknown,
409 not in its present state, 422 refused as typed. POST is sent with no field at all.
Written by tests/architecture/test_permissions.py (CADRAN_TEST_RECORD=1), never by hand.""",
)


def pages(site: Site) -> Iterator[tuple[Opening, str | None]]:
    """Yield every page about Bobville's things, and the path of the same page about Charlieville's."""
    mine = openings(site.things["bob"], mail_id=site.mail_id)
    theirs = openings(site.things["charlie"], mail_id=site.mail_id)
    for own, other in zip(mine, theirs, strict=True):
        yield own, other.path if own.owned else None


def ask(client: Client, method: str, path: str, **headers: str) -> HttpResponseBase:
    """Ask for a page and give back whatever it changed; the client stays signed in."""
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    with transaction.atomic():
        response: HttpResponseBase = getattr(client, method.lower())(path, headers=headers)
        if response.streaming and "event-stream" not in response["Content-Type"]:
            response.content_read = b"".join(response)  # type: ignore[attr-defined]
        live.hub._streams.clear()  # nobody reads the stream that was opened
        transaction.set_rollback(True)
    client.cookies.clear()
    for name, value in cookies.items():
        client.cookies[name] = value
    return response


def body(response: HttpResponseBase) -> bytes:
    """Return what a page said."""
    return getattr(response, "content", b"") or getattr(response, "content_read", b"")


def signed_in(site: Site, persona: str) -> Client:
    return site.client(None if persona == ANONYMOUS else site.people[persona])


@pytest.fixture(scope="module")
def answered(site: Site) -> set[tuple[str, str]]:
    """The methods each page knows: what it answers its most privileged reader otherwise than by 405."""
    client = signed_in(site, "platform.admin")
    return {
        (opening.label, method)
        for opening, _others in pages(site)
        for method in opening.methods
        if ask(client, method, opening.path).status_code != NOT_ANSWERED
    }


@pytest.mark.parametrize("persona", PERSONAS)
def test_every_page_answers_this_role_as_recorded(site: Site, answered: set[tuple[str, str]], persona: str) -> None:
    client = signed_in(site, persona)
    found: dict[str, str] = {}
    for opening, others in pages(site):
        for method in ("GET", "POST"):
            if (opening.label, method) not in answered:
                continue
            statuses = [ask(client, method, path).status_code for path in (opening.path, others) if path]
            assert max(statuses) < 500, (persona, method, opening)
            found[f"{opening.label} {method}"] = " ".join(map(str, statuses))
    MATRIX.check(persona, found)


def test_every_address_has_an_entry(site: Site) -> None:
    """A new address cannot go unrecorded: it is listed here from the site's own table of addresses."""
    recorded = {row.split(" ", 1)[0] for row in MATRIX.read()}
    assert {address.name for address in addresses()} == recorded


@pytest.mark.parametrize("persona", OUTSIDERS)
def test_anothers_things_do_not_exist(site: Site, persona: str) -> None:
    """404 and never 403 or 200: a refusal would already say that the thing is there."""
    client = signed_in(site, persona)
    for opening, others in pages(site):
        if others is None:
            continue
        statuses = {method: ask(client, method, others).status_code for method in opening.methods}
        assert set(statuses.values()) <= {404, NOT_ANSWERED}, (persona, opening.label, statuses)
        assert 404 in statuses.values(), (persona, opening.label, statuses)


def test_another_lots_things_do_not_exist(site: Site) -> None:
    """An agent of one lot sees nothing of another's; a beneficiary itself belongs to no lot."""
    client = signed_in(site, AGENT_OF_ANOTHER_LOT)
    for opening, _others in pages(site):
        if not opening.owned or opening.address.name == "parties:organisation":
            continue
        statuses = {ask(client, method, opening.path).status_code for method in opening.methods}
        assert statuses <= {404, NOT_ANSWERED}, (opening.label, statuses)


@pytest.mark.parametrize("persona", [name for name in OUTSIDERS if name != AGENT_OF_BOBVILLE])
def test_no_page_names_another_beneficiary(site: Site, persona: str) -> None:
    """Whatever a beneficiary opens, lists as files included, says nothing of the other one."""
    client = signed_in(site, persona)
    for opening, _others in pages(site):
        said = body(ask(client, "GET", opening.path)).decode("utf-8", "replace")
        for secret in (site.world.charlieville.name, "charlie@example.org"):
            assert secret not in said, (persona, opening.path, secret)


def test_a_stranger_is_sent_to_sign_in(site: Site) -> None:
    """Only the pages listed here answer somebody who has not signed in."""
    client = site.client(None)
    login = "/compte/login/"
    answered = set()
    for opening, _others in pages(site):
        response = ask(client, "GET", opening.path)
        sent_away = response.status_code == 302 and response["Location"].startswith(login)
        if not sent_away:
            answered.add(opening.address.name)
    assert answered == PUBLIC


PUBLIC = {
    "portal:accessibility",
    "ui:preferences",  # a POST only; the sign-in page offers the choice of theme
    "account_login",
    "account_logout",
    "account_signup",
    "account_inactive",
    "account_confirm_email",  # no address is confirmed here: 404
    "account_email_verification_sent",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}


def test_a_post_without_its_token_is_refused(site: Site) -> None:
    """Whoever is signed in, and for every address: nothing is exempt from the CSRF check."""
    for persona in ("beneficiary.technician", "holder.agent"):
        client = Client(enforce_csrf_checks=True)
        client.force_login(site.people[persona])
        for opening, _others in pages(site):
            if "POST" in opening.methods:
                assert ask(client, "POST", opening.path).status_code == 403, opening.label


def test_a_right_that_has_ended_opens_nothing(site: Site) -> None:
    from datetime import timedelta

    from cadran.parties.models import Right
    from tests.support.world import NOW

    with transaction.atomic():
        person: Any = site.people["beneficiary.buyer"]
        Right.objects.filter(user=person).update(ends_on=NOW.date() - timedelta(days=1))
        client = site.client(person)
        for opening, _others in pages(site):
            if not opening.address.signing_in and not opening.address.public:
                assert ask(client, "GET", opening.path).status_code == 403, opening.label
        transaction.set_rollback(True)


def test_pages_say_which_security_they_want(site: Site) -> None:
    """Every page, refused ones too, carries the strict policy and forbids frames."""
    client = signed_in(site, "beneficiary.technician")
    for opening, _others in pages(site):
        response = ask(client, "GET", opening.path)
        policy = response.headers.get("Content-Security-Policy", "")
        assert "default-src 'self'" in policy, opening.label
        assert "unsafe" not in policy, opening.label
        assert response.headers["X-Frame-Options"] == "DENY", opening.label
    assert settings.SESSION_COOKIE_HTTPONLY
