"""Write the bodies, the companies and the people of the demonstration."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta

from allauth.mfa.totp.internal.auth import TOTP
from django.db.backends.postgresql.psycopg_any import DateRange

from cadran.inventory.models import Site
from cadran.kernel.errors import DomainError
from cadran.kernel.viewer import SYSTEM
from cadran.parties import imports, services
from cadran.parties.models import AccountManager, Company, Contact, Lot, Organisation, User
from cadran.parties.rules import DEMONSTRATION_PASSWORD
from cadran.processes.demonstration.cast import BODIES, FIRMS, PARTS, PEOPLE, TOTP_SEED, Body, Person


def since(anchor: datetime) -> date:
    """Return the day the conventions and the holders' parts begin on: two years and some before the load."""
    return date(anchor.year - 2, 1, 15)


def bodies(anchor: datetime) -> str:
    """Import the beneficiaries as a file would be: members of groupings, conventions under each agreement."""
    first = _import(list(BODIES), "", anchor)
    for agreement in dict.fromkeys(code for body in BODIES for code in body.agreements):
        _import([body for body in BODIES if agreement in body.agreements], agreement, anchor)
    _companies(anchor)
    _contacts(anchor)
    return f"{first} organisations, {len(FIRMS)} sociétés, {len(PARTS)} rôles dans les lots"


def _import(bodies: list[Body], agreement: str, anchor: datetime) -> int:
    sirets = {body.key: body.siret for body in BODIES}
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(imports.COLUMNS)
    day = since(anchor).isoformat()
    for body in bodies:
        convention = [agreement, f"CONV-{anchor.year - 2}-{body.key.upper()}-{agreement[9:12]}", day, day, ""]
        writer.writerow(
            [
                *(body.siret, body.name, body.kind, body.territory, body.address, body.postcode, body.city),
                *(body.email, body.phone, sirets.get(body.grouping, "")),
                *(convention if agreement else [""] * 5),
            ]
        )
    lines = imports.read(text.getvalue().encode(), filename="demonstration.csv")
    for line in lines:
        line.starts_on = line.starts_on or since(anchor)  # memberships without a convention of their own
    report = services.import_beneficiaries(viewer=SYSTEM, lines=lines, dry_run=False, now=anchor)
    if report.faults:
        number, fault = report.faults[0]
        raise DomainError(f"Données de démonstration, ligne {number}, {fault.column} : {fault.message}")
    return len(report.created)


def _companies(anchor: datetime) -> None:
    names = {firm.key: firm for firm in FIRMS}
    for agreement, number, key, role, answers_for in PARTS:
        services.appoint(
            viewer=SYSTEM,
            lot=Lot.objects.get(agreement__code=agreement, number=number),
            siret=names[key].siret,
            name=names[key].name,
            role=role,
            since=since(anchor),
            until=None,
            answers_for=answers_for,
            now=anchor,
        )


def _contacts(anchor: datetime) -> None:
    roles = Contact.Role
    for body in BODIES:
        owner = Organisation.objects.get(siret=body.siret)
        domain = body.email.partition("@")[2]
        Contact.objects.bulk_create(
            Contact(owner=owner, name=name, email=f"{box}@{domain}", phone=body.phone, roles=kinds)
            for name, box, kinds in (
                ("Service des achats", f"achats.{body.key}", [roles.BUYER, roles.FINANCE]),
                ("Services techniques", f"technique.{body.key}", [roles.TECHNICAL]),
                ("Astreinte", f"astreinte.{body.key}", [roles.ON_CALL, roles.SECURITY]),
            )
        )
        AccountManager.objects.create(
            owner=owner,
            name="Hélène Roussel",
            email="roc@cadence.example",
            phone="01 99 00 50 00",
            during=DateRange(since(anchor), None),
        )


def people(anchor: datetime) -> str:
    """Create every persona with its right; sites must exist."""
    for person in PEOPLE:
        user = services.create_user(
            viewer=SYSTEM,
            email=person.email,
            name=person.name,
            password=DEMONSTRATION_PASSWORD,
            now=anchor,
            zone=person.zone,
        )
        _right(user, person, anchor)
        if person.totp:
            TOTP.activate(user, TOTP_SEED)
    roc = User.objects.get(email="roc@cadence.example")
    AccountManager.objects.filter(email=roc.email).update(user_id=roc.pk)
    return f"{len(PEOPLE)} personnes"


def _right(user: User, person: Person, anchor: datetime) -> None:
    sirets = {body.key: body.siret for body in BODIES} | {firm.key: firm.siret for firm in FIRMS}
    services.give_right(
        viewer=SYSTEM,
        user=user,
        role=person.role,
        organisation=Organisation.objects.get(siret=sirets[person.body]) if person.body else None,
        company=Company.objects.get(siret=sirets[person.firm]) if person.firm else None,
        site_id=Site.objects.get(code=person.site).pk if person.site else None,
        starts_on=since(anchor),
        ends_on=(anchor + timedelta(days=3 * 365)).date() if person.firm else None,
        now=anchor,
    )
