"""Read the private network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

import msgspec
from django.db.models import QuerySet

from cadran.kernel import secrets
from cadran.kernel.errors import NotFound
from cadran.kernel.querysets import visible
from cadran.kernel.viewer import Viewer
from cadran.lorawan.bulk import key_context
from cadran.lorawan.models import Device, DevNonce, Gateway, Refusal, ServerRun, Session, Uplink
from cadran.lorawan.rules import ReceiveSettings, Version
from cadran.lorawan.sessions import DeviceRecord, SessionRecord

FRAMES_SHOWN = 50


def gateways(*, viewer: Viewer) -> QuerySet[Gateway]:
    """Return the gateways the viewer may see, with equipment and site (one query)."""
    return (
        visible(Gateway.objects.all(), viewer, capability="gateway.read", site="equipment__site_id")
        .select_related("equipment__site", "owner")
        .order_by("owner_id", "eui")
    )


def gateway_counts(*, viewer: Viewer, now: datetime) -> tuple[int, int]:
    """Return how many visible gateways were heard lately and how many are silent (one query)."""
    seen = gateways(viewer=viewer).select_related(None).order_by().values_list("last_seen_at", "silent_after_s")
    heard = [at is not None and now - at <= timedelta(seconds=limit) for at, limit in seen]
    return sum(heard), len(heard) - sum(heard)


def gateway_of_equipment(*, viewer: Viewer, equipment_id: int) -> Gateway | None:
    """Return the visible gateway that this equipment is, if it is one (one query)."""
    return gateways(viewer=viewer).filter(equipment_id=equipment_id).first()


def gateway(*, viewer: Viewer, gateway_id: int) -> Gateway:
    """Return one visible gateway (one query).

    Raises:
        NotFound: absent or another's.
    """
    found = gateways(viewer=viewer).filter(pk=gateway_id).first()
    if found is None:
        raise NotFound("La passerelle", gateway_id)
    return found


def device_of_equipment(*, viewer: Viewer, equipment_id: int) -> Device | None:
    """Return the visible LoRaWAN device that this equipment is, if it is one (one query). Keys are never shown."""
    return (
        visible(Device.objects.all(), viewer, capability="equipment.read", site="equipment__site_id")
        .defer("app_key_sealed")
        .filter(pk=equipment_id)
        .first()
    )


def session_of(*, viewer: Viewer, device_id: int) -> Session | None:
    """Return the newest session of a visible device, without its keys (one query)."""
    return (
        visible(Session.objects.all(), viewer, capability="equipment.read", site="device__equipment__site_id")
        .defer("nwk_s_key_sealed", "app_s_key_sealed")
        .filter(device_id=device_id)
        .order_by("-join_nonce")
        .first()
    )


def frames_of(*, viewer: Viewer, device_id: int, now: datetime, days: int = 7) -> list[Uplink]:
    """Return the last frames of a device, newest first (one query, bounded to some days of partitions)."""
    since = now - timedelta(days=days)
    frames = visible(Uplink.objects.filter(device_id=device_id, ts__gte=since), viewer, capability="frame.read")
    return list(frames.order_by("-ts")[:FRAMES_SHOWN])


def refusals(*, viewer: Viewer, since: date) -> QuerySet[Refusal]:
    """Return refused frames per day, reason and sender, most frequent first; staff only (one query)."""
    if not viewer.may("radio.read"):
        return Refusal.objects.none()
    return Refusal.objects.filter(day__gte=since).order_by("-day", "-count", "reason", "subject")


def server_runs(*, viewer: Viewer) -> QuerySet[ServerRun]:
    """Return the network servers and their last signs of life; staff only (one query)."""
    return ServerRun.objects.order_by("name") if viewer.may("radio.read") else ServerRun.objects.none()


# --- what the network server loads at start, as the platform itself ------------------------------------------------


def gateways_for_server() -> list[tuple[int, int]]:
    """Return (id, EUI as an integer) of every gateway (one query)."""
    return [(pk, int(eui, 16)) for pk, eui in Gateway.objects.values_list("pk", "eui")]


def devices_for_server(*, profiles: dict[int, int], device_ids: Iterable[int] | None = None) -> Iterator[DeviceRecord]:
    """Yield every device with its newest session, keys unsealed (three queries).

    ``profiles`` gives each device's profile id, which telemetry knows.
    """
    chosen = Device.objects.all() if device_ids is None else Device.objects.filter(pk__in=list(device_ids))
    sessions: dict[int, Session] = {}
    for session in Session.objects.order_by("device_id", "join_nonce"):
        sessions[session.device_id] = session
    nonces: dict[int, set[int]] = defaultdict(set)
    for device_id, nonce in DevNonce.objects.values_list("device_id", "nonce"):
        nonces[device_id].add(nonce)
    for device in chosen.iterator(chunk_size=2_000):
        if device.pk not in profiles:
            continue
        sealed = device.app_key_sealed
        yield DeviceRecord(
            device_id=device.pk,
            owner_id=device.owner_id,
            profile_id=profiles[device.pk],
            dev_eui=int(device.dev_eui, 16),
            join_eui=int(device.join_eui, 16),
            app_key=None if sealed is None else secrets.unseal(sealed, context=key_context(device.pk, "AppKey")),
            version=Version(device.version),
            used_dev_nonces=frozenset(nonces[device.pk]),
            join_nonce=device.join_nonce,
            counter_may_reset=device.counter_may_reset,
            session=_session(sessions.get(device.pk)),
        )


def _session(row: Session | None) -> SessionRecord | None:
    if row is None:
        return None
    return SessionRecord(
        dev_addr=int(row.dev_addr, 16),
        nwk_s_key=secrets.unseal(row.nwk_s_key_sealed, context=key_context(row.device_id, "NwkSKey")),
        app_s_key=secrets.unseal(row.app_s_key_sealed, context=key_context(row.device_id, "AppSKey")),
        join_nonce=row.join_nonce,
        f_cnt_up=row.fcnt_up,
        f_cnt_down_reserved=row.fcnt_down_reserved,
        receive=msgspec.convert(row.receive, ReceiveSettings),
    )
