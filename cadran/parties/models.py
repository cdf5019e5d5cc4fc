"""Parties: who awards, who holds, who orders, and which person may do what for whom."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cadran.kernel.tables import TableGuard, owned, shared, system


class UserManager(BaseUserManager["User"]):
    """Finds people by e-mail address, whatever its letter case."""

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user of that address."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person with a sign-in. Rights are rows of ``Right``; sign-in reads them before any scope exists."""

    email = models.EmailField("adresse électronique", unique=True)
    name = models.CharField("nom", max_length=160)
    locale = models.CharField("langue", max_length=5, default="fr")
    zone = models.CharField("fuseau horaire", max_length=40, default="Europe/Paris")
    is_active = models.BooleanField("actif", default=True)
    created_at = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects = UserManager()
    table_guard: ClassVar[TableGuard] = system()

    def __str__(self) -> str:
        return self.name


class Company(models.Model):
    """A purchasing body, a holder or a consortium member; the same for every reader."""

    siret = models.CharField("SIRET", max_length=14, unique=True)
    name = models.CharField("nom", max_length=200)
    address = models.TextField("adresse", blank=True, default="")

    table_guard: ClassVar[TableGuard] = shared()

    def __str__(self) -> str:
        return self.name


class Agreement(models.Model):
    """A framework agreement (accord-cadre), loaded from its pack."""

    code = models.CharField(max_length=40, unique=True)
    title = models.CharField(max_length=300)
    purchasing_body = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="awarded")
    subject = models.TextField(blank=True, default="")
    pack = models.JSONField(default=dict)
    pack_digest = models.CharField(max_length=64)
    loaded_at = models.DateTimeField()

    table_guard: ClassVar[TableGuard] = shared()

    def __str__(self) -> str:
        return self.code


class Lot(models.Model):
    """One lot: an agreement of its own, with its holder, prices, service levels and reports."""

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="lots")
    number = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=300)
    service_class = models.CharField(max_length=10)  # standard | advanced
    network_access = models.BooleanField()
    includes = ArrayField(models.PositiveSmallIntegerField(), default=list)
    coverage = ArrayField(models.CharField(max_length=2), default=list)

    table_guard: ClassVar[TableGuard] = shared()

    class Meta:
        ordering: ClassVar = ["agreement_id", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["agreement", "number"],
                name="one_lot_per_number",
                violation_error_message="Cet accord-cadre a déjà un lot de ce numéro.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agreement.code} lot {self.number}"


class LotMember(models.Model):
    """A company's part in a lot: alone, lead (mandataire), co-contractor or subcontractor."""

    class Role(models.TextChoices):
        HOLDER = "holder", _("Titulaire")
        LEAD = "lead", _("Mandataire")
        CO_CONTRACTOR = "co_contractor", _("Cotraitant")
        SUBCONTRACTOR = "subcontractor", _("Sous-traitant")

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="members")
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="lot_parts")
    role = models.CharField(max_length=16, choices=Role.choices)
    answers_for = models.TextField("répond de", blank=True, default="")
    valid_during = DateRangeField()

    table_guard: ClassVar[TableGuard] = shared()

    class Meta:
        constraints: ClassVar = [
            ExclusionConstraint(
                name="one_holder_per_lot_and_day",
                expressions=[("lot", RangeOperators.EQUAL), ("valid_during", RangeOperators.OVERLAPS)],
                condition=models.Q(role__in=["holder", "lead"]),
                violation_error_message="Ce lot a déjà un titulaire ou un mandataire sur une partie de cette période.",
            ),
            ExclusionConstraint(
                name="one_part_per_company_and_day",
                expressions=[
                    ("lot", RangeOperators.EQUAL),
                    ("company", RangeOperators.EQUAL),
                    ("valid_during", RangeOperators.OVERLAPS),
                ],
                violation_error_message="Cette société a déjà un rôle dans ce lot sur une partie de cette période.",
            ),
        ]


class Organisation(models.Model):
    """A public body that may order under an agreement, identified by its SIRET of the day."""

    class Kind(models.TextChoices):
        TOWN = "town", _("Commune")
        INTERCOMMUNAL = "intercommunal", _("Intercommunalité")
        DEPARTMENT = "department", _("Département")
        REGION = "region", _("Région")
        HOSPITAL = "hospital", _("Établissement de santé")
        FIRE_SERVICE = "fire_service", _("Service d'incendie et de secours")
        SCHOOL = "school", _("Établissement d'enseignement")
        GROUPING = "grouping", _("Groupement")
        OTHER = "other", _("Autre établissement public")

    siret = models.CharField("SIRET", max_length=14, unique=True)
    name = models.CharField("nom", max_length=200)
    kind = models.CharField("nature", max_length=16, choices=Kind.choices, default=Kind.OTHER)
    territory = models.CharField("territoire", max_length=2, default="FR")
    address = models.TextField("adresse", blank=True, default="")
    postcode = models.CharField("code postal", max_length=10, blank=True, default="")
    city = models.CharField("commune", max_length=120, blank=True, default="")
    email = models.EmailField("adresse électronique", blank=True, default="")
    phone = models.CharField("téléphone", max_length=40, blank=True, default="")
    succeeded_by = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="absorbed")
    closed_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    table_guard: ClassVar[TableGuard] = owned(owner_column="id")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="succession_has_a_date",
                condition=models.Q(succeeded_by__isnull=True) | models.Q(closed_on__isnull=False),
                violation_error_message="Une organisation absorbée doit porter la date de sa disparition.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SiretPeriod(models.Model):
    """Which SIRET named an organisation when: a move or a merger changes it, history stays readable."""

    owner = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="siret_periods")
    siret = models.CharField("SIRET", max_length=14)
    valid_during = DateRangeField()
    reason = models.CharField(max_length=200, blank=True, default="")

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        constraints: ClassVar = [
            ExclusionConstraint(
                name="one_siret_per_organisation_and_day",
                expressions=[("owner", RangeOperators.EQUAL), ("valid_during", RangeOperators.OVERLAPS)],
                violation_error_message="Cette organisation a déjà un SIRET sur une partie de cette période.",
            ),
            ExclusionConstraint(
                name="one_organisation_per_siret_and_day",
                expressions=[("siret", RangeOperators.EQUAL), ("valid_during", RangeOperators.OVERLAPS)],
                violation_error_message="Ce SIRET désigne déjà une autre organisation sur une partie de cette période.",
            ),
        ]


class GroupingMember(models.Model):
    """Membership of a grouping: its members have its quality of beneficiary (CCTP 4.2)."""

    grouping = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships_given")
    member = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    during = DateRangeField()

    table_guard: ClassVar[TableGuard] = system()

    class Meta:
        constraints: ClassVar = [
            ExclusionConstraint(
                name="one_membership_per_day",
                expressions=[
                    ("grouping", RangeOperators.EQUAL),
                    ("member", RangeOperators.EQUAL),
                    ("during", RangeOperators.OVERLAPS),
                ],
                violation_error_message="Ce membre appartient déjà au groupement sur une partie de cette période.",
            ),
            models.CheckConstraint(
                name="no_member_of_itself",
                condition=~models.Q(grouping=models.F("member")),
                violation_error_message="Un groupement ne peut pas être membre de lui-même.",
            ),
        ]


class Convention(models.Model):
    """Convention de mise à disposition: makes an organisation a beneficiary of an agreement (CCTP 4.2)."""

    owner = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="conventions")
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="conventions")
    reference = models.CharField("référence", max_length=60)
    signed_on = models.DateField("signée le")
    valid_during = DateRangeField("en vigueur")

    table_guard: ClassVar[TableGuard] = owned()

    class Meta:
        constraints: ClassVar = [
            ExclusionConstraint(
                name="one_convention_per_agreement_and_day",
                expressions=[
                    ("owner", RangeOperators.EQUAL),
                    ("agreement", RangeOperators.EQUAL),
                    ("valid_during", RangeOperators.OVERLAPS),
                ],
                violation_error_message="Une convention couvre déjà une partie de cette période pour cet accord-cadre.",
            ),
        ]


class Contact(models.Model):
    """A point of contact of a beneficiary; several per organisation, each with roles."""

    class Role(models.TextChoices):
        BUYER = "buyer", _("Achats")
        TECHNICAL = "technical", _("Technique")
        FINANCE = "finance", _("Finances")
        SECURITY = "security", _("Sécurité")
        ON_CALL = "on_call", _("Astreinte")

    owner = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="contacts")
    name = models.CharField("nom", max_length=160)
    email = models.EmailField("adresse électronique", blank=True, default="")
    phone = models.CharField("téléphone", max_length=40, blank=True, default="")
    roles = ArrayField(models.CharField(max_length=16, choices=Role.choices), default=list)
    ends_on = models.DateField(null=True, blank=True)

    table_guard: ClassVar[TableGuard] = owned()


class AccountManager(models.Model):
    """ROC: the holder's dedicated operational account manager of a beneficiary (CCTP telecoms 6.1.4)."""

    owner = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="account_managers")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    name = models.CharField("nom", max_length=160)
    email = models.EmailField("adresse électronique", blank=True, default="")
    phone = models.CharField("téléphone", max_length=40, blank=True, default="")
    user_id = models.BigIntegerField(null=True, blank=True)
    during = DateRangeField()

    table_guard: ClassVar[TableGuard] = owned()


class Right(models.Model):
    """A right = role x scope x end date; read at sign-in, before any scope exists."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="rights")
    role = models.CharField(max_length=40)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    company = models.ForeignKey(Company, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    site_id = models.BigIntegerField(null=True, blank=True)
    domain = models.CharField(max_length=40, blank=True, default="")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    table_guard: ClassVar[TableGuard] = system()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="right_ends_after_it_starts",
                condition=models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=models.F("starts_on")),
                violation_error_message="La fin du droit précède son début.",
            ),
        ]
