"""AES of LoRaWAN 1.0.x: message integrity codes, payload encryption, key derivation.

Source: LoRaWAN 1.0.4 (TS001), 4.3.3 encryption, 4.4 MIC, 6.2.5 and next for the join; the same bytes since 1.0.2.
Each key keeps one AES-CMAC context, copied per frame, and one ECB encryptor: setting them up costs more than a frame.
"""

import hmac
from struct import Struct

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.cmac import CMAC

UPLINK = 0
DOWNLINK = 1
KEY_BYTES = 16
MIC_BYTES = 4

_BLOCK_BYTES = 16
# First byte, four zeros, direction, DevAddr, 32-bit counter, one zero, last byte (message length, or block number).
_BLOCK = Struct("<B4xBIIxB")
_MIC_BLOCK = 0x49
_CIPHER_BLOCK = 0x01


class SessionKeys:
    """The two keys of a 1.0.x session, with their AES contexts built at the first frame.

    Not thread-safe: the contexts belong to one event loop.
    """

    __slots__ = ("_app_ecb", "_mac", "_nwk_ecb", "app_s_key", "nwk_s_key")

    def __init__(self, *, nwk_s_key: bytes, app_s_key: bytes) -> None:
        if len(nwk_s_key) != KEY_BYTES or len(app_s_key) != KEY_BYTES:
            raise ValueError("A session key has 16 bytes.")
        self.nwk_s_key = nwk_s_key
        self.app_s_key = app_s_key
        self._mac: CMAC | None = None
        self._nwk_ecb: CipherContext | None = None
        self._app_ecb: CipherContext | None = None

    def __repr__(self) -> str:
        return "SessionKeys(…)"  # keys never reach a log

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SessionKeys):
            return NotImplemented
        return hmac.compare_digest(self.nwk_s_key + self.app_s_key, other.nwk_s_key + other.app_s_key)

    def __hash__(self) -> int:
        return hash((self.nwk_s_key, self.app_s_key))

    def data_mic(self, message: bytes, *, direction: int, dev_addr: int, f_cnt: int) -> bytes:
        """Return the 4-byte MIC of a data message (MHDR to FRMPayload) under the full 32-bit counter."""
        prototype = self._mac
        if prototype is None:
            prototype = self._mac = CMAC(AES(self.nwk_s_key))
        mac = prototype.copy()
        mac.update(_BLOCK.pack(_MIC_BLOCK, direction, dev_addr, f_cnt, len(message)) + message)
        return mac.finalize()[:MIC_BYTES]

    def crypt(self, payload: bytes, *, f_port: int, direction: int, dev_addr: int, f_cnt: int) -> bytes:
        """Encrypt or decrypt an FRMPayload (the same operation): NwkSKey on port 0, AppSKey elsewhere."""
        if not payload:
            return b""
        if f_port == 0:
            ecb = self._nwk_ecb
            if ecb is None:
                ecb = self._nwk_ecb = _encryptor(self.nwk_s_key)
        else:
            ecb = self._app_ecb
            if ecb is None:
                ecb = self._app_ecb = _encryptor(self.app_s_key)
        return _xor_keystream(ecb, payload, direction, dev_addr, f_cnt)


def crypt_payload(key: bytes, payload: bytes, *, direction: int, dev_addr: int, f_cnt: int) -> bytes:
    """Encrypt or decrypt an FRMPayload with one key, without caching anything."""
    return _xor_keystream(_encryptor(key), payload, direction, dev_addr, f_cnt) if payload else b""


def derive_session_keys(app_key: bytes, *, join_nonce: int, net_id: int, dev_nonce: int) -> SessionKeys:
    """Return the session keys both ends derive from a join (TS001, join-accept); nonces as unsigned integers."""
    tail = join_nonce.to_bytes(3, "little") + net_id.to_bytes(3, "little") + dev_nonce.to_bytes(2, "little") + bytes(7)
    ecb = _encryptor(app_key)
    return SessionKeys(nwk_s_key=ecb.update(b"\x01" + tail), app_s_key=ecb.update(b"\x02" + tail))


def join_mic(app_key: bytes, message: bytes) -> bytes:
    """Return the MIC of a join-request or of a clear join-accept: AES-CMAC over MHDR and body."""
    mac = CMAC(AES(app_key))
    mac.update(message)
    return mac.finalize()[:MIC_BYTES]


def encrypt_join_accept(app_key: bytes, clear: bytes) -> bytes:
    """Encrypt body and MIC of a join-accept: with AES *decrypt*, so that a device needs only AES encrypt."""
    return Cipher(AES(app_key), ECB()).decryptor().update(clear)  # noqa: S305 (the specification says ECB)


def decrypt_join_accept(app_key: bytes, encrypted: bytes) -> bytes:
    """Return body and MIC of a join-accept in clear, as the device reads them."""
    return _encryptor(app_key).update(encrypted)


def same_mic(one: bytes, other: bytes) -> bool:
    """Compare two MICs in constant time."""
    return hmac.compare_digest(one, other)


def _encryptor(key: bytes) -> CipherContext:
    return Cipher(AES(key), ECB()).encryptor()  # noqa: S305 (counter mode is built on it, block by block)


def _xor_keystream(ecb: CipherContext, payload: bytes, direction: int, dev_addr: int, f_cnt: int) -> bytes:
    size = len(payload)
    if size <= _BLOCK_BYTES:
        blocks = _BLOCK.pack(_CIPHER_BLOCK, direction, dev_addr, f_cnt, 1)
    else:
        count = -(-size // _BLOCK_BYTES)
        pack = _BLOCK.pack
        blocks = b"".join([pack(_CIPHER_BLOCK, direction, dev_addr, f_cnt, n) for n in range(1, count + 1)])
    keystream = ecb.update(blocks)
    clear = int.from_bytes(payload, "little") ^ int.from_bytes(keystream[:size], "little")
    return clear.to_bytes(size, "little")
