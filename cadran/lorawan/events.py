"""What happened on the radio side of the network."""

from __future__ import annotations

from cadran.kernel.events import Event


class DeviceRegistered(Event, frozen=True):
    """A device may now join."""

    device_id: int
    owner_id: int


class GatewayRegistered(Event, frozen=True):
    """A gateway's frames are now accepted."""

    gateway_id: int
    owner_id: int
