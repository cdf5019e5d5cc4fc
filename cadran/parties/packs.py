"""The agreement's pack (``agreement.yaml``), and what every pack of an agreement has in common.

Every figure is ``Sourced``: it cites the article that says it, or owns up to being a setting and says why. Pure: no
Django, no database; a mistake is a ``PackError`` with its file, its line and its remedy.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from cadran.kernel.calendars import Territory
from cadran.kernel.identifiers import Siret
from cadran.kernel.packs import Located, PathStep, read_located

Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
ServiceClassCode = Literal["standard", "advanced"]

_CITATION = re.compile(r"(?P<document>CC\S+(?: [^\W\d]\S*)?) \d+(?:\.\d+)*")
WHOLE_PERCENT = 100


class Sourced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A figure or a statement and where it comes from: ``article``, or ``origin: setting`` with its ``reason``.

    ``ambiguity`` says where the text can be read in several ways, and which reading was chosen.
    """

    article: str | None = None
    origin: Literal["setting"] | None = None
    reason: Text | None = None
    ambiguity: Text | None = None


class Count(Sourced, frozen=True, kw_only=True):
    """A whole number of at least one."""

    value: Positive


class Flag(Sourced, frozen=True, kw_only=True):
    """A yes or no."""

    value: bool


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A postal address."""

    street: Text
    postal_code: Annotated[str, msgspec.Meta(pattern=r"^\d{5}$")]
    city: Text


class PurchasingBody(Sourced, frozen=True, kw_only=True):
    """The body that awards the agreement (pouvoir adjudicateur)."""

    name: Text
    legal_form: Text
    siret: str
    address: Address
    email: Annotated[str, msgspec.Meta(pattern=r"^\S+@\S+\.\S+$")]
    represented_by: Text


class LotClass(Sourced, frozen=True, kw_only=True):
    """The class whose delays a lot's services follow."""

    value: ServiceClassCode


class DefaultHours(Sourced, frozen=True, kw_only=True):
    """The hours a new service of the lot gets when nobody chooses."""

    value: Literal["base", "option_24_7"]


class Include(Sourced, frozen=True, kw_only=True):
    """A lot whose every service this lot offers too."""

    lot: Positive


class Coverage(Sourced, frozen=True, kw_only=True):
    """Where a lot is available, and the limits stated there."""

    territories: Annotated[tuple[Territory, ...], msgspec.Meta(min_length=1)]
    availability: Literal["open", "to_be_stated", "excluded"]
    limits: Text | None = None


class LotPack(Sourced, frozen=True, kw_only=True):
    """One lot: an agreement of its own. ``title`` is the specification's, to the letter."""

    number: Positive
    title: Text
    screen_title: Text | None = None
    service_class: LotClass
    network_access: Flag
    default_hours: DefaultHours
    includes: tuple[Include, ...]
    coverage: Annotated[tuple[Coverage, ...], msgspec.Meta(min_length=1)]

    @property
    def shown_title(self) -> str:
        """The title for people: the printed one, without its misprint if it has one."""
        return self.screen_title or self.title

    @property
    def territories(self) -> tuple[Territory, ...]:
        """Every territory the lot is not excluded from."""
        return tuple(t for part in self.coverage if part.availability != "excluded" for t in part.territories)


class ReportItem(Sourced, frozen=True, kw_only=True):
    """Something the half-yearly report must contain."""

    code: Text
    label: Text


class Periods(Sourced, frozen=True, kw_only=True):
    """What a period of the report is: a civil half-year, or six months from the start of the agreement."""

    value: Literal["civil_half_year", "from_notification"]


class Reporting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When the report is due, and what it contains."""

    every_months: Count
    periods: Periods
    due_days: Count
    contents: tuple[ReportItem, ...]


class AgendaBy(Sourced, frozen=True, kw_only=True):
    """Who sets the agenda of the steering committee."""

    value: Literal["purchasing_body", "holder"]


class Committee(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The steering committee (COPIL)."""

    per_year: Count
    in_person: Flag
    agenda_by: AgendaBy


class WarrantyStart(Sourced, frozen=True, kw_only=True):
    """The date a warranty starts from."""

    value: Literal["delivery", "acceptance"]


class Warranty(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The shortest full warranty of equipment: ``months`` from its start, then ``extra_days``."""

    months: Count
    extra_days: Count
    starts_on: WarrantyStart
    hidden_defects: Flag


class AgreementPack(Sourced, frozen=True, kw_only=True):
    """A framework agreement as its specification states it.

    ``cctp`` and ``general_clauses`` are how its own articles, and those of the general clauses, are cited.
    """

    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9_]{1,40}$")]
    cctp: Annotated[str, msgspec.Meta(pattern=r"^CCTP [^\W\d]\S*$")]
    general_clauses: Annotated[str, msgspec.Meta(pattern=r"^CCAG-[A-Z]+$")]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    object: Text
    purchasing_body: PurchasingBody
    lots: Annotated[tuple[LotPack, ...], msgspec.Meta(min_length=1)]
    reporting: Reporting
    committee: Committee
    warranty: Warranty

    def lot(self, number: int) -> LotPack:
        """Return the lot of that number; KeyError when the agreement has none."""
        for lot in self.lots:
            if lot.number == number:
                return lot
        raise KeyError(f"L'accord-cadre {self.code} n'a pas de lot {number}.")


def load_agreement(directory: Path) -> AgreementPack:
    """Read and check ``agreement.yaml`` of one agreement's directory; raise the first ``PackError``."""
    located = read_located(directory / "agreement.yaml", AgreementPack)
    check_sources(located, located.value)
    _check_identity(located, directory)
    _check_lots(located)
    check_unique(located, ("reporting", "contents"), [item.code for item in located.value.reporting.contents])
    return located.value


def ambiguities(pack: Any) -> list[tuple[str, str]]:
    """Return every stated ambiguity of a pack as (path of the value, text), for the screen that shows the choices."""
    return [
        (".".join(str(step) for step in path), value.ambiguity) for path, value in _sourced(pack) if value.ambiguity
    ]


# --- Checks shared by every file of an agreement ----------------------------------------------------------------------


def check_sources(located: Located[Any], agreement: AgreementPack) -> None:
    """Refuse a ``Sourced`` value with no source, with two, or that cites another agreement's specification."""
    for path, value in _sourced(located.value):
        name = named(path)
        if value.article is None and value.origin is None:
            raise located.error(
                *path,
                problem=f"{name} ne cite aucun article et ne dit pas qu'il est un réglage.",
                remedy=f"Ajoutez « article: {agreement.cctp} … », ou « origin: setting » et « reason: … ».",
            )
        if value.article is not None and value.origin is not None:
            raise located.error(
                *path,
                "origin",
                problem=f"{name} cite un article et se dit réglage à la fois.",
                remedy="Gardez « article » si le texte le dit, sinon « origin: setting ».",
            )
        if value.origin is not None and value.reason is None:
            raise located.error(
                *path,
                problem=f"{name} est un réglage sans raison.",
                remedy="Ajoutez « reason: … » : pourquoi cette valeur et pas une autre.",
            )
        if value.article is not None:
            _check_citation(located, (*path, "article"), value.article, agreement)


def check_unique(located: Located[Any], path: tuple[PathStep, ...], codes: list[str]) -> None:
    """Refuse a list that names the same thing twice; ``codes`` are its items' names, in order."""
    for index, code in enumerate(codes):
        if code in codes[:index]:
            raise located.error(
                *path,
                index,
                problem=f"« {code} » est écrit deux fois dans « {'.'.join(map(str, path))} ».",
                remedy="Retirez l'un des deux, ou changez son nom.",
            )


def check_amount(located: Located[Any], path: tuple[PathStep, ...], value: Decimal, *, percent: bool) -> None:
    """Refuse a negative amount, and a percentage above 100 (msgspec does not bound decimals)."""
    if not value.is_finite() or value < 0 or (percent and value > WHOLE_PERCENT):
        raise located.error(
            *path,
            problem=f"{named(path)} vaut {value}{' %' if percent else ''}.",
            remedy="Écrivez un pourcentage de 0 à 100." if percent else "Écrivez un montant positif ou nul.",
        )


def check_agreement_code(located: Located[Any], written: str, agreement: AgreementPack) -> None:
    """Refuse a file that names another agreement than the one of its directory."""
    if written != agreement.code:
        raise located.error(
            "agreement",
            problem=f"ce fichier est celui de l'accord-cadre « {written} ».",
            remedy=f"Écrivez « agreement: {agreement.code} », ou déplacez le fichier dans son répertoire.",
        )


def named(path: tuple[PathStep, ...]) -> str:
    """Return a value's place as a person reads it, list items counted from one."""
    return "« " + (".".join(str(step + 1 if isinstance(step, int) else step) for step in path) or "racine") + " »"


def _sourced(value: Any, path: tuple[PathStep, ...] = ()) -> Iterator[tuple[tuple[PathStep, ...], Sourced]]:
    """Yield every ``Sourced`` value under ``value``, outermost first, with its path in the file."""
    if isinstance(value, Sourced):
        yield path, value
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            yield from _sourced(getattr(value, field.name), (*path, field.encode_name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _sourced(item, (*path, index))


def _check_citation(located: Located[Any], path: tuple[PathStep, ...], article: str, agreement: AgreementPack) -> None:
    match = _CITATION.fullmatch(article)
    if match is None:
        raise located.error(
            *path,
            problem=f"{named(path)} : « {article} » ne désigne pas un article.",
            remedy=f"Écrivez le document et le numéro, par exemple « {agreement.cctp} 4.2 ».",
        )
    if match["document"] not in (agreement.cctp, agreement.general_clauses):
        raise located.error(
            *path,
            problem=f"{named(path)} cite {match['document']}, qui n'est pas le texte de cet accord-cadre.",
            remedy=f"Citez {agreement.cctp}, ou dites « origin: setting » et nommez l'autre texte dans « reason ».",
        )


# --- Checks of agreement.yaml -----------------------------------------------------------------------------------------


def _check_identity(located: Located[AgreementPack], directory: Path) -> None:
    pack = located.value
    if pack.code != directory.name:
        raise located.error(
            "code",
            problem=f"« code » vaut « {pack.code} » dans le répertoire « {directory.name} ».",
            remedy="Donnez le même nom aux deux.",
        )
    try:
        Siret.parse(pack.purchasing_body.siret)
    except ValueError as error:
        raise located.error(
            "purchasing_body",
            "siret",
            problem=f"« purchasing_body.siret » : {error}",
            remedy="Recopiez les 14 chiffres du SIRET, entre guillemets.",
        ) from None


def _check_lots(located: Located[AgreementPack]) -> None:
    numbers = [lot.number for lot in located.value.lots]
    for index, lot in enumerate(located.value.lots):
        if lot.number in numbers[:index]:
            raise located.error(
                "lots",
                index,
                "number",
                problem=f"le lot {lot.number} est écrit deux fois.",
                remedy="Donnez à chaque lot son numéro, ou retirez le double.",
            )
    check_unique(located, ("lots",), [lot.title for lot in located.value.lots])
    for index, lot in enumerate(located.value.lots):
        _check_includes(located, index, lot, numbers)
        _check_coverage(located, index, lot)


def _check_includes(located: Located[AgreementPack], index: int, lot: LotPack, numbers: list[int]) -> None:
    for position, include in enumerate(lot.includes):
        path: tuple[PathStep, ...] = ("lots", index, "includes", position, "lot")
        if include.lot not in numbers:
            known = ", ".join(map(str, numbers))
            raise located.error(
                *path,
                problem=f"le lot {lot.number} comprend le lot {include.lot}, qui n'existe pas.",
                remedy=f"Choisissez parmi les lots {known}.",
            )
        if include.lot == lot.number:
            raise located.error(
                *path, problem=f"le lot {lot.number} se comprend lui-même.", remedy="Retirez cette ligne."
            )


def _check_coverage(located: Located[AgreementPack], index: int, lot: LotPack) -> None:
    seen: set[Territory] = set()
    for position, part in enumerate(lot.coverage):
        path: tuple[PathStep, ...] = ("lots", index, "coverage", position)
        if part.availability != "open" and part.limits is None:
            raise located.error(
                *path,
                "availability",
                problem=f"le lot {lot.number} limite sa couverture sans dire comment.",
                remedy="Ajoutez « limits: … » : ce qui manque, et jusqu'à quand.",
            )
        for step, territory in enumerate(part.territories):
            if territory in seen:
                raise located.error(
                    *path,
                    "territories",
                    step,
                    problem=f"le lot {lot.number} couvre deux fois le territoire {territory}.",
                    remedy="Gardez le territoire dans une seule ligne de couverture.",
                )
            seen.add(territory)
