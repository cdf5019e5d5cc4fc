"""What a service alarm does to incidents, as the agreement's ``alarms.yaml`` says."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from cadran.commitments import selectors as commitments
from cadran.kernel import audit, outbox
from cadran.kernel.errors import InvalidInput
from cadran.kernel.viewer import SYSTEM, Viewer
from cadran.servicedesk import packs, rules, selectors
from cadran.servicedesk.events import AlarmUnplaced
from cadran.servicedesk.models import AlarmPolicy, Incident
from cadran.servicedesk.rules import Action, Confirmation, State
from cadran.servicedesk.services import handle, restore
from cadran.servicedesk.services.declare import declare_incident

if TYPE_CHECKING:
    from cadran.telemetry.models import Alarm

# A sensor that works again says so at its next frame (every quarter of an hour unless said otherwise).
PROVES_WITHIN = timedelta(minutes=15)


@transaction.atomic
def load_alarm_policy(*, viewer: Viewer, alarms: packs.Alarms, now: datetime) -> AlarmPolicy:
    """Put a version of an agreement's ``alarms.yaml`` in force; the same content is the same row."""
    digest = hashlib.sha256(msgspec.json.encode(alarms, order="deterministic")).hexdigest()
    row, _ = AlarmPolicy.objects.update_or_create(
        agreement_code=alarms.agreement,
        digest=digest,
        defaults={"loaded_at": now},
        create_defaults={"content": msgspec.to_builtins(alarms), "loaded_at": now},
    )
    audit.record(
        viewer=viewer,
        action="alarm_policy.loaded",
        object_type="alarm_policy",
        object_id=row.pk,
        owner_id=None,
        now=now,
        details={"agreement": alarms.agreement, "digest": digest},
    )
    return row


@transaction.atomic
def take_alarm(*, alarm: Alarm, now: datetime) -> Incident | None:
    """Open the incident of a service alarm, or add to the one already open; system scope.

    In this order: no running service (``AlarmUnplaced``, a person must look); silenced by a wider incident of the
    service; the same thing as an incident not closed yet (reopened if it was restored); else a new incident typed by
    the pack. Returns the incident concerned, None when nobody's clock runs.
    """
    service = selectors.service_for_alarm(
        code=alarm.code,
        owner_id=alarm.owner_id,
        site_id=alarm.site_id,
        service_id=alarm.service_id,
        equipment_id=alarm.equipment_id,
    )
    policy = selectors.alarm_policy(agreement_code=service.lot.agreement.code) if service else None
    if service is None or policy is None or policy.informed_at.value == "never":
        _unplaced(alarm, now)
        return None
    wider = _wider(policy, alarm, service.pk)
    if wider is not None:
        _say(wider, f"Alarme liée : {alarm.title}. {alarm.detail}", now)
        return wider
    if policy.one_incident_per_origin.value:
        same = _open_ones(alarm).filter(alarm_origin=alarm.origin_key).exclude(alarm_id=alarm.pk).first()
        if same is not None:
            return _again(same, alarm, now)
    lost = selectors.percent_lost(service=service, alarm=alarm)
    found = packs.classify(policy, code=alarm.code, lot=service.lot.number, affected_percent=lost)
    if found is None:
        _unplaced(alarm, now)
        return None
    incident = declare_incident(
        viewer=SYSTEM,
        service_id=service.pk,
        title=alarm.title,
        description="\n".join(filter(None, [alarm.detail, found.because])),
        criteria=found.criteria,
        incident_type=found.type,
        priority=found.priority,
        channel=Incident.Channel.ALARM,
        informed_at=min(alarm.raised_at, now),
        origin_key=f"alarm:{alarm.pk}",
        alarm_id=alarm.pk,
        alarm_origin=alarm.origin_key,
        equipment_id=alarm.equipment_id,
        now=now,
    )
    if alarm.cleared_at is not None:  # its end was told first
        return end_alarm(alarm=alarm, now=now) or incident
    return incident


@transaction.atomic
def end_alarm(*, alarm: Alarm, now: datetime) -> Incident | None:
    """Restore the incident of an alarm that is over, confirmed by the measurement, if the agreement takes it as proof.

    Otherwise the thread says it and a person decides: no proof is an alarm that ended because its rule was put to
    rest or its equipment retired, nor, for a restoration the holder dated earlier, a measurement that came back much
    later (``PROVES_WITHIN``).
    System scope. Returns the incident, None without one.
    """
    row = _open_ones(alarm).filter(alarm_id=alarm.pk).select_related("lot__agreement").first()
    if row is None or alarm.cleared_at is None:
        return None
    policy = selectors.alarm_policy(agreement_code=row.lot.agreement.code)
    levels = commitments.levels_of_case(viewer=SYSTEM, case_id=row.case_id)
    proves = "measurement" in levels.content.clock.gtr.confirmed_by.value
    if policy is None or policy.end_of_alarm.value != "records_restoration" or not proves:
        _say(row, "La mesure est revenue à la normale : le rétablissement reste à déclarer.", now)
        return row
    if _ended_without_measurement(alarm):
        _say(row, "L’alarme est close sans mesure (seuil désactivé ou équipement retiré) : elle ne prouve rien.", now)
        return row
    if row.state == State.RESTORED:
        return _confirmed(row, alarm.cleared_at, now)
    try:
        return restore.restore(
            viewer=SYSTEM, incident_id=row.pk, measured=True, happened_at=min(alarm.cleared_at, now), now=now
        )
    except InvalidInput:  # reopened by a person after the measurement came back
        _say(row, "La mesure est revenue à la normale avant la réouverture : l’incident reste ouvert.", now)
        return row


def _ended_without_measurement(alarm: Alarm) -> bool:
    """Whoever puts a rule to rest or retires an equipment ends its alarm; the service may be as broken as before."""
    asleep = alarm.rule is not None and not alarm.rule.enabled
    return asleep or (alarm.equipment is not None and alarm.equipment.retired_on is not None)


def _confirmed(row: Incident, measured_at: datetime, now: datetime) -> Incident:
    """A measurement confirms a restoration that it does not contradict; much later than it, the beneficiary decides."""
    if row.confirmation != Confirmation.AWAITED:
        return row
    if row.restored_at is not None and measured_at > row.restored_at + PROVES_WITHIN:
        _say(row, "La mesure n’est revenue à la normale qu’après l’heure déclarée : le bénéficiaire décide.", now)
        return row
    return restore.confirm_restored(viewer=SYSTEM, incident_id=row.pk, measured=True, now=now)


def _open_ones(alarm: Alarm) -> QuerySet[Incident]:
    return Incident.objects.filter(owner_id=alarm.owner_id).exclude(state=State.CLOSED).order_by("-informed_at", "-id")


def _wider(policy: packs.Alarms, alarm: Alarm, service_id: int) -> Incident | None:
    """The incident not restored of the same service whose kind of alarm keeps this one silent."""
    wide = [line.code for line in policy.alarms if alarm.code in line.absorbs]
    if not wide:
        return None
    rows = _open_ones(alarm).filter(service_id=service_id, alarm__code__in=wide).exclude(alarm_id=alarm.pk)
    return rows.exclude(state=State.RESTORED).first()


def _again(row: Incident, alarm: Alarm, now: datetime) -> Incident:
    if rules.possible(Action.REOPEN, selectors.situation_of(row)):
        at = max(min(alarm.raised_at, now), row.restored_at or row.informed_at)
        return restore.reopen(
            viewer=SYSTEM, incident_id=row.pk, reason=alarm.title, alarm_id=alarm.pk, happened_at=at, now=now
        )
    # From now on only the end of the newest alarm is the end of the incident, whatever is told late of the former one.
    Incident.objects.filter(pk=row.pk).update(alarm_id=alarm.pk)
    _say(row, f"Nouvelle alarme de la même origine : {alarm.title}.", now)
    row.alarm_id = alarm.pk
    return row


def _say(row: Incident, text: str, now: datetime) -> None:
    handle.comment(viewer=SYSTEM, incident_id=row.pk, body=text, now=now)


def _unplaced(alarm: Alarm, now: datetime) -> None:
    audit.record(
        viewer=SYSTEM,
        action="alarm.unplaced",
        object_type="alarm",
        object_id=alarm.pk,
        owner_id=alarm.owner_id,
        now=now,
        details={"code": alarm.code},
    )
    outbox.publish(AlarmUnplaced(alarm_id=alarm.pk, owner_id=alarm.owner_id, site_id=alarm.site_id, code=alarm.code))
