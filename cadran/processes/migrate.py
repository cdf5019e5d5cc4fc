"""Bring the database to this version: roles, tables, row-level security, partitions. Safe to run again."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import psycopg

from cadran.kernel.config import Config, load
from cadran.kernel.errors import DomainError
from cadran.processes.startup import StartRefused, database_running, setup_django

SUMMARY = "met la base à jour : tables, cloisonnement, partitions"
_LOCK = 0x43616472  # "Cadr": any number of ours; two migrations wait for each other


def main(argv: list[str]) -> int:
    """Migrate as the owner role; our own database is started for it when it is stopped."""
    if argv:
        print("Usage : cadran migrate    (rôle propriétaire : CADRAN_DATABASE_OWNER_URL)")
        return 0 if argv[0] in ("-h", "--help") else 2
    with database_running(load()):
        config = load()  # again: a first start has just made the passwords
        if not config.database_owner_url:
            raise StartRefused(
                "CADRAN_DATABASE_OWNER_URL manque : les tables se créent sous le rôle propriétaire (cadran_owner), "
                "jamais sous celui de l'application."
            )
        with psycopg.connect(config.database_owner_url, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
            migrate(config)
    return 0


def migrate(config: Config) -> None:
    """Apply what is missing, then rebuild grants and policies, then make the coming months' partitions."""
    began = time.monotonic()
    setup_django(as_owner=True)
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from cadran.kernel import partitions, rowsecurity

    if not config.own_database:
        _refuse_missing_roles()
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        print(f"{len(plan)} migration(s) à appliquer…", flush=True)
        call_command("migrate", interactive=False, verbosity=0)
    rowsecurity.apply(login=unquote(urlsplit(config.database_url).username or ""))
    if incomplete := rowsecurity.problems():
        raise DomainError(f"Cloisonnement incomplet après migration : {' ; '.join(incomplete)}.")
    now = datetime.now(UTC)
    made = partitions.ensure(first=now.date(), last=partitions.horizon(now))
    seconds = time.monotonic() - began
    print(f"{len(plan)} migration(s), {made} partition(s) ; cloisonnement posé et vérifié ; {seconds:.1f} s")


def _refuse_missing_roles() -> None:
    from django.db import connection

    from cadran.kernel.postgres import BENEFICIARY_ROLE, STAFF_ROLE

    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [[BENEFICIARY_ROLE, STAFF_ROLE]])
        found = {name for (name,) in cursor.fetchall()}
    if missing := {BENEFICIARY_ROLE, STAFF_ROLE} - found:
        raise StartRefused(
            f"Il manque sur ce serveur : {', '.join(sorted(missing))}. "
            "Faites exécuter par son administrateur le SQL que donne : cadran postgres sql"
        )
