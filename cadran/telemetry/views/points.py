"""Measuring points: the list, one point with its curve, and its series as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from cadran.inventory import selectors as inventory
from cadran.kernel.calendars import zone_named
from cadran.kernel.viewer import Side, Viewer
from cadran.telemetry import selectors
from cadran.telemetry.lists import (
    Points,
    condition_words,
    point_state,
    unit_words,
    value_words,
    with_latest,
)
from cadran.telemetry.models import ThresholdRule
from cadran.telemetry.selectors import Series
from cadran.telemetry.views.curves import EVERY_POINT, PERIODS, Period, curve, period_of
from cadran.ui.http import Request
from cadran.ui.icons import State, badge
from cadran.ui.lists import export, render_list

if TYPE_CHECKING:
    from cadran.inventory.models import MeasuringPoint


@require_GET
def points(request: Request) -> HttpResponseBase:
    """The list of measuring points with what they last said."""
    viewer = request.viewer
    viewer.require("measurement.read")
    rows = inventory.points(viewer=viewer)
    kinds = [(str(value), _(str(label))) for value, label in rows.model._meta.get_field("kind").choices or ()]
    return render_list(
        request,
        Points(now=request.now, owners=several_owners(viewer), kinds=kinds),
        with_latest(rows, open_alarms=selectors.alarms(viewer=viewer, open_only=True), now=request.now),
        viewer=viewer,
        context={
            "title": _("Points de mesure"),
            "lede": _("Ce qui est mesuré : une pièce, une enceinte froide, une canalisation. La courbe d’un point "
                      "survit au remplacement de son capteur."),
        },
    )  # fmt: skip


def several_owners(viewer: Viewer) -> bool:
    """Tell whether the reader sees more than one beneficiary, so that lists must name it."""
    return viewer.side is not Side.BENEFICIARY or len(viewer.scope) > 1


@require_GET
def point(request: Request, point_id: int) -> HttpResponse:
    """One measuring point: its curve and the finding in words, latest values, thresholds, sensors over time."""
    viewer = request.viewer
    viewer.require("measurement.read")
    found = inventory.point(viewer=viewer, point_id=point_id)
    described = with_latest(
        inventory.points(viewer=viewer).filter(pk=found.pk),
        open_alarms=selectors.alarms(viewer=viewer, open_only=True),
        now=request.now,
    ).get()
    quantities = selectors.quantities_of_point(viewer=viewer, point_id=found.pk)
    chosen = next((one for one in quantities if one["quantity"] == request.GET.get("grandeur")), None) or next(
        iter(quantities), None
    )
    period = period_of(request.GET.get("periode", ""))
    rules = list(selectors.rules_of_point(viewer=viewer, point_id=found.pk))
    context = {
        "point": found,
        "owners": several_owners(viewer),
        "zone": zone_named(found.site.zone),
        "state": badge(*point_state(described, request.now)),
        "kind": _(found.get_kind_display()),
        "quantities": _choices(quantities, chosen, period),
        "periods": [
            {"label": each.label, "url": _address(chosen, each), "current": each is period} for each in PERIODS
        ],
        "period": period,
        "chosen": chosen,
        "chart": _chart(request, found, chosen, period, rules) if chosen and not live_refetch(request) else None,
        "readings": _readings(request, found),
        "rules": _rules(rules, quantities),
        "may_write": viewer.may("rule.write", **place_of(found)),
        "mountings": list(inventory.mountings_of(viewer=viewer, point_id=found.pk)),
        "now": request.now,
    }
    return render(request, "telemetry/point.html", context)


def live_refetch(request: Request) -> bool:
    """Tell whether the page is read again only for its live parts, which no curve is among."""
    return request.headers.get("HX-Request") == "true"


def place_of(found: MeasuringPoint) -> dict[str, int | None]:
    """Return the coordinates of a point, as rights want them."""
    return {
        "owner_id": found.owner_id,
        "lot_id": found.service.lot_id if found.service else None,
        "site_id": found.site_id,
    }


def _address(quantity: dict[str, str] | None, period: Period) -> str:
    return "?" + urlencode({"grandeur": quantity["quantity"] if quantity else "", "periode": period.key})


def _choices(quantities: list[dict[str, str]], chosen: dict[str, str] | None, period: Period) -> list[dict[str, Any]]:
    return [{"label": one["label"], "url": _address(one, period), "current": one is chosen} for one in quantities]


def _chart(
    request: Request, found: MeasuringPoint, chosen: dict[str, str], period: Period, rules: list[ThresholdRule]
) -> object:
    start = request.now - period.span
    alarms = (
        selectors.alarms(viewer=request.viewer)
        .filter(point_id=found.pk, raised_at__lt=request.now)
        .filter(Q(cleared_at__isnull=True) | Q(cleared_at__gte=start))
        .filter(Q(rule__isnull=True) | Q(rule__quantity__in=(chosen["quantity"], chosen["key"])))
    )
    export_url = reverse("telemetry:series", args=[found.pk]) + _address(chosen, period) + "&format=csv"
    return curve(
        viewer=request.viewer,
        point_id=found.pk,
        zone=found.site.zone,
        quantity=chosen,
        start=start,
        end=request.now,
        rules=rules,
        alarms=alarms,
        export_url=export_url,
    )


def _readings(request: Request, found: MeasuringPoint) -> list[dict[str, object]]:
    latest = selectors.latest_of_points(viewer=request.viewer, point_ids=[found.pk], now=request.now).get(found.pk)
    if latest is None:
        return []
    return [
        {"label": one.label, "value": value_words(one.value, unit=one.unit, quantity=one.quantity), "at": one.at}
        for one in latest.readings
    ]


def rule_badge(rule: ThresholdRule) -> SafeString:
    """Return where a rule stands."""
    if not rule.enabled:
        return badge(State.OFF, _("Désactivé"))
    if rule.state.active:
        return badge(State.LATE, _("Franchi"))
    if rule.state.pending_since is not None:
        return badge(State.RISK, _("En cours de dépassement"))
    return badge(State.OK, _("Respecté"))


def _rules(rules: list[ThresholdRule], quantities: list[dict[str, str]]) -> list[dict[str, object]]:
    named = {one["quantity"]: one for one in quantities} | {one["key"]: one for one in quantities}
    lines = []
    for rule in rules:
        meaning = named.get(rule.quantity, {"label": rule.quantity, "unit": "1"})
        condition = condition_words(rule, meaning["unit"])
        lines.append({"rule": rule, "condition": f"{meaning['label']} {condition}", "badge": rule_badge(rule)})
    return lines


MOST_SERIES_POINTS: Final = 5_000  # of the JSON answer; the CSV file has every measurement


@require_GET
def series(request: Request, point_id: int) -> HttpResponseBase:
    """The series of a quantity: JSON (thinned, extremes kept), or every measurement as CSV."""
    viewer = request.viewer
    viewer.require("measurement.read")
    period = period_of(request.GET.get("periode", ""))
    whole = request.GET.get("format") == "csv"
    found = selectors.series(
        viewer=viewer,
        point_id=point_id,
        quantity=request.GET.get("grandeur", ""),
        start=request.now - period.span,
        end=request.now,
        at_most=EVERY_POINT if whole else MOST_SERIES_POINTS,
    )
    if not whole:
        return JsonResponse(
            {
                "point": found.point_id,
                "quantity": found.quantity,
                "label": found.label,
                "unit": found.unit,
                "total": found.total,
                "thinned": found.thinned,
                "instants": [at.timestamp() for at in found.instants],
                "values": found.values,
            }
        )
    response = StreamingHttpResponse(_csv(found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="point-{point_id}-{found.quantity}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def _csv(found: Series) -> Iterator[str]:
    """The measurements as French spreadsheets open them; times are UTC, said in the header."""
    unit = unit_words(found.unit)
    yield export.BOM + f"{_('Instant (UTC)')};{export.safe_cell(found.label)}{f' ({unit})' if unit else ''}\r\n"
    lines = [
        f"{at:%Y-%m-%d %H:%M:%S};{export.safe_cell(value)}\r\n"
        for at, value in zip(found.instants, found.values, strict=True)
        if value is not None
    ]
    for start in range(0, len(lines), export.BATCH):
        yield "".join(lines[start : start + export.BATCH])
