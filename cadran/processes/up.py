"""Run every process of Cadran from one command, PostgreSQL first, and stop them all together."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from cadran.kernel import health
from cadran.kernel.config import Config, load
from cadran.kernel.errors import DomainError
from cadran.kernel.postgres import SUPERUSER, Cluster, prepare
from cadran.kernel.postgres.cluster import answers
from cadran.processes import leftovers
from cadran.processes.startup import first_line, port_in_use, refuse_unsafe_role
from cadran.processes.supervisor import Program, Supervisor

SUMMARY = "lance et surveille tous les processus ; « cadran up status » dit comment ils vont"

# Started in this order, stopped in the other; each is a file of this directory.
PROCESSES: Final = ("web", "worker", "lorawan_server")
DATABASE_SECONDS: Final = 60.0
LEFTOVERS_SECONDS: Final = 10.0
EXIT_ALREADY_RUNNING: Final = 3
_PREFIX_WIDTH: Final = max(map(len, (*PROCESSES, "postgres")))


class AlreadyRunning(DomainError):
    """Another supervisor holds this data directory."""

    code = "processes.already_running"
    exit_status = EXIT_ALREADY_RUNNING


@dataclass(frozen=True, slots=True)
class Step:
    """A command that must succeed before the processes start: what to say, what to run."""

    label: str
    arguments: tuple[str, ...]


MIGRATE: Final = Step("Mise à jour du schéma de la base", ("migrate",))
STATIC: Final = Step("Préparation des fichiers du site", ("static",))
PACKS: Final = Step("Accords-cadres et profils d'équipements", ("load",))


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run does. ``announce`` runs once every process is started."""

    config: Config
    steps: tuple[Step, ...]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    processes: tuple[str, ...] = PROCESSES
    announce: Callable[[], Coroutine[Any, Any, None]] | None = None


def main(argv: list[str]) -> int:
    """Run everything until Ctrl-C or SIGTERM, or print the status."""
    config = load()
    if argv == ["status"]:
        return print_status(config)
    if argv:
        print("Usage : cadran up            lance tout et surveille\n        cadran up status     état des processus")
        return 0 if argv[0] in ("-h", "--help") else 2
    with held(config):
        return run(plan_for(config))


def plan_for(config: Config) -> Plan:
    """Return what ``cadran up`` does: our own database is migrated and gets the packs, an operator's by commands."""
    return Plan(config, (MIGRATE, STATIC, PACKS) if config.own_database else (STATIC,))


def run(plan: Plan) -> int:
    """Supervise until a stop, the data directory being ``held``; return 0, or 1 when a step or a process refused.

    Raises:
        DomainError: unusable settings or database, before anything is started.
    """
    config = plan.config
    if port_in_use(config.host, config.port):
        raise DomainError(f"Le port {config.port} est déjà pris. Libérez-le, ou choisissez-en un autre : CADRAN_PORT=…")
    if not config.own_database:
        refuse_unsafe_role(config)
    cluster = prepare(config.data_dir / "postgres", kind=config.postgres) if config.own_database else None
    return asyncio.run(_run(plan, cluster))


async def _run(plan: Plan, cluster: Cluster | None) -> int:
    run_dir = plan.config.run_dir
    supervisor = Supervisor(run_dir=run_dir, emit=say)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.request_stop)
    sockets = health.serve("up", directory=run_dir, counters=lambda: _restarts(supervisor))
    try:
        done = await _start_all(plan, cluster, supervisor)
        if done:
            await supervisor.wait_for_stop()
    finally:
        await supervisor.stop()
        sockets.close()
    return 0 if done and supervisor.refused is None else 1


async def _start_all(plan: Plan, cluster: Cluster | None, supervisor: Supervisor) -> bool:
    """Start PostgreSQL, run the steps, start the processes; tell whether it came to that (or a stop was asked)."""
    if cluster is not None:
        say("cadran", "PostgreSQL démarre")
        supervisor.start(
            Program("postgres", tuple(cluster.command()), plan.environ, stop=signal.SIGINT, grace=20.0, bound=False)
        )
        if not await _database_ready(cluster, supervisor):
            return supervisor.stopping and supervisor.refused is None
    for step in plan.steps:
        say("cadran", step.label)
        status = await supervisor.run_once(Program(step.arguments[0], command_of(*step.arguments), plan.environ))
        if supervisor.stopping:
            return True
        if status:
            say("cadran", f"{step.label} : échec (code {status}). Les lignes ci-dessus disent pourquoi.")
            return False
    for name in plan.processes:
        supervisor.start(Program(name, command_of(name), plan.environ))
    if plan.announce is not None:
        announced = asyncio.create_task(plan.announce())
        stopped = asyncio.create_task(supervisor.wait_for_stop())
        await asyncio.wait({announced, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if announced.done() and announced.exception() is not None:
            raise RuntimeError("the announcement failed") from announced.exception()
        announced.cancel()
        stopped.cancel()
    return True


async def _database_ready(cluster: Cluster, supervisor: Supervisor) -> bool:
    """Wait for the server and make sure of its roles and database; it may die and come back meanwhile."""
    while await _until_answers(cluster, supervisor):
        try:
            await asyncio.to_thread(cluster.ensure_database)
        except psycopg.OperationalError as error:
            say("cadran", f"PostgreSQL s'est interrompu : {first_line(error)}")
        else:
            return True
    return False


async def _until_answers(cluster: Cluster, supervisor: Supervisor) -> bool:
    url = cluster.url(SUPERUSER, "postgres")
    deadline = asyncio.get_running_loop().time() + DATABASE_SECONDS
    while not supervisor.stopping:
        if await asyncio.to_thread(answers, url):
            return True
        if asyncio.get_running_loop().time() > deadline:
            say("cadran", f"PostgreSQL ne répond pas au bout de {DATABASE_SECONDS:.0f} s : abandon")
            return False
        await asyncio.sleep(0.05)
    return False


def command_of(*arguments: str) -> tuple[str, ...]:
    """Return the command line of a subcommand of Cadran."""
    safe = ("-P",) if sys.flags.safe_path else ()  # as .venv/bin/cadran does: the current directory holds no code
    return (sys.executable, *safe, "-m", "cadran", *arguments)


def say(name: str, line: str) -> None:
    """Print one line under the name of the process it comes from."""
    with suppress(OSError):  # the terminal is gone: the stop must go on
        print(f"{name:<{_PREFIX_WIDTH}} │ {line}", flush=True)


def print_status(config: Config) -> int:
    """Print how each process is; return 1 when one of them does not answer."""
    answers_by_name = health.read_all(config.run_dir) if config.run_dir.is_dir() else {}
    if answers_by_name.get("up") is None:
        say("up", "arrêté")
    expected = dict.fromkeys(PROCESSES) | {name: found for name, found in answers_by_name.items() if name != "up"}
    for name, found in {"up": answers_by_name.get("up"), **expected}.items():
        if found is None:
            say(name, "ne répond pas") if name != "up" else None
            continue
        counters = " ".join(f"{key}={value}" for key, value in sorted(found.counters.items()))
        say(name, f"processus {found.pid}, depuis {found.started_at.astimezone():%d/%m %H:%M:%S}  {counters}".rstrip())
    return int(any(found is None for found in expected.values()))


def _restarts(supervisor: Supervisor) -> dict[str, int]:
    return {f"restarts_{name}": count for name, count in supervisor.restarts.items()}


@contextmanager
def held(config: Config) -> Iterator[None]:
    """Hold the data directory during the block: two supervisors would fight over every port.

    What a killed supervisor left running is ended first.

    Raises:
        AlreadyRunning: with the process number of the other one.
    """
    config.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (config.run_dir / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(
                f"Cadran tourne déjà avec {config.data_dir} (processus {file.read().strip() or 'inconnu'}). "
                "Arrêtez-le par Ctrl-C dans son terminal, ou donnez un autre CADRAN_DATA_DIR."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        for name in leftovers.sweep(config.run_dir, grace=LEFTOVERS_SECONDS):
            say("cadran", f"{name} : reste d'un arrêt brutal, terminé")
        yield
