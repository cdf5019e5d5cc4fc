"""Change parties: one verb per function."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from cadran.kernel import audit, outbox
from cadran.kernel.errors import DomainError
from cadran.kernel.identifiers import Siret
from cadran.kernel.viewer import Viewer
from cadran.parties import packs
from cadran.parties.events import AgreementLoaded, BeneficiariesImported, OrganisationAbsorbed
from cadran.parties.imports import Fault, Line
from cadran.parties.models import (
    Agreement,
    Company,
    Convention,
    GroupingMember,
    Lot,
    LotMember,
    Organisation,
    Right,
    SiretPeriod,
    User,
)
from cadran.parties.rules import ROLES


class UnknownRole(DomainError):
    """No such role."""

    code = "parties.unknown_role"


class AlreadyAbsorbed(DomainError):
    """An organisation can be absorbed once."""

    code = "parties.already_absorbed"


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do: one verdict per line; ``applied`` tells whether anything was written."""

    applied: bool
    created: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    faults: list[tuple[int, Fault]] = field(default_factory=list)


@transaction.atomic
def load_agreement(*, viewer: Viewer, directory: Path, now: datetime) -> Agreement:
    """Write an agreement and its lots from its pack; loading the same pack again changes nothing.

    Raises:
        PackError: the pack is wrong; names file, line and remedy.
    """
    pack = packs.load_agreement(directory)
    digest = hashlib.sha256(msgspec.json.encode(pack, order="deterministic")).hexdigest()
    known = Agreement.objects.select_for_update().filter(code=pack.code).first()
    if known is not None and known.pack_digest == digest:
        return known
    body = pack.purchasing_body
    address = f"{body.address.street}\n{body.address.postal_code} {body.address.city}"
    company, _ = Company.objects.update_or_create(
        siret=str(Siret.parse(body.siret)), defaults={"name": body.name, "address": address}
    )
    agreement, _ = Agreement.objects.update_or_create(
        code=pack.code,
        defaults={
            "title": pack.title,
            "purchasing_body": company,
            "subject": pack.object,
            "pack": msgspec.to_builtins(pack),
            "pack_digest": digest,
            "loaded_at": now,
        },
    )
    for lot in pack.lots:
        Lot.objects.update_or_create(
            agreement=agreement,
            number=lot.number,
            defaults={
                "title": lot.shown_title,
                "service_class": lot.service_class.value,
                "network_access": lot.network_access.value,
                "includes": [include.lot for include in lot.includes],
                "coverage": [str(territory) for territory in lot.territories],
            },
        )
    audit.record(
        viewer=viewer,
        action="agreement.loaded",
        object_type="agreement",
        object_id=agreement.pk,
        owner_id=None,
        now=now,
        details={"code": pack.code, "digest": digest},
    )
    outbox.publish(AgreementLoaded(agreement_id=agreement.pk, code=agreement.code))
    return agreement


@transaction.atomic
def appoint(
    *,
    viewer: Viewer,
    lot: Lot,
    siret: str,
    name: str,
    role: str,
    since: date,
    until: date | None,
    now: datetime,
    answers_for: str = "",
) -> LotMember:
    """Give a company its part in a lot (holder, lead, co-contractor…) from ``since`` to before ``until``."""
    company, _ = Company.objects.get_or_create(siret=str(Siret.parse(siret)), defaults={"name": name})
    member = LotMember(
        lot=lot, company=company, role=role, answers_for=answers_for, valid_during=DateRange(since, until)
    )
    member.full_clean()
    member.save()
    audit.record(
        viewer=viewer,
        action="lot.member_appointed",
        object_type="lot",
        object_id=lot.pk,
        owner_id=None,
        now=now,
        details={"company": company.siret, "role": role},
    )
    return member


@transaction.atomic
def create_user(
    *, viewer: Viewer, email: str, name: str, password: str, now: datetime, zone: str = "Europe/Paris"
) -> User:
    """Create a sign-in; rights are given apart."""
    user = User(email=User.objects.normalize_email(email).lower(), name=name, zone=zone)
    user.set_password(password)
    user.full_clean()
    user.save()
    audit.record(viewer=viewer, action="user.created", object_type="user", object_id=user.pk, owner_id=None, now=now)
    return user


@transaction.atomic
def give_right(
    *,
    viewer: Viewer,
    user: User,
    role: str,
    starts_on: date,
    now: datetime,
    organisation: Organisation | None = None,
    lot: Lot | None = None,
    company: Company | None = None,
    site_id: int | None = None,
    ends_on: date | None = None,
) -> Right:
    """Give a role over a scope, until ``ends_on`` included when there is one."""
    if role not in ROLES:
        raise UnknownRole(f"Le rôle « {role} » n'existe pas. Rôles connus : {', '.join(ROLES)}.")
    right = Right(
        user=user,
        role=role,
        organisation=organisation,
        lot=lot,
        company=company,
        site_id=site_id,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    right.full_clean()
    right.save()
    audit.record(
        viewer=viewer,
        action="right.given",
        object_type="user",
        object_id=user.pk,
        owner_id=organisation.pk if organisation else None,
        now=now,
        details={"role": role, "site": site_id},
    )
    return right


@transaction.atomic
def absorb(
    *, viewer: Viewer, organisation: Organisation, successor: Organisation, on: date, reason: str, now: datetime
) -> None:
    """Record that ``successor`` took the place of ``organisation`` on that day (merged communes).

    Nothing of the absorbed organisation moves: its history stays under its SIRET, and people with a right on the
    successor read it through ``absorbed``.
    """
    organisation = Organisation.objects.select_for_update().get(pk=organisation.pk)
    if organisation.succeeded_by_id is not None:
        raise AlreadyAbsorbed(
            f"{organisation.name} a déjà été absorbée le {organisation.closed_on:%d/%m/%Y}. "
            "Corrigez cette succession avant d'en enregistrer une autre."
        )
    organisation.succeeded_by = successor
    organisation.closed_on = on
    organisation.full_clean()
    organisation.save(update_fields=["succeeded_by", "closed_on"])
    audit.record(
        viewer=viewer,
        action="organisation.absorbed",
        object_type="organisation",
        object_id=organisation.pk,
        owner_id=organisation.pk,
        now=now,
        details={"successor": successor.pk, "on": on.isoformat(), "reason": reason},
    )
    outbox.publish(OrganisationAbsorbed(organisation_id=organisation.pk, successor_id=successor.pk))


@transaction.atomic
def change_siret(
    *, viewer: Viewer, organisation: Organisation, siret: str, on: date, reason: str, now: datetime
) -> None:
    """Give an organisation a new SIRET from that day (a move); the former one stays readable with its period."""
    organisation = Organisation.objects.select_for_update().get(pk=organisation.pk)
    new = str(Siret.parse(siret))
    last = SiretPeriod.objects.filter(owner=organisation, valid_during__endswith__isnull=True).first()
    if last is None:
        SiretPeriod.objects.create(owner=organisation, siret=organisation.siret, valid_during=DateRange(None, on))
    else:
        last.valid_during = DateRange(last.valid_during.lower, on)
        last.save(update_fields=["valid_during"])
    period = SiretPeriod(owner=organisation, siret=new, valid_during=DateRange(on, None), reason=reason)
    period.full_clean()
    period.save()
    audit.record(
        viewer=viewer,
        action="organisation.siret_changed",
        object_type="organisation",
        object_id=organisation.pk,
        owner_id=organisation.pk,
        now=now,
        details={"from": organisation.siret, "to": new, "on": on.isoformat()},
    )
    organisation.siret = new
    organisation.full_clean()
    organisation.save(update_fields=["siret"])


@transaction.atomic
def import_beneficiaries(*, viewer: Viewer, lines: Sequence[Line], dry_run: bool, now: datetime) -> ImportReport:
    """Create or update the organisations of a file, with their conventions and groupings: all lines or none.

    A fault on any line, or ``dry_run``, leaves the database as it was; the report says what each line would do.
    """
    viewer.require("organisation.import")
    report = ImportReport(applied=False)
    point = transaction.savepoint()
    for line in lines:
        report.faults += [(line.number, fault) for fault in line.faults]
        if not line.faults:
            _import_organisation(line, report)
    for line in lines:  # groupings may stand anywhere in the file
        if not line.faults:
            _import_links(line, report)
    if report.faults or dry_run:
        transaction.savepoint_rollback(point)
        return report
    report.applied = True
    counts = {"created": len(report.created), "updated": len(report.updated)}
    audit.record(
        viewer=viewer,
        action="organisation.imported",
        object_type="organisation",
        object_id="*",
        owner_id=None,
        now=now,
        details=counts,
    )
    outbox.publish(BeneficiariesImported(**counts))
    return report


def _import_organisation(line: Line, report: ImportReport) -> None:
    values: dict[str, str] = {"name": line.name, **line.details}
    values |= {key: value for key, value in (("kind", line.kind), ("territory", line.territory)) if value}
    known = Organisation.objects.filter(siret=line.siret).first()
    if known is None:
        Organisation.objects.create(siret=line.siret, **values)
        report.created.append(line.number)
    elif changed := [key for key, value in values.items() if getattr(known, key) != value]:
        for key in changed:
            setattr(known, key, values[key])
        known.save(update_fields=changed)
        report.updated.append(line.number)
    else:
        report.unchanged.append(line.number)


def _period(line: Line) -> DateRange:
    """The days of the line's convention, the last one included; PostgreSQL keeps the day after it."""
    last = None if line.ends_on in (None, date.max) else line.ends_on
    return DateRange(line.starts_on, last and last + timedelta(days=1))


def _changed(line: Line, report: ImportReport) -> None:
    if line.number in report.unchanged:
        report.unchanged.remove(line.number)
        report.updated.append(line.number)


def _import_links(line: Line, report: ImportReport) -> None:
    organisation = Organisation.objects.get(siret=line.siret)
    if line.grouping:
        grouping = Organisation.objects.filter(siret=line.grouping).first()
        if grouping is None:
            message = f"aucune organisation n'a le SIRET {line.grouping} : ajoutez-la au fichier, sur sa propre ligne."
            report.faults.append((line.number, Fault("groupement", message)))
        elif grouping.pk == organisation.pk:
            report.faults.append((line.number, Fault("groupement", "une organisation n'est pas membre d'elle-même.")))
        elif not GroupingMember.objects.filter(grouping=grouping, member=organisation).exists():
            GroupingMember.objects.create(grouping=grouping, member=organisation, during=_period(line))
            _changed(line, report)
    if not (line.convention and line.signed_on):
        return
    agreement = Agreement.objects.filter(code=line.agreement).first()
    if agreement is None:
        codes = ", ".join(Agreement.objects.order_by("code").values_list("code", flat=True))
        message = f"l'accord-cadre « {line.agreement} » est inconnu : écrivez l'un de {codes}."
        report.faults.append((line.number, Fault("accord_cadre", message)))
        return
    period = _period(line)
    same = Convention.objects.filter(owner=organisation, agreement=agreement, reference=line.convention)
    if same.filter(signed_on=line.signed_on, valid_during=period).exists():
        return
    overlapping = Convention.objects.filter(owner=organisation, agreement=agreement, valid_during__overlap=period)
    if overlapping.exclude(reference=line.convention).exists():
        message = "une autre convention couvre déjà une partie de cette période pour cet accord-cadre."
        report.faults.append((line.number, Fault("convention", message)))
        return
    Convention.objects.update_or_create(
        owner=organisation,
        agreement=agreement,
        reference=line.convention,
        defaults={"signed_on": line.signed_on, "valid_during": period},
    )
    _changed(line, report)
