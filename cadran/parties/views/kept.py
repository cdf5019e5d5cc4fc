"""A file kept between two steps of a form: sealed on disk for an hour, named by a signed token.

An interruption loses nothing but the file: the person chooses it again. Web servers on several hosts that do not share
their data directory end the same way.
"""

from __future__ import annotations

import hashlib
import secrets as random
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core import signing

from cadran.kernel import secrets
from cadran.kernel.errors import DomainError

KEPT_FOR = timedelta(hours=1)
SALT = "cadran.kept-file"


class FileNoLongerKept(DomainError):
    """The hour is over, or the file was kept elsewhere."""

    code = "parties.file_no_longer_kept"

    def __init__(self) -> None:
        super().__init__(
            "Le fichier vérifié n’est plus conservé (une heure au plus) : rien n’a été écrit. Choisissez-le à nouveau."
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """A file given earlier by the same person."""

    name: str
    content: bytes


def _directory() -> Path:
    directory: Path = settings.CADRAN.data_dir / "uploads"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def keep(content: bytes, *, filename: str, user_id: int | None, now: datetime) -> str:
    """Keep a file; return the token that gives it back to that person. Older leftovers are erased on the way."""
    directory = _directory()
    for old in directory.glob("*.sealed"):
        if old.stat().st_mtime < (now - KEPT_FOR).timestamp():
            old.unlink(missing_ok=True)
    name = random.token_hex(16)
    path = directory / f"{name}.sealed"
    path.touch(mode=0o600)
    path.write_bytes(secrets.seal(content, context=f"upload:{name}"))
    facts = {
        "name": name,
        "file": filename,
        "user": user_id,
        "sha256": hashlib.sha256(content).hexdigest(),
        "at": now.timestamp(),
    }
    return signing.dumps(facts, salt=SALT)


def give_back(token: str, *, user_id: int | None, now: datetime) -> Kept:
    """Return the file of a token.

    Raises:
        FileNoLongerKept: forged, another person's, older than an hour, or its file is gone.
    """
    try:
        facts = signing.loads(token, salt=SALT)
        if facts["user"] != user_id or now.timestamp() - facts["at"] > KEPT_FOR.total_seconds():
            raise FileNoLongerKept
        content = secrets.unseal(_path(facts["name"]).read_bytes(), context=f"upload:{facts['name']}")
    except (signing.BadSignature, OSError, secrets.SecretUnreadable) as error:
        raise FileNoLongerKept from error
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        raise FileNoLongerKept
    return Kept(name=facts["file"], content=content)


def forget(token: str) -> None:
    """Erase the file of a token; nothing when it is already gone."""
    try:
        name = signing.loads(token, salt=SALT)["name"]
    except signing.BadSignature:
        return
    _path(name).unlink(missing_ok=True)


def _path(name: str) -> Path:
    return _directory() / f"{name}.sealed"
