"""Decisions: the tables of docs/rules/lorawan.md, and properties over random values."""

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.lorawan import rules
from cadran.lorawan.codec import eu868
from cadran.lorawan.rules import CounterVerdict, ReceiveSettings, Version

DOCUMENT = (Path(__file__).parents[3] / "docs" / "rules" / "lorawan.md").read_text(encoding="utf-8")
counters = st.one_of(st.just(rules.NO_FRAME_YET), st.integers(0, rules.MAX_COUNTER))


def table(name: str) -> list[list[str]]:
    """Return the rows of the table under the mark ``name``."""
    after = DOCUMENT.split(f"<!-- {name} -->\n", 1)[1]
    rows = [line for line in after.split("\n\n", 1)[0].splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]
    assert found, f"no row under {name}"
    return found


def counter(text: str) -> int:
    return rules.NO_FRAME_YET if text == "none" else int(text)


@pytest.mark.parametrize("row", table("counter candidates"), ids=" ".join)
def test_documented_candidates(row: list[str]) -> None:
    last, low, may_reset, expected = row
    found = rules.counter_candidates(counter(last), int(low), may_reset=may_reset == "yes")
    assert list(found) == [int(one) for one in expected.split(",")]


@pytest.mark.parametrize("row", table("counter verdicts"), ids=" ".join)
def test_documented_verdicts(row: list[str]) -> None:
    last, f_cnt, same, may_reset, expected = row
    verdict = rules.judge_counter(
        last=counter(last), f_cnt=int(f_cnt), same_frame_as_last=same == "yes", may_reset=may_reset == "yes"
    )
    assert verdict == expected


@pytest.mark.parametrize("row", table("dev nonces"), ids=" ".join)
def test_documented_nonces(row: list[str]) -> None:
    version, used_text, asked, answered = row
    used = frozenset() if used_text == "none" else frozenset(int(one) for one in used_text.split(","))
    new = rules.dev_nonce_is_new(
        version=Version(version), used=used, highest=max(used, default=-1), dev_nonce=int(asked)
    )
    assert new is (answered == "yes")


@given(last=counters, ahead=st.integers(1, rules.COUNTER_SPAN - 1))
def test_a_counter_at_most_65535_ahead_is_the_first_candidate(last: int, ahead: int) -> None:
    true = max(last, -1) + ahead
    if true <= rules.MAX_COUNTER and not (last == rules.NO_FRAME_YET and true >= rules.COUNTER_SPAN):
        assert rules.counter_candidates(last, true % rules.COUNTER_SPAN)[0] == true


@given(last=counters, low=st.integers(0, rules.COUNTER_SPAN - 1), may_reset=st.booleans())
def test_candidates_end_with_the_bits_on_the_air(last: int, low: int, may_reset: bool) -> None:
    candidates = rules.counter_candidates(last, low, may_reset=may_reset)
    assert candidates
    assert len(set(candidates)) == len(candidates)
    assert all(0 <= one <= rules.MAX_COUNTER and one % rules.COUNTER_SPAN == low for one in candidates)


@given(last=counters, f_cnt=st.integers(0, rules.MAX_COUNTER), same=st.booleans())
def test_new_data_never_comes_under_an_old_counter(last: int, f_cnt: int, same: bool) -> None:
    verdict = rules.judge_counter(last=last, f_cnt=f_cnt, same_frame_as_last=same, may_reset=False)
    assert (verdict is CounterVerdict.ACCEPTED) is (f_cnt > last)
    assert verdict is not CounterVerdict.RESET


@given(st.lists(st.integers(0, rules.MAX_DEV_NONCE), max_size=40), st.sampled_from(Version))
def test_a_dev_nonce_is_answered_at_most_once(asked: list[int], version: Version) -> None:
    used: set[int] = set()
    answered = []
    for dev_nonce in asked:
        if rules.dev_nonce_is_new(version=version, used=used, highest=max(used, default=-1), dev_nonce=dev_nonce):
            answered.append(dev_nonce)
            used.add(dev_nonce)
    assert len(set(answered)) == len(answered)
    if version is Version.V1_0_4:
        assert answered == sorted(answered)
    else:
        assert set(answered) == set(asked)


class Signal(NamedTuple):
    snr_db: float
    rssi_dbm: float


def test_best_gateway_by_signal_to_noise_then_power() -> None:
    near, far, strong = Signal(9.0, -70.0), Signal(-3.0, -60.0), Signal(9.0, -65.0)
    assert rules.best_first([far, near, strong]) == [strong, near, far]


def test_windows_after_an_uplink_and_after_a_join() -> None:
    rx1, rx2 = rules.receive_windows(ReceiveSettings(), frequency_hz=868_100_000, data_rate=5)
    assert (rx1.name, rx1.delay_s, rx1.frequency_hz, rx1.data_rate, rx1.power_dbm) == ("RX1", 1, 868_100_000, 5, 14)
    assert (rx2.name, rx2.delay_s, rx2.frequency_hz, rx2.data_rate, rx2.power_dbm) == ("RX2", 2, 869_525_000, 0, 27)
    joined = rules.receive_windows(rules.JOIN_WINDOWS, frequency_hz=868_500_000, data_rate=0)
    assert [window.delay_s for window in joined] == [5, 6]


@pytest.mark.parametrize(("data_rate", "offset", "expected"), [(5, 0, 5), (5, 3, 2), (2, 5, 0), (0, 1, 0), (7, 2, 5)])
def test_rx1_data_rate(data_rate: int, offset: int, expected: int) -> None:
    settings = ReceiveSettings(rx1_dr_offset=offset)
    assert rules.receive_windows(settings, frequency_hz=868_100_000, data_rate=data_rate)[0].data_rate == expected


def test_no_transmission_where_the_plan_forbids_it() -> None:
    windows = rules.receive_windows(ReceiveSettings(), frequency_hz=869_300_000, data_rate=5)
    assert [window.name for window in windows] == ["RX2"]
    with pytest.raises(ValueError, match="offset 6"):
        eu868.rx1_data_rate(5, 6)


def test_what_is_tried_after_a_refusal() -> None:
    windows = rules.receive_windows(ReceiveSettings(), frequency_hz=868_100_000, data_rate=5)
    ways = rules.opportunities(2, windows)
    assert [(way.window.name, way.gateway) for way in ways] == [("RX1", 0), ("RX1", 1), ("RX2", 0), ("RX2", 1)]
    late = rules.after_refusal(ways, ways[0], "TOO_LATE")
    assert [(way.window.name, way.gateway) for way in late] == [("RX2", 0), ("RX2", 1)]
    collision = rules.after_refusal(ways, ways[0], "COLLISION_PACKET")
    assert [(way.window.name, way.gateway) for way in collision] == [("RX1", 1), ("RX2", 0), ("RX2", 1)]


def test_a_frame_must_reach_the_gateway_before_the_window() -> None:
    rx1 = rules.receive_windows(ReceiveSettings(), frequency_hz=868_100_000, data_rate=5)[0]
    assert rules.still_in_time(rx1, elapsed_s=0.2)
    assert not rules.still_in_time(rx1, elapsed_s=0.95)
