"""Frames, keys and times published with other implementations: every vector of LoRaWAN 1.0."""

from datetime import datetime
from typing import Any

import pytest

from cadran.lorawan.codec import airtime, crypto, phy
from cadran.lorawan.codec.crypto import SessionKeys
from cadran.lorawan.codec.phy import DataFrame, JoinAccept, JoinRequest, OtherFrame
from tests.rooms.lorawan.support import read_jsonl

VECTORS = read_jsonl("lorawan_vectors.jsonl")
ANY_KEY = bytes(16)


def of(kind: str, mac: str | None = "1.0") -> list[Any]:
    found = [vector for vector in VECTORS if vector["type"] == kind and vector.get("mac") == mac]
    assert found, f"no vector of type {kind}"
    return [pytest.param(vector, id=vector["id"]) for vector in found]


def key(vector: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(vector["keys"][name]) if name in vector["keys"] else ANY_KEY


def number(value: int | str) -> int:
    return value if isinstance(value, int) else int(value, 16)


def test_the_scope_is_whole() -> None:
    in_scope = {"data", "join-request", "join-accept", "session-keys", "frm-crypt", "mic-only", "proprietary"}
    assert len(VECTORS) == 176
    assert sum(vector["type"] in in_scope and vector.get("mac") == "1.0" for vector in VECTORS) == 52


@pytest.mark.parametrize("vector", of("data"))
def test_data_frame(vector: dict[str, Any]) -> None:
    frame_bytes, fields, expect = bytes.fromhex(vector["phy"]), vector["fields"], vector["expect"]
    frame = phy.parse(frame_bytes)
    assert isinstance(frame, DataFrame)
    assert frame.encode() == frame_bytes
    f_cnt = fields.get("FCnt32", fields.get("FCnt"))
    assert frame.f_cnt == f_cnt & 0xFFFF
    for name, value in {
        "DevAddr": f"{frame.dev_addr:08x}",
        "ADR": frame.adr,
        "ACK": frame.ack,
        "FPort": frame.f_port,
        "FOpts": frame.f_opts.hex(),
    }.items():
        assert fields.get(name, value) == value, name
    assert expect.get("fopts_plain", frame.f_opts.hex()) == frame.f_opts.hex()
    if not vector["keys"]:
        return
    keys = SessionKeys(nwk_s_key=key(vector, "NwkSKey"), app_s_key=key(vector, "AppSKey"))
    direction = crypto.UPLINK if frame.is_uplink else crypto.DOWNLINK
    mic = keys.data_mic(frame_bytes[:-4], direction=direction, dev_addr=frame.dev_addr, f_cnt=f_cnt)
    assert crypto.same_mic(mic, frame.mic) is expect.get("mic_valid", True)
    if "frm_plain" in expect:
        assert frame.f_port is not None
        clear = keys.crypt(
            frame.payload, f_port=frame.f_port, direction=direction, dev_addr=frame.dev_addr, f_cnt=f_cnt
        )
        assert clear.hex() == expect["frm_plain"]


@pytest.mark.parametrize("vector", of("join-request"))
def test_join_request(vector: dict[str, Any]) -> None:
    frame_bytes, fields = bytes.fromhex(vector["phy"]), vector["fields"]
    request = phy.parse(frame_bytes)
    assert isinstance(request, JoinRequest)
    assert request.encode() == frame_bytes
    for name, value in {"JoinEUI": request.join_eui, "DevEUI": request.dev_eui}.items():
        assert fields.get(name, f"{value:016x}") == f"{value:016x}"
    assert fields.get("DevNonce", request.dev_nonce) == request.dev_nonce
    if vector["keys"]:
        mic = crypto.join_mic(key(vector, "AppKey"), frame_bytes[:-4])
        assert crypto.same_mic(mic, request.mic) is vector["expect"].get("mic_valid", True)


@pytest.mark.parametrize("vector", of("join-accept"))
def test_join_accept(vector: dict[str, Any]) -> None:
    frame_bytes, fields, expect = bytes.fromhex(vector["phy"]), vector["fields"], vector["expect"]
    app_key = key(vector, "key")
    if fields.get("encrypted", True):
        accept = phy.open_join_accept(frame_bytes, app_key)
    else:
        genuine = crypto.same_mic(crypto.join_mic(app_key, frame_bytes[:-4]), frame_bytes[-4:])
        accept = JoinAccept.decode(frame_bytes[1:-4]) if genuine else None
    assert (accept is not None) is expect.get("mic_valid", True)
    if accept is None:
        return
    assert fields.get("JoinNonce", accept.join_nonce) in (accept.join_nonce, f"{accept.join_nonce:06x}")
    assert fields.get("NetID", f"{accept.net_id:06x}") == f"{accept.net_id:06x}"
    assert fields.get("DevAddr", f"{accept.dev_addr:08x}") == f"{accept.dev_addr:08x}"
    settings = accept.rx1_dr_offset << 4 | accept.rx2_data_rate
    assert number(fields.get("DLSettings", settings)) == settings
    assert fields.get("RxDelay", accept.rx_delay) == accept.rx_delay
    assert fields.get("CFList_hz", list(accept.cf_list)) == list(accept.cf_list)
    clear = frame_bytes[:1] + accept.body() + crypto.join_mic(app_key, frame_bytes[:1] + accept.body())
    assert expect.get("plain", clear.hex()) == clear.hex()
    assert expect.get("mic", clear[-4:].hex()) == clear[-4:].hex()
    if fields.get("encrypted", True):
        assert phy.seal_join_accept(accept, app_key) == frame_bytes


@pytest.mark.parametrize("vector", of("session-keys"))
def test_session_keys(vector: dict[str, Any]) -> None:
    fields, expect = vector["fields"], vector["expect"]
    keys = crypto.derive_session_keys(
        key(vector, "AppKey"),
        join_nonce=number(fields["JoinNonce"]),
        net_id=number(fields["NetID"]),
        dev_nonce=number(fields["DevNonce"]),
    )
    assert (keys.nwk_s_key.hex(), keys.app_s_key.hex()) == (expect["NwkSKey"], expect["AppSKey"])


@pytest.mark.parametrize("vector", of("frm-crypt"))
def test_payload_encryption(vector: dict[str, Any]) -> None:
    fields, secret = vector["fields"], key(vector, "k")
    where = {"direction": fields["down"], "dev_addr": number(fields["DevAddr"]), "f_cnt": fields["FCnt"]}
    plain, cipher = bytes.fromhex(fields["plain"]), bytes.fromhex(vector["expect"]["cipher"])
    assert crypto.crypt_payload(secret, plain, **where) == cipher
    assert crypto.crypt_payload(secret, cipher, **where) == plain
    cached = SessionKeys(nwk_s_key=secret, app_s_key=secret)
    for f_port in (0, 2, 2):
        assert cached.crypt(cipher, f_port=f_port, **where) == plain


@pytest.mark.parametrize("vector", of("mic-only"))
def test_mic(vector: dict[str, Any]) -> None:
    fields = vector["fields"]
    keys = SessionKeys(nwk_s_key=key(vector, "k"), app_s_key=ANY_KEY)
    for _ in range(2):  # the second one from the cached context
        mic = keys.data_mic(
            bytes.fromhex(fields["msg"]),
            direction=crypto.DOWNLINK if fields["alg"].startswith("down") else crypto.UPLINK,
            dev_addr=number(fields["DevAddr"]),
            f_cnt=fields["FCnt"],
        )
        assert mic.hex() == vector["expect"]["mic"]


@pytest.mark.parametrize("vector", of("malformed", "-"))
def test_malformed(vector: dict[str, Any]) -> None:
    with pytest.raises(phy.MalformedFrame):
        phy.parse(bytes.fromhex(vector["phy"]))


@pytest.mark.parametrize("vector", of("proprietary"))
def test_proprietary(vector: dict[str, Any]) -> None:
    frame = phy.parse(bytes.fromhex(vector["phy"]))
    assert isinstance(frame, OtherFrame)
    assert (frame.body.hex(), frame.mic.hex()) == (vector["fields"]["payload"], vector["fields"]["mic"])


@pytest.mark.parametrize("vector", of("airtime", None))
def test_airtime(vector: dict[str, Any]) -> None:
    fields = vector["fields"]
    milliseconds = airtime.time_on_air_ms(
        fields["payload"], spreading_factor=fields["sf"], bandwidth_hz=fields["bw_khz"] * 1000, low_data_rate=False
    )
    assert milliseconds == pytest.approx(vector["expect"]["us"] / 1000)


@pytest.mark.parametrize("vector", of("gps-time", None))
def test_gps_time(vector: dict[str, Any]) -> None:
    elapsed = airtime.gps_time(datetime.fromisoformat(vector["fields"]["utc"]))
    assert elapsed.total_seconds() == vector["expect"]["seconds_since_gps_epoch"]
