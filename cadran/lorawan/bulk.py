"""Batched writes of the network server: one statement per table and batch, always inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection
from psycopg.types.json import Jsonb

from cadran.kernel import live, secrets
from cadran.lorawan.counters import Refusal
from cadran.lorawan.ports import GatewaySighting, JoinRecord, UplinkKind, UplinkRecord
from cadran.lorawan.rules import ReceiveSettings

_UPLINK_COLUMNS = "device_id, ts, owner_id, fcnt, f_port, data_rate, frequency_hz, confirmed, payload, receptions"
_UPLINK_TYPES = ("int8", "timestamptz", "int8", "int8", "int2", "int2", "int4", "bool", "bytea", "jsonb")


def key_context(device_id: int, purpose: str) -> str:
    """Return what a device's sealed key is bound to."""
    return f"lorawan device {device_id} {purpose}"


def seal_key(key: bytes, device_id: int, purpose: str) -> bytes:
    """Seal one key of a device ("AppKey", "NwkSKey", "AppSKey")."""
    return secrets.seal(key, context=key_context(device_id, purpose))


def uplinks(records: Sequence[UplinkRecord]) -> None:
    """Log accepted frames (two statements and a COPY); a frame already logged stays as it was."""
    rows = [_uplink_row(record) for record in records if record.kind is not UplinkKind.RETRANSMISSION]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_uplink ON COMMIT DROP AS"
            f" SELECT {_UPLINK_COLUMNS} FROM lorawan_uplink WITH NO DATA"
        )
        with cursor.copy(f"COPY incoming_uplink ({_UPLINK_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(_UPLINK_TYPES)
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f"INSERT INTO lorawan_uplink ({_UPLINK_COLUMNS}) SELECT {_UPLINK_COLUMNS} FROM incoming_uplink"
            " ON CONFLICT DO NOTHING"
        )


def _uplink_row(record: UplinkRecord) -> tuple[Any, ...]:
    heard = [[f"{one.gateway_eui:016x}", one.packet.rssi_dbm, one.packet.snr_db] for one in record.receptions]
    return (
        record.device_id,
        record.received_at,
        record.owner_id,
        record.f_cnt,
        record.f_port,
        record.data_rate,
        record.frequency_hz,
        record.confirmed,
        record.payload,
        Jsonb(heard),
    )


def counters(records: Iterable[UplinkRecord]) -> None:
    """Move the sessions' counters on, and forget the sessions that a heard one replaced (two statements)."""
    newest: dict[tuple[int, int], int] = {}
    for record in records:
        key = (record.device_id, record.join_nonce)
        newest[key] = record.f_cnt if record.kind is UplinkKind.RESET else max(record.f_cnt, newest.get(key, -1))
    if not newest:
        return
    devices, nonces, values = [], [], []
    for (device_id, join_nonce), f_cnt in sorted(newest.items()):  # one lock order: by device
        devices.append(device_id)
        nonces.append(join_nonce)
        values.append(f_cnt)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE lorawan_session s SET fcnt_up = n.fcnt FROM unnest(%s::bigint[], %s::int[], %s::bigint[])"
            " AS n(device_id, join_nonce, fcnt) WHERE s.device_id = n.device_id AND s.join_nonce = n.join_nonce",
            [devices, nonces, values],
        )
        cursor.execute(
            "DELETE FROM lorawan_session s USING unnest(%s::bigint[], %s::int[]) AS n(device_id, join_nonce)"
            " WHERE s.device_id = n.device_id AND s.join_nonce < n.join_nonce",
            [devices, nonces],
        )


def join(record: JoinRecord) -> None:
    """Commit a join: the DevNonce is spent, the JoinNonce given, the session kept beside the former one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lorawan_devnonce (device_id, owner_id, nonce) VALUES (%s, %s, %s)",
            [record.device_id, record.owner_id, record.dev_nonce],
        )
        cursor.execute(
            "UPDATE lorawan_device SET join_nonce = greatest(join_nonce, %s) WHERE equipment_id = %s",
            [record.join_nonce, record.device_id],
        )
        cursor.execute(
            "INSERT INTO lorawan_session (device_id, owner_id, join_nonce, dev_addr, nwk_s_key_sealed,"
            " app_s_key_sealed, receive, fcnt_up, fcnt_down_reserved, joined_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, -1, %s, %s)",
            [
                record.device_id,
                record.owner_id,
                record.join_nonce,
                f"{record.dev_addr:08x}",
                seal_key(record.nwk_s_key, record.device_id, "NwkSKey"),
                seal_key(record.app_s_key, record.device_id, "AppSKey"),
                receive_as_json(record.receive),
                record.f_cnt_down_reserved,
                record.joined_at,
            ],
        )


def receive_as_json(settings: ReceiveSettings) -> str:
    """Return the receive settings of a session as JSON text."""
    return msgspec.json.encode(settings).decode()


def reserve(device_id: int, join_nonce: int, below: int) -> None:
    """Record that downlink counters under ``below`` may have been used."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE lorawan_session SET fcnt_down_reserved = greatest(fcnt_down_reserved, %s)"
            " WHERE device_id = %s AND join_nonce = %s",
            [below, device_id, join_nonce],
        )


def sightings(seen: Sequence[GatewaySighting]) -> None:
    """Keep each gateway's last sign of life and last self-description, and tell open pages (two statements)."""
    if not seen:
        return
    ordered = sorted(seen, key=lambda one: one.gateway_id)  # one lock order: by gateway
    stats = [json.dumps(msgspec.to_builtins(one.status)) if one.status else None for one in ordered]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE lorawan_gateway g SET last_seen_at = greatest(g.last_seen_at, n.seen_at),"
            " last_stat = coalesce(n.stat::jsonb, g.last_stat)"
            " FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[]) AS n(id, seen_at, stat) WHERE g.id = n.id"
            " RETURNING g.owner_id, n.stat IS NOT NULL",
            [[one.gateway_id for one in ordered], [one.seen_at for one in ordered], stats],
        )
        described = sorted({owner_id for owner_id, told in cursor.fetchall() if told})
    for owner_id in described:  # each gateway describes itself every 30 s: pages need no more
        live.touch("gateway", 0, owner_id)


def refusals(drained: Sequence[Refusal]) -> None:
    """Add to the refusals of the day (one statement)."""
    if not drained:
        return
    ordered = sorted(drained, key=lambda one: (one.last_at.date(), one.reason, one.subject))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lorawan_refusal (day, reason, subject, count, last_at)"
            " SELECT * FROM unnest(%s::date[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[])"
            " ON CONFLICT ON CONSTRAINT one_refusal_row DO UPDATE SET count = lorawan_refusal.count + excluded.count,"
            " last_at = greatest(lorawan_refusal.last_at, excluded.last_at)",
            [
                [one.last_at.date() for one in ordered],
                [str(one.reason) for one in ordered],
                [one.subject for one in ordered],
                [one.count for one in ordered],
                [one.last_at for one in ordered],
            ],
        )


def alive(*, name: str, started_at: datetime, now: datetime, counts: dict[str, int]) -> None:
    """Record the server's own sign of life and its counts (one statement)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lorawan_serverrun (name, started_at, seen_at, counters) VALUES (%s, %s, %s, %s::jsonb)"
            " ON CONFLICT (name) DO UPDATE SET started_at = excluded.started_at, seen_at = excluded.seen_at,"
            " counters = excluded.counters",
            [name, started_at, now, json.dumps(counts)],
        )
