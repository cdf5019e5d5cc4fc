"""``cadran import beneficiaries FILE``: the same import as the portal's, from a terminal."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

SUMMARY = "importe un fichier (bénéficiaires : CSV, XLSX, ODS)"


def main(argv: list[str]) -> int:
    """Import; exit 0 when applied (or a clean dry run), 1 when a line has a fault, 2 when the file is unreadable."""
    parser = argparse.ArgumentParser(prog="cadran import", description=SUMMARY)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="NATURE")
    beneficiaries = kinds.add_parser("beneficiaries", help="les bénéficiaires et leurs conventions")
    beneficiaries.add_argument("file", type=Path, metavar="FICHIER")
    beneficiaries.add_argument("--dry-run", action="store_true", help="dire ce qui serait fait, sans rien écrire")
    options = parser.parse_args(argv)
    return _beneficiaries(options.file, dry_run=options.dry_run)


def _beneficiaries(path: Path, *, dry_run: bool) -> int:
    from cadran.kernel.config import load
    from cadran.processes.startup import database_running, setup_django

    try:
        content = path.read_bytes()
    except OSError as error:
        print(f"{path} ne peut pas être lu ({error.strerror}) : vérifiez le chemin et les droits.")
        return 2
    with database_running(load()):
        setup_django()
        from cadran.kernel.scope import scoped
        from cadran.kernel.viewer import SYSTEM
        from cadran.parties import imports, services

        try:
            lines = imports.read(content, filename=path.name)
        except imports.UnreadableFile as error:
            print(error)
            return 2
        with scoped(SYSTEM):
            report = services.import_beneficiaries(viewer=SYSTEM, lines=lines, dry_run=dry_run, now=datetime.now(UTC))
    for number, fault in sorted(report.faults, key=lambda pair: pair[0]):
        print(f"ligne {number}, {fault.column} : {fault.message}")
    counts = (
        f"{len(report.created)} à créer, {len(report.updated)} à modifier, {len(report.unchanged)} sans changement, "
        f"{len(report.faults)} erreur(s)"
    )
    print(f"{counts}. {'Import appliqué.' if report.applied else 'Rien n’a été écrit.'}")
    return 1 if report.faults else 0
