"""CSV as French spreadsheets open it: UTF-8 with BOM, ``;``, decimal comma, no cell that acts as a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from cadran.ui.lists.declare import Liste

BOM: Final = "\ufeff"
BATCH: Final = 500  # rows per chunk sent: small enough to start at once, large enough to be cheap
# A spreadsheet runs what starts with these; the full-width twins count for East Asian versions.
DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(value: object) -> str:
    """Return one cell's text; a text that a spreadsheet would run is preceded by an apostrophe."""
    match value:
        case None:
            return ""
        case bool():
            return _("oui") if value else _("non")
        case int():
            return str(value)
        case float() | Decimal():
            return str(value).replace(".", ",")
        case datetime():
            local = timezone.localtime(value) if timezone.is_aware(value) else value
            return f"{local:%Y-%m-%d %H:%M:%S}"
        case date():
            return value.isoformat()
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) or text.startswith(DANGEROUS) else text


class _Line:
    """A file for ``csv.writer`` that hands the line back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(liste: Liste, rows: Iterable[Any]) -> Iterator[str]:
    """Yield the file in chunks: BOM and header first, then rows as they come from the database."""
    write = csv.writer(_Line(), delimiter=";", lineterminator="\r\n").writerow
    yield BOM + str(write([safe_cell(column.label) for column in liste.columns]))
    chunk: list[str] = []
    for row in rows:
        chunk.append(str(write([safe_cell(column.read(row)) for column in liste.columns])))
        if len(chunk) == BATCH:
            yield "".join(chunk)
            chunk.clear()
    if chunk:
        yield "".join(chunk)
