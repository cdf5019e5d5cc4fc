"""Run Cadran's own PostgreSQL alone (under systemd), or print the SQL an operator's server needs.

An interruption loses nothing that was acknowledged: the write-ahead log is replayed at the next start.
"""

from __future__ import annotations

import os

from cadran.kernel.config import load
from cadran.kernel.errors import DomainError
from cadran.kernel.postgres import prepare, production_script

SUMMARY = "le PostgreSQL de Cadran, seul ; « cadran postgres sql » : les rôles à créer sur le vôtre"


USAGE = """Usage : cadran postgres               lance le serveur
        cadran postgres sql [--15]    rôles et base pour un serveur existant (--15 : PostgreSQL 15)"""


def main(argv: list[str]) -> int:  # noqa: RET503 execv does not return
    """Become the PostgreSQL server, or print SQL."""
    if argv == ["sql"]:
        print(production_script())
        return 0
    if argv == ["sql", "--15"]:
        print(production_script(major=15))
        return 0
    if argv:
        print(USAGE)
        return 0 if argv[0] in ("-h", "--help") else 2
    config = load()
    if not config.own_database:
        raise DomainError("CADRAN_DATABASE_URL désigne votre serveur : il n'y a rien à lancer ici.")
    cluster = prepare(config.data_dir / "postgres", kind=config.postgres, keep_port=True)
    command = cluster.command(parent=os.getppid())  # we become the server: nobody stands between
    os.chdir("/")
    os.execv(command[0], command)  # noqa: S606 no shell is wanted
