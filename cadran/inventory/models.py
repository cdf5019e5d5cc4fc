"""Inventory: the things an agreement's services are made of, and what is measured where."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.utils.translation import gettext_lazy as _

from cadran.kernel.tables import TableGuard, owned


class Site(models.Model):
    """A place of a beneficiary, with the territory and time zone its clocks run in."""

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=40)
    name = models.CharField("nom", max_length=160)
    address = models.TextField("adresse", blank=True, default="")
    city = models.CharField("commune", max_length=120, blank=True, default="")
    territory = models.CharField("territoire", max_length=2, default="FR")
    zone = models.CharField("fuseau horaire", max_length=40, default="Europe/Paris")
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "name", "id"], name="site_list")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "code"],
                name="one_site_per_code",
                violation_error_message="Un site de ce bénéficiaire porte déjà ce code.",
            ),
            models.CheckConstraint(
                name="site_position_whole",
                condition=models.Q(latitude__isnull=True, longitude__isnull=True)
                | models.Q(
                    latitude__isnull=False,  # a check that answers NULL passes
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                violation_error_message="Un site a une latitude (-90 à 90) et une longitude (-180 à 180), ou aucune.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Service(models.Model):
    """What a beneficiary is owed on a site under a lot: the thing that breaks and is restored."""

    class State(models.TextChoices):
        RUNNING = "running", _("En service")
        DEGRADED = "degraded", _("Dégradé")
        DOWN = "down", _("Arrêté")
        ENDED = "ended", _("Terminé")

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="services")
    lot = models.ForeignKey("parties.Lot", on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=40)
    name = models.CharField("nom", max_length=160)
    service_class = models.CharField(max_length=10)  # standard | advanced
    option_24_7 = models.BooleanField("option 24 h/24, 7 j/7", default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    started_on = models.DateField()
    ended_on = models.DateField(null=True, blank=True)

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "name", "id"], name="service_list")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "code"],
                name="one_service_per_code",
                violation_error_message="Un service de ce bénéficiaire porte déjà ce code.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Equipment(models.Model):
    """A thing with a serial number: sensor, gateway, router."""

    class Kind(models.TextChoices):
        SENSOR = "sensor", _("Capteur")
        GATEWAY = "gateway", _("Passerelle")
        OTHER = "other", _("Autre")

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="equipment")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="equipment")
    kind = models.CharField("nature", max_length=10, choices=Kind.choices)
    name = models.CharField("nom", max_length=160)
    maker = models.CharField("fabricant", max_length=80, blank=True, default="")
    model = models.CharField("modèle", max_length=80, blank=True, default="")
    serial = models.CharField("numéro de série", max_length=80)
    eui = models.CharField("DevEUI", max_length=16, null=True, blank=True)
    delivered_on = models.DateField("livré le", null=True, blank=True)
    warranty_until = models.DateField("garanti jusqu'au", null=True, blank=True)
    retired_on = models.DateField("retiré le", null=True, blank=True)

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["owner", "kind", "name", "id"], name="equipment_list"),
            models.Index(fields=["owner", "site"], name="equipment_of_site"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "maker", "serial"],
                name="one_equipment_per_serial",
                violation_error_message="Un équipement de ce fabricant porte déjà ce numéro de série.",
            ),
            models.UniqueConstraint(
                fields=["eui"],
                name="one_equipment_per_eui",
                condition=models.Q(retired_on__isnull=True),
                violation_error_message="Un équipement en service porte déjà cet EUI-64.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MeasuringPoint(models.Model):
    """What is measured: a room, a fridge, a pipe. Series belong to it and survive the swap of a device."""

    class Kind(models.TextChoices):
        ROOM = "room", _("Pièce")
        COLD_ROOM = "cold_room", _("Enceinte froide")
        PIPE = "pipe", _("Canalisation")
        PARKING = "parking", _("Place de stationnement")
        OUTDOOR = "outdoor", _("Extérieur")
        OTHER = "other", _("Autre")

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="points")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="points")
    name = models.CharField("nom", max_length=160)
    kind = models.CharField("nature", max_length=12, choices=Kind.choices, default=Kind.OTHER)

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "site", "name", "id"], name="point_list")]

    def __str__(self) -> str:
        return self.name


class Mounting(models.Model):
    """Which equipment measures which point, from when to when."""

    owner = models.ForeignKey("parties.Organisation", on_delete=models.PROTECT, related_name="+")
    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="mountings")
    point = models.ForeignKey(MeasuringPoint, on_delete=models.PROTECT, related_name="mountings")
    during = DateTimeRangeField()

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "point"], name="mounting_of_point")]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="one_point_per_equipment_at_a_time",
                expressions=[("equipment", RangeOperators.EQUAL), ("during", RangeOperators.OVERLAPS)],
                violation_error_message="Cet équipement est déjà posé ailleurs pendant une partie de cette période.",
            ),
            ExclusionConstraint(
                name="one_equipment_per_point_at_a_time",
                expressions=[("point", RangeOperators.EQUAL), ("during", RangeOperators.OVERLAPS)],
                violation_error_message="Ce point de mesure a déjà un équipement pendant une partie de cette période.",
            ),
        ]
