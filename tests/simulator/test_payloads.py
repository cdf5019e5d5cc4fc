"""Every frame of the simulator, read by the codec of its pack, gives back what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cadran.simulator import profiles
from cadran.simulator.profiles import Profile
from cadran.simulator.scenarios import SCENARIOS, Readings
from cadran.telemetry.codec import CodecCall, CodecResult, values_in_order
from cadran.telemetry.decoders import DecoderPool
from cadran.telemetry.device_packs import DevicePack, load_devices

DEVICES = Path(__file__).parents[2] / "packs" / "devices"
AT = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


@cache
def packs() -> dict[str, DevicePack]:
    return {pack.code: pack for pack in load_devices(DEVICES)}


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    pool = DecoderPool()
    yield pool
    pool.close()


def decode(pool: DecoderPool, profile: Profile, payload: bytes) -> CodecResult:
    pack = packs()[f"cadran-demo/{profile}@1.0"]
    (answer,) = pool.decode([CodecCall(pack.codec, pack.codec_source, profiles.F_PORTS[profile], payload, AT)])
    return answer


def clean(answer: CodecResult) -> dict[str, object]:
    assert (answer.errors, answer.warnings, answer.failure) == ((), (), None)
    assert answer.data is not None
    return dict(answer.data)


temperatures = st.floats(-40, 60).map(lambda value: round(value, 2))
humidities = st.integers(0, 200).map(lambda halves: halves / 2)
batteries = st.integers(0, 100)
decoded = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_there_is_a_pack_for_every_profile() -> None:
    assert {f"cadran-demo/{profile}@1.0" for profile in Profile} == set(packs())
    assert set(profiles.F_PORTS) == set(Profile)


@decoded
@given(temperature=temperatures, humidity=humidities, battery=batteries)
def test_ambient(pool: DecoderPool, temperature: float, humidity: float, battery: int) -> None:
    payload = profiles.encode_ambient(temperature_c=temperature, humidity_percent=humidity, battery=battery)
    assert clean(decode(pool, Profile.AMBIENT, payload)) == {
        "temperature": temperature,
        "humidity": humidity,
        "battery": battery,
    }


@decoded
@given(temperature=temperatures, door=st.booleans(), battery=batteries)
def test_cold_room(pool: DecoderPool, temperature: float, door: bool, battery: int) -> None:
    payload = profiles.encode_cold_room(temperature_c=temperature, door_open=door, battery=battery)
    assert clean(decode(pool, Profile.COLD_ROOM, payload)) == {
        "temperature": temperature,
        "door": door,
        "battery": battery,
    }


@decoded
@given(co2=st.integers(0, 65_535), temperature=temperatures, humidity=humidities, battery=batteries)
def test_co2(pool: DecoderPool, co2: int, temperature: float, humidity: float, battery: int) -> None:
    payload = profiles.encode_co2(co2_ppm=co2, temperature_c=temperature, humidity_percent=humidity, battery=battery)
    assert clean(decode(pool, Profile.CO2, payload)) == {
        "co2": co2,
        "temperature": temperature,
        "humidity": humidity,
        "battery": battery,
    }


@decoded
@given(litres=st.integers(0, 2**32 - 1), battery=batteries)
def test_water_meter(pool: DecoderPool, litres: int, battery: int) -> None:
    payload = profiles.encode_water_meter(litres=litres, battery=battery)
    assert clean(decode(pool, Profile.WATER_METER, payload)) == {"index": litres / 1_000, "battery": battery}


def test_a_meter_starts_again_like_a_real_one(pool: DecoderPool) -> None:
    payload = profiles.encode_water_meter(litres=2**32 + 1_500, battery=50)
    assert clean(decode(pool, Profile.WATER_METER, payload)) == {"index": 1.5, "battery": 50}


@decoded
@given(occupied=st.booleans(), battery=batteries)
def test_parking(pool: DecoderPool, occupied: bool, battery: int) -> None:
    payload = profiles.encode_parking(occupied=occupied, battery=battery)
    assert clean(decode(pool, Profile.PARKING, payload)) == {"occupied": occupied, "battery": battery}


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_a_whole_day_of_every_scenario_is_readable(pool: DecoderPool, scenario: str) -> None:
    started = (AT - profiles.METERS_SINCE).total_seconds()
    readings = Readings(SCENARIOS[scenario], seconds_of_day=started, random=Random(1))
    calls, wanted = [], []
    for index in range(30):
        pack = packs()[f"cadran-demo/{profiles.profile_of(index)}@1.0"]
        for elapsed in range(0, 86_400, 7_200):
            port, payload = readings.payload(index, elapsed_s=elapsed)
            calls.append(CodecCall(pack.codec, pack.codec_source, port, payload, AT))
            wanted.append([quantity.key for quantity in pack.quantities])
    for answer, keys in zip(pool.decode(calls), wanted, strict=True):
        assert None not in values_in_order(clean(answer), keys)


@given(index=st.integers(0, 5_000), days=st.floats(0, 3_000), later=st.floats(0, 10))
def test_a_meter_never_goes_back(index: int, days: float, later: float) -> None:
    assert profiles.index_litres(index, days=days + later) >= profiles.index_litres(index, days=days) - 1e-6


@given(index=st.integers(0, 5_000), day=st.integers(0, 3_000))
def test_a_meter_counts_its_litres_in_a_day(index: int, day: int) -> None:
    drawn = profiles.index_litres(index, days=day + 1) - profiles.index_litres(index, days=day)
    assert drawn == pytest.approx(profiles.daily_litres(index))


def test_ten_devices_in_a_row_hold_every_profile() -> None:
    for start in (0, 10, 1_990):
        found = [profiles.profile_of(index) for index in range(start, start + 10)]
        assert {profile: found.count(profile) for profile in Profile} == {
            Profile.AMBIENT: 4,
            Profile.COLD_ROOM: 1,
            Profile.CO2: 2,
            Profile.WATER_METER: 2,
            Profile.PARKING: 1,
        }
