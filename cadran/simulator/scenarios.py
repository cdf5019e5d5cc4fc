"""What happens during a simulation: the values devices measure, the losses of the radio, the gateway that stops."""

import math
from dataclasses import dataclass
from random import Random
from typing import Final

from cadran.simulator import profiles
from cadran.simulator.profiles import Profile

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario; times in seconds since the simulation started.

    ``loss`` is the chance that one gateway misses one frame, ``duplicate`` that a datagram reaches the server twice.
    ``silent_gateway`` is the rank of the gateway that stops at ``event_after_s``. ``warming`` makes every cold room
    of rank below ``warming_devices`` warm up by ``warming_c_per_minute`` from ``event_after_s`` on.
    """

    name: str
    summary: str
    loss: float = 0.02
    duplicate: float = 0.005
    event_after_s: float = 0.0
    event_lasts_s: float | None = None
    silent_gateway: int | None = None
    warming_devices: int = 0
    warming_c_per_minute: float = 0.0

    def happening(self, elapsed_s: float) -> bool:
        """Whether the scenario's event is under way."""
        since = elapsed_s - self.event_after_s
        return since >= 0 and (self.event_lasts_s is None or since < self.event_lasts_s)


SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("normal", "journée ordinaire : quelques pertes radio, quelques doublons"),
        Scenario(
            "cold-room-warms",
            "la première chambre froide se réchauffe à partir de 20 s, de 6 °C par minute",
            event_after_s=20.0,
            warming_devices=10,
            warming_c_per_minute=6.0,
        ),
        Scenario(
            "gateway-silent",
            "la première passerelle se tait après 20 s",
            event_after_s=20.0,
            silent_gateway=0,
        ),
        Scenario(
            "demonstration",
            "journée ordinaire ; de la 2e à la 17e minute, une passerelle se tait, une chambre froide chauffe",
            event_after_s=120.0,
            event_lasts_s=900.0,
            silent_gateway=1,
            warming_devices=10,
            warming_c_per_minute=3.0,
        ),
        Scenario("lossy", "radio difficile : une trame sur trois perdue par passerelle", loss=0.33, duplicate=0.05),
    )
}

_COLD_ROOM_C: Final = 3.2
_WARMEST_C: Final = 24.0  # a cold room ends at the temperature of the kitchen


class Readings:
    """Plausible values for each device: a daily cycle, a phase of its own, some noise.

    ``seconds_of_day`` at the start places the simulation in the day; counted from ``profiles.METERS_SINCE`` instead of
    the last midnight, it places it among the days too, and meters go on from one run to the next.
    """

    def __init__(self, scenario: Scenario, *, seconds_of_day: float, random: Random) -> None:
        self._scenario = scenario
        self._start_s = seconds_of_day
        self._random = random

    def payload(self, index: int, *, elapsed_s: float) -> tuple[int, bytes]:
        """Return the port and the bytes the device of a rank sends after ``elapsed_s`` seconds."""
        profile = profiles.profile_of(index)
        phase = (index * 37 % 360) / 360
        day = (self._start_s + elapsed_s) / _DAY_S
        cycle = math.sin(2 * math.pi * (day - 0.25) + phase)  # coldest before dawn
        battery = profiles.battery_percent(index)
        match profile:
            case Profile.COLD_ROOM:
                data = self._cold_room(index, elapsed_s, cycle, battery)
            case Profile.CO2:
                data = profiles.encode_co2(
                    co2_ppm=max(400, 750 + 350 * cycle + self._noise(25)),
                    temperature_c=21 + 1.5 * cycle + self._noise(0.2),
                    humidity_percent=45 - 5 * cycle + self._noise(1),
                    battery=battery,
                )
            case Profile.WATER_METER:
                data = profiles.encode_water_meter(litres=profiles.index_litres(index, days=day), battery=battery)
            case Profile.PARKING:
                data = profiles.encode_parking(occupied=cycle + self._noise(0.8) > 0, battery=battery)
            case Profile.AMBIENT:
                data = profiles.encode_ambient(
                    temperature_c=20.5 + 1.5 * cycle + self._noise(0.1),
                    humidity_percent=48 - 6 * cycle + self._noise(1),
                    battery=battery,
                )
        return profiles.F_PORTS[profile], data

    def _cold_room(self, index: int, elapsed_s: float, cycle: float, battery: int) -> bytes:
        scenario = self._scenario
        temperature_c = _COLD_ROOM_C + 0.4 * cycle + self._noise(0.1)
        warming = index < scenario.warming_devices and scenario.happening(elapsed_s)
        if warming:
            temperature_c += scenario.warming_c_per_minute * (elapsed_s - scenario.event_after_s) / 60
        return profiles.encode_cold_room(
            temperature_c=min(temperature_c, _WARMEST_C), door_open=warming, battery=battery
        )

    def _noise(self, width: float) -> float:
        return self._random.uniform(-width, width)
