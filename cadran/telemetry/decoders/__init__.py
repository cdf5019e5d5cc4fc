"""Run codecs: untrusted JavaScript, in killable child processes."""

from cadran.telemetry.decoders.pool import DecoderPool, PoolCounters
from cadran.telemetry.decoders.process import Limits
from cadran.telemetry.decoders.quarantine import CodecHealth

__all__ = ["CodecHealth", "DecoderPool", "Limits", "PoolCounters"]
