"""Change the private network: register devices and gateways, judge which gateways are silent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from django.db import connection, transaction

from cadran.kernel import audit, outbox
from cadran.kernel.identifiers import Eui64
from cadran.kernel.viewer import Viewer
from cadran.lorawan import bulk
from cadran.lorawan.events import DeviceRegistered, GatewayRegistered
from cadran.lorawan.models import Device, Gateway, ServerRun, Session
from cadran.lorawan.rules import ReceiveSettings
from cadran.telemetry import services as telemetry

CHANNEL = "cadran_lorawan"
SERVER_SILENT_AFTER = timedelta(seconds=30)  # six signs of life missed: the server is blind, gateways may be well


@dataclass(frozen=True, slots=True)
class NewDevice:
    """An end device to register: the ids of its equipment and owner, its identity, its root key."""

    equipment_id: int
    owner_id: int
    dev_eui: Eui64
    join_eui: Eui64
    app_key: bytes = field(repr=False)
    version: str = Device.Version.V1_0_3


@transaction.atomic
def register_devices(*, viewer: Viewer, devices: Sequence[NewDevice], now: datetime) -> int:
    """Register devices, keys sealed; return how many (few queries, whatever their number)."""
    Device.objects.bulk_create(
        Device(
            equipment_id=one.equipment_id,
            owner_id=one.owner_id,
            dev_eui=str(one.dev_eui),
            join_eui=str(one.join_eui),
            app_key_sealed=bulk.seal_key(one.app_key, one.equipment_id, "AppKey"),
            version=one.version,
        )
        for one in devices
    )
    for one in devices if len(devices) <= 100 else ():
        outbox.publish(DeviceRegistered(device_id=one.equipment_id, owner_id=one.owner_id))
    for owner_id in sorted({one.owner_id for one in devices}):
        count = sum(one.owner_id == owner_id for one in devices)
        audit.record(
            viewer=viewer,
            action="lorawan.devices_registered",
            object_type="organisation",
            object_id=owner_id,
            owner_id=owner_id,
            now=now,
            details={"count": count},
        )
    _tell_server()
    return len(devices)


@transaction.atomic
def register_gateway(
    *, viewer: Viewer, owner_id: int, equipment_id: int, eui: Eui64, now: datetime, silent_after_s: int = 300
) -> Gateway:
    """Accept a gateway's frames from now on."""
    gateway = Gateway.objects.create(
        owner_id=owner_id, equipment_id=equipment_id, eui=str(eui), silent_after_s=silent_after_s
    )
    audit.record(
        viewer=viewer,
        action="gateway.registered",
        object_type="gateway",
        object_id=gateway.pk,
        owner_id=owner_id,
        now=now,
        details={"eui": str(eui)},
    )
    outbox.publish(GatewayRegistered(gateway_id=gateway.pk, owner_id=owner_id))
    _tell_server()
    return gateway


@transaction.atomic
def personalise(
    *, device: Device, dev_addr: int, nwk_s_key: bytes, app_s_key: bytes, now: datetime, fcnt_up: int = -1
) -> Session:
    """Give a device a session without a join (ABP), its keys sealed."""
    session, _ = Session.objects.update_or_create(
        device=device,
        join_nonce=0,
        defaults={
            "owner_id": device.owner_id,
            "dev_addr": f"{dev_addr:08x}",
            "nwk_s_key_sealed": bulk.seal_key(nwk_s_key, device.pk, "NwkSKey"),
            "app_s_key_sealed": bulk.seal_key(app_s_key, device.pk, "AppSKey"),
            "receive": default_receive(),
            "fcnt_up": fcnt_up,
            "joined_at": now,
        },
    )
    _tell_server()
    return session


def default_receive() -> dict[str, int]:
    """Return the receive settings of the plan, as a session's row keeps them."""
    settings: dict[str, int] = msgspec.to_builtins(ReceiveSettings())
    return settings


def _tell_server() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def silent_gateways(gateways: Iterable[Gateway], *, listening_since: datetime, now: datetime) -> list[Gateway]:
    """Return the gateways not heard for longer than each allows; time when the server itself was deaf not counted."""
    silent = []
    for gateway in gateways:
        since = max(gateway.last_seen_at or listening_since, listening_since)
        if now - since > timedelta(seconds=gateway.silent_after_s):
            silent.append(gateway)
    return silent


@transaction.atomic
def judge_gateways(*, now: datetime) -> tuple[int, int]:
    """Raise an alarm for each silent gateway and clear those heard again; return both counts.

    A retired gateway is expected no more. Judges nothing while the network server gives no sign of life: then it is
    deaf, not they.
    """
    run = ServerRun.objects.order_by("-seen_at").first()
    if run is None or now - run.seen_at > SERVER_SILENT_AFTER:
        return 0, 0
    gateways = list(Gateway.objects.select_related("equipment__site").order_by("id"))
    expected = [one for one in gateways if one.equipment.retired_on is None]
    silent = {one.pk for one in silent_gateways(expected, listening_since=run.started_at, now=now)}
    raised = cleared = 0
    for gateway in gateways:
        key = f"gateway:{gateway.pk}:silent"
        if gateway.pk not in silent:
            ended_at = gateway.last_seen_at if gateway.equipment.retired_on is None else now
            if ended_at is not None:
                cleared += telemetry.clear_alarm(owner_id=gateway.owner_id, origin_key=key, at=ended_at)
            continue
        raised += _raise_silence(gateway, key, now)
    return raised, cleared


def _raise_silence(gateway: Gateway, key: str, now: datetime) -> bool:
    equipment = gateway.equipment
    heard = (
        f"depuis le {gateway.last_seen_at:%d/%m/%Y à %H:%M} UTC" if gateway.last_seen_at else "depuis sa mise en place"
    )
    _, new = telemetry.raise_alarm(
        owner_id=gateway.owner_id,
        origin_key=key,
        code="gateway.silent",
        kind="service",
        title=f"La passerelle {equipment.name} ne répond plus",
        detail=f"Aucun signe de vie {heard} (limite : {gateway.silent_after_s} s).",
        site_id=equipment.site_id,
        service_id=equipment.service_id,
        equipment_id=equipment.pk,
        point_id=None,
        value=None,
        raised_at=now,
    )
    return new
