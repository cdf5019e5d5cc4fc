"""Identities are stable: demonstration data registered with them must go on matching."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.simulator import identities, profiles
from cadran.simulator.profiles import Profile
from cadran.simulator.scenarios import SCENARIOS, Readings


def test_identities_do_not_change_from_one_version_to_the_next() -> None:
    device = identities.device_identity(0)
    assert (f"{device.dev_eui:016x}", f"{device.join_eui:016x}") == ("02cada0000000000", "02cada4a00000001")
    assert f"{identities.device_identity(1999).dev_eui:016x}" == "02cada00000007cf"
    assert f"{identities.gateway_eui(11):016x}" == "02cada670000000b"
    assert identities.given_session(3).dev_addr == 0x01000003
    assert device.app_key.hex() == "46f200879c0e44f83caf399ca817bf5a"


@given(st.integers(0, (1 << 24) - 1), st.integers(0, (1 << 24) - 1))
def test_identities_are_distinct(one: int, other: int) -> None:
    first, second = identities.device_identity(one), identities.device_identity(other)
    assert (first == second) is (one == other)
    assert (first.app_key == second.app_key) is (one == other)
    assert identities.given_session(one).nwk_s_key != identities.given_session(one).app_s_key
    assert first.dev_eui != identities.gateway_eui(other)


def test_another_seed_gives_other_keys() -> None:
    assert identities.device_identity(1, seed=b"x").app_key != identities.device_identity(1).app_key
    with pytest.raises(ValueError, match="rank"):
        identities.device_identity(1 << 24)


def test_profiles_and_their_bytes() -> None:
    assert [profiles.profile_of(index) for index in range(4)] == list(Profile)[:4]
    assert {profiles.profile_of(index) for index in range(10)} == set(Profile)
    assert profiles.encode_ambient(temperature_c=21.5, humidity_percent=48, battery=90).hex() == "0866605a"
    assert profiles.encode_cold_room(temperature_c=-2.0, door_open=True, battery=90).hex() == "ff38015a"
    co2 = profiles.encode_co2(co2_ppm=850, temperature_c=21.5, humidity_percent=48, battery=90)
    assert co2.hex() == "03520866605a"
    assert profiles.encode_water_meter(litres=123456.7, battery=87).hex() == "0001e24057"
    assert profiles.encode_parking(occupied=True, battery=87).hex() == "0157"


@given(st.integers(0, 5000), st.floats(0, 4000), st.floats(0, 400))
def test_a_water_meter_never_goes_back(index: int, days: float, later: float) -> None:
    before, after = profiles.index_litres(index, days=days), profiles.index_litres(index, days=days + later)
    assert after >= before - 1e-6
    assert after - before <= profiles.daily_litres(index) * (later + 1)


@given(st.integers(0, 200), st.floats(0, 10_000), st.sampled_from(sorted(SCENARIOS)), st.integers(0, 1000))
def test_every_reading_fits_its_bytes(index: int, elapsed_s: float, scenario: str, seed: int) -> None:
    readings = Readings(SCENARIOS[scenario], seconds_of_day=30_000_000.0, random=Random(seed))
    f_port, payload = readings.payload(index, elapsed_s=elapsed_s)
    sizes = {2: 4, 3: 4, 4: 6, 5: 5, 6: 2}
    assert (f_port, len(payload)) == (profiles.F_PORTS[profiles.profile_of(index)], sizes[f_port])
