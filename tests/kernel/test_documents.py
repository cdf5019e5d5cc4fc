"""Documents: structural checks of the PDF and of its HTML twin.

No certified checker of PDF/A or PDF/UA installs on the machines this runs on: what is checked here is the structure
both standards ask for (claims, language, tags, title, embedded fonts, output profile), on top of Typst's own refusal
to write a file that breaks them. It is not a certificate.
"""

import hashlib
import io
import json
import time
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pikepdf
import pytest

from cadran.kernel.documents import FONTS, Document, DocumentFailed, Record, Table, _characters, render

ISSUED = datetime(2025, 3, 7, 17, 30, tzinfo=UTC)
RECORD = Record(
    issuer="Centrale fictive",
    reference="FI-2025-0042",
    recipient=["Ville de Démonstration", "1 place de la Mairie", "00000 Démonstration"],
    paragraphs=["La chambre froide a dépassé 8 °C pendant 1 h 30.", "L’alarme est terminée."],
    facts=[("Site", "Cuisine centrale"), ("Lot", "3 – Réseau privé"), ("GTR", "4 h ouvrées")],
    tables=[
        Table(
            heading="Chronologie",
            columns=["Heure", "Fait", "Durée"],
            rows=[["17:30", "Déclaration", "0 min"], ["18:10", "Prise en charge", "40 min"]],
            aligns=["left", "left", "right"],
        )
    ],
    closing=["Document produit par Cadran."],
)


@pytest.fixture(scope="module")
def document() -> Document:
    return render("record", RECORD, title="Fiche d’incident", issued_at=ISSUED)


def opened(document: Document) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(document.pdf))


def text_of(document: Document) -> str:
    """The words of the PDF, from each font's own map to Unicode (what copy and screen readers use)."""
    words = []
    with opened(document) as pdf:
        for page in pdf.pages:
            maps = {name: to_unicode(font) for name, font in page.Resources.Font.items()}
            current: dict[int, str] = {}
            for instruction in pikepdf.parse_content_stream(page):
                operands, operator = list(instruction.operands), instruction.operator
                if str(operator) == "Tf":
                    current = maps[str(operands[0])]
                for item in operands[0] if str(operator) == "TJ" else operands if str(operator) == "Tj" else []:
                    if isinstance(item, pikepdf.String):
                        raw = bytes(item)
                        words += [current.get(raw[i] << 8 | raw[i + 1], "?") for i in range(0, len(raw), 2)]
    return "".join(words)


def to_unicode(font: pikepdf.Object) -> dict[int, str]:
    table: dict[int, str] = {}
    for line in font.ToUnicode.read_bytes().decode("ascii").splitlines():
        cells = [cell.strip("<>") for cell in line.split()]
        if len(cells) == 2 and line.startswith("<") and len(cells[0]) == 4:
            table[int(cells[0], 16)] = bytes.fromhex(cells[1]).decode("utf-16-be")
    return table


def test_it_claims_both_standards(document: Document) -> None:
    with opened(document) as pdf, pdf.open_metadata() as metadata:
        assert metadata.pdfa_status == "3B"
        assert metadata["pdfuaid:part"] == "1"
        assert metadata["dc:title"] == "Fiche d’incident"
        assert "fr" in str(metadata["dc:language"])
        assert pdf.docinfo.CreationDate == "D:20250307173000Z"
        (intent,) = pdf.Root.OutputIntents
        assert intent.S == "/GTS_PDFA1"
        assert len(intent.DestOutputProfile.read_bytes()) > 100
        assert not pdf.is_encrypted


def test_it_is_tagged_in_its_language_and_shows_its_title(document: Document) -> None:
    with opened(document) as pdf:
        root = pdf.Root
        assert str(root.Lang) == "fr"
        assert bool(root.MarkInfo.Marked)
        assert bool(root.ViewerPreferences.DisplayDocTitle)
        kinds: list[str] = []

        def walk(node: pikepdf.Object) -> None:
            if isinstance(node, pikepdf.Array):
                for item in node:
                    walk(item)
            elif isinstance(node, pikepdf.Dictionary):
                if "/S" in node:
                    kinds.append(str(node.S))
                if "/K" in node:
                    walk(node.K)

        walk(root.StructTreeRoot.K)
        assert {"/Document", "/H1", "/H2", "/P", "/L", "/LI", "/Table", "/TR", "/TH", "/TD"} <= set(kinds)
        assert kinds.count("/TH") == 3
        assert kinds.count("/TD") == 6
        assert all(page.get("/Tabs") == "/S" for page in pdf.pages)


def test_only_the_vendored_font_is_used_and_it_is_embedded(document: Document) -> None:
    with opened(document) as pdf:
        seen = set()
        for page in pdf.pages:
            for font in page.Resources.Font.values():
                seen.add(str(font.BaseFont).partition("+")[2])
                descriptor = font.DescendantFonts[0].FontDescriptor
                assert "/FontFile2" in descriptor or "/FontFile3" in descriptor
                assert "/ToUnicode" in font
        assert seen == {"Inter-Regular", "Inter-Bold"}


def test_the_words_are_there(document: Document) -> None:
    text = text_of(document).replace("\u00a0", " ")
    for word in ("Fiche d’incident", "FI-2025-0042", "Cuisine centrale", "Prise en charge", "Page 1 sur 1"):
        assert word.replace(" ", "") in text.replace(" ", ""), word


def test_the_same_arguments_give_the_same_bytes(document: Document) -> None:
    again = render("record", RECORD, title="Fiche d’incident", issued_at=ISSUED)
    assert again == document
    assert document.sha256 == hashlib.sha256(document.pdf).hexdigest()
    other = render("record", RECORD, title="Fiche d’incident", issued_at=ISSUED.replace(minute=31))
    assert other.sha256 != document.sha256


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "html":
            self.language = dict(attrs)["lang"] or ""


def test_the_html_twin_says_the_same(document: Document) -> None:
    outline = Outline()
    outline.feed(document.html)
    assert outline.language == "fr"
    assert [outline.tags.count(tag) for tag in ("main", "h1", "h2", "dt", "dd", "th", "td", "script", "style")] == [
        1, 1, 1, 3, 3, 3, 6, 0, 0,
    ]  # fmt: skip
    for word in ("FI-2025-0042", "Cuisine centrale", "40 min", "<title>Fiche d’incident</title>"):
        assert word in document.html


HOSTILE = '#panic() *gras* <script>alert(1)</script> {{ title }} {% now "Y" %} $x$ \\ @ref "]} `'


def test_data_is_never_markup() -> None:
    hostile = Record(
        reference=HOSTILE,
        paragraphs=[HOSTILE],
        facts=[(HOSTILE, HOSTILE)],
        tables=[Table(heading=HOSTILE, columns=[HOSTILE], rows=[[HOSTILE]])],
    )
    document = render("record", hostile, title=HOSTILE, issued_at=ISSUED)
    text = text_of(document)
    assert text.count("#panic()*gras*") + text.count("#panic() *gras*") >= 7
    assert "<script" not in document.html
    assert document.html.count("{{ title }}") == 9  # head, h1, and each of the seven places
    with opened(document) as pdf, pdf.open_metadata() as metadata:
        assert metadata["dc:title"] == HOSTILE


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        pytest.param("Pape\u02bbete", "Pape\u02bbete", id="Tahitian letter"),
        pytest.param("e\u0301te\u0301", "été", id="combining accents"),
        pytest.param("vu \U0001f600 fin", "vu □ fin", id="emoji"),
        pytest.param("日本", "□□", id="another script"),
        pytest.param("a\x00b\x07c\u200bd\ud800", "abcd", id="controls"),
        pytest.param("un\ndeux\ttrois", "un deux trois", id="line breaks"),
        pytest.param("≤ ≥ → € œ Ÿ ’ « »", "≤ ≥ → € œ Ÿ ’ « »", id="ordinary French"),
    ],
)
def test_any_text_can_be_printed(text: str, printed: str) -> None:
    document = render("record", {**EMPTY, "reference": f"[{text}]"}, title="Essai", issued_at=ISSUED)
    assert f"[{printed}]".replace(" ", "") in text_of(document).replace(" ", "").replace("\u00a0", "")


EMPTY = json.loads('{"issuer":"","reference":"","recipient":[],"paragraphs":[],"facts":[],"tables":[],"closing":[]}')


def test_english() -> None:
    document = render("record", RECORD, title="Incident sheet", issued_at=ISSUED, language="en")
    assert '<html lang="en">' in document.html
    assert "Reference: FI-2025-0042" in document.html
    with opened(document) as pdf:
        assert str(pdf.Root.Lang) == "en"


def test_a_long_table_repeats_its_header_and_stays_quick() -> None:
    rows = [[str(n), f"ligne {n}", f"{n},00 €"] for n in range(1, 401)]
    table = Table(heading="Lignes", columns=["N°", "Libellé", "Montant"], rows=rows, aligns=["left", "left", "right"])
    started = time.process_time()
    document = render("record", Record(tables=[table]), title="Relevé", issued_at=ISSUED)
    assert time.process_time() - started < 20  # measured 0.3 s; a quadratic layout would take minutes
    with opened(document) as pdf:
        pages = len(pdf.pages)
    assert pages > 5
    assert text_of(document).count("Montant") == pages
    assert f"Page{pages}sur{pages}" in text_of(document).replace(" ", "").replace("\u00a0", "")


@pytest.mark.parametrize("name", ["absent", "../kernel/record", "/etc/passwd", "nowhere/record", "Record", ""])
def test_an_unknown_template_is_refused(name: str) -> None:
    with pytest.raises(DocumentFailed, match="n’existe pas"):
        render(name, RECORD, title="Essai", issued_at=ISSUED)


def test_what_a_document_needs() -> None:
    with pytest.raises(DocumentFailed, match="fuseau"):
        render("record", RECORD, title="Essai", issued_at=datetime(2025, 1, 1))  # noqa: DTZ001
    with pytest.raises(DocumentFailed, match="titre"):
        render("record", RECORD, title=" ", issued_at=ISSUED)
    with pytest.raises(DocumentFailed, match="composé"):
        render("record", {"nothing": 1}, title="Essai", issued_at=ISSUED)
    with pytest.raises(ValueError, match="cellules"):
        Table(heading="T", columns=["a", "b"], rows=[["1"]])


def test_the_vendored_fonts_are_the_recorded_ones_with_their_licence() -> None:
    vendor = json.loads((FONTS / "VENDOR.json").read_text(encoding="utf-8"))
    (package,) = vendor["packages"]
    assert package["licence"] == "OFL-1.1"
    for name, digest in package["files"].items():
        assert hashlib.sha256((FONTS / name).read_bytes()).hexdigest() == digest
    assert {path.name for path in FONTS.iterdir()} == {"VENDOR.json", *package["files"]}
    assert "SIL Open Font License" in (FONTS / "OFL.txt").read_text(encoding="utf-8")


def test_the_character_map_is_read_right() -> None:
    characters = _characters(Path(FONTS / "Inter-Regular.ttf").read_bytes())
    assert {ord(c) for c in "AZaz09éèêëçàùœŒŸæ’«»€−≤≥→□\u00a0\u202f\u02bb"} <= characters
    assert not {0x1F600, 0x65E5, 0x0645, 0x07} & characters
