"""What this machine can do, measured in the same run: a figure means something only beside these."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import psycopg
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def per_second(act: Callable[[], object], *, seconds: float = 1.0) -> float:
    """Return how many times a second ``act`` runs on one core (CPU time)."""
    count, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for _ in range(100):
            act()
        count += 100
    return count / spent


def aes_blocks_per_s() -> float:
    """Return single-block AES-128 encryptions a second with a cached cipher, as a frame needs."""
    encryptor = Cipher(algorithms.AES(bytes(16)), modes.ECB()).encryptor()
    block = bytes(16)
    return per_second(lambda: encryptor.update(block))


def copy_rows_per_s(url: str, *, rows: int = 100_000) -> float:
    """Return rows a second that one COPY of (int8, timestamptz, float8[]) takes, commit included (wall time)."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TEMPORARY TABLE yardstick (id int8, ts timestamptz, v float8[])")
        began = time.monotonic()
        with connection.cursor().copy("COPY yardstick FROM STDIN") as copy:
            for number in range(rows):
                copy.write_row((number, "2026-01-01T00:00:00Z", [1.0, 2.0]))
        connection.commit()
        return rows / (time.monotonic() - began)


def datagrams_per_s(*, seconds: float = 1.0, size: int = 220) -> float:
    """Return datagrams a second that one process sends to itself and reads over the loopback (CPU time)."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        data = bytes(size)

        def exchange() -> None:
            sender.send(data)
            receiver.recv(2048)

        return per_second(exchange, seconds=seconds)
