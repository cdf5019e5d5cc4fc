"""Service desk: incidents, whose clocks live in ``commitments``."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from cadran.kernel.tables import TableGuard, owned, shared
from cadran.servicedesk.rules import CONFIRMATION_WORDS, STATE_WORDS, Confirmation, State


class AlarmPolicy(models.Model):
    """One version of an agreement's ``alarms.yaml``: which alarms open an incident, and as what."""

    agreement_code = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    loaded_at = models.DateTimeField()  # last time this version was the one loaded: the newest is in force

    table_guard: ClassVar[TableGuard] = shared()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["agreement_code", "digest"], name="one_row_per_alarm_policy"),
        ]


class Incident(models.Model):
    """A contractual incident: typed, prioritised, on its clocks."""

    class Channel(models.TextChoices):
        PORTAL = "portal", _("Portail")
        PHONE = "phone", _("Téléphone")
        FAX = "fax", _("Télécopie")
        MAIL = "mail", _("Courriel")
        ALARM = "alarm", _("Alarme")

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    issuer = models.CharField(max_length=9)  # SIREN of the legal entity whose series the number belongs to
    number = models.CharField(max_length=24)
    service = models.ForeignKey("inventory.Service", on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey("inventory.Site", on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey("parties.Lot", on_delete=models.PROTECT, related_name="+")
    case = models.OneToOneField("commitments.Case", on_delete=models.PROTECT, related_name="+")
    origin_key = models.CharField(max_length=120)  # "alarm:42", "portal:<form token>"
    alarm = models.ForeignKey("telemetry.Alarm", null=True, on_delete=models.PROTECT, related_name="+")
    # What the alarm is about ("gateway:7:silent"): it outlives the alarm, which is new each time it is raised.
    alarm_origin = models.CharField(max_length=120, blank=True, default="")
    equipment = models.ForeignKey("inventory.Equipment", null=True, on_delete=models.PROTECT, related_name="+")
    title = models.CharField("objet", max_length=200)
    description = models.TextField("description", blank=True, default="")
    type = models.CharField(max_length=10)  # bloquant | majeur | mineur
    criteria = ArrayField(models.CharField(max_length=60), default=list)
    priority = models.CharField(max_length=2)  # P0 | P1 | P2
    priority_reason = models.TextField(blank=True, default="")
    state = models.CharField(
        max_length=12, choices=[(s.value, STATE_WORDS[s]) for s in State], default=State.OPEN.value
    )
    channel = models.CharField(max_length=8, choices=Channel.choices)
    awaits_writing = models.BooleanField(default=False)  # a phone report not yet confirmed in writing
    outside_convention = models.BooleanField(default=False)  # no quality of beneficiary on the day of the information
    informed_at = models.DateTimeField("informé le")
    created_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)  # by a person
    assignee = models.CharField(max_length=160, blank=True, default="")
    assignee_user_id = models.BigIntegerField(null=True, blank=True)
    restored_at = models.DateTimeField(null=True, blank=True)
    confirmation = models.CharField(
        max_length=12,
        blank=True,
        choices=[(c.value, CONFIRMATION_WORDS[c]) for c in Confirmation if c],
        default=Confirmation.NONE.value,
    )
    workaround = models.BooleanField(default=False)
    # Drawn from the case at each fact, so that lists sort and filter without replaying every log. A clock at rest
    # (paused, met) has no deadline here.
    gti_due_at = models.DateTimeField(null=True, blank=True)
    gti_state = models.CharField(max_length=12, blank=True, default="")
    gtr_due_at = models.DateTimeField(null=True, blank=True)
    gtr_state = models.CharField(max_length=12, blank=True, default="")
    closed_at = models.DateTimeField(null=True, blank=True)

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["owner", "-informed_at", "-id"], name="incident_list"),
            models.Index(
                fields=["owner", "gtr_due_at"], name="incident_due", condition=~models.Q(state=State.CLOSED.value)
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["issuer", "number"], name="one_incident_per_number"),
            models.UniqueConstraint(
                fields=["owner", "origin_key"],
                name="one_incident_per_origin",
                violation_error_message="Un incident existe déjà pour cette origine.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class IncidentMessage(models.Model):
    """One entry of the single thread of an incident."""

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="messages")
    author = models.CharField(max_length=160)
    author_user_id = models.BigIntegerField(null=True, blank=True)
    body = models.TextField("message")
    created_at = models.DateTimeField()

    table_guard: ClassVar[TableGuard] = owned(beneficiary="SELECT, INSERT", staff="SELECT, INSERT")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "incident", "created_at"], name="messages_of_incident")]
