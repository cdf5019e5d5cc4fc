"""From raw uplinks to values: the profiles as last read, and one pool of decoders per process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from cadran.telemetry.codec import CodecCall, CodecResult, MalformedMeasurement, values_in_order
from cadran.telemetry.decoders import DecoderPool
from cadran.telemetry.models import DeviceProfile
from cadran.telemetry.rules import DecodedUplink, RawUplink


@dataclass(frozen=True, slots=True)
class Profile:
    """What decoding needs of a device profile; ``version`` changes with each writing of its row."""

    profile_id: int
    version: str
    codec: str
    source: str
    keys: tuple[str, ...]
    quantities: tuple[str, ...]

    def column(self, quantity: str) -> int | None:
        """Return the place of a quantity among the values: by what it measures, else by its key."""
        if quantity in self.quantities:
            return self.quantities.index(quantity)
        return self.keys.index(quantity) if quantity in self.keys else None


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A frame that gave no values, and why (a French sentence): a sign of life all the same."""

    device_id: int
    owner_id: int
    received_at: datetime
    message: str


_profiles: dict[int, Profile] = {}
_lock = threading.Lock()
_pool: DecoderPool | None = None


def pool() -> DecoderPool:
    """Return the process's pool of decoders, made at its first use."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = DecoderPool()
        return _pool


def profiles(ids: set[int]) -> dict[int, Profile]:
    """Return those profiles as the database has them now (one small query, a second when one was written since).

    ``xmin``, the transaction that wrote a row, is its version: no notification can be missed, no copy can be stale.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, xmin::text FROM telemetry_deviceprofile WHERE id = ANY(%s)", [sorted(ids)])
        versions: dict[int, str] = dict(cursor.fetchall())
    stale = [one for one, version in versions.items() if one not in _profiles or _profiles[one].version != version]
    if stale:
        for row in DeviceProfile.objects.filter(pk__in=stale):
            _profiles[row.pk] = Profile(
                profile_id=row.pk,
                version=versions[row.pk],
                codec=row.codec,
                source=row.codec_source,
                keys=tuple(quantity["key"] for quantity in row.quantities),
                quantities=tuple(quantity["quantity"] for quantity in row.quantities),
            )
    return {one: _profiles[one] for one in versions if one in _profiles}


def decode_uplinks(
    uplinks: Sequence[RawUplink | DecodedUplink | Undecodable],
) -> list[DecodedUplink | Undecodable]:
    """Return each uplink with its values, or with why it has none; what is decoded already passes as it is.

    One or two queries, none of them on an owned table: to be called before the transaction that records, so that a
    codec that hangs (half a second at worst, then it is killed) holds no lock.
    """
    raw = [(place, one) for place, one in enumerate(uplinks) if isinstance(one, RawUplink)]
    known = profiles({one.profile_id for _, one in raw}) if raw else {}
    results: list[RawUplink | DecodedUplink | Undecodable] = list(uplinks)
    calls: list[CodecCall] = []
    places: list[int] = []
    for place, one in raw:
        profile = known.get(one.profile_id)
        if profile is None:
            reason = f"Le profil {one.profile_id} n’existe pas. Chargez les profils d’équipements."
            results[place] = _refused(one, reason)
            continue
        places.append(place)
        calls.append(CodecCall(profile.codec, profile.source, one.f_port, one.payload, one.received_at))
    if calls:
        for place, answer in zip(places, pool().decode(calls), strict=True):
            sent = uplinks[place]
            assert isinstance(sent, RawUplink)
            results[place] = _answered(sent, answer, known[sent.profile_id].keys)
    return [one for one in results if not isinstance(one, RawUplink)]


def _answered(one: RawUplink, answer: CodecResult, keys: tuple[str, ...]) -> DecodedUplink | Undecodable:
    if answer.data is None:
        return _refused(one, answer.failure.detail if answer.failure else " ; ".join(answer.errors))
    try:
        values = values_in_order(answer.data, keys)
    except MalformedMeasurement as error:
        return _refused(one, str(error))
    return DecodedUplink(one.device_id, one.owner_id, one.profile_id, one.received_at, values)


def _refused(one: RawUplink, message: str) -> Undecodable:
    return Undecodable(one.device_id, one.owner_id, one.received_at, message[:500])
