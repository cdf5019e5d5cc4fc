"""Real device firmware, recorded: replayed through a real UDP socket into the real server."""

from collections.abc import Iterator
from typing import Any

import pytest

from cadran.lorawan.codec import airtime, crypto, gwmp, phy
from cadran.lorawan.codec.crypto import SessionKeys
from cadran.lorawan.codec.phy import DataFrame, MType
from cadran.lorawan.counters import RefusalReason
from cadran.lorawan.line import NetworkSettings
from cadran.lorawan.ports import UplinkKind, UplinkRecord
from cadran.lorawan.sessions import DeviceRecord, SessionRecord
from cadran.simulator.device import DeviceSession, SimulatedDevice
from cadran.simulator.identities import DeviceIdentity
from tests.rooms.lorawan.support import GATEWAYS, RawGateway, Running, heard, read_jsonl, run, running_server, until

TRACE = read_jsonl("basicmac_trace.jsonl")
TESTS = list(dict.fromkeys(frame["test"] for frame in TRACE))
DEV_ADDR = 0x52D4C302
JOIN, JOIN_ACCEPT = MType.JOIN_REQUEST, MType.JOIN_ACCEPT


def frames_of(test: str) -> list[dict[str, Any]]:
    return [frame for frame in TRACE if frame["test"] == test]


def reception(frame: dict[str, Any]) -> gwmp.RxPacket:
    return heard(
        bytes.fromhex(frame["phy"]),
        tmst=int(frame["t"] * 1e6) % gwmp.TMST_MODULO,
        megahertz=frame["freq"] / 1e6,
        data_rate=f"SF{frame['sf']}BW{frame['bw'] // 1000}",
    )


def device_of(test: str) -> DeviceRecord:
    first = next(frame for frame in frames_of(test) if frame["mtype"] == JOIN)
    request = phy.parse(bytes.fromhex(first["phy"]))
    assert isinstance(request, phy.JoinRequest)
    return DeviceRecord(
        device_id=1,
        owner_id=1,
        profile_id=1,
        dev_eui=request.dev_eui,
        join_eui=request.join_eui,
        app_key=bytes.fromhex(first["appkey"]),
    )


def recorded_session(device: DeviceRecord, running: Running, frame: dict[str, Any]) -> DeviceRecord:
    """The session the recorded network granted, in place of the one this server just granted."""
    live = running.server.registry.device(device.dev_eui)
    assert live is not None
    session = SessionRecord(
        dev_addr=DEV_ADDR,
        nwk_s_key=bytes.fromhex(frame["nwkskey"]),
        app_s_key=bytes.fromhex(frame["appskey"]),
        join_nonce=live.join_nonce + 1,
    )
    return DeviceRecord(
        device_id=1,
        owner_id=1,
        profile_id=1,
        dev_eui=device.dev_eui,
        join_eui=device.join_eui,
        app_key=device.app_key,
        join_nonce=live.join_nonce + 1,
        session=session,
    )


async def replay(test: str) -> tuple[list[UplinkRecord], dict[str, int], int]:
    device = device_of(test)
    settings = NetworkSettings(deduplication_s=0.01)
    async with (
        running_server(devices=[device], settings=settings) as running,
        RawGateway.at(running.address, GATEWAYS[0]) as gateway,
    ):
        await gateway.pull()
        sent: set[str] = set()
        handled = 0
        for frame in frames_of(test):
            if frame["dir"] == "up":
                if frame["phy"] in sent:  # a repetition must not merge with the first one, long gone on the air
                    await until(lambda: running.counts["frames"] == handled, "frames handled")  # noqa: B023
                sent.add(frame["phy"])
                gateway.push(reception(frame))
                handled += 1
            if frame["mtype"] == JOIN:
                joins = running.counts["join_requests"]
                await until(lambda: running.counts["joins"] > joins, "join")  # noqa: B023
            elif frame["mtype"] == JOIN_ACCEPT:
                await until(lambda: running.counts["frames"] == handled, "frames handled")  # noqa: B023
                running.server.registry.upsert(recorded_session(device, running, frame))
                sent.clear()
        await until(lambda: running.counts["frames"] == handled, "frames handled")
        await until(lambda: gateway.acks(gwmp.PUSH_ACK) == handled, "every PUSH_DATA acknowledged")
        accepts = [order for order in gateway.orders if phy.parse(order.phy_payload()).__class__ is not DataFrame]
        return running.store.records, running.counts, len(accepts)


@pytest.mark.parametrize("test", TESTS)
def test_replay(test: str) -> None:
    records, counts, join_accepts = run(replay(test))
    sent = [frame for frame in frames_of(test) if frame["dir"] == "up" and frame["mtype"] != JOIN]
    expected: list[tuple[int, int | None, str, bool]] = []
    for frame in sent:
        told = (frame["fcnt"], frame.get("fport"), frame.get("frm_plain", ""), frame["mtype"] == MType.CONFIRMED_UP)
        if not expected or expected[-1] != told:
            expected.append(told)
    decrypted = [
        (record.f_cnt, record.f_port, record.payload.hex(), record.confirmed)
        for record in records
        if record.kind is UplinkKind.NEW
    ]
    assert decrypted == expected
    assert len(records) == len(sent)  # repetitions are told too, under their own kind
    assert counts["uplinks"] == len(expected)
    assert counts["late_copies"] + counts["retransmissions"] == len(sent) - len(expected)
    joins = sum(frame["mtype"] == JOIN for frame in frames_of(test))
    assert (counts["joins"], counts["join_requests"], join_accepts) == (joins, joins, joins)
    assert {name: count for name, count in counts.items() if name.startswith("refused_") and count} == {}
    assert (counts["faults"], counts["mac_commands_unread"]) == (0, 0)


def test_whole_trace_was_replayed() -> None:
    assert len(TRACE) == 1261
    assert sum(frame["dir"] == "up" for frame in TRACE) == 19 + 990
    assert len(TESTS) == 15


def sessions_and_downlinks() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    started: dict[str, dict[str, Any]] = {}
    for frame in TRACE:
        if frame["mtype"] == JOIN_ACCEPT:
            started[frame["test"]] = frame
        elif frame["dir"] == "down":
            yield started[frame["test"]], frame


def test_downlinks_of_the_recorded_network_are_read() -> None:
    read = 0
    for accept, frame in sessions_and_downlinks():
        keys = SessionKeys(nwk_s_key=bytes.fromhex(accept["nwkskey"]), app_s_key=bytes.fromhex(accept["appskey"]))
        data = bytes.fromhex(frame["phy"])
        parsed = phy.parse(data)
        assert isinstance(parsed, DataFrame)
        where = {"direction": crypto.DOWNLINK, "dev_addr": parsed.dev_addr, "f_cnt": frame["fcnt"]}
        assert crypto.same_mic(keys.data_mic(data[:-4], **where), parsed.mic) is frame["mic_ok"]
        if parsed.f_port is not None and frame["mic_ok"]:
            assert keys.crypt(parsed.payload, f_port=parsed.f_port, **where).hex() == frame["frm_plain"]
            read += 1
    assert read > 200


def test_join_accepts_open_and_give_the_recorded_keys() -> None:
    last_request: dict[str, phy.JoinRequest] = {}
    checked = 0
    for frame in TRACE:
        data = bytes.fromhex(frame["phy"])
        app_key = bytes.fromhex(frame["appkey"])
        if frame["mtype"] == JOIN:
            request = phy.parse(data)
            assert isinstance(request, phy.JoinRequest)
            assert crypto.same_mic(crypto.join_mic(app_key, data[:-4]), request.mic)
            last_request[frame["test"]] = request
        elif frame["mtype"] == JOIN_ACCEPT:
            accept = phy.open_join_accept(data, app_key)
            assert accept is not None
            keys = crypto.derive_session_keys(
                app_key,
                join_nonce=accept.join_nonce,
                net_id=accept.net_id,
                dev_nonce=last_request[frame["test"]].dev_nonce,
            )
            assert (keys.nwk_s_key.hex(), keys.app_s_key.hex()) == (frame["nwkskey"], frame["appskey"])
            assert accept.dev_addr == DEV_ADDR
            checked += 1
    assert checked == 19


def test_frames_with_a_wrong_mic_are_refused_by_the_device_and_by_the_server() -> None:
    wrong = [(accept, frame) for accept, frame in sessions_and_downlinks() if not frame["mic_ok"]]
    assert len(wrong) == 3
    for accept, frame in wrong:
        identity = DeviceIdentity(1, 1, bytes.fromhex(frame["appkey"]))
        device = SimulatedDevice(
            identity,
            session=DeviceSession(
                dev_addr=DEV_ADDR,
                nwk_s_key=bytes.fromhex(accept["nwkskey"]),
                app_s_key=bytes.fromhex(accept["appskey"]),
                f_cnt_down=frame["fcnt"] - 1,
            ),
        )
        assert device.receive(bytes.fromhex(frame["phy"])) is None
        assert device.refused == 1

    async def push_wrong() -> dict[str, int]:
        device = device_of("LWTest.crypto")
        async with (
            running_server(devices=[device], settings=NetworkSettings(deduplication_s=0.01)) as running,
            RawGateway.at(running.address, GATEWAYS[0]) as gateway,
        ):
            running.server.registry.upsert(recorded_session(device, running, wrong[0][0]))
            for _accept, frame in wrong:
                gateway.push(reception(frame))
                # The same content as an uplink: its MIC is just as wrong.
                as_uplink = bytes((MType.UNCONFIRMED_UP << 5,)) + bytes.fromhex(frame["phy"])[1:]
                gateway.push(heard(as_uplink))
            await until(lambda: running.counts["frames"] == 6, "six frames handled")
            assert running.store.records == []
            return running.counts

    counts = run(push_wrong())
    assert counts[f"refused_{RefusalReason.NOT_AN_UPLINK}"] == 3
    assert counts[f"refused_{RefusalReason.WRONG_MIC}"] == 3


def test_airtime_of_every_recorded_frame() -> None:
    for frame in TRACE:
        computed = airtime.time_on_air_ms(
            len(frame["phy"]) // 2,
            spreading_factor=frame["sf"],
            bandwidth_hz=frame["bw"],
            crc=frame["dir"] == "up",
        )
        assert computed == pytest.approx(frame["airtime_ms"], abs=0.002)  # recorded in whole µs
