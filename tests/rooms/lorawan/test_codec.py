"""Bytes and back: round trips over random values, and nothing but its own errors on random bytes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.lorawan.codec import airtime, crypto, eu868, gwmp, maccommands, phy
from cadran.lorawan.codec.crypto import SessionKeys
from cadran.lorawan.codec.phy import DataFrame, JoinAccept, JoinRequest, MType

keys16 = st.binary(min_size=16, max_size=16)
eui = st.integers(0, (1 << 64) - 1)
u32 = st.integers(0, (1 << 32) - 1)
DATA_TYPES = (MType.UNCONFIRMED_UP, MType.UNCONFIRMED_DOWN, MType.CONFIRMED_UP, MType.CONFIRMED_DOWN)


@st.composite
def data_frames(draw: st.DrawFn) -> DataFrame:
    f_port = draw(st.none() | st.integers(0, 255))
    return DataFrame(
        mtype=draw(st.sampled_from(DATA_TYPES)),
        dev_addr=draw(u32),
        f_cnt=draw(st.integers(0, 0xFFFF)),
        adr=draw(st.booleans()),
        adr_ack_req=draw(st.booleans()),
        ack=draw(st.booleans()),
        f_pending=draw(st.booleans()),
        f_opts=draw(st.binary(max_size=15)),
        f_port=f_port,
        payload=b"" if f_port is None else draw(st.binary(max_size=200)),
        mic=draw(st.binary(min_size=4, max_size=4)),
    )


@given(data_frames())
def test_data_frame_round_trip(frame: DataFrame) -> None:
    assert phy.parse(frame.encode()) == frame


@given(join_eui=eui, dev_eui=eui, dev_nonce=st.integers(0, 0xFFFF), app_key=keys16)
def test_join_request_round_trip(join_eui: int, dev_eui: int, dev_nonce: int, app_key: bytes) -> None:
    sealed = phy.seal_join_request(app_key, join_eui=join_eui, dev_eui=dev_eui, dev_nonce=dev_nonce)
    parsed = phy.parse(sealed)
    assert isinstance(parsed, JoinRequest)
    assert (parsed.join_eui, parsed.dev_eui, parsed.dev_nonce) == (join_eui, dev_eui, dev_nonce)
    assert parsed.mic == crypto.join_mic(app_key, sealed[:-4])


frequencies = st.integers(8_630_000, 8_700_000).map(lambda hundreds: hundreds * 100)
accepts = st.builds(
    JoinAccept,
    join_nonce=st.integers(0, 0xFFFFFF),
    net_id=st.integers(0, 0xFFFFFF),
    dev_addr=u32,
    rx1_dr_offset=st.integers(0, 7),
    rx2_data_rate=st.integers(0, 15),
    rx_delay=st.integers(0, 15),
    cf_list=st.just(()) | st.tuples(*[frequencies] * 5),
)


@given(accept=accepts, app_key=keys16, other=keys16)
def test_join_accept_round_trip(accept: JoinAccept, app_key: bytes, other: bytes) -> None:
    sealed = phy.seal_join_accept(accept, app_key)
    assert phy.open_join_accept(sealed, app_key) == accept
    if other != app_key:
        assert phy.open_join_accept(sealed, other) is None


@given(frame=data_frames(), nwk=keys16, app=keys16, f_cnt=u32)
def test_sealed_data_is_read_back_by_its_keys_only(frame: DataFrame, nwk: bytes, app: bytes, f_cnt: int) -> None:
    keys = SessionKeys(nwk_s_key=nwk, app_s_key=app)
    direction = crypto.UPLINK if frame.is_uplink else crypto.DOWNLINK
    sealed = phy.seal_data(frame, keys, f_cnt=f_cnt)
    read = phy.parse(sealed)
    assert isinstance(read, DataFrame)
    assert read.f_cnt == f_cnt & 0xFFFF
    where = {"direction": direction, "dev_addr": frame.dev_addr, "f_cnt": f_cnt}
    assert keys.data_mic(sealed[:-4], **where) == read.mic
    assert keys.data_mic(sealed[:-4], **(where | {"f_cnt": f_cnt ^ 0x10000})) != read.mic
    if frame.f_port is not None:
        assert keys.crypt(read.payload, f_port=frame.f_port, **where) == frame.payload


@given(st.binary(max_size=300))
def test_random_bytes_are_a_frame_or_malformed(data: bytes) -> None:
    try:
        frame = phy.parse(data)
    except phy.MalformedFrame:
        return
    assert 5 <= len(data) <= 255
    if isinstance(frame, DataFrame):
        assert frame.encode()[1:] == data[1:]  # RFU bits of MHDR are ignored


@given(st.binary(max_size=40), st.booleans())
def test_mac_fields_never_fail_and_lose_nothing(data: bytes, uplink: bool) -> None:
    read = maccommands.parse(data, uplink=uplink)
    assert b"".join(command.encode() for command in read.commands) + read.unread == data


def test_keys_never_show() -> None:
    keys = SessionKeys(nwk_s_key=b"N" * 16, app_s_key=b"A" * 16)
    assert "NNNN" not in repr(keys)
    assert "4e4e" not in repr(keys)
    with pytest.raises(ValueError, match="16 bytes"):
        SessionKeys(nwk_s_key=b"short", app_s_key=bytes(16))


def test_device_time_answer() -> None:
    at = datetime(2025, 7, 14, 0, 0, 0, 500_000, tzinfo=UTC)
    answer = maccommands.device_time_answer(at)
    assert answer[0] == maccommands.DEVICE_TIME
    assert int.from_bytes(answer[1:5], "little") == 1_436_486_418  # the published vector of that day
    assert answer[5] == 128
    (command,) = maccommands.parse(answer, uplink=False).commands
    assert command.name == "DeviceTimeAns"


@given(st.integers(86_400, 3_700_000_000), st.floats(0, 1e8))
def test_gps_time_only_goes_forward(since_epoch_s: int, seconds: float) -> None:
    before = airtime.GPS_EPOCH + timedelta(seconds=since_epoch_s)
    after = before + timedelta(seconds=seconds)
    assert airtime.gps_time(after) - airtime.gps_time(before) >= after - before
    with pytest.raises(ValueError, match="zone"):
        airtime.gps_time(before.replace(tzinfo=None))


def test_link_margin() -> None:
    assert eu868.link_margin_db(-20.0, 0) == 0
    assert eu868.link_margin_db(5.4, 5) == 12
    assert eu868.link_margin_db(-30.0, 0) == 0
    assert maccommands.link_check_answer(margin_db=12, gateways=3).hex() == "020c03"


def test_impossible_frames_have_no_airtime() -> None:
    with pytest.raises(ValueError, match="SF6"):
        airtime.time_on_air_ms(10, spreading_factor=6, bandwidth_hz=125_000)
    assert airtime.fsk_time_on_air_ms(20, bit_rate=50_000) == pytest.approx(4.96)


# --- the gateway protocol ------------------------------------------------------------------------------------------

PUBLISHED: dict[str, Any] = {
    "rxpk": [
        {
            "time": "2013-03-31T16:21:17.528002Z", "tmst": 3512348611, "chan": 2, "rfch": 0, "freq": 866.349812,
            "stat": 1, "modu": "LORA", "datr": "SF7BW125", "codr": "4/6", "rssi": -35, "lsnr": 5.1, "size": 32,
            "data": "+DS4CGaDCdG+48eJNM3Vai/zDpsR71Pn9CPA9uCON84",
        },
        {
            "time": "2013-03-31T16:21:17.530974Z", "tmst": 3512348514, "chan": 9, "rfch": 1, "freq": 869.1,
            "stat": 1, "modu": "FSK", "datr": 50000, "rssi": -75, "size": 16, "data": "VEVTVF9QQUNLRVRfMTIzNA==",
        },
    ],
    "stat": {
        "time": "2014-01-12 08:59:28 GMT", "lati": 46.24, "long": 3.2523, "alti": 145, "rxnb": 2, "rxok": 2,
        "rxfw": 2, "ackr": 100.0, "dwnb": 2, "txnb": 2,
    },
}  # fmt: skip
HEADER = b"\x02\x12\x34\x00\xaa\x55\x5a\x00\x00\x00\x00\x01"


def push(body: Any) -> gwmp.PushData:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    message = gwmp.parse(HEADER + data)
    assert isinstance(message, gwmp.PushData)
    return message


def test_example_of_the_protocol_document() -> None:
    message = push(PUBLISHED)
    assert (message.version, message.token, message.gateway) == (2, b"\x12\x34", 0xAA555A0000000001)
    lora, fsk = message.packets
    assert (lora.tmst, lora.frequency_hz, lora.data_rate) == (3512348611, 866_349_812, "SF7BW125")
    assert (lora.rssi_dbm, lora.snr_db, len(lora.phy_payload())) == (-35, 5.1, 32)  # padding is optional
    assert fsk.phy_payload() == b"TEST_PACKET_1234"
    assert (fsk.data_rate, fsk.snr_db) == (50_000, -100.0)
    assert message.status is not None
    assert (message.status.latitude, message.status.acknowledged_percent) == (46.24, 100.0)
    assert gwmp.acknowledge(message) == b"\x02\x12\x34\x01"


def test_gateway_with_several_antennas() -> None:
    packet = {
        "tmst": 1, "freq": 868.1, "datr": "SF7BW125", "data": "AQID",
        "rsig": [{"ant": 0, "rssic": -90, "lsnr": 2.0}, {"ant": 1, "rssic": -80, "lsnr": 6.5}],
    }  # fmt: skip
    (read,) = push({"rxpk": [packet]}).packets
    assert (read.rssi_dbm, read.snr_db) == (-80, 6.5)


def test_one_bad_packet_does_not_lose_its_neighbours() -> None:
    good = PUBLISHED["rxpk"][1]
    message = push({"rxpk": [good, {"tmst": -1}, "what?", good], "stat": {"rxnb": "many"}})
    assert (len(message.packets), message.malformed, message.status) == (2, 3, None)


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(b"", id="empty"),
        pytest.param(HEADER[:11], id="header cut"),
        pytest.param(b"\x03" + HEADER[1:], id="version 3"),
        pytest.param(HEADER, id="no body"),
        pytest.param(HEADER + b"{", id="JSON cut"),
        pytest.param(HEADER + b"[]", id="not an object"),
        pytest.param(HEADER + b'{"rxpk":{}}', id="rxpk not a list"),
        pytest.param(HEADER + b'{"rxpk":[\xff\xfe]}', id="not UTF-8"),
        pytest.param(HEADER + b'{"rxpk":' + b"[" * 50_000, id="deeply nested"),
        pytest.param(HEADER + json.dumps({"rxpk": [PUBLISHED["rxpk"][1]] * 65}).encode(), id="65 packets"),
        pytest.param(b"\x02\x00\x00\x01" + bytes(8), id="PUSH_ACK from a gateway"),
        pytest.param(b"\x02\x00\x00\x05" + bytes(8) + b"{", id="TX_ACK cut"),
    ],
)
def test_malformed_datagram(datagram: bytes) -> None:
    with pytest.raises(gwmp.MalformedDatagram):
        gwmp.parse(datagram)


@pytest.mark.parametrize("data", ["AQI", "A", "AQ ID", "====", "é", "AQID" * 100])
def test_bad_base64_or_size(data: str) -> None:
    packet = gwmp.RxPacket(tmst=0, megahertz=868.1, data_rate="SF7BW125", data=data, size=3)
    with pytest.raises(gwmp.MalformedDatagram):
        packet.phy_payload()


@given(st.binary(max_size=200))
def test_random_datagrams_raise_only_their_own_error(data: bytes) -> None:
    for parse in (gwmp.parse, gwmp.parse_from_server):
        for prefix in (b"", HEADER, b"\x02\x00\x00\x05" + bytes(8), b"\x02\x00\x00\x03"):
            try:
                parse(prefix + data)
            except gwmp.MalformedDatagram:
                continue


packets = st.builds(
    gwmp.RxPacket,
    tmst=u32,
    megahertz=st.integers(863_000_000, 870_000_000).map(lambda hertz: hertz / 1e6),
    data_rate=st.sampled_from(["SF7BW125", "SF12BW125", 50_000]),
    data=st.binary(min_size=1, max_size=255).map(gwmp.encode_base64),
    rssi=st.integers(-140, 0).map(float),
    lsnr=st.none() | st.integers(-200, 150).map(lambda tenths: tenths / 10),
    channel=st.integers(0, 9),
    utc=st.none() | st.just("2025-01-01T00:00:00.000000Z"),
    gps_ms=st.none() | st.integers(0, 1 << 41),
)


@given(st.lists(packets, max_size=8), st.integers(1, 2), st.binary(min_size=2, max_size=2), eui)
def test_push_data_round_trip(sent: list[gwmp.RxPacket], version: int, token: bytes, gateway: int) -> None:
    datagram = gwmp.push_data(sent, version=version, token=token, gateway=gateway)
    assert gwmp.parse(datagram) == gwmp.PushData(version, token, gateway, sent)


@given(
    st.builds(
        gwmp.TxPacket,
        tmst=u32,
        megahertz=st.just(869.525),
        power_dbm=st.integers(0, 27),
        data_rate=st.sampled_from(["SF12BW125", 50_000]),
        coding_rate=st.none() | st.just("4/5"),
        inverted=st.booleans(),
        size=st.just(3),
        data=st.just("AQID"),
    ),
    st.binary(min_size=2, max_size=2),
)
def test_pull_response_round_trip(packet: gwmp.TxPacket, token: bytes) -> None:
    datagram = gwmp.pull_response(packet, version=2, token=token)
    assert gwmp.parse_from_server(datagram) == gwmp.PullResponse(2, token, packet)
    body = json.loads(datagram[4:])["txpk"]
    # What the reference forwarder insists on, or aborts the transmission.
    assert {"imme", "tmst", "freq", "rfch", "modu", "datr", "size", "data"} <= body.keys()


def test_acknowledgements_and_errors_of_transmissions() -> None:
    where: dict[str, Any] = {"version": 2, "token": b"ab", "gateway": 5}
    assert gwmp.parse(gwmp.tx_ack(**where)) == gwmp.TxAck(2, b"ab", 5, None)
    assert gwmp.parse(gwmp.tx_ack(**where, error="TOO_LATE")) == gwmp.TxAck(2, b"ab", 5, "TOO_LATE")
    assert gwmp.parse(gwmp.tx_ack(**where, error="NONE")) == gwmp.TxAck(2, b"ab", 5, None)
    warned = gwmp.tx_ack(**where) + b'{"txpk_ack":{"warn":"TX_POWER","value":14}}'
    assert gwmp.parse(warned) == gwmp.TxAck(2, b"ab", 5, None)
    pull = gwmp.parse(gwmp.pull_data(**where))
    assert isinstance(pull, gwmp.PullData)
    assert gwmp.parse_from_server(gwmp.acknowledge(pull)) == gwmp.Acknowledgement(2, b"ab", gwmp.PULL_ACK)
