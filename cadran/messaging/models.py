"""Messaging: notifications on screen and mail on its way out."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cadran.kernel.tables import TableGuard, owned, system


class Notification(models.Model):
    """Something a person should know, in the bell and on the home page."""

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey("parties.User", on_delete=models.CASCADE, related_name="+")
    origin_key = models.CharField(max_length=120)
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True, default="")
    path = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "user", "-id"], name="notification_list")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "user", "origin_key"], name="notified_once"),
        ]


class Mail(models.Model):
    """A mail to send: at least once, with a key that lets the receiver tell a repetition."""

    class Delivery(models.TextChoices):
        WAITING = "waiting", "En attente"
        SENT = "sent", "Remis au serveur"
        MAILBOX = "mailbox", "Boîte de démonstration"
        GIVEN_UP = "given_up", "Abandonné"

    idempotency_key = models.CharField(max_length=200, unique=True)
    recipient = models.EmailField()
    subject = models.CharField(max_length=250)
    body = models.TextField()
    html = models.TextField(blank=True, default="")
    # The clock of the database: a mail of the sign-in pages is queued by a library that hands no instant.
    created_at = models.DateTimeField(db_default=models.functions.Now())
    delivery = models.CharField(max_length=8, choices=Delivery.choices, default=Delivery.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)

    table_guard: ClassVar[TableGuard] = system()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["id"], name="mail_waiting", condition=models.Q(delivery="waiting")),
        ]
