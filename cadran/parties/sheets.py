"""The first sheet of a workbook, read in a child process of bounded memory and time.

A file of one kilobyte may name a cell at the far end of its sheet: the library makes room for all those before it, and
a process that runs out of memory takes every page it serves along. Run as a program, this file is that child.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Final

MOST_MEMORY: Final = 1 << 30
MOST_SECONDS: Final = 60


class UnreadableSheet(ValueError):
    """Not a workbook, or one whose sheet does not fit."""


def rows_of(content: bytes) -> Sequence[Sequence[str]]:
    """Return the rows of the first sheet as texts, empty ones included, without their empty end.

    Raises:
        UnreadableSheet: the child refused it, or could not hold it.
    """
    program = [sys.executable, "-I", str(Path(__file__))]
    try:
        done = subprocess.run(program, input=content, capture_output=True, timeout=MOST_SECONDS, check=True)  # noqa: S603
    except subprocess.SubprocessError as error:
        raise UnreadableSheet(type(error).__name__) from error
    rows: list[list[str]] = json.loads(done.stdout)
    return rows


def text_of(cell: object) -> str:
    """Return a cell as typed: a SIRET that a spreadsheet made a number keeps its digits."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return "" if cell is None else str(cell).strip()


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import python_calamine

    workbook = python_calamine.CalamineWorkbook.from_filelike(BytesIO(sys.stdin.buffer.read()))
    rows = []
    for row in workbook.get_sheet_by_index(0).to_python(skip_empty_area=False):
        texts = [text_of(cell) for cell in row]
        while texts and not texts[-1]:
            texts.pop()
        rows.append(texts)
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    _main()
