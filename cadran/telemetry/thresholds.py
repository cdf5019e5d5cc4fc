"""Run the rules of measuring points over a batch, each state replaced by compare-and-swap.

Nothing is cached: one statement per batch finds the rules of the points on which the batch's devices were mounted at
the time of their frames. A rule written, a device swapped or a rule disabled a millisecond ago is seen, and there is
no copy to invalidate across processes; a batch of devices without a rule pays for a thousand index look-ups.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from cadran.telemetry import decoding, rules
from cadran.telemetry.decoding import Profile
from cadran.telemetry.rules import DecodedUplink, RuleState, ThresholdRule, Transition

MOST_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Watched:
    """A rule, where it stands, and the periods during which the batch's devices measured its point."""

    rule: ThresholdRule
    owner_id: int
    quantity: str
    label: str
    point_id: int
    site_id: int
    service_id: int | None
    mounted: tuple[tuple[int, datetime | None, datetime | None], ...]  # device, from, to
    state: RuleState
    version: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a rule and which device's frame decided it."""

    watched: Watched
    transition: Transition
    device_id: int


_COLUMNS = (
    "r.id, r.owner_id, r.quantity, r.comparison, r.threshold, r.hysteresis, r.duration_s, r.kind, r.label,"
    " p.id, p.site_id, p.service_id, m.equipment_id, lower(m.during), upper(m.during),"
    " s.active, s.pending_since, s.last_at, s.version"
)
_FIND = (
    f"SELECT {_COLUMNS} FROM inventory_mounting m"  # noqa: S608 - constants
    " JOIN telemetry_thresholdrule r ON r.point_id = m.point_id AND r.enabled"
    " JOIN inventory_measuringpoint p ON p.id = r.point_id"
    " JOIN telemetry_rulestate s ON s.rule_id = r.id"
    " WHERE m.equipment_id = ANY(%s) AND m.during && tstzrange(%s, %s, '[]') ORDER BY r.id"
)
# Locks in the order of the rules, whatever the plan; a state changed meanwhile fails the version's check once more
# on its newest row (READ COMMITTED), so exactly one of two writers swaps.
_SWAP = (
    "WITH wanted AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[], %s::timestamptz[],"
    " %s::timestamptz[]) AS w(rule_id, version, active, pending_since, last_at)),"
    " held AS (SELECT s.rule_id FROM telemetry_rulestate s JOIN wanted w USING (rule_id)"
    " WHERE s.version = w.version ORDER BY s.rule_id FOR UPDATE OF s)"
    " UPDATE telemetry_rulestate s SET active = w.active, pending_since = w.pending_since, last_at = w.last_at,"
    " version = s.version + 1 FROM wanted w JOIN held h USING (rule_id)"
    " WHERE s.rule_id = w.rule_id RETURNING s.rule_id"
)


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
        found = [one for one in find(sorted(by_device), first, last) if only is None or one.rule.rule_id in only]
        if found and not profiles:
            profiles = decoding.profiles({one.profile_id for one in uplinks})
        ran = [(watched, *_run(watched, by_device, profiles)) for watched in found]
        changed = [(watched, state, said) for watched, state, said in ran if state != watched.state]
        swapped = swap([(watched, state) for watched, state, _ in changed])
        verdicts += [one for watched, _, said in changed if watched.rule.rule_id in swapped for one in said]
        only = {watched.rule.rule_id for watched, _, _ in changed} - swapped
        if not only:
            return verdicts
    raise RuntimeError(f"the states of rules {sorted(only or ())} change faster than they can be swapped")


def find(devices: list[int], first: datetime, last: datetime) -> list[Watched]:
    """Return the enabled rules of the points those devices measured between those instants (one query)."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [devices, first, last])
        rows = cursor.fetchall()
    found: dict[int, Watched] = {}
    for row in rows:
        mounted = (*(found[row[0]].mounted if row[0] in found else ()), (row[12], row[13], row[14]))
        found[row[0]] = Watched(
            rule=ThresholdRule(
                rule_id=row[0],
                comparison=rules.Comparison(row[3]),
                threshold=row[4],
                hysteresis=row[5],
                duration=timedelta(seconds=row[6]),
                kind=rules.AlarmKind(row[7]),
            ),
            owner_id=row[1],
            quantity=row[2],
            label=row[8],
            point_id=row[9],
            site_id=row[10],
            service_id=row[11],
            mounted=mounted,
            state=RuleState(active=row[15], pending_since=row[16], last_at=row[17]),
            version=row[18],
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
                [watched.rule.rule_id for watched, _ in listed],
                [watched.version for watched, _ in listed],
                [state.active for _, state in listed],
                [state.pending_since for _, state in listed],
                [state.last_at for _, state in listed],
            ],
        )
        return {row[0] for row in cursor.fetchall()}


def _run(
    watched: Watched, by_device: dict[int, list[DecodedUplink]], profiles: dict[int, Profile]
) -> tuple[RuleState, list[Verdict]]:
    samples: list[tuple[datetime, int, float | None]] = []
    for device, start, end in watched.mounted:
        for one in by_device[device]:
            if (start is not None and one.received_at < start) or (end is not None and one.received_at >= end):
                continue
            profile = profiles.get(one.profile_id)
            column = profile.column(watched.quantity) if profile else None
            if column is not None and column < len(one.values):
                samples.append((one.received_at, device, one.values[column]))
    samples.sort(key=lambda sample: sample[0])
    state = watched.state
    found: list[Verdict] = []
    for at, device, value in samples:
        state, transition = rules.evaluate(watched.rule, state, at, value)
        if transition is not None:
            found.append(Verdict(watched, transition, device))
    return state, found
