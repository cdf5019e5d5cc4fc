"""From a payload to values: pure, no engine, no process (those live in ``telemetry.decoders``)."""

from cadran.telemetry.codec.calls import CodecCall, CodecResult, Failure, FailureKind
from cadran.telemetry.codec.cayenne import CAYENNE, MalformedCayenne
from cadran.telemetry.codec.values import MalformedMeasurement, values_in_order

__all__ = [
    "CAYENNE",
    "CodecCall",
    "CodecResult",
    "Failure",
    "FailureKind",
    "MalformedCayenne",
    "MalformedMeasurement",
    "values_in_order",
]
