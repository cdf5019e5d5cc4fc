"""MAC commands of LoRaWAN 1.0.x, in FOpts or on port 0.

Source: LoRaWAN 1.0.4 (TS001) chapter 5, and 1.0.3 for class B. A command carries no length: after an unknown
identifier the rest of the field cannot be read.
"""

from datetime import datetime

import msgspec

from cadran.lorawan.codec import airtime

LINK_CHECK = 0x02
LINK_ADR = 0x03
DUTY_CYCLE = 0x04
RX_PARAM_SETUP = 0x05
DEV_STATUS = 0x06
NEW_CHANNEL = 0x07
RX_TIMING_SETUP = 0x08
TX_PARAM_SETUP = 0x09
DL_CHANNEL = 0x0A
DEVICE_TIME = 0x0D

# Identifier -> name and length of what follows it, sent by devices.
_UPLINK = {
    LINK_CHECK: ("LinkCheckReq", 0),
    LINK_ADR: ("LinkADRAns", 1),
    DUTY_CYCLE: ("DutyCycleAns", 0),
    RX_PARAM_SETUP: ("RXParamSetupAns", 1),
    DEV_STATUS: ("DevStatusAns", 2),
    NEW_CHANNEL: ("NewChannelAns", 1),
    RX_TIMING_SETUP: ("RXTimingSetupAns", 0),
    TX_PARAM_SETUP: ("TxParamSetupAns", 0),
    DL_CHANNEL: ("DlChannelAns", 1),
    DEVICE_TIME: ("DeviceTimeReq", 0),
    0x10: ("PingSlotInfoReq", 1),
    0x11: ("PingSlotChannelAns", 1),
    0x12: ("BeaconTimingReq", 0),
    0x13: ("BeaconFreqAns", 1),
}
# Sent by the network.
_DOWNLINK = {
    LINK_CHECK: ("LinkCheckAns", 2),
    LINK_ADR: ("LinkADRReq", 4),
    DUTY_CYCLE: ("DutyCycleReq", 1),
    RX_PARAM_SETUP: ("RXParamSetupReq", 4),
    DEV_STATUS: ("DevStatusReq", 0),
    NEW_CHANNEL: ("NewChannelReq", 5),
    RX_TIMING_SETUP: ("RXTimingSetupReq", 1),
    TX_PARAM_SETUP: ("TxParamSetupReq", 1),
    DL_CHANNEL: ("DlChannelReq", 4),
    DEVICE_TIME: ("DeviceTimeAns", 5),
    0x10: ("PingSlotInfoAns", 0),
    0x11: ("PingSlotChannelReq", 4),
    0x12: ("BeaconTimingAns", 3),
    0x13: ("BeaconFreqReq", 3),
}


class MacCommand(msgspec.Struct, frozen=True, gc=False):
    """One command: its identifier, its name in the specification, the bytes that follow it."""

    identifier: int
    name: str
    body: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes on the air."""
        return bytes((self.identifier,)) + self.body


class MacCommands(msgspec.Struct, frozen=True, gc=False):
    """What a MAC field says: the commands read, and the rest that could not be (empty when all was understood)."""

    commands: tuple[MacCommand, ...]
    unread: bytes = b""


def parse(field: bytes, *, uplink: bool) -> MacCommands:
    """Read a MAC field; never fails: reading stops at an unknown or truncated command."""
    table = _UPLINK if uplink else _DOWNLINK
    commands: list[MacCommand] = []
    at = 0
    while at < len(field):
        known = table.get(field[at])
        if known is None or at + 1 + known[1] > len(field):
            return MacCommands(tuple(commands), field[at:])
        name, length = known
        commands.append(MacCommand(field[at], name, field[at + 1 : at + 1 + length]))
        at += 1 + length
    return MacCommands(tuple(commands))


def link_check_answer(*, margin_db: int, gateways: int) -> bytes:
    """Return LinkCheckAns: margin 0..254 dB over the demodulation floor, number of gateways that heard the request."""
    return bytes((LINK_CHECK, min(margin_db, 254), min(gateways, 255)))


def device_time_answer(at: datetime) -> bytes:
    """Return DeviceTimeAns: GPS time at the end of the uplink, seconds modulo 2^32 and 1/256 s (TS001 chapter 5)."""
    since = airtime.gps_time(at)
    seconds = since.days * 86_400 + since.seconds
    fraction = since.microseconds * 256 // 1_000_000
    return bytes((DEVICE_TIME,)) + (seconds & 0xFFFF_FFFF).to_bytes(4, "little") + bytes((fraction,))
