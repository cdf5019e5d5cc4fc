"""What a process must know to reach the PostgreSQL that Cadran runs: port and passwords, in one private file."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cadran.kernel.keyfiles import write_private

DATABASE: Final = "cadran"
SUPERUSER: Final = "postgres"
OWNER_ROLE: Final = "cadran_owner"
APPLICATION_ROLE: Final = "cadran_app"
_FILE: Final = "credentials.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The port, the directory the server's account owns, and one generated password per login role."""

    port: int
    home: str
    passwords: dict[str, str]

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the connection URL of a login role, over the loopback interface."""
        return f"postgresql://{role}:{quote(self.passwords[role], safe='')}@127.0.0.1:{self.port}/{database}"


def generate_credentials(*, port: int, home: Path) -> Credentials:
    """Return new random passwords for the three login roles."""
    roles = (SUPERUSER, OWNER_ROLE, APPLICATION_ROLE)
    return Credentials(port=port, home=str(home), passwords={role: secrets.token_urlsafe(24) for role in roles})


def read_credentials(directory: Path) -> Credentials | None:
    """Return what ``directory`` keeps, or ``None`` before the first start."""
    try:
        return Credentials(**json.loads((directory / _FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def write_credentials(directory: Path, credentials: Credentials) -> None:
    """Keep them in ``directory``, mode 0600, replacing what was there."""
    write_private(directory / _FILE, json.dumps(asdict(credentials), indent=1).encode(), replace=True)


def credentials_path(directory: Path) -> Path:
    """Return the file that holds the passwords."""
    return directory / _FILE
