"""``cadran audit verify``: walk the audit chain and say whether anything was changed behind it."""

from __future__ import annotations

SUMMARY = "vérifie la chaîne scellée du journal d'audit"


def main(argv: list[str]) -> int:
    """Verify; exit 0 when the chain is intact, 1 when it is broken."""
    if argv != ["verify"]:
        print("Usage : cadran audit verify")
        return 2
    from cadran.kernel.config import load
    from cadran.processes.startup import database_running, setup_django

    with database_running(load()):
        setup_django()
        from cadran.kernel import audit
        from cadran.kernel.scope import scoped
        from cadran.kernel.viewer import SYSTEM

        with scoped(SYSTEM):
            found = audit.verify()
    if found.broken_at is not None:
        print(
            f"Chaîne rompue au sceau n° {found.broken_at} : cette ligne, ou une ligne avant elle, a été modifiée ou "
            "retirée hors de l'application. Comparez avec la dernière sauvegarde."
        )
        return 1
    print(f"Chaîne intacte : {found.sealed} ligne(s) scellée(s), {found.unsealed} pas encore scellée(s).")
    return 0
