"""Which equipment sends, and what kinds of equipment there are."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
from django.db import transaction
from django.utils.translation import gettext as _

from cadran.inventory import selectors as inventory
from cadran.kernel import audit
from cadran.kernel.errors import DomainError, NotFound
from cadran.kernel.viewer import SYSTEM, Viewer
from cadran.telemetry import decoding
from cadran.telemetry.device_packs import DevicePack, failing_examples, load_devices
from cadran.telemetry.models import DeviceProfile, Latest, Source

SILENT_AFTER_PERIODS = 4  # frames missed in a row before a device is called silent, unless said otherwise


class ProfileInUse(DomainError):
    """The numbers already stored would change meaning."""

    code = "telemetry.profile_in_use"


@transaction.atomic
def register_source(
    *,
    viewer: Viewer,
    equipment_id: int,
    profile_id: int,
    now: datetime,
    expected_every_s: int = 900,
    silent_after_s: int | None = None,
) -> Source:
    """Say which profile reads an equipment's frames and how often it should be heard; silence counts from ``now``.

    To be called again to change the periods (in seconds; silence defaults to four periods).

    Raises:
        NotFound: no such equipment or profile.
        ProfileInUse: the equipment has measured under another profile.
    """
    equipment = inventory.equipment(viewer=viewer, equipment_id=equipment_id)
    if not DeviceProfile.objects.filter(pk=profile_id).exists():
        raise NotFound(_("Le profil d’équipement"), profile_id)
    viewer.require("device.register", owner_id=equipment.owner_id, site_id=equipment.site_id)
    known = Source.objects.select_for_update().filter(pk=equipment_id).first()
    if known is not None and known.profile_id != profile_id and Latest.objects.filter(pk=equipment_id).exists():
        raise ProfileInUse(
            _(
                "L’équipement {name} a déjà des mesures sous un autre profil, qui changeraient de sens. "
                "Retirez-le et posez-en un nouveau."
            ).format(name=equipment.name)
        )
    content = {
        "owner_id": equipment.owner_id,
        "profile_id": profile_id,
        "expected_every_s": expected_every_s,
        "silent_after_s": silent_after_s or SILENT_AFTER_PERIODS * expected_every_s,
    }
    source, _new = Source.objects.update_or_create(
        equipment_id=equipment_id, defaults=content, create_defaults=content | {"registered_at": now}
    )
    audit.record(
        viewer=viewer,
        action="source.register",
        object_type="equipment",
        object_id=equipment_id,
        owner_id=equipment.owner_id,
        now=now,
        details={"profile": profile_id, "every_s": source.expected_every_s, "silent_after_s": source.silent_after_s},
    )
    return source


@transaction.atomic
def load_profiles(*, folder: Path, now: datetime, viewer: Viewer = SYSTEM) -> dict[str, int]:
    """Load the device packs of a folder; return every profile's id by code. Unchanged packs write nothing.

    To be called in the system's scope.

    Raises:
        PackError: a file is wrong, or a codec does not answer its own example (file, line, remedy).
        ProfileInUse: a pack reorders or removes a quantity that stored measurements rely on.
    """
    packs = load_devices(folder)
    known = {profile.code: profile for profile in DeviceProfile.objects.select_for_update().order_by("code")}
    changed = [pack for pack in packs if pack.code not in known or known[pack.code].pack_digest != pack.digest]
    for error in failing_examples(changed, decoding.pool()) if changed else ():
        raise error
    for pack in changed:
        profile = known.setdefault(pack.code, DeviceProfile(code=pack.code))
        _keep_order(profile, pack)
        profile.name, profile.maker = pack.name, pack.maker
        profile.quantities = msgspec.to_builtins(pack.quantities)
        profile.codec, profile.codec_source = pack.codec, pack.codec_source
        profile.radio, profile.pack_digest = pack.radio, pack.digest
        profile.save()
        audit.record(
            viewer=viewer,
            action="profile.load",
            object_type="profile",
            object_id=profile.pk,
            owner_id=None,
            now=now,
            details={"code": pack.code, "digest": pack.digest},
        )
    return {code: profile.pk for code, profile in known.items()}


def _keep_order(profile: DeviceProfile, pack: DevicePack) -> None:
    before = [quantity["key"] for quantity in profile.quantities or ()]
    after = [quantity.key for quantity in pack.quantities]
    if after[: len(before)] != before:
        raise ProfileInUse(
            _(
                "Le profil {code} change l’ordre de ses grandeurs ({before} devient {after}) : les mesures déjà "
                "enregistrées changeraient de sens. Ajoutez les nouvelles à la fin."
            ).format(code=pack.code, before=", ".join(before), after=", ".join(after))
        )
