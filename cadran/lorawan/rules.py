"""Decisions of the network server: counters, nonces, gateways, receive windows. Values in, values out.

The reasons and tables are in docs/rules/lorawan.md, under the same names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from cadran.lorawan.codec import eu868

DEDUPLICATION_S: Final = 0.2  # copies of one frame by several gateways arrive within this delay
NO_FRAME_YET: Final = -1
COUNTER_SPAN: Final = 1 << 16  # only the low 16 bits of a counter are on the air
MAX_COUNTER: Final = (1 << 32) - 1
MAX_DEV_NONCE: Final = (1 << 16) - 1
MAX_JOIN_NONCE: Final = (1 << 24) - 1
TX_LEAD_S: Final = 0.08  # a gateway needs the frame this long before its window opens (JIT queue and network)
MIN_RETRANSMISSION_S: Final = 1.0  # a device listens in RX1 before it repeats a frame


class Version(StrEnum):
    """The protocol version a device was built for."""

    V1_0_2 = "1.0.2"
    V1_0_3 = "1.0.3"
    V1_0_4 = "1.0.4"


class CounterVerdict(StrEnum):
    """What an authentic frame's counter says of it."""

    ACCEPTED = "accepted"  # never seen, newer than all before
    RETRANSMISSION = "retransmission"  # the last frame again: acknowledged again, not counted as new data
    RESET = "reset"  # a personalised device restarted from zero, and may
    REPLAYED = "replayed"  # older than the last, or the last counter under other content: refused


def deduplication_key(phy_payload: bytes) -> bytes:
    """Return what two receptions of one transmission share: the whole PHYPayload, MIC included."""
    return phy_payload


def counter_candidates(last: int, low: int, *, may_reset: bool = False) -> tuple[int, ...]:
    """Return the 32-bit counters that 16 received bits may stand for, likeliest first; the MIC decides.

    Args:
        last: last 32-bit counter accepted, ``NO_FRAME_YET`` before the first.
        low: the 16 bits in the frame.
        may_reset: also try the counter of a device that restarted from zero.

    The first candidate is the nearest not below ``last``. The following one serves to *name* a replay: an old frame
    is authentic only under its old counter. Source: TS001 4.3.1.5; no MAX_FCNT_GAP (removed in 1.0.4, and the MIC
    already covers all 32 bits).
    """
    if last == NO_FRAME_YET:
        return (low,)
    here = last - last % COUNTER_SPAN + low
    following, previous = here + COUNTER_SPAN, here - COUNTER_SPAN
    wanted = [here, previous]
    if here == last:
        wanted = [here, following, previous]
    elif here < last:
        wanted = [following, here]
    if may_reset and low not in wanted:
        wanted.append(low)
    return tuple(counter for counter in wanted if 0 <= counter <= MAX_COUNTER)


def judge_counter(*, last: int, f_cnt: int, same_frame_as_last: bool, may_reset: bool) -> CounterVerdict:
    """Return the verdict on an authentic frame (its MIC is right under ``f_cnt``).

    Args:
        last: last counter accepted, ``NO_FRAME_YET`` before the first.
        same_frame_as_last: its MIC equals the last accepted frame's.
        may_reset: the device is personalised (ABP) and allowed to restart its counter without a join: it opens the
            door to replays of the frames before, so the default everywhere is False.
    """
    if f_cnt > last:
        return CounterVerdict.ACCEPTED
    if f_cnt == last and same_frame_as_last:
        return CounterVerdict.RETRANSMISSION
    if may_reset and f_cnt < last and f_cnt < COUNTER_SPAN:
        return CounterVerdict.RESET
    return CounterVerdict.REPLAYED


def dev_nonce_is_new(*, version: Version, used: frozenset[int] | set[int], highest: int, dev_nonce: int) -> bool:
    """Whether a join-request may be answered: its DevNonce was never used by this device.

    1.0.4 counts (strictly above ``highest``, -1 before the first join: TS001 6.2.5); 1.0.2 and 1.0.3 draw at random
    (not in ``used``).
    """
    if version is Version.V1_0_4:
        return dev_nonce > highest
    return dev_nonce not in used


class Heard(Protocol):
    """A reception, as far as choosing a gateway goes."""

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio, dB."""

    @property
    def rssi_dbm(self) -> float:
        """Received power, dBm."""


_Reception = TypeVar("_Reception", bound=Heard)


def best_first(receptions: Iterable[_Reception]) -> list[_Reception]:
    """Return receptions by decreasing quality: signal-to-noise ratio, then power."""
    return sorted(receptions, key=lambda heard: (-heard.snr_db, -heard.rssi_dbm))


@dataclass(frozen=True, slots=True)
class Window:
    """A moment when a class A device listens: seconds after the end of its uplink, Hz, data rate index, dBm ERP."""

    name: str
    delay_s: int
    frequency_hz: int
    data_rate: int
    power_dbm: int
    sub_band: eu868.SubBand


@dataclass(frozen=True, slots=True)
class ReceiveSettings:
    """How a device listens, as its session was granted: delays in s, frequency in Hz."""

    rx1_delay_s: int = eu868.RX_DELAY_S
    rx1_dr_offset: int = 0
    rx2_data_rate: int = eu868.RX2_DATA_RATE
    rx2_frequency_hz: int = eu868.RX2_FREQUENCY_HZ


# A join is answered with the plan's defaults, later: the device has no session yet (RP002, EU863-870).
JOIN_WINDOWS: Final = ReceiveSettings(rx1_delay_s=eu868.JOIN_ACCEPT_DELAY_S)


def receive_windows(settings: ReceiveSettings, *, frequency_hz: int, data_rate: int) -> tuple[Window, ...]:
    """Return RX1 then RX2 after an uplink on ``frequency_hz`` at ``data_rate``, EU868.

    A window on a carrier where the plan forbids transmission is left out. Power: the sub-band's ceiling, 14 dBm, or
    27 dBm between 869.4 and 869.65 MHz where RX2 is.
    """
    rx1_rate = eu868.rx1_data_rate(data_rate, settings.rx1_dr_offset)
    rx2_delay = settings.rx1_delay_s + eu868.RX2_AFTER_RX1_S
    wanted = (
        ("RX1", settings.rx1_delay_s, frequency_hz, rx1_rate),
        ("RX2", rx2_delay, settings.rx2_frequency_hz, settings.rx2_data_rate),
    )
    windows = []
    for name, delay_s, hertz, rate in wanted:
        band = eu868.sub_band_of(hertz)
        if band is not None:
            windows.append(Window(name, delay_s, hertz, rate, band.power_dbm, band))
    return tuple(windows)


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One way to answer: the position of a gateway among those that heard the uplink, and a window."""

    gateway: int
    window: Window


def opportunities(gateways: int, windows: Sequence[Window]) -> list[Opportunity]:
    """Return every way to answer, preferred first: RX1 through the best gateway, then the others, then RX2."""
    return [Opportunity(gateway, window) for window in windows for gateway in range(gateways)]


def still_in_time(window: Window, *, elapsed_s: float) -> bool:
    """Whether a frame sent now reaches the gateway before the window opens; ``elapsed_s`` since the uplink ended."""
    return elapsed_s + TX_LEAD_S <= window.delay_s


def after_refusal(left: Sequence[Opportunity], refused: Opportunity, error: str) -> list[Opportunity]:
    """Return what remains to try after a gateway refused to transmit.

    TOO_LATE and TOO_EARLY are about time: that window is over for all. Any other refusal (COLLISION_PACKET,
    COLLISION_BEACON, TX_FREQ, TX_POWER, GPS_UNLOCKED, unknown) is about that gateway in that window.
    """
    if error in ("TOO_LATE", "TOO_EARLY"):
        return [way for way in left if way.window.name != refused.window.name]
    return [way for way in left if way != refused]
