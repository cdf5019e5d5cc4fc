"""How long a frame occupies the air, and time as LoRaWAN counts it."""

from datetime import UTC, datetime, timedelta

_LOW_DATA_RATE_SYMBOL_S = 0.016  # a symbol of 16 ms or more turns the low-data-rate optimisation on

GPS_EPOCH = datetime(1980, 1, 6, tzinfo=UTC)
# Days from which one more second separates GPS time from UTC (IERS Bulletin C; none announced since 2017).
_LEAP_SECONDS = tuple(
    datetime(year, month, 1, tzinfo=UTC)
    for year, month in (
        (1981, 7), (1982, 7), (1983, 7), (1985, 7), (1988, 1), (1990, 1), (1991, 1), (1992, 7), (1993, 7),
        (1994, 7), (1996, 1), (1997, 7), (1999, 1), (2006, 1), (2009, 1), (2012, 7), (2015, 7), (2017, 1),
    )
)  # fmt: skip


def time_on_air_ms(
    payload_bytes: int,
    *,
    spreading_factor: int,
    bandwidth_hz: int,
    crc: bool = True,
    low_data_rate: bool | None = None,
) -> float:
    """Return how long one LoRa frame occupies the channel, in milliseconds.

    Args:
        payload_bytes: the whole PHYPayload, MHDR to MIC, 0..255.
        spreading_factor: 7..12.
        bandwidth_hz: 125,000, 250,000 or 500,000.
        crc: uplinks carry a payload CRC, downlinks do not.
        low_data_rate: force the low-data-rate optimisation; None lets the symbol's length decide.
    Raises:
        ValueError: no such LoRa frame.
    Source: SX1276 datasheet 4.1.1.7; explicit header, coding rate 4/5, 8 preamble symbols.
    """
    if not 0 <= payload_bytes <= 255 or not 7 <= spreading_factor <= 12 or bandwidth_hz <= 0:
        raise ValueError(f"No LoRa frame has {payload_bytes} bytes at SF{spreading_factor} and {bandwidth_hz} Hz.")
    symbol_s = (1 << spreading_factor) / bandwidth_hz
    if low_data_rate is None:
        low_data_rate = symbol_s >= _LOW_DATA_RATE_SYMBOL_S
    bits = 8 * payload_bytes - 4 * spreading_factor + 28 + 16 * crc
    bits_per_block = 4 * (spreading_factor - 2 * low_data_rate)
    blocks = max(0, -(-bits // bits_per_block))
    return 1000 * symbol_s * (8 + 4.25 + 8 + 5 * blocks)


def fsk_time_on_air_ms(payload_bytes: int, *, bit_rate: int) -> float:
    """Return how long one FSK frame lasts, in ms: preamble 5, sync word 3, length 1 and CRC 2 bytes around it."""
    if not 0 <= payload_bytes <= 255 or bit_rate <= 0:
        raise ValueError(f"No FSK frame has {payload_bytes} bytes at {bit_rate} bit/s.")
    return 1000 * 8 * (5 + 3 + 1 + payload_bytes + 2) / bit_rate


def gps_time(utc: datetime) -> timedelta:
    """Return the time elapsed since the GPS epoch (1980-01-06), leap seconds included, as DeviceTimeAns counts it.

    ValueError before the epoch or for a datetime without a zone. A UTC instant *inside* a leap second cannot be
    written as a datetime: the second before it stands for both.
    """
    if utc.tzinfo is None or utc < GPS_EPOCH:
        raise ValueError(f"{utc} has no GPS time: give a datetime with a zone, after {GPS_EPOCH:%Y-%m-%d}.")
    leaps = sum(1 for day in _LEAP_SECONDS if day <= utc)
    return utc - GPS_EPOCH + timedelta(seconds=leaps)
