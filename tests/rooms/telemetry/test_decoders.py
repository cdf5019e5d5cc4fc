"""Untrusted codecs: stopped, named, and never at the expense of another device's frame."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cadran.telemetry.codec import CodecCall, CodecResult, FailureKind
from cadran.telemetry.decoders import DecoderPool, Limits

NOW = datetime(2025, 3, 7, 17, 30, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
GOOD = "function decodeUplink(input) { return { data: { first: input.bytes[0], port: input.fPort } }; }"
# a native function over a huge sparse array: the engine's own limits do not stop it
HANG = "[].concat(new Array(4e9)).fill(0);"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(clock: Clock) -> Iterator[DecoderPool]:
    with DecoderPool(Limits(hang_cpu_seconds=0.25), clock=clock) as pool:
        yield pool


def call(source: str, payload: bytes = b"\x01\x02", key: str = "codec", port: int = 2) -> CodecCall:
    return CodecCall(key, source, port, payload, NOW)


def body(code: str) -> str:
    return f"function decodeUplink(input) {{ {code} }}"


def data_of(pool: DecoderPool, code: str, payload: bytes = b"\x01\x02") -> dict[str, object]:
    result = pool.decode([call(body(code), payload)])[0]
    assert result.data is not None, result
    return result.data


def assert_others_survive(results: list[CodecResult], guilty: int) -> None:
    for index, result in enumerate(results):
        if index != guilty:
            assert result.data == {"first": index, "port": 2}, index


def test_one_result_per_call_in_order_over_several_batches(clock: Clock) -> None:
    with DecoderPool(Limits(batch_calls=7), clock=clock) as pool:
        calls = [call(GOOD, bytes([n]), key=f"codec{n % 3}", port=n % 200 + 1) for n in range(100)]
        results = pool.decode(calls)
        assert [result.data for result in results] == [{"first": n, "port": n % 200 + 1} for n in range(100)]
        assert pool.counters.decoded == 100
        assert pool.decode([]) == []


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        pytest.param(body("while (true) {}"), FailureKind.TIME, id="endless loop"),
        pytest.param(body("while (1) { try { while (1) {} } catch (e) {} }"), FailureKind.TIME, id="stubborn loop"),
        pytest.param(body("return /(a+)+$/.test('a'.repeat(40) + 'b');"), FailureKind.TIME, id="regular expression"),
        pytest.param(body("const a = []; while (1) a.push(new Array(1000).fill(1));"), FailureKind.MEMORY, id="memory"),
        pytest.param(body("return new Uint8Array(1 << 30);"), FailureKind.MEMORY, id="one huge array"),
        pytest.param(body("function f() { return f() + 1; } return f();"), FailureKind.STACK, id="recursion"),
        pytest.param(body(HANG), FailureKind.KILLED, id="native hang"),
        pytest.param(HANG + GOOD, FailureKind.KILLED, id="native hang while loading"),
        pytest.param("while (true) {}", FailureKind.TIME, id="endless loop while loading"),
        pytest.param(body("throw new Error('mauvaise trame');"), FailureKind.EXCEPTION, id="exception"),
        pytest.param(body("throw {};"), FailureKind.EXCEPTION, id="throws an object"),
        pytest.param(body("throw new Error('\\ud800\\u0000');"), FailureKind.EXCEPTION, id="throws broken text"),
        pytest.param(body("return nowhere.field;"), FailureKind.EXCEPTION, id="unknown name"),
        pytest.param("function decodeUplink(", FailureKind.SOURCE, id="syntax"),
        pytest.param("var x = 1;", FailureKind.SOURCE, id="no decodeUplink"),
        pytest.param("var decodeUplink = 3;", FailureKind.EXCEPTION, id="decodeUplink is no function"),
        pytest.param(body("return 3;"), FailureKind.RESULT, id="a number"),
        pytest.param(body("return null;"), FailureKind.RESULT, id="null"),
        pytest.param(body(""), FailureKind.RESULT, id="undefined"),
        pytest.param(body("return [1];"), FailureKind.RESULT, id="a list"),
        pytest.param(body("return { data: [1] };"), FailureKind.RESULT, id="data is a list"),
        pytest.param(body("return {};"), FailureKind.RESULT, id="neither data nor errors"),
        pytest.param("async " + GOOD, FailureKind.RESULT, id="a promise"),
        pytest.param(body("return { data: { a: '\\ud800' } };"), FailureKind.RESULT, id="half a character"),
        pytest.param(body("return { data: { n: 10n } };"), FailureKind.EXCEPTION, id="no JSON for it"),
        pytest.param(body("const a = {}; a.a = a; return { data: a };"), FailureKind.EXCEPTION, id="circular"),
        pytest.param(body("return { data: { a: 'x'.repeat(1e5) } };"), FailureKind.OUTPUT, id="huge answer"),
        pytest.param(body("return { data: { get a() { while (1); } } };"), FailureKind.TIME, id="hang in a getter"),
    ],
)
def test_a_bad_codec_is_named_and_the_others_survive(pool: DecoderPool, source: str, kind: FailureKind) -> None:
    calls = [call(GOOD, bytes([n]), key="good") for n in range(40)]
    calls[17] = call(source, key="bad")
    results = pool.decode(calls)
    failure = results[17].failure
    assert failure is not None
    assert failure.kind is kind
    assert "« bad »" in failure.detail
    assert "\0" not in failure.detail
    assert results[17].data is None
    assert_others_survive(results, 17)
    assert [(line.codec_key, line.failures, line.last) for line in pool.health()] == [("bad", 1, kind)]


def test_the_same_codec_still_serves_the_other_devices(pool: DecoderPool) -> None:
    """Only the frame that hangs is lost, even to those who share its codec and come after it."""
    source = body(
        f"if (input.bytes[0] === 9) {HANG} return {{ data: {{ first: input.bytes[0], port: input.fPort }} }};"
    )
    results = pool.decode([call(source, bytes([n])) for n in range(20)])
    assert results[9].failure is not None
    assert results[9].failure.kind is FailureKind.KILLED
    assert_others_survive(results, 9)
    assert pool.counters.killed == 1


def test_a_killed_child_loses_no_frame(pool: DecoderPool) -> None:
    slow = body(
        "const end = Date.now() + 10; while (Date.now() < end); return { data: { first: input.bytes[0], port: 2 } };"
    )
    pool.decode([call(GOOD)])
    victim = pool.pids()[0]
    killer = threading.Timer(0.15, os.kill, (victim, signal.SIGKILL))
    killer.start()
    results = pool.decode([call(slow, bytes([n])) for n in range(40)])
    killer.join()
    assert_others_survive(results, guilty=-1)
    assert pool.counters.died == 1
    assert pool.pids() != [victim]


def test_a_child_killed_between_batches_is_replaced(pool: DecoderPool) -> None:
    pool.decode([call(GOOD)])
    os.kill(pool.pids()[0], signal.SIGKILL)
    assert pool.decode([call(GOOD)])[0].data == {"first": 1, "port": 2}


def test_a_stopped_child_is_killed_on_wall_time(clock: Clock) -> None:
    """Not even running: processor time says nothing, the wall clock does. Nobody is blamed for good."""
    with DecoderPool(Limits(hang_wall_seconds=0.5), clock=clock) as pool:
        pool.decode([call(GOOD)])
        os.kill(pool.pids()[0], signal.SIGSTOP)
        assert pool.decode([call(GOOD)])[0].data == {"first": 1, "port": 2}


def test_frames_come_back_undecoded_when_no_child_starts(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with DecoderPool(clock=clock) as pool:
        results = pool.decode([call(GOOD), call(GOOD)])
        assert [result.failure and result.failure.kind for result in results] == [FailureKind.UNAVAILABLE] * 2
        monkeypatch.undo()
        assert pool.decode([call(GOOD)])[0].data == {"first": 1, "port": 2}


def test_a_child_does_not_outlive_a_dead_parent_even_hung() -> None:
    script = """
        import threading, time
        from tests.rooms.telemetry.test_decoders import DecoderPool, Limits, body, call, HANG
        pool = DecoderPool(Limits(hang_cpu_seconds=1.0))
        pool.decode([call(body("return {data: {}}"))])
        threading.Thread(target=pool.decode, args=([call(body(HANG))],), daemon=True).start()
        time.sleep(0.3)
        print(pool.pids()[0], flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child survived its parent")


# --- quarantine -------------------------------------------------------------------------------------------------------


def test_a_costly_codec_rests_longer_each_time_then_is_tried_again(pool: DecoderPool, clock: Clock) -> None:
    bad = call(body("while (true) {}"), key="bad")
    results = pool.decode([bad] * 12 + [call(GOOD, key="good")])
    assert {result.failure.kind for result in results if result.failure} == {FailureKind.TIME}
    kinds = [result.failure and result.failure.kind for result in pool.decode([bad, call(GOOD, key="good")])]
    assert kinds == [FailureKind.QUARANTINED, None]
    health = pool.health()[0]
    assert (health.codec_key, health.failures, health.skipped, health.quarantines) == ("bad", 12, 1, 1)
    assert health.seconds_left == 30
    assert pool.counters.skipped == 1
    clock.now += 31
    first_failure = pool.decode([bad])[0].failure
    assert first_failure is not None
    assert first_failure.kind is FailureKind.TIME
    assert pool.health()[0].seconds_left == 60


def test_a_corrected_codec_leaves_quarantine_at_once(pool: DecoderPool) -> None:
    pool.decode([call(body("while (true) {}"), key="bad")] * 12)
    assert pool.decode([call(GOOD, key="bad")])[0].data == {"first": 1, "port": 2}


def test_cheap_failures_never_bring_quarantine(pool: DecoderPool) -> None:
    bad = body("throw new Error('x');")
    results = pool.decode([call(bad)] * 200)
    assert {result.failure.kind for result in results if result.failure} == {FailureKind.EXCEPTION}
    assert pool.health()[0].quarantines == 0


def test_hangs_stop_costing_after_three_kills(pool: DecoderPool) -> None:
    results = pool.decode([call(body(HANG), key="bad")] * 10 + [call(GOOD, key="good")])
    kinds = [result.failure.kind for result in results if result.failure]
    assert kinds.count(FailureKind.KILLED) == 3
    assert kinds.count(FailureKind.QUARANTINED) == 7
    assert results[-1].data == {"first": 1, "port": 2}
    assert pool.counters.killed == 3


# --- what a codec finds around it -----------------------------------------------------------------------------------


def test_ts013_input_and_answer(pool: DecoderPool) -> None:
    source = body(
        "return { data: { bytes: input.bytes, isList: Array.isArray(input.bytes), port: input.fPort,"
        " at: input.recvTime.toISOString(), vars: typeof input.variables },"
        " warnings: ['pile faible'], errors: [] };"
    )
    result = pool.decode([call(source, bytes(range(0, 256, 51)), port=223)])[0]
    assert result == CodecResult(
        {
            "bytes": [0, 51, 102, 153, 204, 255],
            "isList": True,
            "port": 223,
            "at": "2025-03-07T17:30:00.000Z",
            "vars": "undefined",
        },
        ("pile faible",),
    )


def test_errors_win_over_data(pool: DecoderPool) -> None:
    result = pool.decode([call(body("return { data: { a: 1 }, errors: ['trame inconnue'] };"))])[0]
    assert result == CodecResult(None, errors=("trame inconnue",))
    lax = pool.decode([call(body("return { data: { a: 1 }, errors: null, warnings: 'une' };"))])[0]
    assert lax == CodecResult({"a": 1}, ("une",))


def test_variables_reach_the_codec(pool: DecoderPool) -> None:
    source = body("return { data: { k: input.variables.k } };")
    asked = CodecCall("codec", source, 1, b"", NOW, variables={"k": "é\u2028"})
    assert pool.decode([asked])[0].data == {"k": "é\u2028"}


def test_undefined_and_what_has_no_json_become_null(pool: DecoderPool) -> None:
    code = "return { data: { a: undefined, b: [undefined, { c: undefined }], d: NaN, e: () => 1, f: Symbol() } };"
    assert data_of(pool, code) == {"a": None, "b": [None, {"c": None}], "d": None, "e": None, "f": None}


def test_nul_characters_are_dropped_and_only_they(pool: DecoderPool) -> None:
    assert data_of(pool, r"return { data: { a: 'x\0y', b: '\\u0000', 'k\0': ['\0'] } };") == {
        "a": "xy",
        "b": "\\u0000",
        "k": [""],
    }


def test_console_is_silent_and_a_const_function_is_found(pool: DecoderPool) -> None:
    source = "const decodeUplink = (input) => { console.log('x'); console.error({}); return { data: { ok: 1 } }; };"
    assert pool.decode([call(source)])[0].data == {"ok": 1}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("Buffer.from(input.bytes).toString('hex')", "ff01807f"),
        ("Buffer.from(input.bytes).toString('base64')", "/wGAfw=="),
        ("Buffer.from('/wGAfw==', 'base64').toString('hex')", "ff01807f"),
        ("Buffer.from('FF01', 'hex').toJSON().data", [255, 1]),
        ("Buffer.from('é€😀').toString('hex')", "c3a9e282acf09f9880"),
        ("Buffer.from('c3a9e282acf09f9880', 'hex').toString()", "é€😀"),
        ("Buffer.from('ff41c3', 'hex').toString('utf8')", "\ufffdA\ufffd"),
        ("Buffer.from(input.bytes).readUInt16BE(0)", 0xFF01),
        ("Buffer.from(input.bytes).readUint16LE(0)", 0x01FF),
        ("Buffer.from(input.bytes).readInt16BE(0)", -255),
        ("Buffer.from(input.bytes).readInt8(0)", -1),
        ("Buffer.from(input.bytes).readUInt32BE()", 0xFF01807F),
        ("Buffer.from(input.bytes).readUIntBE(0, 3)", 0xFF0180),
        ("Buffer.from(input.bytes).readIntLE(1, 3)", 0x7F8001),
        ("Buffer.from(input.bytes).readIntBE(0, 3)", 0xFF0180 - 2**24),
        ("Buffer.from([0x41, 0xbc, 0, 0]).readFloatBE(0)", 23.5),
        ("Buffer.from(input.bytes).slice(1, 3).length", 2),
        ("Buffer.concat([Buffer.from([1]), Buffer.from([2, 3])]).length", 3),
        ("Buffer.isBuffer(Buffer.alloc(2)) && !Buffer.isBuffer([])", True),
        ("(() => { const b = Buffer.alloc(4); b.writeInt16LE(-2, 1); return b.toString('hex'); })()", "00feff00"),
        ("Buffer.from(new Uint8Array([1, 2]).buffer).equals(Buffer.from([1, 2]))", True),
        ("Buffer.byteLength('é')", 2),
    ],
)
def test_the_global_buffer(pool: DecoderPool, code: str, expected: object) -> None:
    assert data_of(pool, f"return {{ data: {{ x: {code} }} }};", b"\xff\x01\x80\x7f") == {"x": expected}


def test_buffer_refuses_reading_past_its_end(pool: DecoderPool) -> None:
    failure = pool.decode([call(body("return { data: { x: Buffer.from([1]).readUInt16BE(0) } };"))])[0].failure
    assert failure is not None
    assert failure.kind is FailureKind.EXCEPTION


def test_one_codec_cannot_touch_another(pool: DecoderPool) -> None:
    rude = "JSON.stringify = JSON.parse = () => 'x'; Array.prototype.push = null; Buffer = null;" + GOOD
    results = pool.decode([call(rude, key="rude"), call(GOOD, key="good"), call(rude, key="rude")])
    assert [result.data for result in results] == [{"first": 1, "port": 2}] * 3


@pytest.mark.parametrize("name", ["std", "os", "require", "process", "fetch", "setTimeout", "Atomics", "WebAssembly"])
def test_there_is_no_way_out(pool: DecoderPool, name: str) -> None:
    assert data_of(pool, f"return {{ data: {{ kind: typeof {name} }} }};") == {"kind": "undefined"}


def test_the_child_inherits_nothing(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADRAN_SECRET", "do not leak")
    pool.decode([call(GOOD)])
    pid = pool.pids()[0]
    assert b"do not leak" not in Path(f"/proc/{pid}/environ").read_bytes()
    held = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    assert sorted(link.partition(":")[0] for link in held) == [*["/dev/null"] * 3, "/memfd", "socket"]


def test_many_codecs_share_one_child(pool: DecoderPool) -> None:
    """More codecs than a child keeps: the shelf is emptied and filled again, no answer is mixed up."""
    calls = [call(body(f"return {{ data: {{ n: {n} }} }};"), key=f"c{n}") for n in range(300)]
    for start in (0, 150, 0):
        part = calls[start : start + 150]
        assert [result.data for result in pool.decode(part)] == [{"n": start + i} for i in range(150)]
    assert pool.counters.died == 0


def test_threads_share_the_pool(clock: Clock) -> None:
    with DecoderPool(processes=2, clock=clock) as pool:
        answers: dict[int, list[CodecResult]] = {}

        def work(worker: int) -> None:
            answers[worker] = pool.decode([call(GOOD, bytes([worker, n]), key=f"c{worker}") for n in range(200)])

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for worker in range(4):
            assert [r.data for r in answers[worker]] == [{"first": worker, "port": 2}] * 200
        assert pool.counters.decoded == 800


def test_cayenne_needs_no_child(pool: DecoderPool) -> None:
    calls = [call("", bytes.fromhex("03670110056700ff"), key="cayenne"), call("", b"\x01", key="cayenne")]
    good, cut = pool.decode(calls)
    assert good.data == {"temperature_3": 27.2, "temperature_5": 25.5}
    assert cut.data is None
    assert cut.errors
    assert pool.pids() == []
