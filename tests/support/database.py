"""A PostgreSQL cluster for the test run: one template migrated once, one clone per test worker.

Loaded early (``-p tests.support.database``): Django's settings read where the database is when they are imported.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cadran.kernel.postgres import APPLICATION_ROLE, OWNER_ROLE, SUPERUSER, Cluster, start_cluster

TEMPLATE = "cadran_template"
_STATE = "CADRAN_TEST_CLUSTER"
_cluster: Cluster | None = None


def kind() -> str:
    """Return which PostgreSQL the run uses: ``embedded`` (default) or ``system``."""
    return os.environ.get("CADRAN_TEST_POSTGRES", "embedded")


def _provide() -> None:
    """Start the cluster and migrate the template, once for the whole run, before settings are read."""
    global _cluster
    if _STATE in os.environ:
        return
    directory = Path(tempfile.mkdtemp(prefix="cadran-tests-"))
    directory.chmod(0o711)  # the cluster's own account walks through it
    data = directory / "var"
    (data / "static").mkdir(parents=True)
    for name in [name for name in os.environ if name.startswith("CADRAN_") and not name.startswith("CADRAN_TEST")]:
        del os.environ[name]
    os.environ["CADRAN_DATA_DIR"] = str(data)
    os.environ["CADRAN_CONFIG"] = ""
    _cluster = start_cluster(directory / "postgres", binaries=kind(), durable=False)
    atexit.register(_remove, os.getpid(), _cluster, directory)
    _cluster.create_database(TEMPLATE)
    urls = {role: _cluster.url(role, "{name}") for role in (SUPERUSER, OWNER_ROLE, APPLICATION_ROLE)}
    os.environ[_STATE] = json.dumps({"urls": urls, "directory": str(directory)})
    use(TEMPLATE)
    made = subprocess.run(
        [sys.executable, "-m", "cadran", "migrate"], capture_output=True, text=True, env=os.environ, check=False
    )
    if made.returncode:
        raise RuntimeError(f"the template could not be migrated:\n{made.stdout}\n{made.stderr}")


def _remove(pid: int, cluster: Cluster, directory: Path) -> None:
    if os.getpid() == pid:
        cluster.stop()
        cluster.destroy()
        shutil.rmtree(directory, ignore_errors=True)


def url(role: str, name: str) -> str:
    """Return the URL of a database of the test cluster for a role."""
    return str(json.loads(os.environ[_STATE])["urls"][role]).replace("{name}", name).replace("%7Bname%7D", name)


def use(name: str) -> None:
    """Point this process, and those it starts, at a database of the test cluster."""
    os.environ["CADRAN_DATABASE_URL"] = url(APPLICATION_ROLE, name)
    os.environ["CADRAN_DATABASE_OWNER_URL"] = url(OWNER_ROLE, name)


def administer(*statements: str, name: str = "postgres") -> None:
    """Run statements as the superuser of the test cluster."""
    with psycopg.connect(url(SUPERUSER, name), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def clone(name: str) -> None:
    """Create a database from the template (its statistics and grants included)."""
    administer(
        f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
        f"CREATE DATABASE {name} OWNER {OWNER_ROLE} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY",
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {APPLICATION_ROLE}, cadran_beneficiary, cadran_staff",
    )


def drop(name: str) -> None:
    """Drop a clone."""
    administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def flush(name: str) -> None:
    """Empty every table of a clone through the owner's connection, what migrations wrote excepted."""
    with psycopg.connect(url(OWNER_ROLE, name), autocommit=True) as connection:
        tables = connection.execute(
            "SELECT string_agg(quote_ident(relname), ', ') FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
            " AND relname NOT IN ('django_migrations', 'django_content_type')"
        ).fetchone()
        assert tables is not None
        connection.execute(f"TRUNCATE {tables[0]} RESTART IDENTITY CASCADE")


_provide()


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """Give this worker its clone; tests run as the application role, which owns nothing."""
    from django.db import connections
    from django.test import TransactionTestCase

    name = f"cadran_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    clone(name)
    use(name)
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = name
    settings.DATABASES["default"]["OPTIONS"].pop("pool", None)
    connections["default"].settings_dict["NAME"] = name
    connections["default"].settings_dict["OPTIONS"].pop("pool", None)
    setattr(TransactionTestCase, "_fixture_teardown", lambda self: flush(name))  # noqa: B010 - unknown to the stubs
    yield
    with django_db_blocker.unblock():
        connections.close_all()
    drop(name)
