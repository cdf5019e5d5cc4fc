"""The registry: what the event loop finds frames' devices in."""

import dataclasses
from datetime import UTC, datetime

import pytest

from cadran.kernel.identifiers import Eui64
from cadran.lorawan.ports import JoinRecord
from cadran.lorawan.rules import ReceiveSettings
from cadran.lorawan.services import NewDevice
from cadran.lorawan.sessions import DeviceRecord, Registry, SessionRecord
from tests.rooms.lorawan.support import APP, DEV_ADDR, DEV_EUI, NWK, personalised

JOINED = SessionRecord(dev_addr=0x11, nwk_s_key=APP, app_s_key=NWK, join_nonce=4, f_cnt_down_reserved=64)


def with_session(**changes: object) -> DeviceRecord:
    session = personalised().session
    assert session is not None
    return personalised(session=dataclasses.replace(session, **changes))  # type: ignore[arg-type]


def test_lookups() -> None:
    registry = Registry([personalised()])
    device = registry.device(DEV_EUI)
    assert device is not None
    assert registry.device_by_id(7) is device
    assert registry.sessions_at(DEV_ADDR) == (device.session,)
    assert registry.sessions_at(1) == ()
    assert (len(registry), registry.session_count) == (1, 1)


def test_two_devices_may_share_an_address_but_not_an_eui() -> None:
    registry = Registry([personalised(), personalised(device_id=8, dev_eui=DEV_EUI + 1)])
    assert len(registry.sessions_at(DEV_ADDR)) == 2
    with pytest.raises(ValueError, match="Two devices"):
        registry.upsert(personalised(device_id=9))


def test_reading_the_row_again_keeps_live_counters() -> None:
    registry = Registry([personalised()])
    device = registry.device(DEV_EUI)
    assert device is not None
    session = device.session
    assert session is not None
    session.f_cnt_up = 41
    session.f_cnt_down_reserved = 64
    registry.upsert(with_session(f_cnt_up=12))
    assert device.session is session
    assert (session.f_cnt_up, session.f_cnt_down_reserved) == (41, 64)
    registry.upsert(with_session(f_cnt_up=50))
    assert session.f_cnt_up == 50


def test_new_keys_replace_the_session() -> None:
    registry = Registry([personalised()])
    registry.upsert(with_session(nwk_s_key=APP))
    (session,) = registry.sessions_at(DEV_ADDR)
    assert session.keys.nwk_s_key == APP
    registry.upsert(with_session(dev_addr=0x99))
    assert registry.sessions_at(DEV_ADDR) == ()
    assert len(registry.sessions_at(0x99)) == 1


def test_a_granted_session_waits_beside_the_former_one() -> None:
    registry = Registry([personalised()])
    device = registry.device(DEV_EUI)
    assert device is not None
    granted = registry.grant(device, JOINED)
    assert (len(registry.sessions_at(DEV_ADDR)), registry.sessions_at(0x11)) == (1, (granted,))
    assert registry.session_count == 2
    again = registry.grant(device, dataclasses.replace(JOINED, dev_addr=0x12, join_nonce=5))
    assert registry.sessions_at(0x11) == ()
    registry.upsert(personalised())  # a row read before the join was committed changes nothing
    assert device.pending is again
    registry.confirm(granted)  # overtaken: not the pending one any more
    assert device.session is not granted
    registry.confirm(again)
    assert device.session is again
    assert device.pending is None
    assert registry.session_count == 1


def test_row_of_the_session_just_granted_is_the_same_session() -> None:
    registry = Registry([personalised(session=None)])
    device = registry.device(DEV_EUI)
    assert device is not None
    granted = registry.grant(device, JOINED)
    granted.take_downlink_counter()
    registry.upsert(personalised(session=JOINED, used_dev_nonces=frozenset({9}), join_nonce=4))
    assert device.pending is granted
    assert (granted.f_cnt_down, device.join_nonce, device.highest_dev_nonce) == (1, 4, 9)


def test_downlink_counters_start_above_those_reserved_before_a_restart() -> None:
    registry = Registry([with_session(f_cnt_down_reserved=128)])
    (session,) = registry.sessions_at(DEV_ADDR)
    assert (session.f_cnt_down, session.counters_left) == (128, 0)
    with pytest.raises(LookupError):
        session.take_downlink_counter()
    session.f_cnt_down_reserved = 130
    assert [session.take_downlink_counter(), session.take_downlink_counter()] == [128, 129]


def test_removed_and_renamed_devices_are_not_found_any_more() -> None:
    registry = Registry([personalised()])
    registry.upsert(personalised(dev_eui=DEV_EUI + 5))
    assert registry.device(DEV_EUI) is None
    registry.remove(7)
    registry.remove(7)
    assert (len(registry), registry.session_count, registry.sessions_at(DEV_ADDR)) == (0, 0, ())


def test_after_a_restart_a_session_not_heard_yet_still_waits_beside_the_former_one() -> None:
    """The join-accept may not have reached the device: it goes on under its former session."""
    record = dataclasses.replace(personalised(), former=personalised().session, session=JOINED)
    registry = Registry([record])
    device = registry.device(DEV_EUI)
    assert device is not None
    assert registry.sessions_at(DEV_ADDR) == (device.session,)
    assert registry.sessions_at(0x11) == (device.pending,)
    assert device.pending is not None
    assert device.pending.f_cnt_down == 64  # its first block may have been used before the restart
    registry.upsert(record)  # read again a minute later: nothing moves
    assert (registry.session_count, len(registry.sessions_at(DEV_ADDR))) == (2, 1)
    registry.confirm(device.pending)
    assert registry.sessions_at(DEV_ADDR) == ()


def test_addresses_belong_to_the_network() -> None:
    registry = Registry()
    assert all(registry.free_address(0) < 1 << 25 for _ in range(100))
    assert all(registry.free_address(0x13) >> 25 == 0x13 for _ in range(100))
    assert len({registry.free_address(0) for _ in range(100)}) > 90


def test_keys_do_not_show_in_records() -> None:
    assert NWK.hex() not in repr(personalised())
    assert repr(NWK) not in repr(personalised())
    at = datetime(2026, 11, 16, tzinfo=UTC)
    join = JoinRecord(1, 1, DEV_EUI, 1, 1, 0, DEV_ADDR, NWK, APP, ReceiveSettings(), 64, at)
    new = NewDevice(1, 1, Eui64(DEV_EUI), Eui64(1), APP)
    for key in (NWK, APP):
        assert repr(key) not in repr(join) + repr(new)
