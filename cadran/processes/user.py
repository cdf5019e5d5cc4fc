"""``cadran user``: create a person's sign-in, give and end rights, from a terminal of the installation.

The first administrator of a new installation is made here; passwords are asked for, or made and shown once.
"""

from __future__ import annotations

import argparse
import getpass
import secrets
import sys
from datetime import UTC, date, datetime
from typing import Any

SUMMARY = "crée un compte et lui donne des droits : cadran user add|grant|list"
GENERATED_BYTES = 15


def main(argv: list[str]) -> int:
    """Run one verb; exit 0 when done, 2 when something was refused (the reason is printed)."""
    options = _parser().parse_args(argv)
    from cadran.kernel.config import load
    from cadran.processes.startup import database_running, setup_django

    with database_running(load()):
        setup_django()
        from django.core.exceptions import ValidationError

        from cadran.kernel.scope import scoped
        from cadran.kernel.viewer import SYSTEM

        try:
            with scoped(SYSTEM):
                for line in options.act(options, datetime.now(UTC)):
                    print(line)
        except ValidationError as error:
            print("; ".join(error.messages), file=sys.stderr)
            return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cadran user", description=SUMMARY)
    verbs = parser.add_subparsers(required=True, metavar="VERBE")
    add = verbs.add_parser("add", help="crée un compte, avec un premier droit s'il est donné")
    add.add_argument("email")
    add.add_argument("name", metavar="NOM")
    add.add_argument("--zone", default="Europe/Paris", help="fuseau horaire (Europe/Paris)")
    add.add_argument("--generate", action="store_true", help="crée le mot de passe et l'affiche une fois")
    add.set_defaults(act=_add)
    grant = verbs.add_parser("grant", help="donne un droit à un compte")
    grant.add_argument("email")
    grant.set_defaults(act=_grant)
    for verb, needed in ((add, False), (grant, True)):
        verb.add_argument("--role", required=needed, help="platform.admin, holder.agent, beneficiary.technician…")
        verb.add_argument("--organisation", metavar="SIRET", help="bénéficiaire dont les lignes seront vues")
        verb.add_argument("--lot", metavar="CODE/N", help="un seul lot, par exemple 2024_AOO_TELECOMS/1")
        verb.add_argument("--until", type=date.fromisoformat, metavar="AAAA-MM-JJ", help="dernier jour du droit")
    verbs.add_parser("list", help="dit qui a quel droit").set_defaults(act=_list)
    return parser


def _password(generate: bool) -> tuple[str, bool]:
    """Return the password and whether it was made here; typed twice when a person is there, else one line read."""
    if generate:
        return secrets.token_urlsafe(GENERATED_BYTES), True
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n"), False
    typed = getpass.getpass("Mot de passe : ")
    if typed != getpass.getpass("Encore une fois : "):
        raise SystemExit("Les deux mots de passe diffèrent : rien n'a été créé.")
    return typed, False


def _add(options: argparse.Namespace, now: datetime) -> list[str]:
    from django.contrib.auth.password_validation import validate_password

    from cadran.kernel.viewer import SYSTEM
    from cadran.parties import services

    password, made = _password(options.generate)
    validate_password(password)
    user = services.create_user(
        viewer=SYSTEM, email=options.email, name=options.name, password=password, now=now, zone=options.zone
    )
    lines = [f"Compte créé : {user.email} ({user.name})."]
    if made:
        lines.append(f"Mot de passe, montré cette seule fois : {password}")
    if options.role:
        lines += _give(user, options, now)
    else:
        lines.append("Il n'a encore aucun droit : cadran user grant …")
    return lines


def _grant(options: argparse.Namespace, now: datetime) -> list[str]:
    from django.core.exceptions import ValidationError

    from cadran.parties.models import User

    user = User.objects.filter(email__iexact=options.email).first()
    if user is None:
        raise ValidationError(f"Aucun compte n'a l'adresse {options.email}. Créez-le : cadran user add …")
    return _give(user, options, now)


def _give(user: Any, options: argparse.Namespace, now: datetime) -> list[str]:
    from cadran.kernel.viewer import SYSTEM, Side
    from cadran.parties import services
    from cadran.parties.rules import ROLES

    role = ROLES.get(options.role)
    organisation = _organisation(options.organisation) if options.organisation else None
    if role is not None and role.side is Side.BENEFICIARY and organisation is None:
        raise _refused(f"Le rôle {options.role} demande --organisation SIRET : sans elle il ne verrait rien.")
    services.give_right(
        viewer=SYSTEM,
        user=user,
        role=options.role,
        organisation=organisation,
        lot=lot_of(options.lot) if options.lot else None,
        starts_on=now.date(),
        ends_on=options.until,
        now=now,
    )
    return [f"Droit donné à {user.email} : {role.label if role else options.role}."]


def _organisation(siret: str) -> Any:
    from cadran.parties.models import Organisation

    found = Organisation.objects.filter(siret=siret.replace(" ", "")).first()
    if found is None:
        raise _refused(f"Aucune organisation n'a le SIRET {siret}. Importez-la : cadran import beneficiaries FICHIER")
    return found


def lot_of(reference: str) -> Any:
    from cadran.parties.models import Lot

    code, _, number = reference.rpartition("/")
    found = Lot.objects.filter(agreement__code=code, number=int(number) if number.isdigit() else 0).first()
    if found is None:
        raise _refused(
            f"Le lot {reference} n'existe pas. Écrivez par exemple 2024_AOO_TELECOMS/1 (cadran load d'abord)."
        )
    return found


def _refused(message: str) -> Exception:
    from django.core.exceptions import ValidationError

    return ValidationError(message)


def _list(options: argparse.Namespace, now: datetime) -> list[str]:
    from cadran.parties.models import Right, User

    rights: dict[int, list[str]] = {}
    for right in Right.objects.select_related("organisation", "lot__agreement").order_by("id"):
        scope = [str(one) for one in (right.organisation, right.lot) if one is not None]
        until = f" jusqu'au {right.ends_on:%d/%m/%Y}" if right.ends_on else ""
        rights.setdefault(right.user_id, []).append(f"{right.role} ({', '.join(scope) or 'tout'}){until}")
    lines = []
    for user in User.objects.order_by("email"):
        state = "" if user.is_active else "  [inactif]"
        lines.append(f"{user.email}  {user.name}{state}  {' ; '.join(rights.get(user.pk, ['aucun droit']))}")
    return lines
