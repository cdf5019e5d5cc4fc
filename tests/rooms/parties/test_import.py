"""Importing beneficiaries: every fault says where and what to write; all lines or none."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest

from cadran.kernel.errors import NotAllowed
from cadran.kernel.models import AuditEntry
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.parties import imports, selectors, services
from cadran.parties.models import Convention, GroupingMember, Organisation
from tests.support.world import NOW, TODAY, World

HEADER = "siret;nom;nature;territoire;groupement;accord_cadre;convention;signee_le;debut;fin"
PARIS, LYON, MARSEILLE = "21750001600019", "21690123100011", "21130055300016"


def lines(*rows: str, header: str = HEADER) -> list[imports.Line]:
    return imports.read("\n".join([header, *rows]).encode(), filename="membres.csv")


def faults(*rows: str) -> list[tuple[int, str]]:
    return [(line.number, fault.column) for line in lines(*rows) for fault in line.faults]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        pytest.param("21750001600018;Paris;;;;;;;;", "siret", id="wrong check digit"),
        pytest.param("2175;Paris;;;;;;;;", "siret", id="short"),
        pytest.param(";Paris;;;;;;;;", "siret", id="missing"),
        pytest.param(f"{PARIS};;;;;;;;;", "nom", id="no name"),
        pytest.param(f"{PARIS};Paris;ville;;;;;;;", "nature", id="unknown kind"),
        pytest.param(f"{PARIS};Paris;;ZZ;;;;;;", "territoire", id="unknown territory"),
        pytest.param(f"{PARIS};Paris;;;123;;;;;", "groupement", id="bad grouping"),
        pytest.param(f"{PARIS};Paris;;;;2024_AOO_IOT;;;;", "accord_cadre", id="half a convention"),
        pytest.param(f"{PARIS};Paris;;;;2024_AOO_IOT;C1;31/02/2026;;", "signee_le", id="no such day"),
        pytest.param(f"{PARIS};Paris;;;;2024_AOO_IOT;C1;2026-01-01;2026-02-01;2026-01-15", "fin", id="ends first"),
        pytest.param(f"{PARIS};{'P' * 201};;;;;;;;", "nom", id="too long for its column"),
        pytest.param(f"{PARIS};Paris;;;;2024_AOO_IOT;{'C' * 61};2026-01-01;;", "convention", id="too long a reference"),
    ],
)
def test_a_fault_names_its_line_and_column(row: str, column: str) -> None:
    assert (2, column) in faults(row)


def test_a_double_names_the_first_line() -> None:
    (first, second) = lines(f"{PARIS};Paris;;;;;;;;", f"{PARIS};Paris bis;;;;;;;;")
    assert first.faults == []
    assert "déjà à la ligne 2" in second.faults[0].message


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x00\x01\x02\x03", b"nom\nParis", b"siret;nom;couleur\n"])
def test_a_file_that_cannot_be_read_says_why(content: bytes) -> None:
    with pytest.raises(imports.UnreadableFile, match="membres"):
        imports.read(content, filename="membres.csv")


def test_not_a_workbook() -> None:
    with pytest.raises(imports.UnreadableFile, match="XLSX ou ODS"):
        imports.read(b"PK not a zip", filename="membres.xlsx")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_csv_as_spreadsheets_write_it(encoding: str, delimiter: str) -> None:
    text = f"SIRET{delimiter}Nom{delimiter}Code postal\r\n{PARIS}{delimiter}Évreux{delimiter}01000\r\n"
    (line,) = imports.read(text.encode(encoding), filename="membres.CSV")
    assert (line.siret, line.name, line.details, line.faults) == (PARIS, "Évreux", {"postcode": "01000"}, [])


def ods(rows: list[list[str]]) -> bytes:
    """Write a minimal OpenDocument spreadsheet; the SIRET column as numbers, the way people type it."""
    table = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="float" office:value="{cell}"><text:p>{cell}</text:p>'
            "</table:table-cell>"
            if cell.isdigit()
            else f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="Membres">{table}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest '
            'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            '<manifest:file-entry manifest:full-path="/" '
            'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>',
        )
        archive.writestr("content.xml", content)
    return buffer.getvalue()


def xlsx(rows: list[list[str]], *, more: str = "") -> bytes:
    """Write a minimal Office Open XML workbook with inline strings and numbers."""
    body = "".join(
        "<row>"
        + "".join(
            f"<c><v>{cell}</v></c>" if cell.isdigit() else f'<c t="inlineStr"><is><t>{cell}</t></is></c>'
            for cell in row
        )
        + "</row>"
        for row in rows
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    files = {
        "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        'content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": f'<?xml version="1.0"?><Relationships xmlns="{relations}"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Membres" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<?xml version="1.0"?><Relationships xmlns="{relations}"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<?xml version="1.0"?><worksheet xmlns="{main}"><sheetData>{body}{more}'
        "</sheetData></worksheet>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_cell_at_the_far_end_of_its_sheet_costs_no_memory() -> None:
    """One kilobyte that asks for 17 billion cells; the library aborts the process that makes room for them."""
    bomb = xlsx([["siret", "nom"], [PARIS, "Paris"]], more='<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    assert len(bomb) < 3_000
    with pytest.raises(imports.UnreadableFile, match="lignes et colonnes vides"):
        imports.read(bomb, filename="membres.xlsx")


@pytest.mark.parametrize(("write", "filename"), [(ods, "membres.ods"), (xlsx, "membres.xlsx")])
def test_workbooks_with_the_siret_as_a_number(write: object, filename: str) -> None:
    assert callable(write)
    (line,) = imports.read(write([["siret", "nom", "nature"], [PARIS, "Paris", "commune"]]), filename=filename)
    assert (line.siret, line.name, line.kind, line.faults) == (PARIS, "Paris", "town", [])


@pytest.mark.django_db
class TestImport:
    """Against the database."""

    def run(self, world: World, *rows: str, dry_run: bool = False) -> services.ImportReport:
        viewer = SYSTEM
        with scoped(viewer):
            return services.import_beneficiaries(viewer=viewer, lines=lines(*rows), dry_run=dry_run, now=NOW)

    def names(self) -> set[str]:
        with scoped(SYSTEM):
            return set(Organisation.objects.values_list("name", flat=True))

    def test_create_update_unchanged(self, world: World) -> None:
        rows = (f"{PARIS};Paris;commune;;;;;;;", f"{LYON};Lyon;commune;FR;;;;;;")
        first = self.run(world, *rows)
        assert (first.created, first.updated, first.applied) == ([2], [3], True)  # Bobville has Lyon's SIRET
        second = self.run(world, *rows)
        assert (second.created, second.updated, second.unchanged) == ([], [], [2, 3])
        assert self.names() == {"Paris", "Lyon", "Charlieville"}
        with scoped(SYSTEM):
            assert AuditEntry.objects.filter(action="organisation.imported").count() == 2

    def test_a_dry_run_writes_nothing(self, world: World) -> None:
        report = self.run(world, f"{PARIS};Paris;;;;;;;;", dry_run=True)
        assert (report.created, report.applied) == ([2], False)
        assert self.names() == {"Bobville", "Charlieville"}

    def test_one_fault_and_nothing_is_written(self, world: World) -> None:
        report = self.run(world, f"{PARIS};Paris;;;;;;;;", "123;Lille;;;;;;;;")
        assert not report.applied
        assert [number for number, _ in report.faults] == [3]
        assert self.names() == {"Bobville", "Charlieville"}

    def test_members_of_a_grouping_get_its_quality(self, world: World) -> None:
        report = self.run(
            world,
            f"{PARIS};Paris;commune;;{MARSEILLE};;;;2026-01-01;",
            f"{MARSEILLE};Groupement;groupement;;;2024_AOO_IOT;G1;2026-01-01;2026-02-01;2026-12-31",
        )
        assert report.applied
        with scoped(SYSTEM):
            paris = Organisation.objects.get(siret=PARIS)
            assert GroupingMember.objects.filter(member=paris).count() == 1
        expected = {date(2026, 1, 31): False, date(2026, 2, 1): True, date(2026, 12, 30): True, TODAY: True}
        for day, quality in expected.items():
            assert (
                selectors.is_beneficiary(organisation_id=paris.pk, agreement_id=world.agreement.pk, day=day) is quality
            )

    def test_the_last_day_of_a_convention_is_one_of_its_days(self, world: World) -> None:
        row = f"{PARIS};Paris;;;;2024_AOO_IOT;C1;2026-01-01;2026-02-01;2026-12-31"
        assert self.run(world, row).applied
        with scoped(SYSTEM):
            paris = Organisation.objects.get(siret=PARIS)
        for day, quality in ((date(2026, 12, 31), True), (date(2027, 1, 1), False)):
            assert (
                selectors.is_beneficiary(organisation_id=paris.pk, agreement_id=world.agreement.pk, day=day) is quality
            )
        assert self.run(world, row).unchanged == [2]
        assert self.run(world, row.replace("2026-12-31", "9999-12-31")).updated == [2]

    def test_a_membership_alone_is_a_change(self, world: World) -> None:
        both = (f"{PARIS};Paris;commune;;;;;;;", f"{MARSEILLE};Groupement;groupement;;;;;;;")
        assert self.run(world, *both).created == [2, 3]
        report = self.run(world, f"{PARIS};Paris;commune;;{MARSEILLE};;;;;")
        assert (report.updated, report.unchanged) == ([2], [])

    def test_unknown_grouping_and_agreement_name_the_remedy(self, world: World) -> None:
        report = self.run(world, f"{PARIS};Paris;;;{MARSEILLE};AUTRE;C1;2026-01-01;;")
        assert [(number, fault.column) for number, fault in report.faults] == [(2, "groupement"), (2, "accord_cadre")]
        assert "2024_AOO_IOT" in report.faults[1][1].message

    def test_two_conventions_do_not_overlap(self, world: World) -> None:
        rows = f"{PARIS};Paris;;;;2024_AOO_IOT;C1;2026-01-01;;"
        assert self.run(world, rows).applied
        report = self.run(world, f"{PARIS};Paris;;;;2024_AOO_IOT;C2;2026-06-01;;")
        assert [fault.column for _, fault in report.faults] == ["convention"]
        with scoped(SYSTEM):
            assert Convention.objects.filter(owner__siret=PARIS).count() == 1

    def test_without_the_right_nothing_is_read(self, world: World) -> None:
        viewer = world.viewer(world.bob)
        with pytest.raises(NotAllowed), scoped(viewer):
            services.import_beneficiaries(viewer=viewer, lines=lines(), dry_run=True, now=NOW)
