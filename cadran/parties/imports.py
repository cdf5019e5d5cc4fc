"""Read a file of beneficiaries (CSV, XLSX, ODS) into checked lines; every fault names its line, column and remedy."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from cadran.kernel.calendars import Territory
from cadran.kernel.errors import DomainError
from cadran.kernel.identifiers import Siret
from cadran.parties import sheets
from cadran.parties.sheets import text_of

MOST_BYTES = 20 * 1024 * 1024
MOST_LINES = 50_000
KINDS = {
    "commune": "town",
    "intercommunalite": "intercommunal",
    "departement": "department",
    "region": "region",
    "etablissement de sante": "hospital",
    "sdis": "fire_service",
    "etablissement d'enseignement": "school",
    "groupement": "grouping",
    "autre": "other",
}
# column -> (what it holds, example); the first two are required
COLUMNS = {
    "siret": ("SIRET du bénéficiaire, 14 chiffres", "21690123100011"),
    "nom": ("nom de l'organisation", "Commune de Lyon"),
    "nature": ("nature : " + ", ".join(KINDS), "commune"),
    "territoire": ("code du territoire", "FR"),
    "adresse": ("adresse", "1 place de la Comédie"),
    "code_postal": ("code postal", "69001"),
    "commune": ("commune", "Lyon"),
    "courriel": ("adresse électronique", "mairie@example.org"),
    "telephone": ("téléphone", "04 00 00 00 00"),
    "groupement": ("SIRET du groupement dont l'organisation est membre", "20004697700019"),
    "accord_cadre": ("code de l'accord-cadre de la convention", "2024_AOO_IOT"),
    "convention": ("référence de la convention", "CONV-2026-014"),
    "signee_le": ("date de signature (AAAA-MM-JJ ou JJ/MM/AAAA)", "2026-01-15"),
    "debut": ("début de la convention", "2026-02-01"),
    "fin": ("dernier jour de la convention, vide si elle court toujours", "2030-01-31"),
}
REQUIRED = ("siret", "nom")
LONGEST = {"nom": 200, "code_postal": 10, "commune": 120, "courriel": 254, "telephone": 40, "convention": 60}


class UnreadableFile(DomainError):
    """The file as a whole cannot be read."""

    code = "parties.unreadable_file"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one line: the column and what to write instead."""

    column: str
    message: str


@dataclass(slots=True)
class Line:
    """One line of the file; ``faults`` empty means its values are usable."""

    number: int  # as a spreadsheet shows it, headers on line 1
    siret: str = ""
    name: str = ""
    kind: str | None = None
    territory: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    grouping: str = ""
    agreement: str = ""
    convention: str = ""
    signed_on: date | None = None
    starts_on: date | None = None
    ends_on: date | None = None  # its last day, as people write it
    faults: list[Fault] = field(default_factory=list)


def read(content: bytes, *, filename: str) -> list[Line]:
    """Return the lines of the file, checked one by one.

    Raises:
        UnreadableFile: not a CSV, XLSX or ODS file, too large, without the required columns or with an unknown one.
    """
    if len(content) > MOST_BYTES:
        raise UnreadableFile(f"{filename} dépasse {MOST_BYTES // 2**20} Mo : découpez-le en plusieurs fichiers.")
    read_table = _csv if filename.lower().endswith((".csv", ".txt")) else _sheet
    table = read_table(content, filename)
    rows = [(number, row) for number, row in enumerate(table, start=1) if any(text_of(cell) for cell in row)]
    if not rows:
        raise UnreadableFile(f"{filename} est vide : la première ligne doit porter les titres {', '.join(REQUIRED)}…")
    if len(rows) > MOST_LINES + 1:
        raise UnreadableFile(f"{filename} a plus de {MOST_LINES} lignes : découpez-le en plusieurs fichiers.")
    titles = _titles([text_of(cell) for cell in rows[0][1]], filename)
    lines = [_line(number, dict(zip(titles, row, strict=False))) for number, row in rows[1:]]
    _doubles(lines)
    return lines


def _csv(content: bytes, filename: str) -> Sequence[Sequence[object]]:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise UnreadableFile(f"{filename} n'est pas un texte en UTF-8 ou Windows-1252 : enregistrez-le en CSV UTF-8.")
    if "\0" in text:
        raise UnreadableFile(f"{filename} n'est pas un fichier CSV : enregistrez-le en CSV UTF-8, XLSX ou ODS.")
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error as error:
        raise UnreadableFile(f"{filename} n'est pas un fichier CSV lisible ({error}).") from error


def _sheet(content: bytes, filename: str) -> Sequence[Sequence[object]]:
    try:
        return sheets.rows_of(content)
    except sheets.UnreadableSheet as error:
        raise UnreadableFile(
            f"{filename} n'est ni un classeur XLSX ou ODS ni un fichier .csv lisible : "
            "ouvrez-le dans un tableur, supprimez les lignes et colonnes vides du bout de la première feuille, "
            "et enregistrez-le dans l'un de ces formats."
        ) from error


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.strip().lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).replace("’", "'")


def _titles(row: list[str], filename: str) -> list[str]:
    titles = [re.sub(r"[\s\-]+", "_", _plain(title)) for title in row]
    unknown = [title for title in titles if title and title not in COLUMNS]
    missing = [title for title in REQUIRED if title not in titles]
    doubled = sorted({title for title in titles if title and titles.count(title) > 1})
    problems = [
        *(["colonnes inconnues : " + ", ".join(unknown)] if unknown else []),
        *(["colonnes absentes : " + ", ".join(missing)] if missing else []),
        *(["colonnes en double : " + ", ".join(doubled)] if doubled else []),
    ]
    if problems:
        raise UnreadableFile(f"{filename}, ligne 1 : {' ; '.join(problems)}. Titres connus : {', '.join(COLUMNS)}.")
    return titles


def _line(number: int, cells: dict[str, object]) -> Line:
    value = {title: text_of(cell) for title, cell in cells.items() if title}
    line = Line(number=number, name=value.get("nom", ""))
    if not line.name:
        line.faults.append(Fault("nom", "le nom manque : écrivez par exemple « Commune de Lyon »."))
    line.siret = _siret(line, "siret", value.get("siret", ""), required=True)
    line.grouping = _siret(line, "groupement", value.get("groupement", ""))
    if nature := value.get("nature", ""):
        line.kind = KINDS.get(_plain(nature))
        if line.kind is None:
            line.faults.append(Fault("nature", f"« {nature} » est inconnu : écrivez {', '.join(KINDS)}."))
    if territory := value.get("territoire", "").upper():
        line.territory = territory
        if territory not in set(Territory):
            known = ", ".join(Territory)
            line.faults.append(Fault("territoire", f"« {territory} » est inconnu : écrivez l'un de {known}."))
    fields = {"adresse": "address", "code_postal": "postcode", "commune": "city", "courriel": "email"}
    line.details = {name: value[title] for title, name in (fields | {"telephone": "phone"}).items() if value.get(title)}
    if "email" in line.details and not re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", line.details["email"]):
        line.faults.append(Fault("courriel", f"« {line.details['email']} » n'est pas une adresse électronique."))
    for title, most in LONGEST.items():
        if len(value.get(title, "")) > most:
            line.faults.append(Fault(title, f"plus de {most} caractères : abrégez."))
    _convention(line, value)
    return line


def _siret(line: Line, column: str, text: str, *, required: bool = False) -> str:
    if not text and not required:
        return ""
    try:
        return str(Siret.parse(text))
    except ValueError as error:
        line.faults.append(Fault(column, str(error)))
        return ""


def _convention(line: Line, value: dict[str, str]) -> None:
    line.agreement, line.convention = value.get("accord_cadre", ""), value.get("convention", "")
    line.signed_on = _day(line, "signee_le", value.get("signee_le", ""))
    line.starts_on = _day(line, "debut", value.get("debut", "")) or line.signed_on
    line.ends_on = _day(line, "fin", value.get("fin", ""))
    given = [title for title in ("accord_cadre", "convention", "signee_le") if value.get(title)]
    if given and len(given) < 3:
        line.faults.append(
            Fault(given[0], "une convention a besoin des trois colonnes accord_cadre, convention et signee_le.")
        )
    if line.starts_on and line.ends_on and line.ends_on < line.starts_on:
        line.faults.append(Fault("fin", "la fin de la convention doit suivre son début."))


def _day(line: Line, column: str, text: str) -> date | None:
    if not text:
        return None
    for shape in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, shape).date()
        except ValueError:
            continue
    line.faults.append(Fault(column, f"« {text} » n'est pas une date : écrivez 2026-01-15 ou 15/01/2026."))
    return None


def _doubles(lines: Iterable[Line]) -> None:
    first: dict[str, int] = {}
    for line in lines:
        if line.siret and first.setdefault(line.siret, line.number) != line.number:
            line.faults.append(Fault("siret", f"ce SIRET est déjà à la ligne {first[line.siret]} du fichier."))
