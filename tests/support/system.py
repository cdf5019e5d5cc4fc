"""A whole installation in a temporary directory: ``cadran up`` with its own PostgreSQL, ports and processes.

    with installed(tmp_path) as system:
        system.populate("furnished")
        system.url, system.rows("SELECT …"), system.pid_of("worker")

``python -m tests.support.system NAME`` fills an installation, in a process of its own: the tests' own Django stays on
the tests' own database.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from cadran.kernel import health
from cadran.kernel.config import Config, load
from cadran.processes.up import PROCESSES

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds: ten times what a slow machine needs; nothing is asserted on it but that it ends


class TookTooLong(AssertionError):
    """What was waited for did not come."""


def until[T](found: Callable[[], T], what: str, *, seconds: float = PATIENCE, every: float = 0.2) -> T:
    raise NotImplementedError
