"""The radio between simulated devices and gateways: who hears whom, how well, and what is lost."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from cadran.lorawan.codec import eu868, gwmp
from cadran.lorawan.rules import ReceiveSettings, receive_windows
from cadran.simulator.forwarder import PacketForwarder
from cadran.simulator.scenarios import Scenario

HEARD_BY: Final = 3  # gateways in reach of a device
FORGET_AFTER_S: Final = 10.0  # the last window of a join closes 6 s after it, plus a slow frame
_STRIDE: Final = 7


@dataclass(frozen=True, slots=True)
class Ear:
    """A device listening once: which one, in which window, on what."""

    device: int
    window: str
    frequency_hz: int
    data_rate: str | int


OnDownlink = Callable[[Ear, bytes], None]


class Air:
    """Carries frames both ways.

    A device hears a downlink only if the gateway that heard it transmits exactly when, where and how the window it
    opened says: a server that is a microsecond or a data rate off is not heard.
    """

    def __init__(
        self, gateways: Sequence[PacketForwarder], scenario: Scenario, *, random: Random, on_downlink: OnDownlink
    ) -> None:
        self._gateways = gateways
        self._scenario = scenario
        self._random = random
        self._on_downlink = on_downlink
        self._ears: dict[tuple[int, int], list[Ear]] = {}
        self.unheard = 0  # downlinks on the air that no device was listening to

    def carry_up(
        self, device: int, frame: bytes, *, frequency_hz: int, data_rate: int, receive: ReceiveSettings
    ) -> int:
        """Let gateways in reach hear a frame; return how many did. The device then listens as ``receive`` says."""
        windows = receive_windows(receive, frequency_hz=frequency_hz, data_rate=data_rate)
        heard = 0
        opened = []
        for distance in range(min(HEARD_BY, len(self._gateways))):
            gateway = self._gateways[(device + distance * _STRIDE) % len(self._gateways)]
            if self._random.random() < self._scenario.loss:
                continue
            heard += 1
            tmst = gateway.hear(
                frame,
                frequency_hz=frequency_hz,
                data_rate=data_rate,
                rssi_dbm=-84 - 9 * distance + self._random.uniform(-3, 3),
                snr_db=8 - 4 * distance + self._random.uniform(-1.5, 1.5),
            )
            for window in windows:
                key = (gateway.eui, (tmst + window.delay_s * 1_000_000) % gwmp.TMST_MODULO)
                name = eu868.DATA_RATES[window.data_rate].name
                self._ears.setdefault(key, []).append(Ear(device, window.name, window.frequency_hz, name))
                opened.append(key)
        if opened:
            asyncio.get_running_loop().call_later(FORGET_AFTER_S, self._close_ears, opened)
        return heard

    def carry_down(self, gateway: PacketForwarder, packet: gwmp.TxPacket) -> None:
        """Let the devices listening right then hear what a gateway transmits."""
        ears = [] if packet.tmst is None else self._ears.get((gateway.eui, packet.tmst), [])
        tuned = [ear for ear in ears if (ear.frequency_hz, ear.data_rate) == (packet.frequency_hz, packet.data_rate)]
        if not tuned or not packet.inverted:
            self.unheard += 1
            return
        frame = packet.phy_payload()
        for ear in tuned:
            self._on_downlink(ear, frame)

    def _close_ears(self, keys: Sequence[tuple[int, int]]) -> None:
        for key in keys:
            self._ears.pop(key, None)
