"""What devices remember between two runs, as real ones do in flash: DevNonce, session, counters."""

import os
from pathlib import Path
from typing import Final

import msgspec

from cadran.lorawan.rules import MAX_DEV_NONCE, ReceiveSettings
from cadran.simulator.device import DeviceSession, SimulatedDevice

# Skipped when the former run did not end cleanly: it may have used more than it saved.
UNCLEAN_COUNTERS: Final = 256
UNCLEAN_NONCES: Final = 16


class SavedSession(msgspec.Struct, frozen=True):
    """A session in the file; keys in hexadecimal."""

    dev_addr: int
    nwk_s_key: str
    app_s_key: str
    f_cnt_up: int
    f_cnt_down: int
    cf_list: tuple[int, ...]
    receive: ReceiveSettings


class SavedDevice(msgspec.Struct, frozen=True):
    """A device in the file."""

    dev_nonce: int
    session: SavedSession | None = None


class SavedState(msgspec.Struct, frozen=True):
    """The file: devices by DevEUI in hexadecimal; ``clean`` when the run ended normally."""

    clean: bool
    devices: dict[str, SavedDevice]


def load(path: Path) -> SavedState:
    """Return the saved state, empty when there is no file; ValueError when the file is not one of ours."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return SavedState(clean=True, devices={})
    try:
        return msgspec.json.decode(data, type=SavedState)
    except msgspec.MsgspecError as error:
        raise ValueError(
            f"{path} n’est pas un état de simulateur ({error}). Supprimez-le ou donnez un autre --state."
        ) from None


def save(path: Path, devices: list[SimulatedDevice], *, clean: bool) -> None:
    """Write the state beside, then put it in place: a run that dies leaves the former file whole."""
    state = SavedState(clean, {f"{device.identity.dev_eui:016x}": _saved(device) for device in devices})
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(state))
    draft.replace(path)


def restore(device: SimulatedDevice, state: SavedState) -> bool:
    """Give a device its memory back; False when the state does not know it."""
    saved = state.devices.get(f"{device.identity.dev_eui:016x}")
    if saved is None:
        return False
    skipped_nonces, skipped = (0, 0) if state.clean else (UNCLEAN_NONCES, UNCLEAN_COUNTERS)
    device.next_dev_nonce = (saved.dev_nonce + skipped_nonces) % (MAX_DEV_NONCE + 1)
    if saved.session is not None:
        session = saved.session
        device.start_session(
            DeviceSession(
                dev_addr=session.dev_addr,
                nwk_s_key=bytes.fromhex(session.nwk_s_key),
                app_s_key=bytes.fromhex(session.app_s_key),
                f_cnt_up=session.f_cnt_up + skipped,
                f_cnt_down=session.f_cnt_down,
                cf_list=session.cf_list,
                receive=session.receive,
            )
        )
    return True


def _saved(device: SimulatedDevice) -> SavedDevice:
    session = device.session
    if session is None:
        return SavedDevice(device.next_dev_nonce)
    return SavedDevice(
        device.next_dev_nonce,
        SavedSession(
            session.dev_addr,
            session.nwk_s_key.hex(),
            session.app_s_key.hex(),
            session.f_cnt_up,
            session.f_cnt_down,
            session.cf_list,
            session.receive,
        ),
    )
