"""People are told once; mail is a row first and leaves at least once under one Message-ID."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives, send_mail
from django.db import connection, transaction

from cadran.kernel.errors import NotAllowed
from cadran.kernel.models import OutboxEvent
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.messaging import rules, selectors, services
from cadran.messaging.gateways import smtp
from cadran.messaging.gateways.smtp import Letter, NotDelivered, Server
from cadran.messaging.models import Mail, Notification
from cadran.parties.models import Right
from tests.support.world import NOW, World

pytestmark = pytest.mark.django_db


def tell(world: World, **given: Any) -> int:
    said = {"owner_id": world.bobville.pk, "user_ids": [world.bob.pk], "origin_key": "test:1", "title": "Bonjour"}
    return services.notify(**(said | {"now": NOW} | given))


def mails() -> list[Mail]:
    with scoped(SYSTEM):
        return list(Mail.objects.order_by("id"))


def test_a_person_is_told_once_per_origin(world: World) -> None:
    assert tell(world, mail_to=["bob@example.org"]) == 2
    assert tell(world, mail_to=["Bob@example.org"]) == 0
    assert tell(world, origin_key="test:2") == 1
    with scoped(SYSTEM):
        assert Notification.objects.count() == 2
    assert len(mails()) == 1


def test_a_notification_may_be_sent_from_a_beneficiarys_request(world: World) -> None:
    bob = world.viewer(world.bob)
    with scoped(bob):
        tell(world, user_ids=[world.bob.pk, world.alice.pk], mail_to=["x@example.org"])
        assert selectors.unread_count(viewer=bob) == 1
        assert not Mail.objects.none().exists()
    assert len(mails()) == 1


def test_each_reads_its_own(world: World, django_assert_num_queries: Any) -> None:
    tell(world)
    bob, charlie, alice = (world.viewer(one) for one in (world.bob, world.charlie, world.alice))
    for viewer, expected in ((bob, 1), (charlie, 0), (alice, 0)):
        with scoped(viewer):
            with django_assert_num_queries(1):
                assert selectors.unread_count(viewer=viewer) == expected
            assert len(selectors.notifications(viewer=viewer)) == expected
    with scoped(charlie):
        assert services.mark_read(viewer=charlie, now=NOW) == 0
    with scoped(bob):
        assert services.mark_read(viewer=bob, now=NOW) == 1
        assert selectors.unread_count(viewer=bob) == 0


def test_the_mailbox_is_for_those_who_may(world: World) -> None:
    send_mail("Objet", "Corps", None, ["someone@example.org"])
    with scoped(SYSTEM):
        Right.objects.create(user=world.alice, role="platform.admin", starts_on=NOW.date())
    admin, bob = world.viewer(world.alice), world.viewer(world.bob)
    with scoped(admin):
        assert [mail.subject for mail in selectors.mailbox(viewer=admin)] == ["Objet"]
    with scoped(bob), pytest.raises(NotAllowed):
        selectors.mailbox(viewer=bob)


def test_djangos_mail_is_a_row_per_recipient(world: World) -> None:
    message = EmailMultiAlternatives("Objet", "Texte", None, ["a@example.org"], bcc=["b@example.org"])
    message.attach_alternative("<p>Texte</p>", "text/html")
    message.extra_headers["Message-ID"] = "<one@example.org>"
    assert message.send() == 1
    message.send()  # the same key: queued once
    assert [(mail.recipient, mail.body, mail.html) for mail in mails()] == [
        ("a@example.org", "Texte", "<p>Texte</p>"),
        ("b@example.org", "Texte", "<p>Texte</p>"),
    ]
    assert mails()[0].created_at is not None


def test_no_mail_leaves_for_an_act_rolled_back(world: World) -> None:
    class Undone(Exception):
        pass

    def attempt() -> None:
        with transaction.atomic():
            send_mail("Objet", "Corps", None, ["a@example.org"])
            raise Undone

    with pytest.raises(Undone):
        attempt()
    assert mails() == []


def test_without_a_server_mail_stays_in_the_demonstration_mailbox(world: World) -> None:
    send_mail("Objet", "Corps", None, ["a@example.org"])
    assert services.send_waiting(transport=None, now=NOW) == 1
    assert services.send_waiting(transport=None, now=NOW) == 0
    assert [(mail.delivery, mail.sent_at) for mail in mails()] == [("mailbox", NOW)]


def test_a_refused_mail_is_tried_again_later_under_the_same_message_id(world: World) -> None:
    send_mail("Objet", "Corps", None, ["a@example.org"])
    letters: list[Letter] = []

    def refuse(letter: Letter) -> None:
        letters.append(letter)
        raise NotDelivered("451 try later")

    assert services.send_waiting(transport=refuse, now=NOW) == 0
    assert services.send_waiting(transport=refuse, now=NOW + timedelta(seconds=59)) == 0
    assert (len(letters), mails()[0].attempts, mails()[0].last_error) == (1, 1, "451 try later")
    assert services.send_waiting(transport=letters.append, now=NOW + timedelta(minutes=1)) == 1
    assert letters[0].message_id == letters[1].message_id
    assert (mails()[0].delivery, mails()[0].last_error) == ("sent", "")


def test_a_mail_given_up_is_told(world: World) -> None:
    send_mail("Objet", "Corps", None, ["a@example.org"])

    def refuse(letter: Letter) -> None:
        raise NotDelivered("550 no such user")

    now = NOW
    for _ in range(rules.MOST_ATTEMPTS):
        services.send_waiting(transport=refuse, now=now)
        now += rules.LONGEST_WAIT
    assert [(mail.delivery, mail.attempts) for mail in mails()] == [("given_up", rules.MOST_ATTEMPTS)]
    with scoped(SYSTEM):
        assert OutboxEvent.objects.filter(name="messaging.MailGivenUp").count() == 1


def test_a_letter_that_cannot_be_written_holds_no_other(world: World) -> None:
    for recipient in ("bad@example.org", "good@example.org"):
        send_mail("Objet", "Corps", None, [recipient])

    def pick(letter: Letter) -> None:
        if letter.recipient.startswith("bad"):
            raise ValueError("header")

    assert services.send_waiting(transport=pick, now=NOW) == 1
    assert [(mail.delivery, mail.last_error) for mail in mails()] == [
        ("waiting", "ValueError('header')"),
        ("sent", ""),
    ]


def test_waits_grow_and_stay_bounded() -> None:
    waits = [rules.next_attempt(count, NOW) for count in range(1, rules.MOST_ATTEMPTS)]
    minutes = [(wait - NOW).total_seconds() / 60 for wait in waits if wait]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]
    assert rules.next_attempt(rules.MOST_ATTEMPTS, NOW) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", Server("mail.example.org", 25, "", "", False)),
        ("smtps://cadran:p%40ss@mail.example.org", Server("mail.example.org", 465, "cadran", "p@ss", True)),
        ("smtp://localhost:2525", Server("localhost", 2525, "", "", False)),
    ],
)
def test_the_servers_url(url: str, expected: Server) -> None:
    assert Server.parse(url) == expected


class FakeServer:
    """A real socket that speaks just enough SMTP (RFC 5321) and keeps what it hears."""

    def __init__(self, *, greeting: bytes = b"220 test\r\n") -> None:
        self.heard = b""
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        with peer, peer.makefile("rb") as lines:
            peer.sendall(self._greeting)
            in_data = False
            for line in lines:
                self.heard += line
                if in_data:
                    in_data = line != b".\r\n"
                    peer.sendall(b"" if in_data else b"250 queued\r\n")
                elif line.upper().startswith(b"DATA"):
                    in_data = True
                    peer.sendall(b"354 go on\r\n")
                elif line.upper().startswith(b"QUIT"):
                    peer.sendall(b"221 bye\r\n")
                    return
                else:
                    peer.sendall(b"250 ok\r\n")

    def close(self) -> None:
        self._listener.close()
        self._thread.join(5)


def test_a_letter_goes_through_a_real_socket(world: World) -> None:
    send_mail("Incident rétabli", "Le service est revenu.", None, ["bob@example.org"])
    server = FakeServer()
    try:
        spoken = Server("127.0.0.1", server.port, "", "", False)
        assert services.send_waiting(transport=lambda letter: smtp.deliver(spoken, letter), now=NOW) == 1
    finally:
        server.close()
    assert b"rcpt TO:<bob@example.org>" in server.heard
    assert b"Message-ID: <" in server.heard
    assert b"Auto-Submitted: auto-generated" in server.heard
    assert b"Le service est revenu." in server.heard


def test_a_server_that_is_away_is_not_fatal(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotDelivered, match="ConnectionRefused"):
        smtp.deliver(Server("127.0.0.1", port, "", "", False), Letter("a@b", "c@d", "s", "b", "", "<m@x>", NOW))


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_a_mail_once() -> None:
    send_mail("Objet", "Corps", None, ["a@example.org"])
    sent: list[Letter] = []
    start = threading.Barrier(3)

    def slow(letter: Letter) -> None:
        sent.append(letter)
        threading.Event().wait(0.3)

    def work() -> None:
        try:
            start.wait(10)
            services.send_waiting(transport=slow, now=NOW)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(sent) == 1
