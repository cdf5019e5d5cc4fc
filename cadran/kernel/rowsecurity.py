"""Row-level security, rebuilt from the declared guards after each migration.

Two group roles are entered by ``SET LOCAL ROLE`` (see ``scope.py``): *beneficiary* has the policy
``owner = ANY(scope)`` alone (an OR would turn an indexed page into a sequential scan), *staff* has ``true``.
Partitions get no grant at all: queried directly they would escape the policy of their parent.
"""

from __future__ import annotations

from django.apps import apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from cadran.kernel.tables import TableGuard, TableKind, guard_of

BENEFICIARY = "cadran_beneficiary"
STAFF = "cadran_staff"
SCOPE = "(current_setting('cadran.scope', true))::bigint[]"


def guarded_models() -> list[type[Model]]:
    """Return every model with a table of its own, many-to-many tables included, by table name."""
    models = [m for m in apps.get_models(include_auto_created=True) if not m._meta.proxy]
    return sorted(models, key=lambda model: model._meta.db_table)


def apply(*, login: str, using: str = "default") -> None:
    """Grant and guard every declared table; run as the owner of the tables, idempotent."""
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {BENEFICIARY}, {STAFF}, {login}")
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {BENEFICIARY}, {STAFF}, {login}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {STAFF}, {login}")
        for model in guarded_models():
            for statement in statements(model._meta.db_table, guard_of(model), login=login):
                cursor.execute(statement)
        cursor.execute(f"GRANT SELECT ON django_migrations TO {login}")
        for function in ("cadran_ensure_partitions(date, date)", "cadran_forget_partitions(text, date)"):
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {STAFF}")


def statements(table: str, guard: TableGuard, *, login: str) -> list[str]:
    """Return the SQL that guards one table."""
    sql = [
        f'GRANT {verbs} ON "{table}" TO {role}'
        for role, verbs in ((BENEFICIARY, guard.beneficiary), (STAFF, guard.staff), (login, guard.login))
        if verbs
    ]
    sql += [f'DROP POLICY IF EXISTS {name} ON "{table}"' for name in ("beneficiary", "staff", "login")]
    if guard.kind is not TableKind.OWNED:
        return sql
    mine = f'"{guard.owner_column}" = ANY({SCOPE})'
    sql += [
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'CREATE POLICY beneficiary ON "{table}" TO {BENEFICIARY} USING ({mine}) WITH CHECK ({mine})',
        f'CREATE POLICY staff ON "{table}" TO {STAFF} USING (true) WITH CHECK (true)',
    ]
    if guard.login:
        sql.append(f'CREATE POLICY login ON "{table}" TO {login} USING (true) WITH CHECK (true)')
    return sql


def problems(using: str = "default") -> list[str]:
    """Return, in words, each declared table whose guard is missing in the database (two queries)."""
    connection = connections[using]
    found = _state(connection)
    complaints = []
    for model in guarded_models():
        table, guard = model._meta.db_table, guard_of(model)
        if table not in found:
            complaints.append(f"table {table} absente")
        elif guard.kind is TableKind.OWNED and found[table] != {"beneficiary", "staff"} | (
            {"login"} if guard.login else set()
        ):
            complaints.append(f"table {table} sans cloisonnement entre bénéficiaires")
    return complaints


def _state(connection: BaseDatabaseWrapper) -> dict[str, set[str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, coalesce(array_agg(p.polname::text) FILTER (WHERE c.relrowsecurity), '{}')"
            " FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid"
            " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace GROUP BY c.relname"
        )
        return {name: {policy for policy in policies if policy} for name, policies in cursor.fetchall()}
