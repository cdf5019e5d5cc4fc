"""Tell people, and send mail. A notification or a mail of the same key is written once, however often it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from cadran.kernel import audit, live, outbox
from cadran.kernel.scope import as_system, scoped
from cadran.kernel.viewer import SYSTEM, Viewer
from cadran.messaging import rules, selectors
from cadran.messaging.events import MailGivenUp
from cadran.messaging.gateways.smtp import Letter, NotDelivered
from cadran.messaging.models import Mail, Notification

Transport = Callable[[Letter], None]


@transaction.atomic
def notify(
    *,
    owner_id: int,
    user_ids: Iterable[int] = (),
    mail_to: Iterable[str] = (),
    origin_key: str,
    title: str,
    body: str = "",
    path: str = "",
    now: datetime,
) -> int:
    """Tell people once per ``origin_key``: on screen, and by mail to the addresses given. Return how many are new.

    ``path`` is the page to open, from the root of the site. The caller chose people who may see it.
    """
    link = f"\n\n{settings.CADRAN.public_url}{path}" if path else ""
    with as_system():
        known = Notification.objects.filter(owner_id=owner_id, origin_key=origin_key).values_list("user_id", flat=True)
        fresh = sorted(set(user_ids) - set(known))
        rows = [
            Notification(
                owner_id=owner_id,
                user_id=user_id,
                origin_key=origin_key,
                title=title[:200],
                body=body,
                path=path,
                created_at=now,
            )
            for user_id in fresh
        ]
        Notification.objects.bulk_create(rows, ignore_conflicts=True)  # two workers at once: the constraint keeps one
        mails = sum(
            queue_mail(key=f"{origin_key}:{owner_id}:{address}", recipient=address, subject=title, body=body + link)
            for address in sorted({address.lower() for address in mail_to})
        )
        if fresh or mails:
            _trace(owner_id, origin_key, fresh, mails, now)
    return len(fresh) + mails


def _trace(owner_id: int, origin_key: str, user_ids: list[int], mails: int, now: datetime) -> None:
    """Leave an audit line and ring the bell of each person."""
    audit.record(
        viewer=SYSTEM,
        action="people.notified",
        object_type="notification",
        object_id=origin_key[:80],
        owner_id=owner_id,
        now=now,
        details={"users": user_ids, "mails": mails},
    )
    for user_id in user_ids:
        live.touch("notification", user_id, owner_id)


@transaction.atomic
def queue_mail(*, key: str, recipient: str, subject: str, body: str, html: str = "") -> bool:
    """Queue a mail for the worker; tell whether it is new (the same ``key`` is queued once)."""
    try:
        with as_system():
            Mail.objects.create(
                idempotency_key=key[:200], recipient=recipient, subject=subject[:250], body=body, html=html
            )
    except IntegrityError:
        return False
    return True


@transaction.atomic
def mark_read(*, viewer: Viewer, now: datetime, notification_id: int | None = None) -> int:
    """Mark one of the viewer's notifications, or all, as read; return how many were unread."""
    unread = selectors.notifications(viewer=viewer).filter(read_at__isnull=True).order_by()
    if notification_id is not None:
        unread = unread.filter(pk=notification_id)
    return unread.update(read_at=now)


def send_waiting(*, transport: Transport | None, now: datetime, most: int = 100) -> int:
    """Send the mails that are due, oldest first; return how many left.

    ``transport`` None: no server is configured, mails stay in the demonstration mailbox, delivered there. Each mail
    has a transaction of its own: an interruption may send the one under way twice, under the same Message-ID.
    """
    with scoped(SYSTEM):
        due = Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now)
        ids = list(
            Mail.objects.filter(due, delivery=Mail.Delivery.WAITING).order_by("id").values_list("id", flat=True)[:most]
        )
    return sum(_send(mail_id, transport, now) for mail_id in ids)


def _send(mail_id: int, transport: Transport | None, now: datetime) -> bool:
    with scoped(SYSTEM):
        mail = (
            Mail.objects.select_for_update(skip_locked=True).filter(pk=mail_id, delivery=Mail.Delivery.WAITING).first()
        )
        if mail is None:  # another worker has it
            return False
        if transport is None:
            mail.delivery, mail.sent_at = Mail.Delivery.MAILBOX, now
        else:
            try:
                transport(_letter(mail))
                mail.delivery, mail.sent_at, mail.last_error = Mail.Delivery.SENT, now, ""
            except Exception as error:  # whatever is wrong with one letter must not hold the others
                _postpone(mail, error, now)
        mail.save(update_fields=["delivery", "sent_at", "attempts", "next_attempt_at", "last_error"])
        return mail.sent_at is not None


def _letter(mail: Mail) -> Letter:
    sender = settings.DEFAULT_FROM_EMAIL
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return Letter(
        sender=sender,
        recipient=mail.recipient,
        subject=mail.subject,
        body=mail.body,
        html=mail.html,
        message_id=rules.message_id(mail.idempotency_key, domain=domain),
        date=mail.created_at,
    )


def _postpone(mail: Mail, error: Exception, now: datetime) -> None:
    mail.attempts += 1
    mail.last_error = (str(error) if isinstance(error, NotDelivered) else repr(error))[:2000]
    mail.next_attempt_at = rules.next_attempt(mail.attempts, now)
    if mail.next_attempt_at is None:
        mail.delivery = Mail.Delivery.GIVEN_UP
        outbox.publish(MailGivenUp(mail_id=mail.pk, error=mail.last_error))
