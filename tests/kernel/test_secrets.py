"""Secrets open only with the key file, for the object they were sealed for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings

from cadran.kernel import secrets
from cadran.kernel.models import DataKey
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_scope() -> object:
    secrets._cipher.cache_clear()
    with scoped(SYSTEM):
        yield None


def test_round_trip_and_nothing_in_clear() -> None:
    sealed = secrets.seal(b"0123456789abcdef", context="device 1 AppKey")
    assert b"0123456789abcdef" not in sealed
    assert secrets.unseal(sealed, context="device 1 AppKey") == b"0123456789abcdef"
    assert secrets.seal(b"0123456789abcdef", context="device 1 AppKey") != sealed


def test_a_secret_moved_to_another_object_does_not_open() -> None:
    sealed = secrets.seal(b"key", context="device 1 AppKey")
    with pytest.raises(secrets.SecretUnreadable, match="device 2"):
        secrets.unseal(sealed, context="device 2 AppKey")


def test_altered_bytes_do_not_open() -> None:
    sealed = bytearray(secrets.seal(b"key", context="c"))
    sealed[-1] ^= 1
    with pytest.raises(secrets.SecretUnreadable):
        secrets.unseal(bytes(sealed), context="c")


def test_rotation_keeps_old_secrets_readable() -> None:
    old = secrets.seal(b"old", context="c")
    secrets.rotate()
    new = secrets.seal(b"new", context="c")
    assert old[:4] != new[:4]
    assert (secrets.unseal(old, context="c"), secrets.unseal(new, context="c")) == (b"old", b"new")
    assert DataKey.objects.count() == 2


def test_another_key_file_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = secrets.seal(b"key", context="c")
    other = tmp_path / "other"
    other.write_bytes(os.urandom(32))
    monkeypatch.setattr(secrets, "_key_encryption_key", lambda: other.read_bytes())
    secrets._cipher.cache_clear()
    with pytest.raises(secrets.SecretUnreadable, match="sauvegarde"):
        secrets.unseal(sealed, context="c")


def test_the_key_file_is_private() -> None:
    path = Path(settings.CADRAN.key_file)
    assert path.stat().st_mode & 0o077 == 0
    assert len(path.read_bytes()) >= 32
