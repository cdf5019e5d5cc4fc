"""Telemetry: what devices measured, the rules over it, and the alarms these raise.

``device_id`` is the id of the inventory's equipment everywhere. Measurements keep the layout that won the
measurements of ``docs/decisions/0003-measurements.md``: one row per uplink, values in the profile's order.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from cadran.kernel.tables import TableGuard, owned, shared


class DeviceProfile(models.Model):
    """A kind of device: the ordered quantities it measures and how its payload is decoded."""

    code = models.CharField(max_length=80, unique=True)
    name = models.CharField(max_length=160)
    maker = models.CharField(max_length=80)
    quantities = models.JSONField()  # [{key, quantity, unit, label}], append-only: it names the columns of `values`
    codec = models.CharField(max_length=80)  # "cayenne" or the key of a JavaScript codec
    codec_source = models.TextField(blank=True, default="")
    radio = models.JSONField(default=dict)  # LoRaWAN version, region, class
    pack_digest = models.CharField(max_length=64)

    table_guard: ClassVar[TableGuard] = shared()

    def __str__(self) -> str:
        return self.name


class Source(models.Model):
    """An equipment that sends: its profile and how often it should be heard."""

    equipment = models.OneToOneField(
        "inventory.Equipment", primary_key=True, on_delete=models.PROTECT, related_name="+"
    )
    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    profile = models.ForeignKey(DeviceProfile, on_delete=models.PROTECT, related_name="sources")
    expected_every_s = models.PositiveIntegerField(default=900)
    silent_after_s = models.PositiveIntegerField(default=3_600)
    registered_at = models.DateTimeField()  # silence counts from here until the first frame

    table_guard: ClassVar[TableGuard] = owned()


class Measurement(models.Model):
    """One uplink's values, to the millisecond (partitioned by month on ``ts``; see the migration)."""

    device_id = models.BigIntegerField(primary_key=True)
    ts = models.DateTimeField()
    owner_id = models.BigIntegerField()
    values = ArrayField(models.FloatField(null=True))

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        managed = False
        db_table = "telemetry_measurement"


class MeasurementDay(models.Model):
    """A closed UTC day of one device: milliseconds since midnight, then each quantity's values one after the other.

    ``values`` holds ``width`` runs as long as ``offsets_ms``, so that one quantity is one slice.
    """

    device_id = models.BigIntegerField(primary_key=True)
    day = models.DateField()
    owner_id = models.BigIntegerField()
    width = models.PositiveSmallIntegerField()
    offsets_ms = ArrayField(models.IntegerField())
    values = ArrayField(models.FloatField(null=True))

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        managed = False
        db_table = "telemetry_measurementday"


class Latest(models.Model):
    """The newest value of each quantity of a device.

    ``ts`` is the newest frame's instant. A frame that says nothing of a quantity leaves its last value, and ``times``
    then tells when each value was measured; it is null when all of them came with the newest frame.
    """

    device_id = models.BigIntegerField(primary_key=True)
    owner_id = models.BigIntegerField()
    ts = models.DateTimeField()
    values = ArrayField(models.FloatField(null=True))
    times = ArrayField(models.DateTimeField(null=True), null=True)

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        # Without ``ts``: an index on what each frame changes would forbid in-page (HOT) updates.
        indexes: ClassVar = [models.Index(fields=["owner_id", "device_id"], name="latest_by_owner")]


class DecodeFailure(models.Model):
    """What a device sent that its codec could not read: counted, with the last words."""

    device_id = models.BigIntegerField(primary_key=True)
    owner_id = models.BigIntegerField()
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()
    last_message = models.TextField()

    table_guard: ClassVar[TableGuard] = owned()


class AlarmKind(models.TextChoices):
    """A *service* alarm concerns the holder's commitments; a *business* alarm its user's own trade."""

    SERVICE = "service", _("Service")
    BUSINESS = "business", _("Métier")


class ThresholdRule(models.Model):
    """A limit on one quantity of a measuring point, with hysteresis and duration."""

    class Comparison(models.TextChoices):
        ABOVE = "above", _("au-dessus de")
        BELOW = "below", _("au-dessous de")

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    point = models.ForeignKey("inventory.MeasuringPoint", on_delete=models.PROTECT, related_name="+")
    quantity = models.CharField("grandeur", max_length=40)
    comparison = models.CharField(max_length=8, choices=Comparison.choices)
    threshold = models.FloatField("seuil")
    hysteresis = models.FloatField("hystérésis", default=0.0)
    duration_s = models.PositiveIntegerField("durée", default=0)
    kind = models.CharField(max_length=10, choices=AlarmKind.choices)
    label = models.CharField("libellé", max_length=160)
    recipients = ArrayField(models.EmailField(), default=list)
    enabled = models.BooleanField("active", default=True)

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "point"], name="rule_of_point")]


class RuleState(models.Model):
    """Where a rule stands, in the words of ``rules.RuleState``; replaced by compare-and-swap on ``version``."""

    rule = models.OneToOneField(ThresholdRule, primary_key=True, on_delete=models.CASCADE, related_name="state")
    owner_id = models.BigIntegerField()
    active = models.BooleanField(default=False)
    pending_since = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveBigIntegerField(default=0)

    table_guard: ClassVar[TableGuard] = owned()


class Alarm(models.Model):
    """Something abnormal, from the moment it is seen to the moment it is over."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        ACKNOWLEDGED = "acknowledged", _("Prise en compte")
        CLEARED = "cleared", _("Terminée")

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    origin_key = models.CharField(max_length=120)  # what it is about, e.g. "rule:12", "gateway:7:silent"
    code = models.CharField(max_length=60)  # which kind of alarm of the agreement's pack, e.g. "gateway.silent"
    kind = models.CharField(max_length=10, choices=AlarmKind.choices)
    state = models.CharField(max_length=14, choices=State.choices, default=State.ACTIVE)
    title = models.CharField(max_length=200)
    detail = models.TextField(blank=True, default="")
    site = models.ForeignKey("inventory.Site", on_delete=models.PROTECT, related_name="+")
    service = models.ForeignKey("inventory.Service", null=True, on_delete=models.PROTECT, related_name="+")
    equipment = models.ForeignKey("inventory.Equipment", null=True, on_delete=models.PROTECT, related_name="+")
    point = models.ForeignKey("inventory.MeasuringPoint", null=True, on_delete=models.PROTECT, related_name="+")
    rule = models.ForeignKey(ThresholdRule, null=True, on_delete=models.SET_NULL, related_name="+")
    value = models.FloatField(null=True, blank=True)
    raised_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=160, blank=True, default="")
    cleared_at = models.DateTimeField(null=True, blank=True)

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["owner", "-raised_at", "-id"], name="alarm_list"),
            models.Index(
                fields=["owner", "-raised_at", "-id"], name="alarm_open", condition=models.Q(cleared_at__isnull=True)
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "origin_key"],
                name="one_open_alarm_per_origin",
                condition=models.Q(cleared_at__isnull=True),
                violation_error_message="Une alarme de cette origine est déjà ouverte.",
            ),
        ]

    def __str__(self) -> str:
        return self.title
