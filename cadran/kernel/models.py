"""Tables of the kernel: the outbox, the audit chain, numbers, wrapped data keys."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from cadran.kernel.tables import TableGuard, owned, system


class OutboxEvent(models.Model):
    """One event, written in the transaction of the act it tells of."""

    name = models.CharField(max_length=120)
    payload = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(default="", db_default="")
    done_at = models.DateTimeField(null=True, blank=True)

    table_guard: ClassVar[TableGuard] = system(beneficiary="INSERT")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["id"], name="outbox_waiting", condition=models.Q(done_at__isnull=True)),
        ]


class HandlerMark(models.Model):
    """Says that a handler's effect for an event is committed: the two are one transaction."""

    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE)
    handler = models.CharField(max_length=160)
    handled_at = models.DateTimeField(db_default=Now())

    table_guard: ClassVar[TableGuard] = system()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "handler"], name="handler_once_per_event"),
        ]


class AuditEntry(models.Model):
    """Who did what to which object; inserted in the act's own transaction, never changed."""

    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_label = models.CharField(max_length=200)
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=80)
    object_id = models.CharField(max_length=80)
    owner_id = models.BigIntegerField(null=True, blank=True)
    details = models.JSONField(default=dict)

    table_guard: ClassVar[TableGuard] = owned(
        beneficiary="SELECT, INSERT", staff="SELECT, INSERT", login="SELECT, INSERT"
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["owner_id", "object_type", "object_id", "at"], name="audit_of_object"),
        ]


class AuditSeal(models.Model):
    """The place of an audit entry in the hash chain, given once its transaction is committed."""

    position = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(AuditEntry, on_delete=models.PROTECT)
    digest = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField()

    table_guard: ClassVar[TableGuard] = system(staff="SELECT, INSERT", login="")


class NumberSequence(models.Model):
    """The last number given, per issuing legal entity, document kind and year."""

    legal_entity = models.CharField(max_length=14)
    kind = models.CharField(max_length=40)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveBigIntegerField(default=0)

    table_guard: ClassVar[TableGuard] = system(login="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["legal_entity", "kind", "year"], name="one_sequence_per_kind_and_year"),
        ]


class DataKey(models.Model):
    """A data key wrapped by the key-encryption key; the newest one seals, all of them unseal."""

    wrapped = models.BinaryField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    table_guard: ClassVar[TableGuard] = system(staff="SELECT, INSERT", login="SELECT, INSERT")
