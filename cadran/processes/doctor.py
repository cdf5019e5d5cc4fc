"""Say in plain words what is wrong with this installation, and the remedy."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from cadran.kernel import health
from cadran.kernel.config import Config, ConfigError, load, unknown_variables
from cadran.kernel.keyfiles import KEY_BYTES, readable_by_others
from cadran.kernel.postgres import application_role_problems
from cadran.kernel.postgres.credentials import credentials_path
from cadran.processes.startup import DatabaseUnreachable, first_line, port_in_use, setup_django
from cadran.processes.up import PROCESSES

SUMMARY = "dit ce qui ne va pas dans cette installation, et le remède"

GOOD: Final = "bon"
WATCH: Final = "attention"
BROKEN: Final = "panne"

LARGEST_SKEW_SECONDS: Final = 2.0  # contract clocks are read to the minute, frames to the second
SMALLEST_FREE_BYTES: Final = 2 << 30
SMALLEST_FREE_SHARE: Final = 0.05
OLDEST_EVENT_SECONDS: Final = 60.0
_TIMEOUT: Final = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: a state word, what was looked at, and what to do when it is not good."""

    state: str
    what: str
    remedy: str = ""


Findings = Iterator[Finding]


def main(argv: list[str]) -> int:
    """Print the report; return 1 when something is wrong."""
    if argv not in ([], ["--json"]):
        print("Usage : cadran doctor [--json]")
        return 0 if argv[0] in ("-h", "--help") else 2
    findings = list(examine())
    if argv:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            print(f"{finding.state:<10} {finding.what}")
            if finding.remedy:
                print(f"{'':<10} → {finding.remedy}")
    return int(any(finding.state != GOOD for finding in findings))


def examine() -> Findings:
    """Yield every finding, the settings first: nothing else can be looked at without them."""
    try:
        config = load(create=False)
    except ConfigError as error:
        yield Finding(BROKEN, f"réglages : {error.where} : {error.problem}", error.remedy)
        return
    yield Finding(GOOD, f"réglages lus, données dans {config.data_dir}")
    for variable in unknown_variables():
        yield Finding(WATCH, f"variable {variable} inconnue, sans effet", "corrigez son nom : cadran config --help")
    checks: tuple[Callable[[Config], Findings], ...] = (files, disk, database, processes, ports)
    for check in checks:
        yield from check(config)


def files(config: Config) -> Findings:
    """Look at the modes of files that hold secrets."""
    key = config.key_file
    if not key.exists():
        if config.data_dir.exists():
            yield Finding(
                BROKEN,
                f"clé de chiffrement {key} absente",
                "restaurez-la de la sauvegarde : sans elle les secrets en base ne s'ouvrent plus. "
                "Installation neuve : elle est créée par « cadran up »",
            )
    elif key.stat().st_size < KEY_BYTES:
        yield Finding(BROKEN, f"clé de chiffrement {key} tronquée", f"restaurez-la : elle fait {KEY_BYTES} octets")
    for path in (key, config.data_dir / "secrets" / "session-key", credentials_path(config.data_dir / "postgres")):
        if path.exists():
            yield _private(path)
    origin = config.origins.get("database_url", "")
    if origin.startswith("fichier "):
        yield _private(Path(origin.removeprefix("fichier ")))


def _private(path: Path) -> Finding:
    if readable_by_others(path):
        return Finding(BROKEN, f"{path} est lisible par d'autres comptes", f"chmod 600 {path}")
    return Finding(GOOD, f"{path} est privé")


def disk(config: Config) -> Findings:
    """Look at the space left where the data are."""
    place = config.data_dir
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    free = f"{usage.free / (1 << 30):.1f} Gio libres sous {place}"
    if usage.free < SMALLEST_FREE_BYTES or usage.free < SMALLEST_FREE_SHARE * usage.total:
        yield Finding(BROKEN, f"disque presque plein : {free}", "libérez de la place : disque plein, la base s'arrête")
    else:
        yield Finding(GOOD, free)


def database(config: Config) -> Findings:
    """Look at the database: reachable, right role, right clock, up to date, guarded, ahead of the calendar."""
    try:
        if not config.database_url:
            raise psycopg.OperationalError("PostgreSQL n'a encore jamais été lancé ici")
        with psycopg.connect(config.database_url, connect_timeout=_TIMEOUT, autocommit=True) as connection:
            yield Finding(GOOD, f"base joignable (PostgreSQL {connection.info.server_version // 10_000})")
            unsafe = application_role_problems(connection)
            skew = _skew_seconds(connection)
    except psycopg.OperationalError as error:
        yield Finding(BROKEN, f"base injoignable : {first_line(error)}", DatabaseUnreachable.remedy(config))
        return
    yield from (
        Finding(BROKEN, problem, "connectez l'application avec cadran_app : cadran postgres sql") for problem in unsafe
    )
    if not unsafe:
        yield Finding(GOOD, "le rôle de l'application ne possède rien et ne contourne pas le cloisonnement")
    if abs(skew) > LARGEST_SKEW_SECONDS:
        yield Finding(
            BROKEN, f"l'horloge de la base diffère de {skew:+.1f} s de celle-ci", "réglez NTP sur les deux machines"
        )
    else:
        yield Finding(GOOD, f"horloges accordées ({skew:+.2f} s)")
    yield from _schema()


def _skew_seconds(connection: psycopg.Connection[Any]) -> float:
    """Return by how much the database's clock is ahead of ours, half of the round trip taken off."""
    before = datetime.now(UTC)
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    after = datetime.now(UTC)
    assert row is not None
    moment: datetime = row[0]
    return (moment - (before + (after - before) / 2)).total_seconds()


def _schema() -> Findings:
    """Look at what only Django and the rooms know."""
    setup_django()
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor
    from django.db.utils import DatabaseError

    from cadran.kernel import outbox, partitions, rowsecurity

    now = datetime.now(UTC)
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        yield Finding(BROKEN, f"l'état du schéma ne se lit pas : {first_line(error)}", "cadran migrate")
        return
    if pending:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in pending[:5])
        yield Finding(BROKEN, f"{len(pending)} migration(s) manquante(s) : {names}", "cadran migrate")
        return
    yield Finding(GOOD, "schéma à jour")
    for problem in rowsecurity.problems():
        yield Finding(BROKEN, f"cloisonnement : {problem}", "cadran migrate")
    missing = partitions.missing(now=now)
    if missing:
        yield Finding(BROKEN, f"partition(s) manquante(s) : {', '.join(missing)}", "cadran migrate, puis le worker")
    else:
        yield Finding(GOOD, f"partitions prêtes jusqu'en {partitions.horizon(now):%m/%Y}")
    yield from _events(outbox.backlog(now=now))


def _events(backlog: dict[str, Any]) -> Findings:
    if backlog["dead"]:
        yield Finding(
            BROKEN,
            f"{backlog['dead']} événement(s) abandonné(s) après trop d'échecs",
            "lisez kernel_outboxevent.last_error, corrigez, puis remettez attempts à 0",
        )
    if backlog["oldest_seconds"] > OLDEST_EVENT_SECONDS:
        yield Finding(
            WATCH,
            f"{backlog['waiting']} événement(s) en attente, le plus ancien depuis {backlog['oldest_seconds']:.0f} s",
            "vérifiez que le worker tourne : cadran up status",
        )
    elif not backlog["dead"]:
        yield Finding(GOOD, f"événements traités ({backlog['waiting']} en attente)")


def processes(config: Config) -> Findings:
    """Ask every process how it is."""
    for name in PROCESSES:
        found = health.read(config.run_dir, name) if config.run_dir.exists() else None
        if found is None:
            unit = f"cadran-{name.replace('_', '-')}"
            yield Finding(BROKEN, f"{name} ne répond pas", f"cadran up, ou systemctl start {unit}")
        else:
            yield Finding(GOOD, f"{name} tourne (processus {found.pid})")


def ports(config: Config) -> Findings:
    """Look whether somebody else sits on a port that one of ours needs and does not hold."""
    for name, host, port, kind in (
        ("web", config.host, config.port, socket.SOCK_STREAM),
        ("lorawan_server", config.udp_host, config.udp_port, socket.SOCK_DGRAM),
    ):
        running = config.run_dir.exists() and health.read(config.run_dir, name) is not None
        if not running and port and port_in_use(host, port, kind):
            label = "UDP " if kind is socket.SOCK_DGRAM else ""
            yield Finding(
                BROKEN,
                f"le port {label}{port} de {name} est pris par un autre programme",
                f"arrêtez-le (ss -lp{'u' if label else 't'}n) ou changez CADRAN_{'UDP_' if label else ''}PORT",
            )
