"""The database roles of Cadran, as SQL: one text for the cluster we run and for an operator's server.

``cadran_owner`` owns and migrates; ``cadran_app`` logs in, owns nothing and enters one of the two group roles per
transaction (``SET LOCAL ROLE``). It must not *inherit* them: its own rights stay empty when it forgets.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import sql

from cadran.kernel.postgres.credentials import APPLICATION_ROLE, DATABASE, OWNER_ROLE

BENEFICIARY_ROLE: Final = "cadran_beneficiary"
STAFF_ROLE: Final = "cadran_staff"
EXTENSIONS: Final = ("btree_gist", "pg_trgm", "unaccent")
SET_OPTION_SINCE: Final = 16  # GRANT … WITH INHERIT FALSE, SET TRUE

Statement = sql.Composed | sql.SQL


def role_statements(*, major: int, existing: frozenset[str], passwords: dict[str, str]) -> list[Statement]:
    """Return the statements that bring the four roles to their declared state; run as superuser."""
    attributes = {
        OWNER_ROLE: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB",
        APPLICATION_ROLE: "LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB",
        BENEFICIARY_ROLE: "NOLOGIN NOSUPERUSER NOBYPASSRLS",
        STAFF_ROLE: "NOLOGIN NOSUPERUSER NOBYPASSRLS",
    }
    statements: list[Statement] = []
    for role, options in attributes.items():
        verb = "ALTER" if role in existing else "CREATE"
        statement = sql.SQL("{} ROLE {} {}").format(sql.SQL(verb), sql.Identifier(role), sql.SQL(options))
        if role in passwords:
            statement += sql.SQL(" PASSWORD {}").format(sql.Literal(passwords[role]))
        statements.append(statement)
    options = " WITH INHERIT FALSE, SET TRUE" if major >= SET_OPTION_SINCE else ""
    statements.append(
        sql.SQL("GRANT {}, {} TO {}" + options).format(
            sql.Identifier(BENEFICIARY_ROLE), sql.Identifier(STAFF_ROLE), sql.Identifier(APPLICATION_ROLE)
        )
    )
    return statements


def database_statements(database: str = DATABASE) -> list[Statement]:
    """Return the statements that guard a database; run inside it, as superuser."""
    name = sql.Identifier(database)
    users = sql.SQL(", ").join(map(sql.Identifier, (APPLICATION_ROLE, BENEFICIARY_ROLE, STAFF_ROLE)))
    return [
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name),
        sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(name, users),
        sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
        *(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)) for name in EXTENSIONS),
    ]


def ensure_roles(connection: psycopg.Connection[Any], passwords: dict[str, str]) -> None:
    """Create or correct the roles (superuser, any database of the cluster)."""
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'cadran\\_%'").fetchall()
    existing = frozenset(row[0] for row in rows)
    major = connection.info.server_version // 10_000
    for statement in role_statements(major=major, existing=existing, passwords=passwords):
        connection.execute(statement)


def production_script(*, major: int = 18) -> str:
    """Return the SQL an operator runs once, as superuser, with ``psql``; the two passwords are to be chosen."""
    passwords = {OWNER_ROLE: "A CHOISIR", APPLICATION_ROLE: "A CHOISIR AUSSI"}
    lines = [
        statement.as_string() for statement in role_statements(major=major, existing=frozenset(), passwords=passwords)
    ]
    lines.append(f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE} TEMPLATE template0 ENCODING 'UTF8'")
    script = ";\n".join(lines) + f";\n\\connect {DATABASE}\n"
    return script + ";\n".join(statement.as_string() for statement in database_statements()) + ";\n"


def application_role_problems(connection: psycopg.Connection[Any]) -> list[str]:
    """Return why this login must not serve the application: each of these bypasses row-level security (one query)."""
    row = connection.execute(
        "SELECT current_user, r.rolsuper, r.rolbypassrls,"
        " pg_has_role(current_user, d.datdba, 'MEMBER'),"
        " EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        "         AND pg_has_role(current_user, c.relowner, 'MEMBER')),"
        " EXISTS (SELECT 1 FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"
        "         WHERE m.member = r.oid AND g.rolname = ANY(%s)"  # PostgreSQL 15 has no inherit_option
        "         AND coalesce((to_jsonb(m)->>'inherit_option')::bool, r.rolinherit))"
        " FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()",
        [[BENEFICIARY_ROLE, STAFF_ROLE]],
    ).fetchone()
    assert row is not None, "current_user has a row in pg_roles"
    role, *flags = row
    reasons = (
        "est superutilisateur",
        "a l'attribut BYPASSRLS",
        "possède la base",
        "possède des tables",
        "hérite des droits des deux rôles cloisonnés (il lui faut NOINHERIT)",
    )
    return [f"le rôle {role} {reason}" for flag, reason in zip(flags, reasons, strict=True) if flag]
