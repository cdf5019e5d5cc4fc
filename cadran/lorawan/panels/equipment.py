"""What the radio knows of an equipment: its card, its raw frames, its identity. Never a key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from cadran.kernel.calendars import zone_named
from cadran.kernel.viewer import Viewer
from cadran.lorawan import selectors
from cadran.lorawan.lists import data_rate_words, gateway_state, quality
from cadran.lorawan.models import Uplink
from cadran.ui import times
from cadran.ui.http import Request
from cadran.ui.icons import badge

if TYPE_CHECKING:
    from cadran.inventory.models import Equipment

SINCE: Final = timedelta(days=7)


def radio_of_equipment(request: HttpRequest, equipment: Equipment) -> str:
    """The radio card of a device, or the card of a gateway (at most five queries); nothing for other equipment."""
    viewer, now = cast(Request, request).viewer, cast(Request, request).now
    context: dict[str, Any] = {"equipment": equipment, "zone": zone_named(equipment.site.zone), "now": now}
    if equipment.kind == "gateway":
        gateway = selectors.gateway_of_equipment(viewer=viewer, equipment_id=equipment.pk)
        if gateway is None:
            return ""
        context |= {
            "gateway": gateway,
            "state": badge(*gateway_state(gateway, now)),
            "silent_after": times.duration(timedelta(seconds=gateway.silent_after_s)),
        }
        return render_to_string("lorawan/_gateway.html", context, request=request)
    device = selectors.device_of_equipment(viewer=viewer, equipment_id=equipment.pk)
    if device is None:
        return ""
    may_frames = viewer.may("frame.read", owner_id=equipment.owner_id, site_id=equipment.site_id)
    frames = selectors.frames_of(viewer=viewer, device_id=equipment.pk, now=now) if may_frames else []
    context |= {
        "device": device,
        "session": selectors.session_of(viewer=viewer, device_id=equipment.pk),
        "may_frames": may_frames,
        "frame": _frames(viewer, frames[:1])[0] if frames else None,
        "quality": badge(*quality(frames[0].receptions[0][2], frames[0].data_rate)) if _heard(frames) else "",
    }
    return render_to_string("lorawan/_radio.html", context, request=request)


def frames_of_equipment(request: HttpRequest, equipment: Equipment) -> str:
    """The last frames as heard (``?forme=brutes``): counters, radio and bytes."""
    if request.GET.get("forme") != "brutes":
        return ""
    viewer, now = cast(Request, request).viewer, cast(Request, request).now
    device = selectors.device_of_equipment(viewer=viewer, equipment_id=equipment.pk)
    if device is None:
        return ""
    frames = selectors.frames_of(viewer=viewer, device_id=equipment.pk, now=now)
    context = {"equipment": equipment, "frames": _frames(viewer, frames), "zone": zone_named(equipment.site.zone)}
    return render_to_string("lorawan/_frames.html", context, request=request)


def keys_of_equipment(request: HttpRequest, equipment: Equipment) -> str:
    """The radio identity of a device and what is kept secret about it (two queries)."""
    viewer = cast(Request, request).viewer
    device = selectors.device_of_equipment(viewer=viewer, equipment_id=equipment.pk)
    if device is None:
        return ""
    context = {
        "equipment": equipment,
        "device": device,
        "session": selectors.session_of(viewer=viewer, device_id=equipment.pk),
        "zone": zone_named(equipment.site.zone),
        "now": cast(Request, request).now,
    }
    return render_to_string("lorawan/_keys.html", context, request=request)


def _heard(frames: list[Uplink]) -> bool:
    return bool(frames and frames[0].receptions)


def _frames(viewer: Viewer, frames: list[Uplink]) -> list[dict[str, Any]]:
    """Frames in words, gateways by the name the reader may know them by (one query)."""
    euis = {eui for frame in frames for eui, _rssi, _snr in frame.receptions}
    known = {one.eui: one for one in selectors.gateways(viewer=viewer).filter(eui__in=euis)}
    return [
        {
            "at": frame.ts,
            "fcnt": frame.fcnt,
            "port": frame.f_port,
            "rate": data_rate_words(frame.data_rate),
            "frequency": times.number(frame.frequency_hz / 1e6, 1),
            "confirmed": frame.confirmed,
            "bytes": bytes(frame.payload).hex(" "),
            "receptions": [
                {
                    "name": known[eui].equipment.name if eui in known else _("passerelle d’un autre périmètre"),
                    "gateway": known.get(eui),
                    "rssi": times.number(rssi, 0),
                    "snr": times.number(snr, 1),
                }
                for eui, rssi, snr in frame.receptions
            ],
        }
        for frame in frames
    ]
