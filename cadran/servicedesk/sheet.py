"""What the sheet of an incident says, as plain texts and numbers for the PDF and its twin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from cadran.commitments.selectors import Explanation
from cadran.kernel.documents import Table
from cadran.servicedesk import why
from cadran.servicedesk.page import ClockCard, IncidentPage
from cadran.ui import clock, times


class Dial(msgspec.Struct, frozen=True, kw_only=True):
    """A quarter dial and its words; ``fraction`` and ``pauses`` in 0..1."""

    name: str
    state: str
    state_words: str
    words: str
    notes: str
    fraction: float
    pauses: list[tuple[float, float]]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the sheet shows."""

    skip: str  # the twin's link to its content, the first stop of the Tab key
    styles: list[str]  # addresses of the twin's style sheets; the PDF has its own
    issuer: str
    reference: str
    subject: str
    description: str
    facts: list[tuple[str, str]]
    dials: list[Dial]
    tables: list[Table]
    closing: list[str]


def sheet_of(
    shown: IncidentPage, explanations: Sequence[Explanation], *, now: datetime, styles: Sequence[str] = ()
) -> Sheet:
    """Return the sheet of an incident: identity, clocks, each clock piece by piece, thread, frozen versions."""
    row = shown.row
    return Sheet(
        skip=_("Aller au contenu"),
        styles=list(styles),
        issuer=_("Cadran – fiche d’incident"),
        reference=row.number,
        subject=row.title,
        description=row.description,
        facts=_facts(shown, now),
        dials=[_dial(card) for card in shown.clocks],
        tables=[
            *(_clock_table(each, now) for each in explanations),
            *([_pauses_table(explanations[0], now)] if explanations[0].pauses else []),
            _thread_table(shown, now),
        ],
        closing=[
            _(
                "Versions gelées à l’ouverture : niveaux de service {code} {digest}. Cette fiche est la même pour le "
                "titulaire et pour le bénéficiaire ; elle dit l’état au {moment}."
            ).format(
                code=shown.levels.agreement_code,
                digest=shown.levels.digest[:16],
                moment=why.local(now, shown.zone),
            )
        ],
    )


def _facts(shown: IncidentPage, now: datetime) -> list[tuple[str, str]]:
    row, zone = shown.row, shown.zone
    pairs = [
        (_("Bénéficiaire"), row.owner.name),
        (_("Service"), row.service.name),
        (_("Site"), _("{site} (toutes les heures : {zone})").format(site=row.site.name, zone=times.zone_name(zone))),
        (_("Accord-cadre et lot"), str(row.lot)),
        (_("Type et priorité"), f"{shown.type_word} {row.priority}"),
        (_("Motif de la priorité"), row.priority_reason),
        (_("Critères"), " ; ".join(shown.criteria)),
        (_("État"), shown.state),
        (_("En charge"), row.assignee),
        (_("Titulaire informé"), f"{why.short(row.informed_at, zone, now=now)} – {shown.channel}"),
        (_("Consigné"), why.short(row.created_at, zone, now=now)),
        (_("Rétabli"), why.short(row.restored_at, zone, now=now) if row.restored_at else ""),
        (_("Clos"), why.short(row.closed_at, zone, now=now) if row.closed_at else ""),
    ]
    return [(term, value) for term, value in pairs if value]


def _dial(card: ClockCard) -> Dial:
    face = card.face
    return Dial(
        name=f"{face.name} {face.budget}",
        state=face.state.value,
        state_words=str(clock.STATE_WORDS[face.state]),
        words=clock.words(face),
        notes=_("{calendar}. Suspensions : {pauses}. {article}").format(
            calendar=card.calendar, pauses=card.pauses, article=card.article
        ),
        fraction=round(face.fraction, 4),
        pauses=[(round(a, 4), round(b, 4)) for a, b in face.pauses],
    )


def _clock_table(found: Explanation, now: datetime) -> Table:
    calendar = found.commitment.calendar
    return Table(
        heading=_("{name} : le temps, morceau par morceau").format(name=found.commitment.name),
        columns=[_("Du"), _("Au"), _("Ce qui se passe"), _("Compté"), _("Cumul")],
        rows=[
            [
                why.short(line.start, calendar.zone, now=now),
                why.short(line.end, calendar.zone, now=now),
                _line_words(line),
                line.counted or "–",
                line.total or "–",
            ]
            for line in why.lines_of(found.segments, calendar, now=found.verdict.as_of)
        ],
        aligns=["left", "left", "left", "right", "right"],
    )


def _line_words(line: why.Line) -> str:
    said = f"{line.words} – {line.detail}" if line.detail else line.words
    return _("{said} (à venir)").format(said=said) if line.coming else said


def _pauses_table(found: Explanation, now: datetime) -> Table:
    zone = found.commitment.calendar.zone
    return Table(
        heading=_("Suspensions"),
        columns=[_("Du"), _("Au"), _("Motif"), _("Preuve")],
        rows=[
            [
                why.short(pause.start, zone, now=now),
                why.short(pause.end, zone, now=now) if pause.end else _("en cours"),
                pause.reason,
                pause.proof,
            ]
            for pause in found.pauses
        ],
    )


def _thread_table(shown: IncidentPage, now: datetime) -> Table:
    rows: list[list[Any]] = []
    for entry in shown.thread:
        details = [f"{term} : {value}" for term, value in entry.details if value]
        if entry.recorded_at:
            details.append(_("consigné {moment}").format(moment=why.short(entry.recorded_at, shown.zone, now=now)))
        text = " · ".join([entry.title, *details, *([entry.body] if entry.body else [])])
        rows.append([why.short(entry.at, shown.zone, now=now), entry.by, text])
    return Table(heading=_("Fil de l’incident"), columns=[_("Quand"), _("Qui"), _("Quoi")], rows=rows)
