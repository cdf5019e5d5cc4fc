"""Devices and sessions in memory: what the event loop looks frames up in. Fed by the store, no input or output."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cadran.lorawan.codec.crypto import SessionKeys
from cadran.lorawan.rules import NO_FRAME_YET, ReceiveSettings, Version

PERSONALISED: Final = 0  # join nonce of a session that no join made (ABP)
DOWNLINK_COUNTER_BLOCK: Final = 64  # counters reserved at once, so that most downlinks await no write
_ADDRESS_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A session as the store keeps it.

    ``f_cnt_up``: last counter accepted, -1 before the first; ``f_cnt_down_reserved``: counters below it may have been
    used before a restart, so the next downlink starts there.
    """

    dev_addr: int
    nwk_s_key: bytes = field(repr=False)
    app_s_key: bytes = field(repr=False)
    join_nonce: int = PERSONALISED
    f_cnt_up: int = NO_FRAME_YET
    f_cnt_down_reserved: int = 0
    receive: ReceiveSettings = field(default_factory=ReceiveSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecord:
    """A device as the store keeps it; EUIs as unsigned integers (``Eui64.value``)."""

    device_id: int
    owner_id: int
    profile_id: int
    dev_eui: int
    join_eui: int | None = None
    app_key: bytes | None = field(default=None, repr=False)  # None: personalised, cannot join
    version: Version = Version.V1_0_3
    used_dev_nonces: frozenset[int] = frozenset()
    join_nonce: int = 0  # last one granted
    counter_may_reset: bool = False
    session: SessionRecord | None = None  # the newest one
    former: SessionRecord | None = None  # the one before, while the device was not heard under the newest


@dataclass(slots=True, eq=False)
class Session:
    """A live session. Mutable: counters advance with the frames; only the event loop touches it."""

    device: "Device"
    dev_addr: int
    keys: SessionKeys
    join_nonce: int
    receive: ReceiveSettings
    f_cnt_up: int
    f_cnt_down: int  # next to use
    f_cnt_down_reserved: int  # first one that may not be used yet
    last_mic: bytes = b""
    last_arrived: float = float("-inf")
    recorded_at: datetime | None = None  # instant given to its last new frame

    def take_downlink_counter(self) -> int:
        """Return the next downlink counter and spend it; LookupError when none is reserved."""
        if self.f_cnt_down >= self.f_cnt_down_reserved:
            raise LookupError("No reserved downlink counter is left.")
        self.f_cnt_down += 1
        return self.f_cnt_down - 1

    @property
    def counters_left(self) -> int:
        """Downlink counters reserved and not used."""
        return self.f_cnt_down_reserved - self.f_cnt_down


@dataclass(slots=True, eq=False)
class Device:
    """A live device. ``pending`` is a session granted and not heard yet: the former one stays valid meanwhile."""

    record: DeviceRecord
    used_dev_nonces: set[int]
    highest_dev_nonce: int
    join_nonce: int
    session: Session | None = None
    pending: Session | None = None


class Registry:
    """Devices by DevEUI and by row, sessions by DevAddr (several devices may share an address: the MIC decides)."""

    def __init__(self, devices: Iterable[DeviceRecord] = ()) -> None:
        self._by_id: dict[int, Device] = {}
        self._by_eui: dict[int, Device] = {}
        self._by_addr: dict[int, tuple[Session, ...]] = {}
        self._sessions = 0
        for record in devices:
            self.upsert(record)

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def session_count(self) -> int:
        """Sessions that may receive frames, pending ones included."""
        return self._sessions

    def device_ids(self) -> list[int]:
        """Return the rows of every device held."""
        return list(self._by_id)

    def device(self, dev_eui: int) -> Device | None:
        """Return the device of a DevEUI."""
        return self._by_eui.get(dev_eui)

    def device_by_id(self, device_id: int) -> Device | None:
        """Return the device of a row."""
        return self._by_id.get(device_id)

    def sessions_at(self, dev_addr: int) -> tuple[Session, ...]:
        """Return the sessions that use an address, most recently granted last."""
        return self._by_addr.get(dev_addr, ())

    def upsert(self, record: DeviceRecord) -> Device:
        """Add a device or refresh it from its row; a live session keeps its counters, ahead of the row's.

        A row whose session is another one (new keys or address) replaces the live session, unless the live one was
        granted later than the row was read.
        """
        former = self._by_id.get(record.device_id)
        same_eui = self._by_eui.get(record.dev_eui)
        if same_eui is not None and same_eui is not former:
            raise ValueError(f"Two devices carry DevEUI {record.dev_eui:016x}.")
        highest = max(record.used_dev_nonces, default=-1)
        if former is None:
            device = Device(record, set(record.used_dev_nonces), highest, record.join_nonce)
        else:
            device = former
            if former.record.dev_eui != record.dev_eui:
                del self._by_eui[former.record.dev_eui]
            device.record = record
            device.used_dev_nonces |= record.used_dev_nonces
            device.highest_dev_nonce = max(device.highest_dev_nonce, highest)
            device.join_nonce = max(device.join_nonce, record.join_nonce)
        self._by_id[record.device_id] = device
        self._by_eui[record.dev_eui] = device
        if former is None and record.session is not None and record.former is not None:
            # Whether the join-accept reached the device before the restart, only its next frame can tell.
            device.session = self._link(device, record.former, f_cnt_down=record.former.f_cnt_down_reserved)
            device.pending = self._link(device, record.session, f_cnt_down=record.session.f_cnt_down_reserved)
        else:
            self._refresh_session(device, record.session)
        return device

    def remove(self, device_id: int) -> None:
        """Forget a device and its sessions; no error when it is unknown."""
        device = self._by_id.pop(device_id, None)
        if device is None:
            return
        del self._by_eui[device.record.dev_eui]
        for session in (device.session, device.pending):
            if session is not None:
                self._unlink(session)

    def grant(self, device: Device, granted: SessionRecord) -> Session:
        """Install a session just joined, beside the former one until the device is heard under it."""
        if device.pending is not None:
            self._unlink(device.pending)
        # Its first block of downlink counters was committed with the join, and none is used yet.
        device.pending = self._link(device, granted, f_cnt_down=0)
        return device.pending

    def confirm(self, session: Session) -> None:
        """The device was heard under its pending session: the former one is over."""
        device = session.device
        if device.pending is not session:
            return
        if device.session is not None:
            self._unlink(device.session)
        device.session, device.pending = session, None

    def free_address(self, net_id: int) -> int:
        """Return a DevAddr of a type 0 NetID (6 bits of NwkID, 25 random bits), unused if some tries find one."""
        prefix = (net_id & 0x3F) << 25
        address = prefix
        for _ in range(_ADDRESS_ATTEMPTS):
            address = prefix | secrets.randbits(25)
            if address not in self._by_addr:
                break
        return address

    def _refresh_session(self, device: Device, record: SessionRecord | None) -> None:
        live = device.pending or device.session
        if record is None:
            if live is not None and live.join_nonce == PERSONALISED:
                self._drop_sessions(device)
            return
        if live is not None:
            if live.join_nonce > record.join_nonce:
                return
            keys = SessionKeys(nwk_s_key=record.nwk_s_key, app_s_key=record.app_s_key)
            if live.dev_addr == record.dev_addr and live.keys == keys:
                live.f_cnt_up = max(live.f_cnt_up, record.f_cnt_up)
                live.f_cnt_down_reserved = max(live.f_cnt_down_reserved, record.f_cnt_down_reserved)
                live.receive = record.receive
                return
            self._drop_sessions(device)
        device.session = self._link(device, record, f_cnt_down=record.f_cnt_down_reserved)

    def _drop_sessions(self, device: Device) -> None:
        for session in (device.session, device.pending):
            if session is not None:
                self._unlink(session)
        device.session = device.pending = None

    def _link(self, device: Device, record: SessionRecord, *, f_cnt_down: int) -> Session:
        session = Session(
            device=device,
            dev_addr=record.dev_addr,
            keys=SessionKeys(nwk_s_key=record.nwk_s_key, app_s_key=record.app_s_key),
            join_nonce=record.join_nonce,
            receive=record.receive,
            f_cnt_up=record.f_cnt_up,
            f_cnt_down=f_cnt_down,
            f_cnt_down_reserved=record.f_cnt_down_reserved,
        )
        self._by_addr[record.dev_addr] = (*self._by_addr.get(record.dev_addr, ()), session)
        self._sessions += 1
        return session

    def _unlink(self, session: Session) -> None:
        there = self._by_addr.get(session.dev_addr, ())
        left = tuple(other for other in there if other is not session)
        self._sessions -= len(there) - len(left)
        if left:
            self._by_addr[session.dev_addr] = left
        else:
            self._by_addr.pop(session.dev_addr, None)
