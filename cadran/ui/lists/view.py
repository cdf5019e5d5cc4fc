"""From a request to a list's page, fragment or file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import Viewer
from cadran.ui import times
from cadran.ui.lists import export, paging
from cadran.ui.lists.declare import Filter, Liste, Query, Rows, Words
from cadran.ui.lists.table import table

SORT, AFTER, BEFORE, EXPORT = "tri", "apres", "avant", "export"


@dataclass(frozen=True, slots=True)
class FilterField:
    """One field of the filter form, as the template shows it."""

    filter: Filter
    options: Sequence[tuple[str, Words]]
    typed: str


@dataclass(frozen=True, slots=True)
class ListPage:
    """A list ready for its template ``ui/_list.html``."""

    liste: Liste
    table: SafeString | None
    count: str
    fields: Sequence[FilterField]
    order: str
    narrowed: bool
    lost_place: bool
    previous_url: str
    next_url: str
    export_url: str
    clear_url: str
    here: str


def list_page(request: HttpRequest, liste: Liste, rows: Rows) -> ListPage:
    """Work a list out for this request (two queries: a capped count and one page)."""
    query = _asked(request, liste)
    narrowed = _narrowed(liste, rows, query)
    if liste.select_related and isinstance(narrowed, QuerySet):
        narrowed = narrowed.select_related(*liste.select_related)
    lost_place = False
    try:
        page = paging.page(liste, narrowed, query)
    except paging.BadCursor:
        lost_place = True
        page = paging.page(liste, narrowed, Query(order=query.order, typed=query.typed))
    content = table(liste, page.rows, order=query.order, sort_url=lambda order: _url(request, **{SORT: order}))
    return ListPage(
        liste=liste,
        table=content if page.rows else None,
        count=_count(liste, narrowed),
        fields=[FilterField(each, each.options(), query.typed.get(each.name, "")) for each in liste.filters],
        order=query.order,
        narrowed=query.narrowed,
        lost_place=lost_place,
        previous_url=_url(request, **{BEFORE: page.previous}) if page.previous else "",
        next_url=_url(request, **{AFTER: page.following}) if page.following else "",
        export_url=_url(request, **{EXPORT: "csv"}),
        clear_url=f"{request.path}?{SORT}={query.order}",
        here=request.get_full_path(),
    )


def render_list(
    request: HttpRequest,
    liste: Liste,
    rows: Rows,
    *,
    viewer: Viewer,
    template: str = "ui/list.html",
    context: Mapping[str, Any] | None = None,
) -> HttpResponseBase:
    """Answer a list's address: the page, its fragment for htmx, or the CSV file.

    ``rows`` is what the room's selector returned for ``viewer``. The file is streamed after the request's own
    transaction is over, so it enters the viewer's role again by itself.
    """
    if request.GET.get(EXPORT) == "csv":
        return _file(request, liste, rows, viewer)
    page = list_page(request, liste, rows)
    fragment = request.headers.get("HX-Request") == "true" and request.headers.get("HX-Target", "").endswith(
        f"liste-{liste.name}"
    )
    response = render(request, "ui/_list.html" if fragment else template, {**(context or {}), "page": page})
    response["Vary"] = "HX-Request, Cookie"
    return response


def _asked(request: HttpRequest, liste: Liste) -> Query:
    # A NUL is in no text of the database, which refuses to look for one.
    given = {each.name: request.GET.get(each.name, "").replace("\0", "").strip() for each in liste.filters}
    typed = {name: text for name, text in given.items() if text}
    return Query(
        order=liste.order(request.GET.get(SORT, "")),
        after=request.GET.get(AFTER, ""),
        before=request.GET.get(BEFORE, ""),
        typed=typed,
    )


def _narrowed(liste: Liste, rows: Rows, query: Query) -> Rows:
    for each in liste.filters:
        if each.name in query.typed:
            rows = each.apply(rows, query.typed[each.name])
    return rows


def _count(liste: Liste, rows: Rows) -> str:
    ceiling = liste.count_up_to
    found = rows.order_by()[: ceiling + 1].count() if isinstance(rows, QuerySet) else len(rows)
    if found > ceiling:
        return _("Plus de {number} résultats").format(number=times.number(ceiling))
    return ngettext("{number} résultat", "{number} résultats", found).format(number=times.number(found))


def _url(request: HttpRequest, **changes: str) -> str:
    """This address with other order or page; filters stay, markers of another page go."""
    parameters = request.GET.copy()
    for name in (AFTER, BEFORE, EXPORT):
        parameters.pop(name, None)
    for name, value in changes.items():
        parameters[name] = value
    return f"{request.path}?{parameters.urlencode()}"


def _file(request: HttpRequest, liste: Liste, rows: Rows, viewer: Viewer) -> HttpResponseBase:
    query = _asked(request, liste)
    wanted = paging.ordered(liste, _narrowed(liste, rows, query), query.order)
    if liste.select_related and isinstance(wanted, QuerySet):
        wanted = wanted.select_related(*liste.select_related)

    zone = timezone.get_current_timezone()  # the reader's: no longer the current one once the view has returned

    def chunks() -> Iterator[str]:
        with scoped(viewer), timezone.override(zone):
            read = wanted.iterator(chunk_size=2000) if isinstance(wanted, QuerySet) else wanted
            yield from export.csv_lines(liste, read)

    response = StreamingHttpResponse(chunks(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{liste.name}.csv"'
    response["Cache-Control"] = "no-store"
    return response
