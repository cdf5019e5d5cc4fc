"""LoRaWAN: gateways, devices with their sealed keys, sessions, the log of frames and what was refused."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cadran.kernel.tables import TableGuard, owned, system


class Gateway(models.Model):
    """A packet forwarder of the private network; another body's devices may be heard by it (shared territory)."""

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    equipment = models.OneToOneField("inventory.Equipment", on_delete=models.PROTECT, related_name="+")
    eui = models.CharField(max_length=16, unique=True)
    silent_after_s = models.PositiveIntegerField(default=300)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    last_stat = models.JSONField(default=dict)

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "eui"], name="gateway_list")]


class Device(models.Model):
    """An end device: its identity, its root key (sealed) and its protocol version."""

    class Version(models.TextChoices):
        V1_0_2 = "1.0.2", "LoRaWAN 1.0.2"
        V1_0_3 = "1.0.3", "LoRaWAN 1.0.3"
        V1_0_4 = "1.0.4", "LoRaWAN 1.0.4"

    equipment = models.OneToOneField(
        "inventory.Equipment", primary_key=True, on_delete=models.PROTECT, related_name="+"
    )
    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    dev_eui = models.CharField(max_length=16, unique=True)
    join_eui = models.CharField(max_length=16)
    app_key_sealed = models.BinaryField(null=True)  # none: personalised (ABP), cannot join
    counter_may_reset = models.BooleanField(default=False)
    version = models.CharField(max_length=5, choices=Version.choices, default=Version.V1_0_3)
    join_nonce = models.PositiveIntegerField(default=0)  # last given, 24 bits

    table_guard: ClassVar[TableGuard] = owned()


class Session(models.Model):
    """A session of a device; keys are sealed, counters are written with each batch of uplinks.

    A session just granted stands beside the former one until the device is heard under it.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="sessions")
    owner_id = models.BigIntegerField()
    join_nonce = models.PositiveIntegerField()  # 0: personalised
    dev_addr = models.CharField(max_length=8)
    nwk_s_key_sealed = models.BinaryField()
    app_s_key_sealed = models.BinaryField()
    receive = models.JSONField(default=dict)  # what the join granted: RX1 offset and delay, RX2 data rate
    fcnt_up = models.BigIntegerField(default=-1)  # last accepted, -1 before the first
    fcnt_down_reserved = models.BigIntegerField(default=0)  # counters below this one may have been used
    joined_at = models.DateTimeField()

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner_id", "dev_addr"], name="session_by_addr")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "join_nonce"], name="one_session_per_join"),
        ]


class DevNonce(models.Model):
    """A DevNonce a device has used: never accepted twice."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="nonces")
    owner_id = models.BigIntegerField()
    nonce = models.PositiveIntegerField()

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "nonce"], name="dev_nonce_used_once"),
        ]


class Uplink(models.Model):
    """One accepted frame as heard (partitioned by month on ``ts``; kept for a limited time)."""

    device_id = models.BigIntegerField(primary_key=True)
    ts = models.DateTimeField()
    owner_id = models.BigIntegerField()
    fcnt = models.BigIntegerField()
    f_port = models.SmallIntegerField(null=True)
    data_rate = models.SmallIntegerField()
    frequency_hz = models.IntegerField()
    confirmed = models.BooleanField()
    payload = models.BinaryField()
    receptions = models.JSONField()  # [[gateway EUI, RSSI dBm, SNR dB], ...], best first

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        managed = False
        db_table = "lorawan_uplink"


class Refusal(models.Model):
    """Frames refused, counted per reason, day and sender, so that they can be seen and answered."""

    day = models.DateField()
    reason = models.CharField(max_length=40)
    subject = models.CharField(max_length=40, blank=True, default="")  # gateway EUI, DevEUI or DevAddr
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()

    table_guard: ClassVar[TableGuard] = system(login="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "reason", "subject"], name="one_refusal_row"),
        ]


class ServerRun(models.Model):
    """The network server's own signs of life: its silence must not be read as the gateways'."""

    name = models.CharField(max_length=40, primary_key=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    counters = models.JSONField(default=dict)

    table_guard: ClassVar[TableGuard] = system(login="SELECT")
