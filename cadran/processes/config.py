"""Print the effective settings, where each was read, secrets masked."""

from __future__ import annotations

import json
import sys

from cadran.kernel.config import PREFIX, SETTINGS, load, unknown_variables

SUMMARY = "affiche les réglages effectifs et leur origine, secrets masqués"


def main(argv: list[str]) -> int:
    """Print one line per setting, or JSON."""
    if argv not in ([], ["--json"]):
        print("Usage : cadran config [--json]\n\nRéglages (fichier cadran.toml, ou variable d'environnement) :")
        for setting in SETTINGS:
            print(f"  {setting.name:<20} {PREFIX + setting.name.upper():<28} {setting.summary}")
        return 0 if argv[0] in ("-h", "--help") else 2
    config = load(create=False)
    shown = config.masked()
    if argv:
        rows = {name: {"value": value, "origin": config.origins[name]} for name, value in shown.items()}
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    for name, value in shown.items():
        print(f"{name:<20} {value or '(vide)':<56} {config.origins[name]}")
    for variable in unknown_variables():
        print(f"Variable inconnue, sans effet : {variable}", file=sys.stderr)
    return 0
