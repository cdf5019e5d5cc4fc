"""The EU863-870 plan: data rates, receive windows, powers and duty cycles. France and its overseas territories.

Sources: LoRaWAN Regional Parameters RP002, chapter EU863-870; ERC Recommendation 70-03 annex 1 and
EN 300 220-2 annex B for powers (ERP) and duty cycles.
"""

from dataclasses import dataclass
from typing import Final

from cadran.lorawan.codec import airtime

JOIN_CHANNELS_HZ: Final = (868_100_000, 868_300_000, 868_500_000)
EXTRA_CHANNELS_HZ: Final = (867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000)  # sent in the CFList
RX2_FREQUENCY_HZ: Final = 869_525_000
RX2_DATA_RATE: Final = 0
MAX_RX1_DR_OFFSET: Final = 5
JOIN_ACCEPT_DELAY_S: Final = 5  # RX1 of a join; RX2 opens one second later
RX_DELAY_S: Final = 1
RX2_AFTER_RX1_S: Final = 1


@dataclass(frozen=True, slots=True)
class LoraRate:
    """A LoRa data rate: its name in the gateway protocol, and its modulation."""

    name: str
    spreading_factor: int
    bandwidth_hz: int

    def time_on_air_ms(self, payload_bytes: int, *, crc: bool) -> float:
        """Return how long ``payload_bytes`` last on the air, in ms."""
        return airtime.time_on_air_ms(
            payload_bytes, spreading_factor=self.spreading_factor, bandwidth_hz=self.bandwidth_hz, crc=crc
        )


@dataclass(frozen=True, slots=True)
class FskRate:
    """The FSK data rate; the gateway protocol names it by its bit rate."""

    name: int
    bit_rate: int

    def time_on_air_ms(self, payload_bytes: int, *, crc: bool) -> float:
        """Return how long ``payload_bytes`` last on the air, in ms (an FSK frame always has its CRC)."""
        return airtime.fsk_time_on_air_ms(payload_bytes, bit_rate=self.bit_rate)


DataRate = LoraRate | FskRate

DATA_RATES: Final[tuple[DataRate, ...]] = (
    LoraRate("SF12BW125", 12, 125_000),
    LoraRate("SF11BW125", 11, 125_000),
    LoraRate("SF10BW125", 10, 125_000),
    LoraRate("SF9BW125", 9, 125_000),
    LoraRate("SF8BW125", 8, 125_000),
    LoraRate("SF7BW125", 7, 125_000),
    LoraRate("SF7BW250", 7, 250_000),
    FskRate(50_000, 50_000),
)
DATA_RATE_BY_NAME: Final[dict[str | int, int]] = {rate.name: index for index, rate in enumerate(DATA_RATES)}

# Signal-to-noise ratio below which the demodulator fails, in dB (SX1276 datasheet, table of spreading factors).
REQUIRED_SNR_DB: Final = {12: -20.0, 11: -17.5, 10: -15.0, 9: -12.5, 8: -10.0, 7: -7.5}


@dataclass(frozen=True, slots=True)
class SubBand:
    """A slice of the band with its ceiling in power (dBm ERP) and in share of the time."""

    name: str
    low_hz: int
    high_hz: int
    power_dbm: int
    duty_cycle: float


SUB_BANDS: Final = (
    SubBand("K", 863_000_000, 865_000_000, 14, 0.001),
    SubBand("L", 865_000_000, 868_000_000, 14, 0.01),
    SubBand("M", 868_000_000, 868_600_000, 14, 0.01),
    SubBand("N", 868_700_000, 869_200_000, 14, 0.001),
    SubBand("P", 869_400_000, 869_650_000, 27, 0.1),
    SubBand("Q", 869_700_000, 870_000_000, 14, 0.01),
)


def sub_band_of(frequency_hz: int) -> SubBand | None:
    """Return the sub-band of a carrier, None where LoRaWAN may not transmit."""
    for band in SUB_BANDS:
        if band.low_hz <= frequency_hz < band.high_hz:
            return band
    return None


def rx1_data_rate(uplink_data_rate: int, rx1_dr_offset: int) -> int:
    """Return the data rate of RX1: the uplink's, lowered by the offset, never under DR0 (RP002, EU863-870)."""
    if not 0 <= uplink_data_rate < len(DATA_RATES) or not 0 <= rx1_dr_offset <= MAX_RX1_DR_OFFSET:
        raise ValueError(f"No RX1 data rate for DR{uplink_data_rate} with offset {rx1_dr_offset}.")
    return max(0, uplink_data_rate - rx1_dr_offset)


def link_margin_db(snr_db: float, uplink_data_rate: int | None) -> int:
    """Return the margin LinkCheckAns reports: whole dB over the demodulation floor, 0..254 (TS001 chapter 5)."""
    rate = DATA_RATES[uplink_data_rate] if uplink_data_rate is not None else None
    floor = REQUIRED_SNR_DB[rate.spreading_factor] if isinstance(rate, LoraRate) else 0.0
    return max(0, min(254, int(snr_db - floor)))
