"""Run the rules of measuring points over a batch, each state replaced by compare-and-swap.

Nothing is cached: one statement per batch finds the rules of the points on which the batch's devices were mounted at
the time of their frames. A rule written, a device swapped or a rule disabled a millisecond ago is seen, and there is
no copy to invalidate across processes; a batch of devices without a rule pays for a thousand index look-ups.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django.db import connection

from cadran.telemetry import decoding, rules
from cadran.telemetry.decoding import Profile
from cadran.telemetry.rules import DecodedUplink, RuleState, ThresholdRule, Transition

MOST_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rule says, as read from its row."""

    rule: ThresholdRule
    owner_id: int
    point_id: int
    quantity: str
    label: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A rule, where it stands, and the periods during which the batch's devices measured its point.

    A bound of ``mounted`` (device, from, to) is ``None`` when it does not cut the batch.
    """

    terms: Terms
    mounted: tuple[tuple[int, datetime | None, datetime | None], ...]
    state: RuleState
    version: int

    @property
    def rule_id(self) -> int:
        """The rule's id."""
        return self.terms.rule.rule_id


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a rule and which device's frame decided it."""

    terms: Terms
    transition: Transition
    device_id: int


# ``IS TRUE`` keeps the planner from starting at the index over ``during``, where every mounting of today overlaps.
# Instants travel as microseconds: the driver makes a datetime of a text in 3 µs, and there is one per rule.
_FIND = """
SELECT r.id, r.owner_id, r.point_id, r.quantity, r.comparison, r.threshold, r.hysteresis, r.duration_s, r.kind, r.label,
       m.equipment_id,
       CASE WHEN lower(m.during) > %(first)s THEN lower(m.during) END,
       CASE WHEN upper(m.during) <= %(last)s THEN upper(m.during) END,
       s.active, (extract(epoch FROM s.pending_since) * 1000000)::bigint,
       (extract(epoch FROM s.last_at) * 1000000)::bigint, s.version
FROM inventory_mounting m
JOIN telemetry_thresholdrule r ON r.point_id = m.point_id AND r.enabled
JOIN telemetry_rulestate s ON s.rule_id = r.id
WHERE m.equipment_id = ANY(%(devices)s::bigint[]) AND (m.during && tstzrange(%(first)s, %(last)s, '[]')) IS TRUE
ORDER BY r.id
"""
# Locks in the order of the rules, whatever the plan; a state changed meanwhile fails the version's check once more
# on its newest row (READ COMMITTED), so exactly one of two writers swaps.
_SWAP = """
WITH wanted AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[], %s::bigint[], %s::bigint[])
    AS w(rule_id, version, active, pending_since, last_at)
), held AS (
    SELECT s.rule_id FROM telemetry_rulestate s JOIN wanted w USING (rule_id)
    WHERE s.version = w.version ORDER BY s.rule_id FOR UPDATE OF s
)
UPDATE telemetry_rulestate s SET active = w.active, version = s.version + 1,
       pending_since = timestamptz 'epoch' + w.pending_since * interval '1 microsecond',
       last_at = timestamptz 'epoch' + w.last_at * interval '1 microsecond'
FROM wanted w JOIN held h USING (rule_id)
WHERE s.rule_id = w.rule_id RETURNING s.rule_id
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=100_000)
def _terms(
    rule_id: int,
    owner_id: int,
    point_id: int,
    quantity: str,
    comparison: str,
    threshold: float,
    hysteresis: float,
    duration_s: int,
    kind: str,
    label: str,
) -> Terms:
    """Keyed by the row's very content: it spares the making of values, never the reading of the row."""
    rule = ThresholdRule(
        rule_id=rule_id,
        comparison=rules.Comparison(comparison),
        threshold=threshold,
        hysteresis=hysteresis,
        duration=timedelta(seconds=duration_s),
        kind=rules.AlarmKind(kind),
    )
    return Terms(rule=rule, owner_id=owner_id, point_id=point_id, quantity=quantity, label=label)


def judge(uplinks: Sequence[DecodedUplink]) -> list[Verdict]:
    """Take the batch into account; return what changed, by rule and time.

    One query without a rule in the batch, three with; two more each time another process changed a state meanwhile.
    """
    if not uplinks:
        return []
    by_device: dict[int, list[DecodedUplink]] = defaultdict(list)
    for one in uplinks:
        by_device[one.device_id].append(one)
    first = min(one.received_at for one in uplinks)
    last = max(one.received_at for one in uplinks)
    verdicts: list[Verdict] = []
    profiles: dict[int, Profile] = {}
    only: set[int] | None = None
    for _ in range(MOST_ATTEMPTS):
        found = [one for one in find(sorted(by_device), first, last) if only is None or one.rule_id in only]
        if found and not profiles:
            profiles = decoding.profiles({one.profile_id for one in uplinks})
        ran = [(watched, *_run(watched, by_device, profiles)) for watched in found]
        changed = [(watched, state, said) for watched, state, said in ran if state != watched.state]
        swapped = swap([(watched, state) for watched, state, _ in changed])
        verdicts += [one for watched, _, said in changed if watched.rule_id in swapped for one in said]
        only = {watched.rule_id for watched, _, _ in changed} - swapped
        if not only:
            return verdicts
    raise RuntimeError(f"the states of rules {sorted(only or ())} change faster than they can be swapped")


def find(devices: list[int], first: datetime, last: datetime) -> list[Watched]:
    """Return the enabled rules of the points those devices measured between those instants (one query)."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"devices": _array(devices), "first": first, "last": last})
        rows = cursor.fetchall()
    found: dict[int, Watched] = {}
    for row in rows:
        before = found[row[0]].mounted if row[0] in found else ()
        found[row[0]] = Watched(
            terms=_terms(*row[:10]),
            mounted=(*before, row[10:13]),
            state=RuleState(active=row[13], pending_since=_instant(row[14]), last_at=_instant(row[15])),
            version=row[16],
        )
    return list(found.values())


def swap(changes: Iterable[tuple[Watched, RuleState]]) -> set[int]:
    """Write the new states whose version is still the one read; return their rules (one query)."""
    listed = list(changes)
    if not listed:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            _SWAP,
            [
                _array([watched.rule_id for watched, _ in listed]),
                _array([watched.version for watched, _ in listed]),
                _array([state.active for _, state in listed]),
                _array([_microseconds(state.pending_since) for _, state in listed]),
                _array([_microseconds(state.last_at) for _, state in listed]),
            ],
        )
        return {row[0] for row in cursor.fetchall()}


def _array(values: Iterable[int | bool | str]) -> str:
    """Return an array's text: a thousand numbers at the speed of ``str``, where the driver quotes them one by one."""
    return "{" + ",".join(map(str, values)) + "}"


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _microseconds(at: datetime | None) -> int | str:
    return "NULL" if at is None else (at - _EPOCH) // _MICROSECOND


def _run(
    watched: Watched, by_device: dict[int, list[DecodedUplink]], profiles: dict[int, Profile]
) -> tuple[RuleState, list[Verdict]]:
    samples: list[tuple[datetime, int, float | None]] = []
    for device, start, end in watched.mounted:
        for one in by_device[device]:
            if (start is not None and one.received_at < start) or (end is not None and one.received_at >= end):
                continue
            profile = profiles.get(one.profile_id)
            column = profile.column(watched.terms.quantity) if profile else None
            if column is not None and column < len(one.values):
                samples.append((one.received_at, device, one.values[column]))
    samples.sort(key=lambda sample: sample[0])
    state = watched.state
    found: list[Verdict] = []
    for at, device, value in samples:
        state, transition = rules.evaluate(watched.terms.rule, state, at, value)
        if transition is not None:
            found.append(Verdict(watched.terms, transition, device))
    return state, found
