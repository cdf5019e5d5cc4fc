"""Recorded facts of the site, kept as tables a person reads in a change's diff.

A test compares what it sees with the committed table, exactly. ``CADRAN_TEST_RECORD=1`` writes the table instead (one
process: ``CADRAN_TEST_RECORD=1 python -m pytest tests/architecture -q``); the diff is then for the reviewer to accept.
"""

from __future__ import annotations

import os
from pathlib import Path

REMEDY = "if this is wanted: CADRAN_TEST_RECORD=1 .venv/bin/python -m pytest tests/architecture -q, and read the diff"


class Table:
    """Rows by name, columns by name, each cell a short text; comments at the top of the file are kept."""

    def __init__(self, path: Path, columns: list[str], *, about: str) -> None:
        self.path = path
        self.columns = columns
        self.about = about

    def read(self) -> dict[str, dict[str, str]]:
        """Return the cells by row and column."""
        if not self.path.exists():
            return {}
        lines = [line for line in self.path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
        head, *body = (line.split("|") for line in lines)
        columns = [one.strip() for one in head[1:]]
        return {
            line[0].strip(): {
                column: cell.strip() for column, cell in zip(columns, line[1:], strict=True) if cell.strip()
            }
            for line in body
        }

    def check(self, column: str, found: dict[str, str]) -> None:
        """Compare one column with the record, or replace it there."""
        if os.environ.get("CADRAN_TEST_RECORD") == "1":
            self._replace(column, found)
            return
        known = {row: cells[column] for row, cells in self.read().items() if column in cells}
        differences = [
            f"{row}: recorded {known.get(row, 'nothing')}, found {found.get(row, 'nothing')}"
            for row in sorted(known.keys() | found.keys())
            if known.get(row) != found.get(row)
        ]
        assert not differences, f"{self.path.name}, {column}:\n  " + "\n  ".join(differences) + f"\n{REMEDY}"

    def _replace(self, column: str, found: dict[str, str]) -> None:
        rows = self.read()
        for cells in rows.values():
            cells.pop(column, None)
        for row, cell in found.items():
            rows.setdefault(row, {})[column] = cell
        self._write({row: cells for row, cells in rows.items() if cells})

    def _write(self, rows: dict[str, dict[str, str]]) -> None:
        widths = {
            column: max([len(column), *(len(cells.get(column, "")) for cells in rows.values())])
            for column in self.columns
        }
        first = max([len("page"), *map(len, rows)])
        lines = [f"# {line}".rstrip() for line in self.about.strip().splitlines()]
        lines.append(self._line("page", {column: column for column in self.columns}, first, widths))
        lines += [self._line(row, rows[row], first, widths) for row in sorted(rows)]
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _line(self, row: str, cells: dict[str, str], first: int, widths: dict[str, int]) -> str:
        parts = [row.ljust(first), *(cells.get(column, "").ljust(widths[column]) for column in self.columns)]
        return " | ".join(parts).rstrip()
