"""``cadran demo-data``: load the demonstration territory, or bring it up to date; ``code``: the administrator's code.

An interruption loses nothing: the next run goes on with the first part that is missing.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

SUMMARY = "charge les données de la démonstration (appelé par make demo)"


def main(argv: list[str]) -> int:
    """Load into the demonstration's own database, or print the code of the second sign-in step."""
    if argv not in ([], ["code"]):
        print("Usage : cadran demo-data        charge ce qui manque")
        print("        cadran demo-data code   code de l’administrateur, second temps de sa connexion")
        return 0 if argv[0] in ("-h", "--help") else 2
    from cadran.kernel.config import load as load_config
    from cadran.processes.startup import database_running, setup_django

    if argv:
        setup_django()
        print(_code())
        return 0
    with database_running(load_config()):
        setup_django()
        from cadran.processes.demonstration import load

        began = time.monotonic()
        load(lambda line: print(line, flush=True), now=datetime.now(UTC))
        print(f"Données de démonstration prêtes en {time.monotonic() - began:.1f} s")
    return 0


def guide(url: str) -> str:
    """Return who may sign in at ``url`` and what to look at, for the end of the start."""
    from cadran.processes.demonstration import TOTP_SEED, logins

    known = logins()
    width = max(len(login.email) for login in known)
    lines = [f"Mot de passe de tous les comptes (démonstration seulement) : {known[0].password}", ""]
    for login in known:
        lines += [f"  {login.email:<{width}}  {login.persona}", f"  {'':<{width}}  → {login.look_at}"]
    lines += [
        "",
        f"Code de l’administrateur (second temps) : .venv/bin/cadran demo-data code (clé TOTP : {TOTP_SEED})",
        f"À voir d’abord : {url}/carte/ · {url}/incidents/ · {url}/alarmes/",
        "Les capteurs vivent. De la 2e à la 17e minute, la cuisine centrale va mal : sa passerelle se tait (vers la 7e",
        "minute, un incident chez le titulaire) et sa chambre froide 1 chauffe (vers la 10e, une alarme à la ville).",
    ]
    return "\n".join(lines)


def _code() -> str:
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    from cadran.processes.demonstration import TOTP_SEED

    counters = list(yield_hotp_counters_from_time())
    return str(format_hotp_value(hotp_value(TOTP_SEED, counters[len(counters) // 2])))
