"""Cayenne payloads, and the way from a codec's answer to a row of numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.telemetry.codec import MalformedCayenne, MalformedMeasurement, cayenne, values_in_order

READINGS = {
    "0100ff": {"digital_in_1": 255},
    "0202fe0c": {"analog_in_2": -5.0},
    "036500c8": {"luminosity_3": 200},
    "0167ffd7": {"temperature_1": -4.1},
    "046878": {"relative_humidity_4": 60.0},
    "0573277a": {"barometric_pressure_5": 1010.6},
    "067104d2fb2e0000": {"accelerometer_6": {"x": 1.234, "y": -1.234, "z": 0.0}},
    "018806765ff2960a0003e8": {"gps_1": {"latitude": 42.3519, "longitude": -87.9094, "altitude": 10.0}},
    "077d01c2": {"concentration_7": 450},
    "0883000003e8": {"energy_8": 1.0},
    "03670110056700ff": {"temperature_3": 27.2, "temperature_5": 25.5},
    "0167000a01670014": {"temperature_1": 2.0},
}


@pytest.mark.parametrize("payload", READINGS)
def test_cayenne_payloads(payload: str) -> None:
    assert cayenne.decode(bytes.fromhex(payload)) == READINGS[payload]


@pytest.mark.parametrize(
    ("payload", "problem"),
    [("", "vide"), ("01", "coupée"), ("0167ff", "coupé"), ("01fe00", "inconnu"), ("0167000a02", "coupée")],
)
def test_what_is_not_cayenne(payload: str, problem: str) -> None:
    with pytest.raises(MalformedCayenne, match=problem):
        cayenne.decode(bytes.fromhex(payload))


@given(st.binary(max_size=60))
def test_any_payload_is_decoded_or_refused(payload: bytes) -> None:
    try:
        data = cayenne.decode(payload)
    except MalformedCayenne:
        return
    assert data


fields = st.lists(
    st.tuples(st.integers(0, 255), st.sampled_from(sorted(cayenne.TYPES))), min_size=1, max_size=8, unique=True
)


@given(fields, st.data())
def test_every_field_is_read_and_none_can_be_cut(chosen: list[tuple[int, int]], data: st.DataObject) -> None:
    payload = b""
    for channel, code in chosen:
        size = cayenne.TYPES[code].size
        payload += bytes([channel, code]) + data.draw(st.binary(min_size=size, max_size=size))
    decoded = cayenne.decode(payload)
    assert set(decoded) == {f"{cayenne.TYPES[code].name}_{channel}" for channel, code in chosen}
    with pytest.raises(MalformedCayenne):
        cayenne.decode(payload[:-1])


def test_values_follow_the_profile_order() -> None:
    data = {"battery": 80, "temperature": 21.5, "door": True, "ignored": "x"}
    assert values_in_order(data, ["temperature", "door", "absent", "battery"]) == (21.5, 1.0, None, 80.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (False, 0.0),
        ("21.50", 21.5),
        (" -3 ", -3.0),
        ("1e3", 1000.0),
        ("21,5", None),
        ("0x10", None),
        ("nan", None),
        ("1e999", None),
        ("٣", None),
        ("", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        ([1], None),
        ({"value": 1}, None),
    ],
)
def test_what_counts_as_a_number(value: object, expected: float | None) -> None:
    assert values_in_order({"x": value, "y": 1}, ["x", "y"]) == (expected, 1.0)


def test_a_dotted_key_reaches_inside_unless_a_name_has_the_dot() -> None:
    assert values_in_order({"air": {"temperature": 20}, "a.b": 1}, ["air.temperature", "a.b", "air.x.y"]) == (
        20,
        1,
        None,
    )


def test_an_answer_that_fits_nothing_is_an_error() -> None:
    with pytest.raises(MalformedMeasurement, match=r"temperature.*humidite"):
        values_in_order({"humidite": 3}, ["temperature"])
    with pytest.raises(MalformedMeasurement, match="rien"):
        values_in_order({}, ["temperature"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from("abcd"), json_values), st.lists(st.sampled_from(["a", "b", "c.d"]), min_size=1))
def test_whatever_a_codec_answers_the_row_has_the_profile_width(data: dict[str, object], keys: list[str]) -> None:
    try:
        row = values_in_order(data, keys)
    except MalformedMeasurement:
        return
    assert len(row) == len(keys)
    assert all(value is None or math.isfinite(value) for value in row)
