"""A quantity over a period, as a chart and as a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.kernel.calendars import zone_named
from cadran.kernel.viewer import Viewer
from cadran.telemetry import selectors
from cadran.telemetry.lists import digits_of, limit_words, unit_words, value_words
from cadran.telemetry.models import Alarm, ThresholdRule
from cadran.telemetry.selectors import Series
from cadran.ui import charts, times

MOST_POINTS: Final = 500  # of a curve: more than a screen has columns, and every extreme is kept
EVERY_POINT: Final = 10_000_000
MOST_MARKERS: Final = 30


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time a reader chooses."""

    key: str
    label: str | Promise
    span: timedelta


PERIODS: Final = (
    Period("24h", gettext_lazy("24 heures"), timedelta(hours=24)),
    Period("7j", gettext_lazy("7 jours"), timedelta(days=7)),
    Period("30j", gettext_lazy("30 jours"), timedelta(days=30)),
    Period("1an", gettext_lazy("1 an"), timedelta(days=365)),
)


def period_of(key: str) -> Period:
    """Return the period asked for, a day when the address says nothing we know."""
    return next((period for period in PERIODS if period.key == key), PERIODS[0])


@dataclass(frozen=True, slots=True)
class Summary:
    """What a curve comes to. ``beyond``: per threshold, the share (0 to 1) of the measured time past it."""

    low: tuple[datetime, float]
    high: tuple[datetime, float]
    last: tuple[datetime, float]
    beyond: tuple[float, ...]


def summary_of(
    instants: Sequence[datetime], values: Sequence[float | None], limits: Sequence[tuple[str, float]]
) -> Summary | None:
    """Return what the curve comes to; nothing when nothing was measured.

    ``limits`` are (comparison, threshold). A value holds until the next measurement, as it does for the rules; the
    time of a gap, marked by ``None``, is not measured time.
    """
    known = [(at, value) for at, value in zip(instants, values, strict=True) if value is not None]
    if not known:
        return None
    measured = timedelta(0)
    past = [timedelta(0)] * len(limits)
    for place in range(len(values) - 1):
        value = values[place]
        if value is None or values[place + 1] is None:
            continue
        held = instants[place + 1] - instants[place]
        measured += held
        for rank, (comparison, threshold) in enumerate(limits):
            above = comparison == ThresholdRule.Comparison.ABOVE
            if value > threshold if above else value < threshold:
                past[rank] += held
    return Summary(
        low=min(known, key=lambda pair: pair[1]),
        high=max(known, key=lambda pair: pair[1]),
        last=known[-1],
        beyond=tuple(one / measured if measured else 0.0 for one in past),
    )


def curve(
    *,
    viewer: Viewer,
    point_id: int,
    zone: str,
    quantity: Mapping[str, str],
    start: datetime,
    end: datetime,
    rules: Iterable[ThresholdRule],
    alarms: Iterable[Alarm],
    export_url: str = "",
) -> charts.Chart | None:
    """Return the chart of a point's quantity with its thresholds and alarms; nothing when nothing was measured.

    ``quantity`` is one of ``quantities_of_point``. Five queries; ten when the curve had to be thinned, because the
    sentence is about every measurement.
    """
    names = (quantity["quantity"], quantity["key"])
    found = selectors.series(
        viewer=viewer, point_id=point_id, quantity=names[0], start=start, end=end, at_most=MOST_POINTS
    )
    whole = found
    if found.thinned:
        whole = selectors.series(
            viewer=viewer, point_id=point_id, quantity=names[0], start=start, end=end, at_most=EVERY_POINT
        )
    shown = [rule for rule in rules if rule.enabled and rule.quantity in names]
    summary = summary_of(whole.instants, whole.values, [(rule.comparison, rule.threshold) for rule in shown])
    if summary is None:
        return None
    return charts.Chart(
        identity=f"point-{point_id}",
        title=found.label,
        finding=_finding(summary, found, shown, zone),
        unit=unit_words(found.unit) or _("sans unité"),
        zone=zone_named(zone),
        instants=found.instants,
        series=(charts.Series(found.label, found.values, digits_of(found.unit)),),
        thresholds=[charts.Threshold(_threshold_label(rule, found.unit), rule.threshold) for rule in shown],
        markers=[_marker(alarm) for alarm in list(alarms)[:MOST_MARKERS]],
        export_url=export_url if found.thinned else "",
    )


def _marker(alarm: Alarm) -> charts.Marker:
    url = reverse("telemetry:alarm", args=[alarm.pk])
    return charts.Marker(alarm.title, alarm.raised_at, alarm.cleared_at, url=url)


def _threshold_label(rule: ThresholdRule, unit: str) -> str:
    return f"{rule.label} ({value_words(rule.threshold, unit=unit)})"


def _finding(summary: Summary, found: Series, rules: Sequence[ThresholdRule], zone: str) -> str:
    """Say in words what the curve shows, limits first."""

    def said(value: float) -> str:
        return value_words(value, unit=found.unit, quantity=found.quantity)

    def when(at: datetime) -> str:
        return times.moment(at, zone=zone_named(zone))

    parts = []
    for rule, share in zip(rules, summary.beyond, strict=True):
        condition = limit_words(rule, found.unit)
        if share == 0:
            parts.append(_("jamais {condition}").format(condition=condition))
        else:
            percent = max(1, round(100 * share))
            parts.append(
                _("{condition} pendant {percent} % du temps mesuré").format(condition=condition, percent=percent)
            )
    span = _("de {low} ({low_at}) à {high} ({high_at}), dernière valeur {last} ({last_at})").format(
        low=said(summary.low[1]), low_at=when(summary.low[0]),
        high=said(summary.high[1]), high_at=when(summary.high[0]),
        last=said(summary.last[1]), last_at=when(summary.last[0]),
    )  # fmt: skip
    sentence = " ; ".join([*parts, span])
    return sentence[0].upper() + sentence[1:] + "."
