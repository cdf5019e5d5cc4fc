"""Thresholds: add one to a point, change it, put it to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cadran.inventory import selectors as inventory
from cadran.kernel.calendars import zone_named
from cadran.kernel.errors import InvalidInput, NotAllowed
from cadran.kernel.viewer import Side, Viewer
from cadran.telemetry import selectors, services
from cadran.telemetry.forms import RuleForm
from cadran.telemetry.lists import condition_words, unit_words
from cadran.telemetry.models import ThresholdRule
from cadran.telemetry.views.points import place_of, rule_badge
from cadran.ui.http import Request

if TYPE_CHECKING:
    from cadran.inventory.models import MeasuringPoint


@require_http_methods(["GET", "POST"])
def rule_add(request: Request, point_id: int) -> HttpResponse:
    """Add a threshold to a point."""
    viewer = request.viewer
    viewer.require("measurement.read")
    point = inventory.point(viewer=viewer, point_id=point_id)
    viewer.require("rule.write", **place_of(point))
    quantities = selectors.quantities_of_point(viewer=viewer, point_id=point.pk)
    form = _form(viewer, quantities, data=request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            added = services.create_rule(viewer=viewer, point_id=point.pk, now=request.now, **form.values())
        except (InvalidInput, NotAllowed) as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("Le seuil « {label} » surveille ce point.").format(label=added.label))
            return redirect("telemetry:point", point_id=point.pk)
    return _page(request, point, form, quantities)


@require_http_methods(["GET", "POST"])
def rule(request: Request, rule_id: int) -> HttpResponse:
    """Change a threshold, put it to rest or wake it."""
    viewer = request.viewer
    viewer.require("measurement.read")
    found = selectors.rule(viewer=viewer, rule_id=rule_id)
    viewer.require("rule.write", **place_of(found.point))
    act = request.POST.get("acte", "enregistrer")
    if request.method == "POST" and act in ("desactiver", "reactiver"):
        return _switch(request, found, on=act == "reactiver")
    quantities = selectors.quantities_of_point(viewer=viewer, point_id=found.point_id)
    data = request.POST if request.method == "POST" else None
    form = _form(viewer, quantities, data=data, initial=_initial(found), may_promise=found.kind == "service")
    if request.method == "POST" and form.is_valid():
        try:
            services.update_rule(viewer=viewer, rule_id=found.pk, now=request.now, **form.values())
        except (InvalidInput, NotAllowed) as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("Le seuil « {label} » est modifié.").format(label=form.values()["label"]))
            return redirect("telemetry:point", point_id=found.point_id)
    return _page(request, found.point, form, quantities, rule=found)


def _switch(request: Request, found: ThresholdRule, *, on: bool) -> HttpResponse:
    switch = services.enable_rule if on else services.disable_rule
    switch(viewer=request.viewer, rule_id=found.pk, now=request.now)
    done = _("Le seuil « {label} » est réactivé.") if on else _("Le seuil « {label} » est désactivé, son alarme close.")
    messages.success(request, done.format(label=found.label))
    return redirect("telemetry:rule", rule_id=found.pk)


def _form(
    viewer: Viewer,
    quantities: list[dict[str, str]],
    *,
    data: Any,
    initial: dict[str, Any] | None = None,
    may_promise: bool = False,
) -> RuleForm:
    known = [(one["quantity"], _named(one)) for one in quantities]
    if initial and initial["quantity"] not in {value for value, _label in known}:
        known.append((initial["quantity"], initial["quantity"]))
    return RuleForm(
        data, quantities=known, may_promise=may_promise or viewer.side is not Side.BENEFICIARY, initial=initial
    )


def _named(quantity: dict[str, str]) -> str:
    unit = unit_words(quantity["unit"])
    return f"{quantity['label']} ({unit})" if unit else quantity["label"]


def _initial(found: ThresholdRule) -> dict[str, Any]:
    return {
        "label": found.label,
        "quantity": found.quantity,
        "comparison": found.comparison,
        "threshold": found.threshold,
        "duration_minutes": found.duration_s // 60,
        "hysteresis": found.hysteresis,
        "kind": found.kind,
        "recipients": "\n".join(found.recipients),
    }


def _page(
    request: Request,
    point: MeasuringPoint,
    form: RuleForm,
    quantities: list[dict[str, str]],
    *,
    rule: ThresholdRule | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "point": point,
        "form": form,
        "quantities": quantities,
        "rule": rule,
        "zone": zone_named(point.site.zone),
        "now": request.now,
    }
    if rule is not None:
        meaning = next((one for one in quantities if rule.quantity in (one["quantity"], one["key"])), None)
        context["may_switch"] = rule.kind != "service" or request.viewer.side is not Side.BENEFICIARY
        context["badge"] = rule_badge(rule)
        context["condition"] = condition_words(rule, meaning["unit"] if meaning else "1")
    return render(request, "telemetry/rule.html", context, status=422 if form.errors else 200)
