"""What is asked of a codec and what it answers, in the terms of the LoRa Alliance's TS013."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CodecCall:
    """One uplink to decode.

    ``codec_key`` names the codec in counters and quarantine; ``source`` is its JavaScript (ignored by the codecs
    built in, such as ``cayenne``). ``f_port`` is 1..223 for application data. ``variables`` are the device's own
    settings, handed to the codec as ``input.variables`` when there are some.
    """

    codec_key: str
    source: str
    f_port: int
    payload: bytes
    received_at: datetime
    variables: Mapping[str, str] | None = None


class FailureKind(enum.StrEnum):
    """Why there is no answer; everything but ``UNAVAILABLE`` and ``QUARANTINED`` is the codec's own doing."""

    SOURCE = "source"  # the JavaScript does not compile or has no decodeUplink
    EXCEPTION = "exception"  # it threw
    TIME = "time"  # stopped by the engine's own limit
    MEMORY = "memory"
    STACK = "stack"
    OUTPUT = "output"  # answer too large
    RESULT = "result"  # answer is not what TS013 says
    KILLED = "killed"  # the engine did not stop it: the process was killed
    CRASHED = "crashed"  # twice in a row the process died on this very frame
    QUARANTINED = "quarantined"  # failed too often lately: not even tried
    UNAVAILABLE = "unavailable"  # no process could be started


@dataclass(frozen=True, slots=True)
class Failure:
    """The codec gave no answer; ``detail`` is a French sentence for the person who maintains it."""

    kind: FailureKind
    detail: str


@dataclass(frozen=True, slots=True)
class CodecResult:
    """A codec's answer. ``data`` is ``None`` when it reported ``errors`` or when there is a ``failure``."""

    data: dict[str, Any] | None
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    failure: Failure | None = None
