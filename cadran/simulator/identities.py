"""Who the simulated devices and gateways are: everything is derived from a rank, so that demonstration data can
register the very devices that ``cadran simulate`` plays.

These keys are public (they are in this file): never register them on a real network.
"""

import hashlib
import hmac
from typing import Final, NamedTuple

DEMONSTRATION_SEED: Final = b"cadran demonstration territory 1"

# Locally administered EUI-64s (second bit of the first byte set): no maker's device can carry them.
_DEVICE_PREFIX: Final = 0x02CADA0000000000
_GATEWAY_PREFIX: Final = 0x02CADA6700000000
_JOIN_EUI: Final = 0x02CADA4A00000001
_RANKS: Final = 1 << 24
_PERSONALISED_ADDRESS: Final = 0x01000000  # upper half of the private network's addresses (NwkID 0)


class DeviceIdentity(NamedTuple):
    """What a device is born with; EUIs as unsigned integers, most significant byte first."""

    dev_eui: int
    join_eui: int
    app_key: bytes


class GivenSession(NamedTuple):
    """A session without a join (personalised device), for benchmarks."""

    dev_addr: int
    nwk_s_key: bytes
    app_s_key: bytes


def device_identity(index: int, *, seed: bytes = DEMONSTRATION_SEED) -> DeviceIdentity:
    """Return the identity of the device of a rank (0..2^24-1); ValueError beyond."""
    dev_eui = _DEVICE_PREFIX | _rank(index)
    return DeviceIdentity(dev_eui, _JOIN_EUI, _derive(seed, b"AppKey", dev_eui))


def gateway_eui(index: int) -> int:
    """Return the EUI-64 of the gateway of a rank (0..2^24-1), as an integer."""
    return _GATEWAY_PREFIX | _rank(index)


def given_session(index: int, *, seed: bytes = DEMONSTRATION_SEED) -> GivenSession:
    """Return the personalised session of the device of a rank."""
    dev_eui = _DEVICE_PREFIX | _rank(index)
    return GivenSession(
        _PERSONALISED_ADDRESS | index, _derive(seed, b"NwkSKey", dev_eui), _derive(seed, b"AppSKey", dev_eui)
    )


def _rank(index: int) -> int:
    if not 0 <= index < _RANKS:
        raise ValueError(f"{index} is no rank: 0 to {_RANKS - 1} is expected.")
    return index


def _derive(seed: bytes, purpose: bytes, eui: int) -> bytes:
    return hmac.digest(seed, purpose + eui.to_bytes(8, "big"), hashlib.sha256)[:16]
