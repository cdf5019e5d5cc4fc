"""Make documents: one PDF that is PDF/A-3b and PDF/UA-1 at once, and its HTML twin, from the same data.

A template is two files of one name in a room's ``typst/`` folder: ``NAME.typ`` (see kernel/typst/base.typ) and
``NAME.html`` (a Django template). ``record`` is the kernel's generic letter; ``servicedesk/incident`` would be
``cadran/servicedesk/typst/incident.typ`` and ``.html``.

Data reaches Typst as JSON and Django as a context: a text is never read as markup. The same arguments give the same
bytes, so ``sha256`` proves that a stored document was not changed.
"""

import functools
import hashlib
import re
import struct
import threading
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import typst
from django.template import Context, Engine

from cadran.kernel.errors import DomainError

PACKAGE = Path(__file__).resolve().parents[1]
FONTS = PACKAGE / "kernel" / "fonts"
STANDARDS: "list[typst.PDFStandard]" = ["a-3b", "ua-1"]
LANGUAGES = ("fr", "en")
REFERENCE = {"fr": "Référence\u00a0:", "en": "Reference:"}
_NAME = re.compile(r"(?:([a-z_]+)/)?([a-z][a-z0-9_]*)")
_SPACES = dict.fromkeys(map(ord, "\t\r\n\v\f\u2028\u2029"), " ")


class DocumentFailed(DomainError):
    """A template does not fit its data: a mistake of the house, not of the person."""

    code: ClassVar[str] = "kernel.document_failed"

    def __init__(self, template_name: str, problem: str) -> None:
        super().__init__(
            f"Le document « {template_name} » n’a pas pu être composé : {problem} "
            "Signalez-le à l’exploitant avec cette phrase."
        )


@dataclass(frozen=True, slots=True)
class Document:
    """A finished document; ``sha256`` (hexadecimal) is that of ``pdf``."""

    title: str
    pdf: bytes
    html: str
    sha256: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table of a ``record``: ``aligns`` says "left" or "right" per column (all left when empty)."""

    heading: str
    columns: list[str]
    rows: list[list[str]]
    aligns: list[str] = []

    def __post_init__(self) -> None:
        width = len(self.columns)
        if not width or any(len(row) != width for row in self.rows) or len(self.aligns) not in (0, width):
            raise ValueError(f"Le tableau « {self.heading} » n’a pas le même nombre de cellules partout.")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What the ``record`` template shows; every text as a person will read it."""

    issuer: str = ""
    reference: str = ""
    recipient: list[str] = []
    paragraphs: list[str] = []
    facts: list[tuple[str, str]] = []
    tables: list[Table] = []
    closing: list[str] = []


def render(
    template_name: str,
    data: Mapping[str, Any] | msgspec.Struct,
    *,
    title: str,
    issued_at: datetime,
    language: str = "fr",
) -> Document:
    """Compose a document and its twin.

    Args:
        template_name: ``record``, or ``room/name``.
        data: what the template shows; anything msgspec turns into JSON.
        title: the document's title, shown and written in its metadata (required by PDF/UA).
        issued_at: the creation date written in the PDF, with its zone.
        language: ``fr`` or ``en``; read by screen readers.
    Raises:
        DocumentFailed: unknown template, or one that does not fit ``data``.

    A character that the vendored font does not have is printed as U+25A1 (□) in the PDF, which PDF/A forbids to leave
    out; the HTML twin keeps it.
    """
    source, twin = _files(template_name)
    offset = issued_at.utcoffset()
    if offset is None or language not in LANGUAGES or not title.strip():
        raise DocumentFailed(template_name, "il faut un titre, une langue connue et une date avec son fuseau.")
    values = _texts({**msgspec.to_builtins(data, str_keys=True), "title": title, "language": language}, _clean)
    values["tables"] = [_completed(table, number) for number, table in enumerate(values.get("tables", []), start=1)]
    html = _engine().get_template(twin).render(Context({**values, "words": {"reference": REFERENCE[language]}}))
    issued_at = issued_at.astimezone(timezone(offset)).replace(microsecond=0)  # all that a PDF's date can say
    pdf = _compile(template_name, source, _texts(values, _printable), issued_at)
    return Document(title=title, pdf=pdf, html=html, sha256=hashlib.sha256(pdf).hexdigest())


def _completed(table: dict[str, Any], number: int) -> dict[str, Any]:
    return {**table, "aligns": table.get("aligns") or ["left"] * len(table["columns"]), "anchor": f"t{number}"}


def _files(template_name: str) -> tuple[Path, str]:
    match = _NAME.fullmatch(template_name)
    if match:
        folder = f"{match[1] or 'kernel'}/typst"
        source = PACKAGE / folder / f"{match[2]}.typ"
        if source.is_file() and source.with_suffix(".html").is_file():
            return source, f"{folder}/{match[2]}.html"
    raise DocumentFailed(template_name, "ce modèle n’existe pas.")


@functools.cache
def _engine() -> Engine:
    return Engine(dirs=[str(PACKAGE)], autoescape=True)


# --- Typst ------------------------------------------------------------------------------------------------------------

_compiler_lock = threading.Lock()  # one compiler: it keeps the fonts parsed (40 ms) and is not made for threads


@functools.cache
def _compiler() -> typst.Compiler:
    return typst.Compiler(root=str(PACKAGE), font_paths=[str(FONTS)], ignore_system_fonts=True)


def _compile(template_name: str, source: Path, values: dict[str, Any], issued_at: datetime) -> bytes:
    inputs = {"data": msgspec.json.encode(values).decode()}
    try:
        with _compiler_lock:
            pdf = _compiler().compile(
                input=str(source), format="pdf", sys_inputs=inputs, pdf_standards=STANDARDS, timestamp=issued_at
            )
    except typst.TypstError as error:
        raise DocumentFailed(template_name, f"{error}.") from error
    if not isinstance(pdf, bytes):
        raise DocumentFailed(template_name, "le compositeur n’a rendu aucune page.")
    return pdf


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    """Apply ``change`` to every text inside ``value``."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list | tuple):
        return [_texts(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _texts(item, change) for key, item in value.items()}
    return value


def _clean(text: str) -> str:
    """Compose accents, make one line of it, drop what is no character (controls, half surrogates)."""
    text = unicodedata.normalize("NFC", text).translate(_SPACES)
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs", "Cn"))


def _printable(text: str) -> str:
    """Keep what the font can print: PDF/A and PDF/UA refuse a missing glyph."""
    covered = _covered()
    if covered.issuperset(map(ord, text)):
        return text
    return "".join(c if ord(c) in covered else "" if unicodedata.category(c) == "Cf" else "\u25a1" for c in text)


@functools.cache
def _covered() -> frozenset[int]:
    """The characters that each vendored face has."""
    return frozenset.intersection(*(_characters(path.read_bytes()) for path in sorted(FONTS.glob("*.ttf"))))


def _characters(font: bytes) -> frozenset[int]:
    """Read a TrueType font's character map, format 12 or 4 (OpenType specification, table ``cmap``)."""
    tables = {font[at : at + 4]: struct.unpack_from("!I", font, at + 8)[0] for at in _steps(font, 4, 12, 16)}
    cmap = tables[b"cmap"]
    found: set[int] = set()
    for at in _steps(font, cmap + 2, cmap + 4, 8):
        start = cmap + struct.unpack_from("!I", font, at + 4)[0]
        if struct.unpack_from("!H", font, start)[0] == 12:
            for group in range(struct.unpack_from("!I", font, start + 12)[0]):
                first, last = struct.unpack_from("!II", font, start + 16 + 12 * group)
                found.update(range(first, last + 1))
        elif struct.unpack_from("!H", font, start)[0] == 4:
            count = struct.unpack_from("!H", font, start + 6)[0] // 2
            lasts = struct.unpack_from(f"!{count}H", font, start + 14)
            firsts = struct.unpack_from(f"!{count}H", font, start + 16 + 2 * count)
            for first, last in zip(firsts, lasts, strict=True):
                found.update(range(first, min(last, 0xFFFE) + 1))
    return frozenset(found)


def _steps(font: bytes, count_at: int, start: int, size: int) -> range:
    return range(start, start + size * struct.unpack_from("!H", font, count_at)[0], size)
