"""When a measurement, or its absence, becomes an alarm. The algorithm is told in docs/rules/alarms.md."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

NO_TIME = timedelta(0)


@dataclass(frozen=True, slots=True)
class RawUplink:
    """A frame as its network hands it down, decrypted and not decoded; ``received_at`` is in UTC."""

    device_id: int
    owner_id: int
    profile_id: int
    received_at: datetime
    f_port: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class DecodedUplink:
    """A frame's values in the order of its profile's quantities; ``None`` where the frame said nothing."""

    device_id: int
    owner_id: int
    profile_id: int
    received_at: datetime
    values: tuple[float | None, ...]


class AlarmKind(enum.StrEnum):
    """Who must act: the holder under the agreement (service), or the beneficiary's own staff (business)."""

    SERVICE = "service"
    BUSINESS = "business"


class Comparison(enum.StrEnum):
    """The side of the threshold that is wrong; the threshold itself is never wrong (strict comparison)."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """A limit on one quantity.

    ``threshold`` and ``hysteresis`` are in the quantity's unit. ``duration``: how long, by measurement times, the
    value must stay wrong before the alarm. ``max_gap``: two measurements further apart than this prove nothing about
    the time between them; ``None`` (default) takes the last value as holding until the next.
    """

    rule_id: int
    comparison: Comparison
    threshold: float
    hysteresis: float = 0.0
    duration: timedelta = NO_TIME
    kind: AlarmKind = AlarmKind.BUSINESS
    max_gap: timedelta | None = None

    def __post_init__(self) -> None:
        if not self.hysteresis >= 0:
            raise ValueError("L’hystérésis ne peut pas être négative.")
        if self.duration < NO_TIME:
            raise ValueError("La durée ne peut pas être négative.")
        if self.max_gap is not None and self.max_gap <= NO_TIME:
            raise ValueError("L’écart maximal doit être positif.")
        if not abs(self.threshold) < float("inf"):
            raise ValueError("Le seuil doit être un nombre.")

    def wrong(self, value: float) -> bool:
        """Whether ``value`` is past the threshold."""
        return value > self.threshold if self.comparison is Comparison.ABOVE else value < self.threshold

    def recovered(self, value: float) -> bool:
        """Whether ``value`` is back past the whole hysteresis band (its far edge included)."""
        if self.comparison is Comparison.ABOVE:
            return value <= self.threshold - self.hysteresis
        return value >= self.threshold + self.hysteresis


@dataclass(frozen=True, slots=True)
class RuleState:
    """What must be remembered per rule and measuring point between two measurements.

    ``pending_since``: measurement time from which the value has been wrong without a break (``None``: it is not).
    ``last_at``: time of the newest measurement taken into account; older ones change nothing.
    """

    active: bool = False
    pending_since: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Raised:
    """The alarm starts: ``since`` is when things went wrong, ``at`` the measurement that proved it."""

    rule_id: int
    kind: AlarmKind
    at: datetime
    since: datetime
    value: float | None


@dataclass(frozen=True, slots=True)
class Cleared:
    """The alarm ends with the measurement taken ``at``."""

    rule_id: int
    kind: AlarmKind
    at: datetime
    value: float | None


Transition = Raised | Cleared


def evaluate(
    rule: ThresholdRule, state: RuleState, at: datetime, value: float | None
) -> tuple[RuleState, Transition | None]:
    """Take one measurement into account; return the new state and what changed, if anything.

    A measurement not newer than ``state.last_at`` (late, or twice the same) and a missing one (``None`` or not a
    number) leave the state as it is. Raising needs ``rule.duration`` of wrong values up to this very measurement;
    clearing is immediate past the hysteresis band. Between two ``Raised`` of one state there is always a ``Cleared``.
    """
    if value is None or value != value or (state.last_at is not None and at <= state.last_at):
        return state, None
    seen = replace(state, last_at=at)
    if state.active:
        if not rule.recovered(value):
            return seen, None
        return RuleState(last_at=at), Cleared(rule.rule_id, rule.kind, at, value)
    if not rule.wrong(value):
        return replace(seen, pending_since=None), None
    since = state.pending_since
    if since is None or _broken(rule, state.last_at, at):
        since = at
    if at - since < rule.duration:
        return replace(seen, pending_since=since), None
    return RuleState(active=True, pending_since=since, last_at=at), Raised(rule.rule_id, rule.kind, at, since, value)


def _broken(rule: ThresholdRule, last_at: datetime | None, at: datetime) -> bool:
    return rule.max_gap is not None and last_at is not None and at - last_at > rule.max_gap


@dataclass(frozen=True, slots=True)
class SilenceRule:
    """How often a device or a gateway must be heard; a ``SERVICE`` alarm unless said otherwise."""

    rule_id: int
    expected_every: timedelta
    tolerance: timedelta = NO_TIME
    kind: AlarmKind = AlarmKind.SERVICE

    def __post_init__(self) -> None:
        if self.expected_every <= NO_TIME or self.tolerance < NO_TIME:
            raise ValueError("La période attendue doit être positive et la tolérance ne peut pas être négative.")


@dataclass(frozen=True, slots=True)
class Silence:
    """Whether somebody should have been heard by now: late after ``due_at``, by ``overdue`` (0 when not silent)."""

    silent: bool
    due_at: datetime
    overdue: timedelta


def silence(last_seen: datetime, expected_every: timedelta, tolerance: timedelta, now: datetime) -> Silence:
    """Say whether the last sign of life is too old: silent strictly after ``last_seen + expected_every + tolerance``.

    For what was never heard, give the instant it was put in service as ``last_seen``. A ``last_seen`` in the future
    (a clock that drifted) is not silent.
    """
    due_at = last_seen + expected_every + tolerance
    return Silence(silent=now > due_at, due_at=due_at, overdue=max(now - due_at, NO_TIME))


def evaluate_silence(
    rule: SilenceRule, *, raised: bool, last_seen: datetime, now: datetime
) -> tuple[bool, Transition | None]:
    """Return whether the silence alarm stands, and what changed.

    The alarm's ``since`` is the last sign of life; it clears with the first sign of life after, at that sign's time.
    """
    verdict = silence(last_seen, rule.expected_every, rule.tolerance, now)
    if verdict.silent and not raised:
        return True, Raised(rule.rule_id, rule.kind, now, last_seen, None)
    if raised and not verdict.silent:
        return False, Cleared(rule.rule_id, rule.kind, last_seen, None)
    return raised, None


def explained_by_gateways(heard_by: Iterable[int], silent_gateways: frozenset[int]) -> bool:
    """Whether a silent device needs no alarm of its own: every gateway that used to hear it is silent itself.

    A device never heard by any gateway explains itself by nothing, so it keeps its alarm.
    """
    gateways = set(heard_by)
    return bool(gateways) and gateways <= silent_gateways


def unexplained(silent_devices: Mapping[int, Iterable[int]], silent_gateways: frozenset[int]) -> list[int]:
    """Return the silent devices (id -> gateways that used to hear it) that deserve an alarm, by id."""
    return sorted(
        device for device, heard_by in silent_devices.items() if not explained_by_gateways(heard_by, silent_gateways)
    )
