"""``cadran lot``: who holds which lot, from when to when."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime

SUMMARY = "dit ou enregistre qui tient un lot : cadran lot list|appoint"
ROLES = ("holder", "lead", "co_contractor", "subcontractor")


def main(argv: list[str]) -> int:
    """Run one verb; exit 0 when done, 2 when something was refused (the reason is printed)."""
    parser = argparse.ArgumentParser(prog="cadran lot", description=SUMMARY)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERBE")
    verbs.add_parser("list", help="les lots et leurs titulaires")
    appoint = verbs.add_parser("appoint", help="donne à une société son rôle dans un lot")
    appoint.add_argument("lot", metavar="CODE/N", help="par exemple 2024_AOO_IOT/1")
    appoint.add_argument("siret", metavar="SIRET")
    appoint.add_argument("name", metavar="NOM")
    appoint.add_argument("--role", choices=ROLES, default="holder")
    appoint.add_argument("--since", type=date.fromisoformat, required=True, metavar="AAAA-MM-JJ")
    appoint.add_argument("--until", type=date.fromisoformat, metavar="AAAA-MM-JJ", help="premier jour où c'est fini")
    options = parser.parse_args(argv)
    from cadran.kernel.config import load
    from cadran.processes.startup import database_running, setup_django

    with database_running(load()):
        setup_django()
        from django.core.exceptions import ValidationError

        from cadran.kernel.scope import scoped
        from cadran.kernel.viewer import SYSTEM

        try:
            with scoped(SYSTEM):
                for line in _list() if options.verb == "list" else _appoint(options):
                    print(line)
        except (ValidationError, ValueError) as error:
            print("; ".join(getattr(error, "messages", [str(error)])), file=sys.stderr)
            return 2
    return 0


def _list() -> list[str]:
    from cadran.kernel.viewer import SYSTEM
    from cadran.parties import selectors
    from cadran.parties.models import LotMember

    lines = []
    for lot in selectors.lots(viewer=SYSTEM):
        lines.append(f"{lot.agreement.code}/{lot.number}  {lot.title}")
        for member in LotMember.objects.filter(lot=lot).select_related("company").order_by("id"):
            period = member.valid_during
            until = f" au {period.upper:%d/%m/%Y} (exclu)" if period.upper else ""
            lines.append(f"    {member.get_role_display()} : {member.company} depuis {period.lower:%d/%m/%Y}{until}")
    return lines


def _appoint(options: argparse.Namespace) -> list[str]:
    from cadran.kernel.viewer import SYSTEM
    from cadran.parties import services
    from cadran.processes.user import lot_of

    member = services.appoint(
        viewer=SYSTEM,
        lot=lot_of(options.lot),
        siret=options.siret,
        name=options.name,
        role=options.role,
        since=options.since,
        until=options.until,
        now=datetime.now(UTC),
    )
    return [f"{member.company} : {member.get_role_display()} de {options.lot}."]
