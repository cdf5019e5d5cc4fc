"""Secrets at rest: AES-256-GCM under a data key that is itself wrapped by the key-encryption key.

Layout of a sealed secret: 4 bytes data key id, 12 bytes nonce, ciphertext with its 16-byte tag. ``context`` (what
the secret is and whose) is authenticated: a secret copied onto another object's row does not open.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection

from cadran.kernel.errors import DomainError
from cadran.kernel.models import DataKey

NONCE_BYTES = 12
_WRAP_CONTEXT = b"cadran data key"


class SecretUnreadable(DomainError):
    """A sealed secret does not open: wrong key-encryption key, or bytes that are not of this object."""

    code = "kernel.secret_unreadable"

    def __init__(self, *, context: str) -> None:
        super().__init__(
            f"Le secret « {context} » ne peut pas être déchiffré : le fichier de clé n'est pas celui qui a servi à le "
            "chiffrer, ou la ligne a été altérée. Restaurez le fichier de clé de la sauvegarde."
        )


def _key_encryption_key() -> bytes:
    return Path(settings.CADRAN.key_file).read_bytes()[:32]


@lru_cache(maxsize=64)
def _cipher(key_id: int, kek: bytes, database: str) -> AESGCM:
    wrapped = bytes(DataKey.objects.get(pk=key_id).wrapped)
    plain = AESGCM(kek).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _WRAP_CONTEXT)
    return AESGCM(plain)


def _newest_key_id() -> int:
    newest = DataKey.objects.order_by("-id").values_list("id", flat=True).first()
    return newest if newest is not None else rotate()


def rotate() -> int:
    """Create a new data key, used from now on for sealing; return its id."""
    nonce = os.urandom(NONCE_BYTES)
    wrapped = AESGCM(_key_encryption_key()).encrypt(nonce, AESGCM.generate_key(bit_length=256), _WRAP_CONTEXT)
    return int(DataKey.objects.create(wrapped=nonce + wrapped).pk)


def seal(plain: bytes, *, context: str) -> bytes:
    """Encrypt ``plain``, bound to ``context``."""
    key_id = _newest_key_id()
    nonce = os.urandom(NONCE_BYTES)
    cipher = _cipher(key_id, _key_encryption_key(), str(connection.settings_dict["NAME"]))
    return key_id.to_bytes(4, "big") + nonce + cipher.encrypt(nonce, plain, context.encode())


def unseal(sealed: bytes | memoryview, *, context: str) -> bytes:
    """Decrypt what ``seal`` made for the same ``context``.

    Raises:
        SecretUnreadable: wrong key file, other context or altered bytes.
    """
    raw = bytes(sealed)
    try:
        cipher = _cipher(int.from_bytes(raw[:4], "big"), _key_encryption_key(), str(connection.settings_dict["NAME"]))
        return cipher.decrypt(raw[4 : 4 + NONCE_BYTES], raw[4 + NONCE_BYTES :], context.encode())
    except (InvalidTag, DataKey.DoesNotExist) as error:
        raise SecretUnreadable(context=context) from error
