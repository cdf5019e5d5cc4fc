"""Threshold rules: written, changed, put to rest, by those who watch the measuring point."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from cadran.inventory import selectors as inventory
from cadran.kernel import audit, live
from cadran.kernel.errors import InvalidInput, NotAllowed
from cadran.kernel.viewer import Side, Viewer
from cadran.telemetry import rules, selectors
from cadran.telemetry.models import AlarmKind, RuleState, ThresholdRule
from cadran.telemetry.services.alarms import clear_alarm

CAPABILITY = "rule.write"


@transaction.atomic
def create_rule(
    *,
    viewer: Viewer,
    point_id: int,
    quantity: str,
    comparison: str,
    threshold: float,
    label: str,
    now: datetime,
    hysteresis: float = 0.0,
    duration_s: int = 0,
    kind: str = AlarmKind.BUSINESS,
    recipients: Sequence[str] = (),
) -> ThresholdRule:
    """Watch one quantity of a measuring point from ``now`` on; earlier measurements, even if they come late, are not.

    ``threshold`` and ``hysteresis`` are in the quantity's unit, ``comparison`` is ``above`` or ``below``.

    Raises:
        NotFound: no such measuring point for this viewer.
        NotAllowed: not the right to write rules there; or a *service* rule, which opens contractual incidents, asked
            for by somebody who is not on the holder's side.
        InvalidInput: a value no rule can have.
    """
    point = inventory.point(viewer=viewer, point_id=point_id)
    lot_id = point.service.lot_id if point.service else None
    viewer.require(CAPABILITY, owner_id=point.owner_id, lot_id=lot_id, site_id=point.site_id)
    rule = ThresholdRule(
        owner_id=point.owner_id,
        point_id=point.pk,
        quantity=quantity.strip(),
        comparison=comparison,
        threshold=threshold,
        hysteresis=hysteresis,
        duration_s=duration_s,
        kind=kind,
        label=label.strip(),
        recipients=list(recipients),
    )
    _check(rule, viewer)
    rule.save(force_insert=True)
    RuleState.objects.create(rule=rule, owner_id=rule.owner_id, last_at=now)
    _trace(rule, "rule.create", viewer=viewer, now=now, details=_content(rule))
    return rule


@transaction.atomic
def update_rule(*, viewer: Viewer, rule_id: int, now: datetime, **changes: Any) -> ThresholdRule:
    """Change a rule: any of ``quantity comparison threshold hysteresis duration_s kind label recipients``.

    What was pending under the old terms starts again; an alarm that stands is judged on the new terms by the next
    measurement.

    Raises:
        NotFound, NotAllowed, InvalidInput: as ``create_rule``.
    """
    rule = _for_writing(viewer, rule_id)
    unknown = set(changes) - set(_content(rule))
    if unknown:
        raise TypeError(f"a rule has no {sorted(unknown)}")
    before = _content(rule)
    for name, value in changes.items():
        setattr(rule, name, list(value) if name == "recipients" else value)
    _check(rule, viewer)
    rule.save(update_fields=list(changes))
    RuleState.objects.filter(rule=rule).update(pending_since=None, version=F("version") + 1)
    after = _content(rule)
    changed = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    _trace(rule, "rule.update", viewer=viewer, now=now, details=changed)
    return rule


@transaction.atomic
def disable_rule(*, viewer: Viewer, rule_id: int, now: datetime) -> ThresholdRule:
    """Put a rule to rest and end its alarm, which nothing would end any more.

    Raises:
        NotFound, NotAllowed: as ``create_rule``; a *service* rule is the holder's to put to rest.
    """
    rule = _for_writing(viewer, rule_id)
    if rule.enabled:
        rule.enabled = False
        rule.save(update_fields=["enabled"])
        _restart(rule, now)
        clear_alarm(owner_id=rule.owner_id, origin_key=f"rule:{rule.pk}", at=now, viewer=viewer)
        _trace(rule, "rule.disable", viewer=viewer, now=now, details={})
    return rule


@transaction.atomic
def enable_rule(*, viewer: Viewer, rule_id: int, now: datetime) -> ThresholdRule:
    """Wake a rule: it judges the measurements from ``now`` on.

    Raises:
        NotFound, NotAllowed: as ``create_rule``.
    """
    rule = _for_writing(viewer, rule_id)
    if not rule.enabled:
        rule.enabled = True
        rule.save(update_fields=["enabled"])
        _restart(rule, now)
        _trace(rule, "rule.enable", viewer=viewer, now=now, details={})
    return rule


def _for_writing(viewer: Viewer, rule_id: int) -> ThresholdRule:
    rule = selectors.rule(viewer=viewer, rule_id=rule_id)
    lot_id = rule.point.service.lot_id if rule.point.service else None
    viewer.require(CAPABILITY, owner_id=rule.owner_id, lot_id=lot_id, site_id=rule.point.site_id)
    locked = ThresholdRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    _refuse_promise(locked, viewer)  # as it stands, whatever it is asked to become
    return locked


def _restart(rule: ThresholdRule, now: datetime) -> None:
    RuleState.objects.filter(rule=rule).update(active=False, pending_since=None, last_at=now, version=F("version") + 1)


def _refuse_promise(rule: ThresholdRule, viewer: Viewer) -> None:
    """A service rule opens and restores contractual incidents: a beneficiary neither writes one nor puts it to rest."""
    if rule.kind == AlarmKind.SERVICE and viewer.side not in (Side.STAFF, Side.SYSTEM):
        raise NotAllowed(CAPABILITY, remedy=_("Une règle de service est écrite par le titulaire : demandez-la-lui."))


def _check(rule: ThresholdRule, viewer: Viewer) -> None:
    _refuse_promise(rule, viewer)
    if not rule.label:
        raise InvalidInput(_("Libellé"), _("il est vide."), _("Dites ce que la règle surveille."))
    if not rule.quantity:
        raise InvalidInput(_("Grandeur"), _("elle est vide."), _("Choisissez une grandeur du capteur."))
    try:
        rules.ThresholdRule(
            rule_id=0,
            comparison=rules.Comparison(rule.comparison),
            threshold=rule.threshold,
            hysteresis=rule.hysteresis,
            duration=timedelta(seconds=rule.duration_s),
            kind=rules.AlarmKind(rule.kind),
        )
    except ValueError as error:
        raise InvalidInput(_("Règle"), str(error), _("Corrigez la valeur.")) from None
    for address in rule.recipients:
        try:
            validate_email(address)
        except ValidationError:
            raise InvalidInput(
                _("Destinataires"),
                _("« {address} » n’est pas une adresse électronique.").format(address=address),
                _("Écrivez une adresse par ligne."),
            ) from None


def _content(rule: ThresholdRule) -> dict[str, Any]:
    return {
        "quantity": rule.quantity,
        "comparison": rule.comparison,
        "threshold": rule.threshold,
        "hysteresis": rule.hysteresis,
        "duration_s": rule.duration_s,
        "kind": rule.kind,
        "label": rule.label,
        "recipients": list(rule.recipients),
    }


def _trace(rule: ThresholdRule, action: str, *, viewer: Viewer, now: datetime, details: dict[str, Any]) -> None:
    audit.record(
        viewer=viewer,
        action=action,
        object_type="rule",
        object_id=rule.pk,
        owner_id=rule.owner_id,
        now=now,
        details=details,
    )
    live.touch("rule", rule.pk, rule.owner_id)
