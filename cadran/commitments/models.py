"""Commitments: what was promised, the facts of each case, and the verdicts drawn from them."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.db import models

from cadran.kernel.tables import TableGuard, owned, shared


class NoteKind(StrEnum):
    """Lines of the log that no clock starts, stops or holds by itself; ``rules.FactKind`` are the others.

    A refused restoration names, in ``data["fact"]``, the line that it strikes from the clocks.
    """

    REQUALIFIED = "requalified"
    RESTORATION_CONFIRMED = "restoration_confirmed"
    RESTORATION_REFUSED = "restoration_refused"


class ServiceLevels(models.Model):
    """One frozen version of an agreement's service levels; a new version never changes a running case."""

    agreement_code = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    loaded_at = models.DateTimeField()  # last time this version was the one loaded: the newest is in force

    table_guard: ClassVar[TableGuard] = shared()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["agreement_code", "digest"], name="one_row_per_version_of_levels"),
        ]


class Case(models.Model):
    """A subject under contract clocks; its versions of levels and calendars are frozen when it is opened."""

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey("parties.Lot", on_delete=models.PROTECT, related_name="+")
    site_id = models.BigIntegerField(null=True, blank=True)
    subject_type = models.CharField(max_length=40)  # "servicedesk.incident"
    levels = models.ForeignKey(ServiceLevels, on_delete=models.PROTECT, related_name="+")
    service_class = models.CharField(max_length=10)
    option_24_7 = models.BooleanField()
    zone = models.CharField(max_length=40)
    opened_at = models.DateTimeField()

    table_guard: ClassVar[TableGuard] = owned()


class CaseTarget(models.Model):
    """What is promised to a case from ``recorded_at`` on, append-only: a requalification adds one.

    ``commitments`` are whole: delays, calendars, holidays. Nothing outside this row can change a verdict.
    """

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="targets")
    incident_type = models.CharField(max_length=10)
    priority = models.CharField(max_length=2)
    commitments = models.JSONField()
    recorded_at = models.DateTimeField()

    table_guard: ClassVar[TableGuard] = owned(beneficiary="SELECT, INSERT", staff="SELECT, INSERT")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "case", "id"], name="targets_of_case")]


class CaseFact(models.Model):
    """One fact of a case, append-only: when it happened, when it was recorded, by whom."""

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="facts")
    kind = models.CharField(max_length=30)  # rules.FactKind or NoteKind
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    by = models.CharField(max_length=160)
    by_user_id = models.BigIntegerField(null=True, blank=True)
    data = models.JSONField(default=dict)

    table_guard: ClassVar[TableGuard] = owned(beneficiary="SELECT, INSERT", staff="SELECT, INSERT")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "case", "happened_at"], name="facts_of_case")]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="fact_not_in_the_future",
                condition=models.Q(happened_at__lte=models.F("recorded_at")),
                violation_error_message="Un fait ne peut pas être consigné avant d'avoir eu lieu.",
            ),
        ]


class CaseVerdict(models.Model):
    """A verdict as it was drawn at some instant; a late fact adds a new one, both are kept."""

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="verdicts")
    target = models.ForeignKey(CaseTarget, on_delete=models.PROTECT, related_name="+")
    commitment = models.CharField(max_length=20)  # GTI | GTR
    drawn_at = models.DateTimeField()
    facts_count = models.PositiveIntegerField()
    state = models.CharField(max_length=12)
    due_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    content = models.JSONField()

    table_guard: ClassVar[TableGuard] = owned(beneficiary="SELECT, INSERT", staff="SELECT, INSERT")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "case", "commitment", "-id"], name="verdicts_of_case")]
