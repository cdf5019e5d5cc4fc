"""Notifications of the reader, and the demonstration's mailbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.messaging import services
from cadran.messaging.models import Mail, Notification
from cadran.parties.models import Right, User
from tests.support.screens import opened, plain_files, queries_of, text_of
from tests.support.world import SINCE, World

__all__ = ["plain_files"]
pytestmark = pytest.mark.django_db

LIST, MAILBOX = "/notifications/", "/courrier/"


def told(world: World, title: str, *, key: str = "") -> Notification:
    with scoped(SYSTEM):
        services.notify(
            owner_id=world.bobville.pk, user_ids=[world.bob.pk], origin_key=key or title, title=title,
            body="Voyez la page.", path="/incidents/", now=datetime.now(UTC),
        )  # fmt: skip
        return Notification.objects.get(user=world.bob, title=title)


@pytest.fixture
def admin(world: World) -> User:
    with scoped(SYSTEM):
        person = User.objects.create(email="admin@example.org", name="Admin", password="!")
        Right.objects.create(user=person, role="platform.admin", starts_on=SINCE)
    return person


def test_notifications_are_the_readers_own(client: Client, world: World) -> None:
    one = told(world, "Chambre froide trop chaude")
    said = opened(client, world.bob, LIST)
    assert "Chambre froide trop chaude" in said
    assert "1 notification à lire" in said
    for other in (world.charlie, world.alice):
        assert "Chambre froide" not in opened(client, other, LIST)
        opened(client, other, f"{LIST}{one.pk}/lire/", status=404)


def test_reading_one_marks_it_by_post_only_and_opens_its_page(client: Client, world: World) -> None:
    one = told(world, "Chambre froide trop chaude")
    assert "à lire" in opened(client, world.bob, f"{LIST}{one.pk}/lire/")
    with scoped(SYSTEM):
        assert Notification.objects.get(pk=one.pk).read_at is None  # a prefetched link marks nothing
    response = client.post(f"{LIST}{one.pk}/lire/")
    assert response.headers["Location"] == "/incidents/"
    with scoped(SYSTEM):
        assert Notification.objects.get(pk=one.pk).read_at is not None
    assert "Chambre froide" not in opened(client, world.bob, f"{LIST}?lue=non")
    assert "Chambre froide" in opened(client, world.bob, f"{LIST}?lue=oui")


def test_all_are_read_at_once_by_post(client: Client, world: World) -> None:
    for number in range(3):
        told(world, f"Alerte {number}")
    client.force_login(world.bob)
    assert client.get(f"{LIST}tout-lire/").status_code == 405
    assert "3 notifications marquées comme lues" in text_of(client.post(f"{LIST}tout-lire/", follow=True))
    assert "Tout marquer comme lu" not in opened(client, world.bob, LIST)


def test_an_empty_list_says_so(client: Client, world: World) -> None:
    assert "Aucune notification" in opened(client, world.bob, LIST)


def test_the_mailbox_is_a_right_and_letters_are_shown_as_text(client: Client, world: World, admin: User) -> None:
    with scoped(SYSTEM):
        services.queue_mail(
            key="k", recipient="bob@example.org", subject="Votre code", body="Voir https://exemple.fr <b>x</b>",
            html="<script>alert(1)</script>",
        )  # fmt: skip
        letter = Mail.objects.get()
    said = opened(client, admin, MAILBOX)
    assert "Votre code" in said
    assert "rien ne part" in said
    response: Any = client.get(f"{MAILBOX}{letter.pk}/")
    html = response.content.decode()
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "alert(1)" not in html
    opened(client, admin, f"{MAILBOX}999999/", status=404)
    for other in (world.bob, world.alice):
        opened(client, other, MAILBOX, status=403)
        opened(client, other, f"{MAILBOX}{letter.pk}/", status=403)


def test_pages_cost_the_same_with_more_rows(client: Client, world: World) -> None:
    told(world, "Première")
    before = queries_of(client, world.bob, LIST)
    for number in range(5):
        told(world, f"Autre {number}")
    assert queries_of(client, world.bob, LIST) == before
