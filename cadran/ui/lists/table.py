"""Rows in Python: a template loop costs three times as much and knows no header, caption or order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cadran.ui import times
from cadran.ui.icons import icon
from cadran.ui.lists.declare import Column, Liste
from cadran.ui.markup import joined

NUMERIC: Final = joined([' class="num"'])


def cell_words(value: object) -> str:
    """Return a value as a cell says it; nothing is an em dash, so that "empty" is not taken for a fault."""
    match value:
        case None | "":
            return format_html(
                '<span class="nothing">—<span class="visually-hidden">{}</span></span>', _("non renseigné")
            )
        case bool():
            return _("oui") if value else _("non")
        case datetime():
            return times.time_html(value, short=True)
        case date():
            return f"{value:%d/%m/%Y}"
        case int() | float() | Decimal():
            return times.number(value)
    return str(value)


def table(liste: Liste, rows: Iterable[Any], *, order: str, sort_url: Any) -> SafeString:
    """Return the ``<table>``: caption, headers with ``aria-sort`` links, rows as cards on a phone.

    ``sort_url`` is a function of the order giving the address.
    Explicit roles keep the table a table for screen readers when CSS turns rows into cards.
    """
    columns = liste.screen_columns()
    head = joined([_header(column, order, sort_url) for column in columns])
    body = joined([_row(liste, columns, row) for row in rows])
    return format_html(
        '<table class="table list-table" role="table"><caption>{}</caption>'
        '<thead role="rowgroup"><tr role="row">{}</tr></thead><tbody role="rowgroup">{}</tbody></table>',
        _caption(liste, order),
        head,
        body,
    )


def _caption(liste: Liste, order: str) -> str:
    column = liste.column(order.removeprefix("-"))
    direction = _("décroissant") if order.startswith("-") else _("croissant")
    label = column.label if column else ""
    return _("{caption} (tri : {column}, ordre {direction})").format(
        caption=liste.caption, column=label, direction=direction
    )


def _header(column: Column, order: str, sort_url: Any) -> str:
    css = NUMERIC if column.numeric else ""
    if not column.sort:
        return format_html('<th scope="col" role="columnheader"{}>{}</th>', css, column.label)
    current = order.removeprefix("-") == column.key
    descending = current and order.startswith("-")
    target = column.key if not current or descending else f"-{column.key}"
    sorted_as = format_html(' aria-sort="{}"', "descending" if descending else "ascending") if current else ""
    mark = icon(("down" if descending else "up") if current else "both")
    return format_html(
        '<th scope="col" role="columnheader"{}{}><a class="sort" href="{}">{}{}</a></th>',
        css,
        sorted_as,
        sort_url(target),
        column.label,
        mark,
    )


def _row(liste: Liste, columns: list[Column], row: Any) -> str:
    css = liste.row_class(row)
    opening = f'<tr role="row" class="{_escaped(css)}">' if css else '<tr role="row">'
    return opening + "".join([_cell(column, row) for column in columns]) + "</tr>"


def _cell(column: Column, row: Any) -> str:
    shown = _escaped(column.show(row) if column.show else cell_words(column.read(row)))
    if column.link:
        shown = f'<a href="{_escaped(column.link(row))}">{shown}</a>'
    label = _escaped(column.label)
    if column.row_header:
        return f'<th scope="row" role="rowheader" data-label="{label}">{shown}</th>'
    css = NUMERIC if column.numeric else ""
    return f'<td role="cell" data-label="{label}"{css}>{shown}</td>'


def _escaped(value: object) -> str:
    return conditional_escape(value if isinstance(value, SafeString) else str(value))
