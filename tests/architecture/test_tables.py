"""Every table says who may read it, and the database agrees."""

from __future__ import annotations

import pytest
from django.db import connection

from cadran.kernel import rowsecurity
from cadran.kernel.scope import scoped
from cadran.kernel.tables import TableKind, guard_of
from cadran.kernel.viewer import SYSTEM

# Written out on purpose: a new table, or a change of guard, is a decision somebody reads.
OWNED = {
    "commitments_case",
    "commitments_casefact",
    "commitments_casetarget",
    "commitments_caseverdict",
    "inventory_equipment",
    "inventory_measuringpoint",
    "inventory_mounting",
    "inventory_service",
    "inventory_site",
    "kernel_auditentry",
    "lorawan_device",
    "lorawan_devnonce",
    "lorawan_gateway",
    "lorawan_session",
    "lorawan_uplink",
    "messaging_notification",
    "parties_accountmanager",
    "parties_contact",
    "parties_convention",
    "parties_organisation",
    "parties_siretperiod",
    "servicedesk_incident",
    "servicedesk_incidentmessage",
    "telemetry_alarm",
    "telemetry_decodefailure",
    "telemetry_latest",
    "telemetry_measurement",
    "telemetry_measurementday",
    "telemetry_rulestate",
    "telemetry_source",
    "telemetry_thresholdrule",
}
SHARED = {
    "commitments_servicelevels",
    "parties_agreement",
    "parties_company",
    "parties_lot",
    "parties_lotmember",
    "servicedesk_alarmpolicy",
    "telemetry_deviceprofile",
}


def tables(kind: TableKind) -> list[str]:
    return [m._meta.db_table for m in rowsecurity.guarded_models() if guard_of(m).kind is kind]


def test_every_table_is_declared() -> None:
    assert tables(TableKind.OWNED) == sorted(OWNED)
    assert tables(TableKind.SHARED) == sorted(SHARED)


@pytest.mark.django_db
def test_the_database_agrees() -> None:
    assert rowsecurity.problems() == []


@pytest.mark.django_db
def test_list_indexes_of_owned_tables_start_with_the_owner() -> None:
    """Primary keys, unique keys and foreign-key look-ups apart, an index serves a list: it starts with the owner."""
    wrong = []
    for model in rowsecurity.guarded_models():
        guard = guard_of(model)
        if guard.kind is not TableKind.OWNED or guard.owner_column != "owner_id":
            continue
        for index in model._meta.indexes:
            first = index.fields_orders[0][0] if index.fields_orders else ""
            if first not in {"owner", "owner_id"}:
                wrong.append(f"{model._meta.label}.{index.name}")
    assert wrong == []


@pytest.mark.django_db
def test_partitions_cannot_be_read_directly() -> None:
    with scoped(SYSTEM), connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relispartition AND c.relkind = 'r' AND ("
            " has_table_privilege('cadran_staff', c.oid, 'SELECT')"
            " OR has_table_privilege('cadran_beneficiary', c.oid, 'SELECT')"
            " OR has_table_privilege(session_user, c.oid, 'SELECT'))"
        )
        readable = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'")
        count = cursor.fetchone()[0]
    assert readable == []
    assert count >= 3 * 4


@pytest.mark.django_db
def test_the_tests_do_not_run_as_owner() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)"
        )
        assert cursor.fetchone() == ("cadran_app", False)
        cursor.execute(
            "SELECT count(*) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relowner = 'cadran_app'::regrole"
        )
        assert cursor.fetchone()[0] == 0
