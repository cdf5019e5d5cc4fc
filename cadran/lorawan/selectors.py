"""Read the private network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec
from django.db import connection
from django.db.models import Max, QuerySet, Sum

from cadran.kernel import secrets
from cadran.kernel.errors import NotFound
from cadran.kernel.querysets import visible
from cadran.kernel.viewer import Viewer
from cadran.lorawan.bulk import key_context
from cadran.lorawan.models import Device, DevNonce, Gateway, Refusal, ServerRun, Session, Uplink
from cadran.lorawan.rules import ReceiveSettings, Version
from cadran.lorawan.sessions import DeviceRecord, SessionRecord

FRAMES_SHOWN = 50
DEAF_AFTER = timedelta(seconds=30)
GRACE_AFTER_START = timedelta(hours=1)  # longer than most devices' period: each has had its chance to speak
FRAMES_READ = 2_000


def gateways(*, viewer: Viewer) -> QuerySet[Gateway]:
    """Return the gateways the viewer may see, with equipment and site (one query)."""
    return (
        visible(
            Gateway.objects.all(),
            viewer,
            capability="gateway.read",
            lot="equipment__service__lot_id",
            site="equipment__site_id",
        )
        .select_related("equipment__site", "owner")
        .order_by("owner_id", "eui")
    )


def gateway_counts(*, viewer: Viewer, now: datetime) -> tuple[int, int]:
    """Return how many visible gateways in service were heard lately and how many are silent (one query)."""
    in_service = gateways(viewer=viewer).filter(equipment__retired_on__isnull=True)
    seen = in_service.select_related(None).order_by().values_list("last_seen_at", "silent_after_s")
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


@dataclass(frozen=True, slots=True)
class HeardDevice:
    """How one gateway hears one device: frames, mean power (dBm) and signal-to-noise ratio (dB); its newest frame."""

    device_id: int
    frames: int
    rssi_dbm: float
    snr_db: float
    data_rate: int
    last_at: datetime


def heard_by(
    *, viewer: Viewer, gateway: Gateway, now: datetime, within: timedelta = timedelta(hours=1)
) -> list[HeardDevice]:
    """Return the devices a gateway heard lately, the worst heard first (one query, at most 2,000 frames read).

    Only frames of the gateway's own beneficiary: another body's devices are not the reader's business.
    """
    frames = (
        visible(Uplink.objects.filter(owner_id=gateway.owner_id), viewer, capability="frame.read")
        .filter(ts__gt=now - within, ts__lte=now, receptions__contains=[[gateway.eui]])
        .order_by("-ts")
        .values_list("device_id", "ts", "data_rate", "receptions")[:FRAMES_READ]
    )
    heard: dict[int, list[tuple[datetime, int, float, float]]] = defaultdict(list)
    for device_id, at, data_rate, receptions in frames:
        for eui, rssi, snr in receptions:
            if eui == gateway.eui:
                heard[device_id].append((at, data_rate, rssi, snr))
    found = [
        HeardDevice(
            device_id=device_id,
            frames=len(lines),
            rssi_dbm=sum(rssi for *_newest, rssi, _snr in lines) / len(lines),
            snr_db=sum(snr for *_newest, snr in lines) / len(lines),
            data_rate=lines[0][1],
            last_at=lines[0][0],
        )
        for device_id, lines in heard.items()
    ]
    return sorted(found, key=lambda one: (one.snr_db, one.device_id))


@dataclass(frozen=True, slots=True)
class RefusedSender:
    """Who is refused for one reason, how often and when last."""

    subject: str
    count: int
    last_at: datetime


def refused_senders(*, viewer: Viewer, reasons: Iterable[str], since: date) -> list[RefusedSender]:
    """Return who is refused for one of those reasons since that day, most often first; staff only (one query)."""
    totals = (
        refusals(viewer=viewer, since=since)
        .filter(reason__in=list(reasons))
        .exclude(subject="")
        .order_by()
        .values("subject")
        .annotate(total=Sum("count"), newest=Max("last_at"))
        .order_by("-total", "subject")[:FRAMES_SHOWN]
    )
    return [RefusedSender(line["subject"], line["total"], line["newest"]) for line in totals]


# --- what the network server loads at start, as the platform itself ------------------------------------------------


def gateways_for_server() -> list[tuple[int, int]]:
    """Return (id, EUI as an integer) of every gateway (one query)."""
    return [(pk, int(eui, 16)) for pk, eui in Gateway.objects.values_list("pk", "eui")]


def devices_for_server(*, profiles: dict[int, int], device_ids: Iterable[int] | None = None) -> Iterator[DeviceRecord]:
    """Yield every device with its newest session, and the former one while that is unheard; keys unsealed (3 queries).

    ``profiles`` gives each device's profile id, which telemetry knows.
    """
    chosen = Device.objects.all() if device_ids is None else Device.objects.filter(pk__in=list(device_ids))
    sessions: dict[int, Session] = {}
    formers: dict[int, Session] = {}
    for session in Session.objects.order_by("device_id", "join_nonce"):
        if session.device_id in sessions and session.fcnt_up < 0:
            # Of several unheard joins the device can only have taken the last: the heard one before them stays.
            formers.setdefault(session.device_id, sessions[session.device_id])
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
            former=_session(formers.get(device.pk)),
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


def silence_explained(device_ids: frozenset[int], *, now: datetime) -> set[int]:
    """Return the devices whose silence is no news: nobody could have heard them (three queries, system scope).

    Either the network server itself was deaf lately, or every gateway that used to hear the device is silent: the
    gateway's own alarm says it, once instead of once per device.
    """
    run = ServerRun.objects.order_by("-seen_at").first()
    if run is not None and (now - run.seen_at > DEAF_AFTER or now - run.started_at < GRACE_AFTER_START):
        return set(device_ids)
    silent = {
        eui
        for eui, at, limit in Gateway.objects.filter(equipment__retired_on__isnull=True).values_list(
            "eui", "last_seen_at", "silent_after_s"
        )
        if at is None or now - at > timedelta(seconds=limit)
    }
    if not silent:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.id, array_agg(DISTINCT heard->>0) FROM unnest(%s::bigint[]) AS d(id)"
            " CROSS JOIN LATERAL (SELECT receptions FROM lorawan_uplink u WHERE u.device_id = d.id AND u.ts > %s"
            " ORDER BY u.ts DESC LIMIT %s) AS last, jsonb_array_elements(last.receptions) AS heard GROUP BY d.id",
            [sorted(device_ids), now - timedelta(days=7), FRAMES_SHOWN],
        )
        return {device_id for device_id, euis in cursor.fetchall() if set(euis) <= silent}
