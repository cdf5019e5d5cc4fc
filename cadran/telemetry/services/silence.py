"""Devices that send nothing any more, or nothing that can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from cadran.telemetry import rules
from cadran.telemetry.rules import Raised, SilenceRule
from cadran.telemetry.services.alarms import clear_alarm, raise_alarm

SILENT, UNDECODABLE = "device.silent", "device.undecodable"  # of the agreement's alarms.yaml


class Explanation(Protocol):
    """What a higher room knows that makes a device's silence no news, such as the silence of its gateways."""

    def __call__(self, device_ids: frozenset[int], *, now: datetime) -> Iterable[int]:
        """Return those of the devices whose silence it explains."""


_explanations: list[Explanation] = []


def explain_silence_with(explanation: Explanation) -> Explanation:
    """Register an explanation; a room above calls this when its app is ready. Usable as a decorator."""
    _explanations.append(explanation)
    return explanation


@dataclass(frozen=True, slots=True)
class _Device:
    device_id: int
    owner_id: int
    silent_after: timedelta
    measured_at: datetime  # newest measurement, or the registration
    failed_at: datetime | None  # newest frame nobody could read
    name: str
    site_id: int
    service_id: int | None
    retired: bool
    point_id: int | None
    mute: bool  # the alarm stands
    unread: bool

    @property
    def heard_at(self) -> datetime:
        return max(self.measured_at, self.failed_at or self.measured_at)

    def key(self, code: str) -> str:
        return f"device:{self.device_id}:{code.partition('.')[2]}"


_FIND = """
SELECT s.equipment_id, s.owner_id, s.silent_after_s, greatest(s.registered_at, l.ts), f.last_at, e.name, e.site_id,
       e.service_id, e.retired_on IS NOT NULL, m.point_id, mute.id IS NOT NULL, unread.id IS NOT NULL
FROM telemetry_source s
JOIN inventory_equipment e ON e.id = s.equipment_id
LEFT JOIN telemetry_latest l ON l.device_id = s.equipment_id
LEFT JOIN telemetry_decodefailure f ON f.device_id = s.equipment_id
LEFT JOIN inventory_mounting m ON m.equipment_id = s.equipment_id AND m.during @> %(now)s::timestamptz
LEFT JOIN telemetry_alarm mute ON mute.owner_id = s.owner_id AND mute.cleared_at IS NULL
     AND mute.origin_key = 'device:' || s.equipment_id || ':silent'
LEFT JOIN telemetry_alarm unread ON unread.owner_id = s.owner_id AND unread.cleared_at IS NULL
     AND unread.origin_key = 'device:' || s.equipment_id || ':undecodable'
WHERE mute.id IS NOT NULL OR unread.id IS NOT NULL
   OR (e.retired_on IS NULL
       AND greatest(s.registered_at, l.ts) + s.silent_after_s * interval '1 second' < %(now)s)
ORDER BY s.equipment_id
"""


@transaction.atomic
def check_silence(*, now: datetime) -> tuple[int, int]:
    """Raise and clear the alarms of devices not heard, or heard and not understood; return how many of each.

    To be called in the system's scope. A frame that cannot be decoded is a sign of life: its device is not silent but
    *undecodable*, once no measurement came for the time of a silence; a device has one of the two alarms, never both
    raised anew. A retired equipment is expected no more. One query, plus some per alarm raised or cleared.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"now": now})
        devices = [_Device(row[0], row[1], timedelta(seconds=max(1, row[2])), *row[3:]) for row in cursor.fetchall()]
    cleared = sum(_clear(device, now) for device in devices)
    silent = {one.device_id for one in devices if _becomes_silent(one, now)}
    for explanation in _explanations if silent else ():
        silent -= set(explanation(frozenset(silent), now=now))
    raised = 0
    for device in devices:
        if device.device_id in silent:
            raised += _raise(device, SILENT, now)
        elif _becomes_undecodable(device, now):
            raised += _raise(device, UNDECODABLE, now)
    return raised, cleared


def _becomes_silent(device: _Device, now: datetime) -> bool:
    if device.retired or device.unread:
        return False
    return isinstance(_transition(device, device.mute, device.heard_at, now), Raised)


def _becomes_undecodable(device: _Device, now: datetime) -> bool:
    if device.retired or device.mute or device.heard_at == device.measured_at:
        return False
    if rules.silence(device.heard_at, device.silent_after, rules.NO_TIME, now).silent:
        return False
    return isinstance(_transition(device, device.unread, device.measured_at, now), Raised)


def _transition(device: _Device, stands: bool, last_seen: datetime, now: datetime) -> rules.Transition | None:
    rule = SilenceRule(rule_id=device.device_id, expected_every=device.silent_after)
    return rules.evaluate_silence(rule, raised=stands, last_seen=last_seen, now=now)[1]


def _clear(device: _Device, now: datetime) -> int:
    cleared = 0
    for code, stands, seen in (
        (SILENT, device.mute, device.heard_at),
        (UNDECODABLE, device.unread, device.measured_at),
    ):
        if not stands:
            continue
        if device.retired:
            seen = now
        elif not isinstance(_transition(device, True, seen, now), rules.Cleared):
            continue
        cleared += clear_alarm(owner_id=device.owner_id, origin_key=device.key(code), at=seen)
    return cleared


def _raise(device: _Device, code: str, now: datetime) -> int:
    minutes = round(device.silent_after.total_seconds() / 60)
    with override("fr"):
        say: Callable[[str], str] = _
        title, detail = {
            SILENT: (
                say("{name} n’envoie plus rien"),
                say("Aucune trame depuis plus de {minutes} min, la limite de cet équipement."),
            ),
            UNDECODABLE: (
                say("Les trames de {name} sont illisibles"),
                say("Des trames arrivent, aucune mesure depuis plus de {minutes} min. Vérifiez le profil et le codec."),
            ),
        }[code]
    _alarm, new = raise_alarm(
        owner_id=device.owner_id,
        origin_key=device.key(code),
        code=code,
        kind="service",
        title=title.format(name=device.name),
        detail=detail.format(minutes=minutes),
        site_id=device.site_id,
        service_id=device.service_id,
        equipment_id=device.device_id,
        point_id=device.point_id,
        raised_at=now,
    )
    return int(new)
