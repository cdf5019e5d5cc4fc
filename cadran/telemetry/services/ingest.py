"""Frames become measurements, latest values and alarms, in one transaction a batch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import override

from cadran.inventory import selectors as inventory
from cadran.kernel import scope
from cadran.kernel.viewer import SYSTEM, Side
from cadran.telemetry import decoding, store, thresholds
from cadran.telemetry.decoding import Undecodable
from cadran.telemetry.models import Source
from cadran.telemetry.rules import Cleared, Comparison, DecodedUplink, RawUplink
from cadran.telemetry.services.alarms import clear_alarm, raise_alarm

CODES = {"service": "threshold.service", "business": "threshold.business"}  # of the agreement's alarms.yaml


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch; ``implausible``: frames dated more than 400 days ago or a day ahead, left out."""

    measurements: int = 0
    duplicates: int = 0
    undecodable: int = 0
    implausible: int = 0
    raised: int = 0
    cleared: int = 0


def record_uplinks(uplinks: Sequence[RawUplink | DecodedUplink | Undecodable], *, now: datetime) -> Recorded:
    """Store a batch: decode, write what is new, bring latest values up to date, run the rules of measuring points.

    All of it commits together, in the caller's transaction if it opened one in the system's scope. Frames may come
    late, twice or in disorder: a frame (device, instant to the millisecond) is stored once, an older one never
    replaces a latest value nor wakes a rule. Decode first with ``decode_uplinks``, outside the transaction, where a
    slow codec must hold no lock.

    A dozen statements a batch without an alarm, whatever its size.
    """
    decoded = decoding.decode_uplinks(uplinks)
    values = [one for one in decoded if isinstance(one, DecodedUplink)]
    failures = [one for one in decoded if isinstance(one, Undecodable)]
    with _system():
        rows = store.rows_of(values, now=now)
        inserted = store.write(rows)
        store.count_failures(failures)
        raised, cleared = _alarms(values, now)
        store.announce({row[2] for row in rows} | {one.owner_id for one in failures})
    return Recorded(
        measurements=inserted,
        duplicates=len(rows) - inserted,
        undecodable=len(failures),
        implausible=len(values) - len(rows),
        raised=raised,
        cleared=cleared,
    )


def _system() -> AbstractContextManager[None]:
    """The system's scope: the caller's, or one opened here."""
    viewer = scope.current()
    if connection.in_atomic_block and viewer is not None and viewer.side is Side.SYSTEM:
        return nullcontext()
    return scope.scoped(SYSTEM)


def _alarms(values: Sequence[DecodedUplink], now: datetime) -> tuple[int, int]:
    plausible = [one for one in values if now - store.OLDEST <= one.received_at <= now + store.NEWEST]
    raised = cleared = 0
    for verdict in thresholds.judge(plausible):
        transition, terms = verdict.transition, verdict.terms
        key = f"rule:{transition.rule_id}"
        if isinstance(transition, Cleared):
            cleared += clear_alarm(owner_id=terms.owner_id, origin_key=key, at=transition.at)
            continue
        point = inventory.point(viewer=SYSTEM, point_id=terms.point_id)
        _alarm, new = raise_alarm(
            owner_id=terms.owner_id,
            origin_key=key,
            code=CODES[transition.kind],
            kind=transition.kind,
            title=terms.label,
            detail=_told(terms, transition.value, _unit(verdict.device_id, terms.quantity)),
            site_id=point.site_id,
            service_id=point.service_id,
            equipment_id=verdict.device_id,
            point_id=point.pk,
            rule_id=transition.rule_id,
            value=transition.value,
            raised_at=transition.at,
        )
        raised += new
    return raised, cleared


def _unit(device_id: int, quantity: str) -> str:
    """Return the unit of what the rule watches, after a no-break space; nothing when it has none."""
    quantities = Source.objects.filter(pk=device_id).values_list("profile__quantities", flat=True).first() or ()
    units = [one["unit"] for one in quantities if quantity in (one["quantity"], one["key"])]
    return f"\u00a0{units[0]}" if units and units[0] else ""


def _told(terms: thresholds.Terms, value: float | None, unit: str) -> str:
    with override("fr"):
        above = terms.rule.comparison is Comparison.ABOVE
        sentence = (
            _("Mesure : {value}, au-dessus du seuil de {threshold}.")
            if above
            else _("Mesure : {value}, au-dessous du seuil de {threshold}.")
        )
        return sentence.format(value=f"{localize(value)}{unit}", threshold=f"{localize(terms.rule.threshold)}{unit}")
