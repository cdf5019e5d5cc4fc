"""Decode batches of uplinks: every frame gets its result, whatever one codec does to the others."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import msgspec

from cadran.telemetry.codec import CAYENNE, CodecCall, CodecResult, Failure, FailureKind, MalformedCayenne, cayenne
from cadran.telemetry.decoders.process import Broken, Call, DecoderProcess, Ending, Limits
from cadran.telemetry.decoders.quarantine import CodecHealth, Quarantine

_KINDS = {
    "s": FailureKind.SOURCE,
    "x": FailureKind.EXCEPTION,
    "t": FailureKind.TIME,
    "m": FailureKind.MEMORY,
    "k": FailureKind.STACK,
    "o": FailureKind.OUTPUT,
    "r": FailureKind.RESULT,
}
_SENTENCES = {
    FailureKind.SOURCE: "ne se charge pas. Vérifiez son JavaScript : il doit définir decodeUplink(input).",
    FailureKind.EXCEPTION: "s’est arrêté sur une erreur. Corrigez-le pour cette trame.",
    FailureKind.TIME: "a dépassé son temps de calcul. Cherchez une boucle ou une expression rationnelle trop coûteuse.",
    FailureKind.MEMORY: "a dépassé sa mémoire. Cherchez un tableau ou un texte qui grandit sans fin.",
    FailureKind.STACK: "s’appelle lui-même sans fin. Cherchez une récursion.",
    FailureKind.OUTPUT: "rend une réponse trop longue. Ne rendez que les grandeurs mesurées.",
    FailureKind.RESULT: "ne rend pas un objet {data, warnings, errors}. Suivez la forme TS013 de la LoRa Alliance.",
    FailureKind.KILLED: "a bloqué le décodage et a été arrêté de force. Corrigez-le avant de le remettre en service.",
    FailureKind.CRASHED: "fait tomber le décodeur sur cette trame. Signalez cette trame et ce codec.",
    FailureKind.QUARANTINED: "est en quarantaine après trop d’échecs. Corrigez-le, ou attendez la fin du délai.",
    FailureKind.UNAVAILABLE: "n’a pas pu être lancé : aucun processus de décodage ne démarre. Lancez cadran doctor.",
}
_STARTS = 3  # attempts to start a process before its frames are given back undecoded


class _Json(msgspec.Struct):
    data: dict[str, Any] | None = None
    warnings: list[str] = []
    errors: list[str] = []


_decode_json = msgspec.json.Decoder(_Json).decode


@dataclass(slots=True)
class PoolCounters:
    """Since the pool was made."""

    decoded: int = 0  # frames with an answer, errors reported by the codec included
    failed: int = 0
    skipped: int = 0  # in quarantine
    killed: int = 0  # processes killed by the watchdog
    died: int = 0  # processes that went without being asked


class DecoderPool:
    """Decodes in ``processes`` children; thread-safe and synchronous.

    A child starts with the first batch and again after each death. Frames are never lost here: a frame without data
    comes back with its failure, and the caller keeps its payload.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        processes: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.counters = PoolCounters()
        self._lock = threading.Lock()
        self._quarantine = Quarantine(clock)
        self._processes = [DecoderProcess(self.limits) for _ in range(processes)]
        self._idle: queue.LifoQueue[DecoderProcess] = queue.LifoQueue()  # last used first: its contexts are warm
        for process in self._processes:
            self._idle.put(process)

    def decode(self, calls: Sequence[CodecCall]) -> list[CodecResult]:
        """Return one result per call, in order; never raises for what a codec or a payload does.

        A hung codec costs its batch at most ``limits.hang_cpu_seconds`` and a restart, three times; then it rests.
        """
        results: list[CodecResult | None] = [None] * len(calls)
        javascript: list[int] = []
        for index, call in enumerate(calls):
            if call.codec_key == CAYENNE:
                results[index] = _cayenne(call.payload)
            else:
                javascript.append(index)
        size = self.limits.batch_calls
        for start in range(0, len(javascript), size):
            self._run(calls, javascript[start : start + size], results)
        done = [result for result in results if result is not None]
        with self._lock:
            failed = sum(1 for result in done if result.failure)
            self.counters.failed += failed
            self.counters.decoded += len(done) - failed
        return done

    def health(self) -> list[CodecHealth]:
        """The codecs that failed, and those in quarantine, by key."""
        with self._lock:
            return self._quarantine.health()

    def pids(self) -> list[int]:
        """The running children."""
        return [process.pid for process in self._processes if process.pid is not None]

    def close(self) -> None:
        """Kill the children; a later ``decode`` starts them again."""
        for _ in self._processes:
            self._idle.get().stop()
        for process in self._processes:
            self._idle.put(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- one batch ----------------------------------------------------------------------------------------------------

    def _run(self, calls: Sequence[CodecCall], batch: list[int], results: list[CodecResult | None]) -> None:
        prepared = {index: _prepare(calls[index]) for index in batch}
        suspects: set[int] = set()
        pending, starts = [batch], 0
        process = self._idle.get()
        try:
            while pending:
                part = self._still_allowed(calls, pending.pop(), results)
                if not part:
                    continue
                codecs = [(calls[index].codec_key, calls[index].source) for index in part]
                try:
                    answers = process.exchange(codecs, [prepared[index] for index in part])
                except Broken as broken:
                    starts = starts + 1 if broken.position < 0 else 0
                    guilty = part[broken.position] if 0 <= broken.position < len(part) else None
                    pending += self._after(broken, part, guilty, suspects)
                    kind = self._verdict(broken, guilty, suspects, starts)
                    if kind is FailureKind.UNAVAILABLE:
                        self._fail(calls, [index for rest in pending for index in rest], kind, results)
                        return
                    if guilty is not None and kind is not None:
                        self._fail(calls, [guilty], kind, results)
                    elif guilty is not None:
                        suspects.add(guilty)
                    continue
                self._take(calls, part, answers, results)
        finally:
            self._idle.put(process)

    def _verdict(self, broken: Broken, guilty: int | None, suspects: set[int], starts: int) -> FailureKind | None:
        """What to say of the call the process died on; ``None``: nothing yet, it will be tried once more, alone."""
        with self._lock:
            if broken.ending is Ending.HUNG:
                self.counters.killed += 1
            else:
                self.counters.died += 1
        if starts >= _STARTS:
            return FailureKind.UNAVAILABLE
        if guilty is None:
            return None
        if broken.ending is Ending.HUNG:
            return FailureKind.KILLED
        return FailureKind.CRASHED if guilty in suspects else None

    @staticmethod
    def _after(broken: Broken, part: list[int], guilty: int | None, suspects: set[int]) -> list[list[int]]:
        """What is left to run: everybody but the guilty, and a first-time suspect alone, before the others."""
        rest = [index for index in part if index != guilty]
        alone = guilty is not None and broken.ending is not Ending.HUNG and guilty not in suspects
        return [rest, [guilty]] if alone and guilty is not None else [rest]

    def _still_allowed(
        self, calls: Sequence[CodecCall], part: list[int], results: list[CodecResult | None]
    ) -> list[int]:
        with self._lock:
            return [index for index in part if not self._rests(calls[index], results, index)]

    def _rests(self, call: CodecCall, results: list[CodecResult | None], index: int) -> bool:
        if not self._quarantine.holds(call.codec_key, call.source):
            return False
        self._quarantine.skipped(call.codec_key)
        self.counters.skipped += 1
        results[index] = _failure(call.codec_key, FailureKind.QUARANTINED)
        return True

    def _fail(
        self, calls: Sequence[CodecCall], indexes: Iterable[int], kind: FailureKind, results: list[CodecResult | None]
    ) -> None:
        with self._lock:
            for index in indexes:
                call = calls[index]
                results[index] = _failure(call.codec_key, kind)
                if kind is not FailureKind.UNAVAILABLE:
                    self._quarantine.failed(call.codec_key, call.source, kind)

    def _take(
        self,
        calls: Sequence[CodecCall],
        part: list[int],
        answers: list[tuple[str, str]],
        results: list[CodecResult | None],
    ) -> None:
        for index, (kind, text) in zip(part, answers, strict=True):
            result = _result(calls[index].codec_key, kind, text)
            results[index] = result
            if result.failure:
                with self._lock:
                    self._quarantine.failed(calls[index].codec_key, calls[index].source, result.failure.kind)


def _prepare(call: CodecCall) -> Call:
    variables = msgspec.json.encode(dict(call.variables)).decode() if call.variables else ""
    return call.f_port, call.payload, call.received_at.timestamp() * 1000, variables


def _result(codec_key: str, kind: str, text: str) -> CodecResult:
    if kind != "0":
        return _failure(codec_key, _KINDS.get(kind, FailureKind.RESULT), text)
    try:
        answer = _decode_json(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _failure(codec_key, FailureKind.RESULT)
    if answer.data is None and not answer.errors:
        return _failure(codec_key, FailureKind.RESULT)
    if "\\u0000" in text:
        answer = msgspec.convert(_without_nul(msgspec.to_builtins(answer)), _Json)
    data = None if answer.errors else answer.data
    return CodecResult(data, tuple(answer.warnings), tuple(answer.errors))


def _without_nul(value: Any) -> Any:
    """Drop the character that PostgreSQL stores nowhere: one would make it refuse a whole batch."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value


def _failure(codec_key: str, kind: FailureKind, text: str = "") -> CodecResult:
    said = f" ({text.replace(chr(0), '')})" if text else ""
    return CodecResult(None, failure=Failure(kind, f"Le codec « {codec_key} » {_SENTENCES[kind]}{said}"))


def _cayenne(payload: bytes) -> CodecResult:
    try:
        return CodecResult(cayenne.decode(payload))
    except MalformedCayenne as error:
        return CodecResult(None, errors=(str(error),))
