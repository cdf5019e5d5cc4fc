"""The process that runs codecs: untrusted JavaScript in a C engine, where a crash or a hang costs nothing.

Started by its file's path with ``python -I``: it imports neither Cadran nor Django, starts in about 35 ms, inherits no
environment and holds no descriptor but its socket and the page where it writes which call it is at. It trusts its
parent and nothing that comes out of a codec. Frames on the socket: 4 bytes of length, then msgpack.

An interruption loses nothing: decoding has no effect, the parent calls again.
"""

import mmap
import os
import resource
import signal
import socket
import struct
import sys
from typing import Any

import msgspec
import quickjs

LENGTH = struct.Struct("!I")
POSITION = struct.Struct("=q")  # in the shared page: the call being run, or IDLE
IDLE = -1
# answers: (kind, text); OK comes with JSON text
OK, SOURCE, EXCEPTION, TIME, MEMORY, STACK, OUTPUT, RESULT = "0", "s", "x", "t", "m", "k", "o", "r"
SPOILED = {TIME, MEMORY, STACK}  # the context may be left half-way through anything: build another one
HEAVY_BYTES = 4 << 20  # a context that holds more than this between batches is rebuilt


class Hello(msgspec.Struct, array_like=True):
    """The first frame: what the parent wants kept."""

    prelude: str
    call_seconds: float
    memory_bytes: int
    stack_bytes: int
    output_chars: int
    address_space_bytes: int


class Batch(msgspec.Struct, array_like=True):
    """Calls by codec number; ``new`` holds the sources not sent before, ``forget`` empties the shelf first."""

    forget: bool
    new: dict[int, str]
    cpu_seconds: float
    calls: list[tuple[int, int, bytes, float, str]]


class Shelf:
    """One engine context per codec, built when first called."""

    def __init__(self, hello: Hello) -> None:
        self.hello = hello
        self.sources: dict[int, str] = {}
        self.ready: dict[int, tuple[Any, Any]] = {}
        self.useless: dict[int, str] = {}  # sources that do not load, with what the engine said

    def build(self, number: int) -> tuple[Any, Any]:
        """Make the context of a codec; the engine stops the loading too, on time and memory."""
        context = quickjs.Context()
        context.set_memory_limit(self.hello.memory_bytes)
        context.set_max_stack_size(self.hello.stack_bytes)
        prepare = context.eval(self.hello.prelude)
        context.set_time_limit(self.hello.call_seconds)
        context.eval(self.sources[number])
        call = prepare(context.eval("decodeUplink"))  # by name, so that a const function is found too
        self.ready[number] = (context, call)
        return self.ready[number]

    def drop_heavy(self, numbers: set[int]) -> None:
        """Forget the contexts that a codec fills with its globals from call to call."""
        for number in numbers & self.ready.keys():
            if self.ready[number][0].memory()["malloc_size"] > HEAVY_BYTES:
                del self.ready[number]

    def run(self, number: int, f_port: int, payload: bytes, received_ms: float, variables: str) -> tuple[str, str]:
        """Run one call; whatever the codec does that the engine can stop comes back as a kind."""
        context_and_call = self.ready.get(number)
        if context_and_call is None:
            if number in self.useless:
                return SOURCE, self.useless[number]
            try:
                context_and_call = self.build(number)
            except Exception as error:
                kind, text = explain(error)
                if kind in SPOILED:
                    return kind, text
                self.useless[number] = text
                return SOURCE, text
        try:
            answer = context_and_call[1](payload.decode("latin-1"), f_port, received_ms, variables)
        except Exception as error:
            kind, text = explain(error)
            if kind in SPOILED:
                self.ready.pop(number, None)
            return kind, text
        if not isinstance(answer, str) or not answer:
            return RESULT, ""
        return (OK, answer) if len(answer) <= self.hello.output_chars else (OUTPUT, "")


def explain(error: Exception) -> tuple[str, str]:
    """Name what the engine raised; its text is the codec's own, cut short."""
    if isinstance(error, MemoryError):
        return MEMORY, ""
    if isinstance(error, quickjs.StackOverflow):
        return STACK, ""
    if isinstance(error, UnicodeError):  # half a surrogate pair in what was thrown
        return EXCEPTION, ""
    text = str(error)[:300].partition("\n")[0]
    if text.startswith("InternalError: interrupted"):
        return TIME, ""
    if text.startswith("InternalError: out of memory"):
        return MEMORY, ""
    return EXCEPTION, text


def settle(socket_fd: int, progress_fd: int) -> tuple[socket.socket, mmap.mmap]:
    """Take the two descriptors, then give up everything a decoder has no use for."""
    page = mmap.mmap(progress_fd, mmap.PAGESIZE)
    os.close(progress_fd)
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
            score.write("1000")  # when the machine runs out of memory, take this process before any other
    except OSError:
        pass  # no /proc here: the memory limits below still hold
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        resource.setrlimit(limit, (0, 0))  # no file written, no file nor socket opened any more
    return socket.socket(fileno=socket_fd), page


def receive(link: socket.socket) -> bytes:
    """Return one frame, or nothing when the parent is gone."""
    header = link.recv(LENGTH.size, socket.MSG_WAITALL)
    if len(header) < LENGTH.size:
        return b""
    return link.recv(LENGTH.unpack(header)[0], socket.MSG_WAITALL)


def main() -> None:
    """Answer batches until the parent is gone."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    link, page = settle(int(sys.argv[1]), int(sys.argv[2]))
    hello = msgspec.msgpack.decode(receive(link), type=Hello)
    resource.setrlimit(resource.RLIMIT_AS, (hello.address_space_bytes, hello.address_space_bytes))
    shelf = Shelf(hello)
    decoder = msgspec.msgpack.Decoder(Batch)
    encode = msgspec.msgpack.Encoder().encode
    while frame := receive(link):
        batch = decoder.decode(frame)
        # should the parent die while a codec hangs, nobody is left to kill us: the kernel does, on processor time
        signal.setitimer(signal.ITIMER_PROF, batch.cpu_seconds)
        if batch.forget:
            shelf = Shelf(hello)
        shelf.sources.update(batch.new)
        answers = []
        for position, call in enumerate(batch.calls):
            POSITION.pack_into(page, 0, position)
            answers.append(shelf.run(*call))
        POSITION.pack_into(page, 0, IDLE)
        shelf.drop_heavy({call[0] for call in batch.calls})
        answer = encode(answers)
        signal.setitimer(signal.ITIMER_PROF, 0)
        link.sendall(LENGTH.pack(len(answer)) + answer)


if __name__ == "__main__":
    main()
