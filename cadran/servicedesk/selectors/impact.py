"""How much of a service an alarm takes away, the figure by which ``alarms.yaml`` types an incident."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection

from cadran.inventory import selectors as inventory
from cadran.kernel.viewer import SYSTEM
from cadran.lorawan import selectors as lorawan
from cadran.servicedesk import rules
from cadran.telemetry import selectors as telemetry

if TYPE_CHECKING:
    from cadran.inventory.models import Service
    from cadran.telemetry.models import Alarm

WHOLE = 100
HEARD_DURING = timedelta(hours=6)  # which gateways a sensor was heard by lately


def percent_lost(*, service: Service, alarm: Alarm) -> int:
    """Return the share of the service that the alarm, with the open ones of its kind, takes away (0..100).

    Sensors: those with such an alarm, of all the service's. A gateway: the sensors that only silent gateways heard.
    Anything that is no equipment is taken as the whole service. System scope; at most six queries.
    """
    if alarm.equipment is None:
        return WHOLE
    if alarm.equipment.kind == "gateway":
        return _lost_with_gateways(service, alarm)
    sensors = inventory.equipments(viewer=SYSTEM).filter(
        owner_id=service.owner_id, service_id=service.pk, kind="sensor"
    )
    alike = telemetry.alarms(viewer=SYSTEM, open_only=True).filter(
        owner_id=service.owner_id, code=alarm.code, equipment__in=sensors
    )
    return rules.percent_lost(alike.values("equipment_id").order_by().distinct().count(), sensors.count())


def _lost_with_gateways(service: Service, alarm: Alarm) -> int:
    alike = telemetry.alarms(viewer=SYSTEM, open_only=True).filter(code=alarm.code)
    silent_equipment = {*alike.order_by().values_list("equipment_id", flat=True), alarm.equipment_id}
    heard = _heard_by(service, alarm)
    if not heard:  # no sensor of the service spoke lately: count gateways instead
        gateways = inventory.equipments(viewer=SYSTEM).filter(
            owner_id=service.owner_id, service_id=service.pk, kind="gateway"
        )
        own = set(gateways.order_by().values_list("pk", flat=True))
        return rules.percent_lost(len(own & silent_equipment), len(own))
    silent = {
        eui
        for eui, equipment_id in lorawan.gateways(viewer=SYSTEM).order_by().values_list("eui", "equipment_id")
        if equipment_id in silent_equipment
    }
    lost = sum(1 for gateways_heard in heard.values() if gateways_heard <= silent)
    return rules.percent_lost(lost, len(heard))


def _heard_by(service: Service, alarm: Alarm) -> dict[int, set[str]]:
    """The gateways (EUI-64) that heard each sensor of the service before the alarm."""
    heard: dict[int, set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT u.device_id, r ->> 0 FROM lorawan_uplink u"
            " JOIN inventory_equipment e ON e.id = u.device_id AND e.owner_id = %s AND e.service_id = %s"
            " CROSS JOIN LATERAL jsonb_array_elements(u.receptions) r"
            " WHERE u.ts BETWEEN %s AND %s AND e.retired_on IS NULL",
            [service.owner_id, service.pk, alarm.raised_at - HEARD_DURING, alarm.raised_at],
        )
        for device_id, eui in cursor.fetchall():
            heard[device_id].add(eui)
    return heard
