"""What every process does before its own work."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import psycopg

from cadran.kernel.config import Config
from cadran.kernel.errors import DomainError
from cadran.kernel.postgres import application_role_problems, start_cluster
from cadran.kernel.postgres.cluster import answers
from cadran.processes.supervisor import EXIT_CONFIG


class StartRefused(DomainError):
    """The settings are unsafe or unusable; starting again would change nothing."""

    code = "processes.start_refused"
    exit_status: ClassVar[int] = EXIT_CONFIG


class DatabaseUnreachable(DomainError):
    """Nobody answers at the database's address."""

    code = "processes.database_unreachable"

    def __init__(self, config: Config, cause: str = "") -> None:
        super().__init__(f"La base de données ne répond pas. {self.remedy(config)} {cause}".strip())

    @staticmethod
    def remedy(config: Config) -> str:
        """Return what to do about it."""
        if config.own_database:
            return "Elle est lancée par « cadran up » (ou « make demo ») : lancez-le dans un autre terminal."
        return "Vérifiez que le serveur tourne et que CADRAN_DATABASE_URL est juste."


def setup_django(*, as_owner: bool = False) -> None:
    """Load Django with Cadran's settings; ``as_owner`` logs in with the role that owns the tables (migrations only)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cadran.processes.settings")
    if as_owner:
        os.environ["CADRAN_ACT_AS_OWNER"] = "1"
    import django

    django.setup()


@contextmanager
def database_running(config: Config) -> Iterator[None]:
    """Make sure the database answers during the block; our own is started for it when it is stopped."""
    if not config.own_database or (config.database_url and answers(config.database_url)):
        yield
        return
    cluster = start_cluster(config.data_dir / "postgres", binaries=config.postgres)
    try:
        yield
    finally:
        cluster.stop()


def refuse_unsafe_role(config: Config) -> None:
    """Make sure the application's login cannot bypass row-level security (one query).

    Raises:
        StartRefused: it is owner, superuser or BYPASSRLS.
        DatabaseUnreachable: nobody answers.
    """
    if not config.database_url:
        raise DatabaseUnreachable(config)
    try:
        with psycopg.connect(config.database_url, connect_timeout=5) as connection:
            problems = application_role_problems(connection)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(config, first_line(error)) from error
    if problems:
        raise StartRefused(
            f"CADRAN_DATABASE_URL : {' ; '.join(problems)}. Les lignes d'un bénéficiaire seraient visibles des autres. "
            "Donnez-lui le rôle applicatif cadran_app (cadran postgres sql)."
        )


def port_in_use(host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Tell whether somebody else already listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def first_line(error: BaseException) -> str:
    """Return the first line of an error, which is what a person can use of psycopg's."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
