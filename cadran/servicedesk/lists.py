"""Lists of the service desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from django.db.models.query import ModelIterable
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cadran.commitments.rules import ClockState, IncidentType, Priority
from cadran.kernel.calendars import zone_named
from cadran.kernel.viewer import Viewer
from cadran.servicedesk import selectors, why, words
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import STATE_WORDS, Confirmation, State
from cadran.ui import clock
from cadran.ui.icons import badge
from cadran.ui.lists import Choice, Column, Empty, Liste, Text
from cadran.ui.lists.declare import Rows

if TYPE_CHECKING:
    _Rows = ModelIterable[Incident]
else:
    _Rows = ModelIterable

SOON = timedelta(hours=4)
NOT_RESTORED = (State.OPEN, State.IN_PROGRESS, State.PAUSED)
BATCH = 500


Faces = dict[int, dict[str, clock.Face]]


def with_clocks(rows: QuerySet[Incident], into: Faces, *, viewer: Viewer, now: datetime) -> QuerySet[Incident]:
    """Return the same rows; reading them puts their clocks at ``now`` in ``into`` (three queries per 500 rows)."""

    class WithClocks(_Rows):
        def __iter__(self) -> Iterator[Any]:
            iterator = iter(super().__iter__())
            while batch := list(islice(iterator, BATCH)):
                clocks = selectors.clocks_of(viewer=viewer, rows=batch, now=now)
                into.clear()  # an export of all rows keeps one batch in memory
                for pk, verdicts in clocks.items():
                    into[pk] = {name: why.face_of(verdict) for name, verdict in verdicts.items()}
                yield from batch

    clocked = rows.all()
    clocked._iterable_class = WithClocks
    return clocked


def _kind_cell(row: Incident) -> SafeString:
    return format_html("<span><strong>{}</strong> {}</span>", row.priority, words.type_word(row.type))


def _title_cell(row: Incident, *, owner: bool) -> SafeString:
    place = f"{row.number} · {row.owner.name}" if owner else row.number
    url = reverse("servicedesk:incident", args=[row.pk])
    return format_html('<a href="{}">{}</a><br><span class="eyebrow">{}</span>', url, row.title, place)


def _site_cell(row: Incident, now: datetime) -> SafeString:
    """The site, and whose clock the row's instants are read on when it is not the reader's."""
    note = why.zone_note(now, zone_named(row.site.zone))
    small = format_html('<br><span class="eyebrow">{}</span>', note) if note else ""
    return format_html("<span>{}{}</span>", row.site.name, small)


def clock_cell(face: clock.Face, now: datetime) -> SafeString:
    """Return a clock for a row: dial and time left, then the deadline in few letters."""
    due: SafeString | str = ""
    if face.due_at is not None and face.state in (clock.ClockState.RUNNING, clock.ClockState.MISSED):
        said = why.short_html(face.due_at, face.zone, now=now)
        due = format_html('<br><span class="eyebrow">{} {}</span>', _("échéance"), said)
    return format_html("<span>{}{}</span>", clock.html(replace(face, due_at=None), size="s"), due)


def due_filter(now: datetime) -> Any:
    """Return a filter of rows by what their clocks say at ``now``: missed, due soon or paused."""
    late = (
        Q(gtr_state=ClockState.MISSED)
        | Q(gti_state=ClockState.MISSED)
        | Q(gtr_state=ClockState.RUNNING, gtr_due_at__lte=now)
        | Q(gti_state=ClockState.RUNNING, gti_due_at__lte=now)
    )
    soon = Q(gtr_state=ClockState.RUNNING, gtr_due_at__lt=now + SOON) | Q(
        gti_state=ClockState.RUNNING, gti_due_at__lt=now + SOON
    )
    conditions = {"depassee": late, "proche": soon & ~late, "suspendue": Q(state=State.PAUSED)}

    def where(rows: Rows, typed: str) -> Rows:
        assert isinstance(rows, QuerySet)
        return rows.filter(conditions[typed])

    return where


def late_count(visible: QuerySet[Incident], now: datetime) -> int:
    """Count the incidents not restored of which a clock is missed (one query)."""
    rows = due_filter(now)(visible.filter(state__in=NOT_RESTORED), "depassee")
    return int(rows.order_by().count())


def _state_filter(rows: Rows, typed: str) -> Rows:
    assert isinstance(rows, QuerySet)
    if typed == "en_cours":
        return rows.filter(state__in=NOT_RESTORED)
    if typed == "a_confirmer":
        return rows.filter(confirmation=Confirmation.AWAITED)
    return rows.filter(state=typed)


class Incidents(Liste):
    """The incidents with their two clocks; ``owner`` adds the beneficiary, for those who see several."""

    name = "incidents"
    caption = _("Incidents")
    default_sort = "-informe"
    live = "incident"
    select_related = ()

    def __init__(self, *, now: datetime, owner: bool, declare_url: str = "") -> None:
        self.now = now
        self.faces: Faces = {}
        self.columns = [
            Column(key="objet", label=_("Incident"), value="title", sort="title", row_header=True,
                   show=lambda row: _title_cell(row, owner=owner)),
            Column(key="numero", label=_("Numéro"), value="number", export_only=True),
            Column(key="beneficiaire", label=_("Bénéficiaire"), value="owner.name", export_only=True),
            Column(key="site", label=_("Site"), value="site.name", sort="site__name",
                   show=lambda row: _site_cell(row, now)),
            Column(key="type", label=_("Type"), value=lambda row: f"{words.type_word(row.type)} {row.priority}",
                   show=_kind_cell, sort="priority"),
            Column(key="etat", label=_("État"), value=words.state_word,
                   show=lambda row: badge(words.state_badge(row), words.state_word(row))),
            Column(key="gti", label="GTI", value=self._words("GTI"), show=self._cell("GTI"), sort="gti_due_at",
                   nullable=True),
            Column(key="gtr", label="GTR", value=self._words("GTR"), show=self._cell("GTR"), sort="gtr_due_at",
                   nullable=True),
            Column(key="informe", label=_("Informé le"), value="informed_at", sort="informed_at",
                   show=lambda row: why.short_html(row.informed_at, zone_named(row.site.zone), now=now)),
            Column(key="assigne", label=_("Personne en charge"), value="assignee", export_only=True),
            Column(key="service", label=_("Service"), value="service.name", export_only=True),
        ]  # fmt: skip
        self.filters = (
            Text(name="q", label=_("Numéro ou objet"), fields=("number", "title")),
            Text(name="site", label=_("Site"), fields=("site__name", "site__code")),
            Choice(name="etat", label=_("État"), where=_state_filter, choices=[
                ("en_cours", _("Non rétablis")), ("a_confirmer", _("À confirmer")),
                *((state.value, _(STATE_WORDS[state])) for state in State)]),
            Choice(name="type", label=_("Type"), choices=[(t.value, words.TYPES[t]) for t in IncidentType],
                   where="type"),
            Choice(name="priorite", label=_("Priorité"), choices=[(p.value, p.value) for p in Priority],
                   where="priority"),
            Choice(name="echeance", label=_("Échéance"), where=due_filter(now), choices=[
                ("depassee", _("Dépassée")), ("proche", _("Dans les 4 h")), ("suspendue", _("Suspendue"))]),
        )  # fmt: skip
        self.empty = Empty(
            title=_("Aucun incident"),
            text=_("Tout fonctionne, ou rien n’a encore été déclaré."),
            action=_("Déclarer un incident") if declare_url else "",
            url=declare_url,
        )

    def _cell(self, name: str) -> Callable[[Incident], object]:
        def show(row: Incident) -> object:
            face = self.faces.get(row.pk, {}).get(name)
            return clock_cell(face, self.now) if face else "—"

        return show

    def _words(self, name: str) -> Callable[[Incident], object]:
        def read(row: Incident) -> object:
            face = self.faces.get(row.pk, {}).get(name)
            return clock.words(face) if face else ""

        return read

    def row_class(self, row: Incident) -> str:
        """Mark what is overdue, and what is about to be, while it still matters."""
        if row.state not in NOT_RESTORED:
            return ""
        faces = self.faces.get(row.pk, {}).values()
        if any(face.state is clock.ClockState.MISSED for face in faces):
            return "is-late"
        return "is-risk" if any(face.at_risk for face in faces) else ""


class ServicesToChoose(Liste):
    """The services on which the reader may declare an incident."""

    name = "services"
    caption = _("Choisir le service en panne")
    default_sort = "nom"
    page_size = 25
    columns = (
        Column(key="nom", label=_("Service"), value="name", sort="name", row_header=True,
               link=lambda row: f"{reverse('servicedesk:declare')}?service={row.pk}"),
        Column(key="site", label=_("Site"), value="site.name", sort="site__name"),
        Column(key="code", label=_("Code"), value="code", sort="code"),
        Column(key="beneficiaire", label=_("Bénéficiaire"), value="owner.name"),
        Column(key="etat", label=_("État"), value=lambda row: row.get_state_display()),
    )  # fmt: skip
    filters = (Text(name="q", label=_("Service, site ou code"), fields=("name", "site__name", "code")),)
    empty = Empty(
        title=_("Aucun service en cours dans votre périmètre"),
        text=_("Un incident se déclare sur un service commandé. Écrivez à votre responsable de compte (ROC)."),
    )
