"""Import of beneficiaries: choose a file, read the report, then apply all of it or nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cadran.kernel.errors import DomainError
from cadran.parties import imports, services
from cadran.parties.forms import BeneficiariesFile
from cadran.parties.lists import spaced_siret
from cadran.parties.views import kept
from cadran.ui.http import Request

MOST_SHOWN: Final = 300  # lines of each table on screen; the counts are those of the whole file


@dataclass(frozen=True, slots=True)
class FaultLine:
    """One fault: where it is, and the problem with its remedy."""

    number: int
    name: str
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class ActLine:
    """What a good line would do."""

    number: int
    name: str
    siret: str
    state: str
    word: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a dry run, ready to show."""

    filename: str
    lines: int
    created: int
    updated: int
    unchanged: int
    faults: Sequence[FaultLine]
    acts: Sequence[ActLine]
    token: str

    @property
    def faults_shown(self) -> Sequence[FaultLine]:
        """The faults on screen."""
        return self.faults[:MOST_SHOWN]

    @property
    def acts_shown(self) -> Sequence[ActLine]:
        """The good lines on screen."""
        return self.acts[:MOST_SHOWN]

    @property
    def counts(self) -> Sequence[tuple[int, str]]:
        """How many lines do what."""
        return (
            (self.lines, _("lignes lues")),
            (self.created, _("à créer")),
            (self.updated, _("à modifier")),
            (self.unchanged, _("sans changement")),
        )

    @property
    def applicable(self) -> bool:
        """No line has a fault, and something would change."""
        return not self.faults and self.created + self.updated > 0


def import_(request: Request) -> HttpResponse:
    """The import: GET shows the form, POST checks a file, POST with ``jeton`` applies the one just checked."""
    request.viewer.require("organisation.import")
    if request.method != "POST":
        return _page(request, BeneficiariesFile())
    if "jeton" in request.POST:
        return _apply(request, request.POST["jeton"])
    form = BeneficiariesFile(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    file = form.cleaned_data["file"]
    filename = PurePosixPath(file.name).name
    content = file.read()
    try:
        checked = _check(request, content, filename)
    except imports.UnreadableFile as error:
        form.add_error("file", error.message)
        return _page(request, form, status=422)
    return _page(request, BeneficiariesFile(), checked=checked, status=422 if checked.faults else 200)


def import_template(request: Request) -> HttpResponse:
    """A file to fill in: the titles and one example line, as a French spreadsheet opens it."""
    request.viewer.require("organisation.import")
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(imports.COLUMNS)
    writer.writerow([example for _meaning, example in imports.COLUMNS.values()])
    response = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="beneficiaires-modele.csv"'
    return response


def _check(request: Request, content: bytes, filename: str) -> Checked:
    lines = imports.read(content, filename=filename)
    report = services.import_beneficiaries(viewer=request.viewer, lines=lines, dry_run=True, now=request.now)
    token = "" if report.faults else kept.keep(
        content, filename=filename, user_id=request.viewer.user_id, now=request.now
    )  # fmt: skip
    return _checked(filename, lines, report, token)


def _checked(filename: str, lines: Sequence[imports.Line], report: services.ImportReport, token: str) -> Checked:
    names = {line.number: line for line in lines}
    acts = [
        ActLine(number, names[number].name, spaced_siret(names[number].siret), state, word)
        for numbers, state, word in (
            (report.created, "info", _("à créer")),
            (report.updated, "wait", _("à modifier")),
            (report.unchanged, "off", _("sans changement")),
        )
        for number in numbers
    ]
    faults = [FaultLine(number, names[number].name, fault.column, fault.message) for number, fault in report.faults]
    return Checked(
        filename=filename,
        lines=len(lines),
        created=len(report.created),
        updated=len(report.updated),
        unchanged=len(report.unchanged),
        faults=sorted(faults, key=lambda fault: fault.number),
        acts=sorted(acts, key=lambda act: act.number),
        token=token,
    )


def _apply(request: Request, token: str) -> HttpResponse:
    try:
        file = kept.give_back(token, user_id=request.viewer.user_id, now=request.now)
        lines = imports.read(file.content, filename=file.name)
    except DomainError as error:
        form = BeneficiariesFile({})
        form.full_clean()
        form.errors.clear()
        form.add_error("file", error.message)
        return _page(request, form, status=422)
    report = services.import_beneficiaries(viewer=request.viewer, lines=lines, dry_run=False, now=request.now)
    if not report.applied:  # somebody changed the database since the check
        return _page(request, BeneficiariesFile(), checked=_checked(file.name, lines, report, ""), status=422)
    kept.forget(token)
    created, updated = len(report.created), len(report.updated)
    messages.success(
        request,
        _("Import appliqué : {created}, {updated}.").format(
            created=ngettext("{n} bénéficiaire créé", "{n} bénéficiaires créés", created).format(n=created),
            updated=ngettext("{n} modifié", "{n} modifiés", updated).format(n=updated),
        ),
    )
    return redirect("parties:organisations")


def _page(
    request: Request, form: BeneficiariesFile, *, checked: Checked | None = None, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "checked": checked,
        "columns": [
            (title, meaning, example, title in imports.REQUIRED)
            for title, (meaning, example) in imports.COLUMNS.items()
        ],
        "most_lines": imports.MOST_LINES,
    }
    return render(request, "parties/import.html", context, status=status)
