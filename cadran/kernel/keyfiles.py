"""Secrets kept in files of mode 0600, made once even when several processes start together."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

KEY_BYTES = 32


def write_private(path: Path, content: bytes, *, replace: bool = False) -> bool:
    """Write a file of mode 0600 in one step; tell whether this call made it.

    A reader sees the whole content or no file. Without ``replace``, the first of several writers wins and the others
    get ``False``.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(draft, path)
            return True
        os.link(draft, path)
        return True
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)


def text_secret(path: Path, *, create: bool) -> str:
    """Return the random text kept in ``path``, made now when missing; empty when it may not be made."""
    if not path.exists():
        if not create:
            return ""
        write_private(path, secrets.token_urlsafe(48).encode())
    return path.read_text(encoding="ascii").strip()


def key_encryption_key(path: Path, *, create: bool) -> bytes:
    """Return the 32 random bytes kept in ``path``, made now when missing; empty when they may not be made."""
    if not path.exists():
        if not create:
            return b""
        write_private(path, secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()


def readable_by_others(path: Path) -> bool:
    """Tell whether the file's group or anybody else may read or write it."""
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
