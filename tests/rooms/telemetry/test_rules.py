"""Threshold and silence rules: properties over random measurements, and the cases of docs/rules/alarms.md."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.telemetry.rules import (
    AlarmKind,
    Cleared,
    Comparison,
    Raised,
    RuleState,
    SilenceRule,
    ThresholdRule,
    Transition,
    evaluate,
    evaluate_silence,
    explained_by_gateways,
    silence,
    unexplained,
)

START = datetime(2025, 3, 7, 8, 0, tzinfo=UTC)
Sample = tuple[datetime, float | None]

minutes = st.integers(0, 300).map(lambda n: START + timedelta(minutes=n))
values = st.one_of(st.integers(-20, 20).map(float), st.none(), st.just(float("nan")))
samples = st.lists(st.tuples(minutes, values), max_size=40)
rules = st.builds(
    ThresholdRule,
    rule_id=st.just(7),
    comparison=st.sampled_from(Comparison),
    threshold=st.integers(-10, 10).map(float),
    hysteresis=st.integers(0, 5).map(float),
    duration=st.integers(0, 60).map(lambda n: timedelta(minutes=n)),
    kind=st.sampled_from(AlarmKind),
    max_gap=st.one_of(st.none(), st.integers(1, 60).map(lambda n: timedelta(minutes=n))),
)


def run(rule: ThresholdRule, feed: list[Sample], state: RuleState | None = None) -> tuple[RuleState, list[Transition]]:
    state = state or RuleState()
    transitions = []
    for at, value in feed:
        state, transition = evaluate(rule, state, at, value)
        if transition:
            transitions.append(transition)
    return state, transitions


def usable(feed: list[Sample]) -> list[tuple[datetime, float]]:
    """The measurements that count: each newer than all before it, with a number."""
    kept: list[tuple[datetime, float]] = []
    for at, value in feed:
        if value is not None and value == value and (not kept or at > kept[-1][0]):
            kept.append((at, value))
    return kept


@given(rules, samples)
def test_raised_and_cleared_alternate_and_the_state_agrees(rule: ThresholdRule, feed: list[Sample]) -> None:
    state, transitions = run(rule, feed)
    for number, transition in enumerate(transitions):
        assert isinstance(transition, Raised if number % 2 == 0 else Cleared)
        assert (transition.rule_id, transition.kind) == (rule.rule_id, rule.kind)
    assert state.active == bool(len(transitions) % 2)


@given(rules, samples)
def test_late_repeated_and_empty_measurements_change_nothing(rule: ThresholdRule, feed: list[Sample]) -> None:
    assert run(rule, feed) == run(rule, list(usable(feed)))


@given(rules, samples)
def test_time_never_goes_back(rule: ThresholdRule, feed: list[Sample]) -> None:
    state = RuleState()
    for at, value in feed:
        before = state.last_at
        state, transition = evaluate(rule, state, at, value)
        assert before is None or (state.last_at is not None and state.last_at >= before)
        if transition:
            assert transition.at == at == state.last_at


@given(rules, samples, samples)
def test_a_feed_may_be_cut_anywhere(rule: ThresholdRule, first: list[Sample], second: list[Sample]) -> None:
    """The state carries everything: a restart between two measurements changes nothing."""
    middle, before = run(rule, first)
    end, after = run(rule, second, middle)
    assert run(rule, first + second) == (end, before + after)


@given(rules, samples)
def test_an_alarm_is_raised_exactly_when_the_wrong_run_is_long_enough(rule: ThresholdRule, feed: list[Sample]) -> None:
    """A slow, obvious yardstick: look back over the whole feed at each measurement."""
    kept = usable(feed)
    active = False
    expected: list[tuple[type, datetime]] = []
    cleared_at = -1  # index of the measurement that last cleared; a run starts after it
    for now_index, (at, value) in enumerate(kept):
        past = value - rule.threshold if rule.comparison is Comparison.ABOVE else rule.threshold - value
        if active:
            if past <= -rule.hysteresis:
                active, cleared_at = False, now_index
                expected.append((Cleared, at))
            continue
        run_start = now_index + 1
        for index in range(now_index, cleared_at, -1):
            then, other = kept[index]
            if not rule.wrong(other):
                break
            run_start = index
            if rule.max_gap is not None and index > 0 and then - kept[index - 1][0] > rule.max_gap:
                break
        if run_start <= now_index and at - kept[run_start][0] >= rule.duration:
            active = True
            expected.append((Raised, at))
    assert [(type(t), t.at) for t in run(rule, feed)[1]] == expected


@given(rules, st.lists(st.tuples(minutes, st.floats(-20, 20)), max_size=40))
def test_above_and_below_are_mirror_images(rule: ThresholdRule, feed: list[tuple[datetime, float]]) -> None:
    other = Comparison.BELOW if rule.comparison is Comparison.ABOVE else Comparison.ABOVE
    mirror = ThresholdRule(7, other, -rule.threshold, rule.hysteresis, rule.duration, rule.kind, rule.max_gap)
    left = run(rule, [*feed])[1]
    right = run(mirror, [(at, -value) for at, value in feed])[1]
    assert [(type(t), t.at) for t in left] == [(type(t), t.at) for t in right]


def table_cases() -> list[tuple[str, ...]]:
    text = (Path(__file__).parents[3] / "docs/rules/alarms.md").read_text(encoding="utf-8")
    rows = text.partition("<!-- cases -->")[2].partition("<!-- end -->")[0].strip().splitlines()[2:]
    cases = [tuple(cell.strip().strip("`") for cell in row.strip("|").split("|")) for row in rows]
    assert len(cases) >= 8
    return cases


@pytest.mark.parametrize("case", table_cases(), ids=lambda case: case[0])
def test_the_table_of_the_documentation(case: tuple[str, ...]) -> None:
    _, comparison, threshold, hysteresis, duration, max_gap, feed, expected = case
    rule = ThresholdRule(
        7,
        Comparison(comparison),
        float(threshold),
        float(hysteresis),
        timedelta(minutes=int(duration)),
        max_gap=timedelta(minutes=int(max_gap)) if max_gap != "-" else None,
    )
    measured: list[Sample] = []
    for item in feed.split():
        minute, _, value = item.partition("=")
        measured.append((START + timedelta(minutes=int(minute)), None if value == "?" else float(value)))
    said = []
    for transition in run(rule, measured)[1]:
        at = int((transition.at - START).total_seconds() // 60)
        if isinstance(transition, Raised):
            since = int((transition.since - START).total_seconds() // 60)
            said.append(f"raised@{at}(since {since})")
        else:
            said.append(f"cleared@{at}")
    assert (" ".join(said) or "nothing") == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"hysteresis": -1.0},
        {"hysteresis": float("nan")},
        {"duration": timedelta(minutes=-1)},
        {"max_gap": timedelta(0)},
        {"threshold": float("nan")},
        {"threshold": float("inf")},
    ],
)
def test_an_impossible_rule_is_refused(wrong: dict[str, object]) -> None:
    arguments: dict[str, object] = {"rule_id": 1, "comparison": Comparison.ABOVE, "threshold": 1.0, **wrong}
    with pytest.raises(ValueError, match=r"doit|peut"):
        ThresholdRule(**arguments)  # type: ignore[arg-type]


# --- silence ----------------------------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)
spans = st.integers(1, 10_000).map(lambda n: timedelta(minutes=n))


@given(every=spans, tolerance=spans, late=st.integers(-20_000, 20_000).map(lambda n: timedelta(minutes=n)))
def test_silent_strictly_after_the_due_time(every: timedelta, tolerance: timedelta, late: timedelta) -> None:
    now = START + every + tolerance + late
    verdict = silence(START, every, tolerance, now)
    assert verdict.silent == (late > timedelta(0))
    assert verdict.overdue == max(late, timedelta(0))
    assert verdict.due_at == START + every + tolerance


def test_a_silence_raises_once_and_clears_at_the_sign_of_life() -> None:
    rule = SilenceRule(3, expected_every=HOUR, tolerance=HOUR)
    standing, transition = evaluate_silence(rule, raised=False, last_seen=START, now=START + 2 * HOUR)
    assert (standing, transition) == (False, None)
    late = START + 2 * HOUR + timedelta(seconds=1)
    standing, transition = evaluate_silence(rule, raised=False, last_seen=START, now=late)
    assert (standing, transition) == (True, Raised(3, AlarmKind.SERVICE, late, START, None))
    assert evaluate_silence(rule, raised=True, last_seen=START, now=late + HOUR) == (True, None)
    heard = late + HOUR
    standing, transition = evaluate_silence(rule, raised=True, last_seen=heard, now=heard + HOUR)
    assert (standing, transition) == (False, Cleared(3, AlarmKind.SERVICE, heard, None))


def test_a_last_sign_of_life_in_the_future_is_not_a_silence() -> None:
    assert not silence(START + HOUR, HOUR, timedelta(0), START).silent


def test_an_impossible_silence_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="période"):
        SilenceRule(1, expected_every=timedelta(0))


def test_a_dead_gateway_speaks_for_the_devices_only_it_heard() -> None:
    down = frozenset({10, 11})
    assert explained_by_gateways([10], down)
    assert explained_by_gateways([10, 11], down)
    assert not explained_by_gateways([10, 12], down)
    assert not explained_by_gateways([], down)
    assert unexplained({3: [12], 1: [10], 2: [10, 12], 4: []}, down) == [2, 3, 4]
