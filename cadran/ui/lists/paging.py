"""Keyset pages: the address carries the last row's sort value, so page 20,000 costs what page 1 costs."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F, Field, Model, Q, QuerySet

from cadran.ui.lists.declare import Column, Liste, Query, Rows, at


class BadCursor(ValueError):
    """The page marker of the address does not belong to this list and order."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows, with the markers of its neighbours (empty when there is none)."""

    rows: list[Any]
    previous: str
    following: str


def page(liste: Liste, rows: Rows, query: Query) -> Page:
    """Return the page asked for (one query).

    Raises:
        BadCursor: the marker is not one of ours.
    """
    backwards = bool(query.before)
    marker = query.before or query.after
    column, descending = _sorted_by(liste, query.order)
    if not isinstance(rows, QuerySet):
        return _values_page(liste, ordered(liste, rows, query.order), query)
    seen = rows.order_by(*_ordering(column, descending is not backwards, backwards=backwards))
    if marker:
        value, key = _read(marker, rows.model, column)
        seen = seen.filter(_beyond(column, value, key, descending=descending is not backwards, backwards=backwards))
    found = list(seen[: liste.page_size + 1])
    more, found = len(found) > liste.page_size, found[: liste.page_size]
    if backwards:
        found.reverse()
    has_previous = more if backwards else bool(marker)
    has_following = bool(marker) if backwards else more
    return Page(
        rows=found,
        previous=_marker(found[0], column) if found and has_previous else "",
        following=_marker(found[-1], column) if found and has_following else "",
    )


def ordered(liste: Liste, rows: Rows, order: str) -> Rows:
    """Return all the rows in the order asked (for exports)."""
    column, descending = _sorted_by(liste, order)
    if not isinstance(rows, QuerySet):
        filled = [row for row in rows if at(row, column.sort) is not None]
        empty = [row for row in rows if at(row, column.sort) is None]
        return sorted(filled, key=lambda row: at(row, column.sort), reverse=descending) + empty
    return rows.order_by(*_ordering(column, descending))


def _values_page(liste: Liste, rows: Rows, query: Query) -> Page:
    """Values at hand have no key: their marker is a position."""
    try:
        start = int(query.after or 0) if not query.before else int(query.before) - liste.page_size
    except ValueError as error:
        raise BadCursor(query.after or query.before) from error
    start = max(0, start)
    end = start + liste.page_size
    return Page(
        rows=list(rows[start:end]),
        previous=str(start) if start else "",
        following=str(end) if end < len(rows) else "",
    )


def _sorted_by(liste: Liste, order: str) -> tuple[Column, bool]:
    column = liste.column(order.removeprefix("-"))
    if column is None or not column.sort:
        raise LookupError(f"{type(liste).__name__}: default_sort {order!r} is not a sortable column")
    return column, order.startswith("-")


def _ordering(column: Column, descending: bool, *, backwards: bool = False) -> list[Any]:
    if column.nullable:  # said only then, or a plain index would not be used
        place = {"nulls_first": True} if backwards else {"nulls_last": True}
        field = F(column.sort)
        return [field.desc(**place) if descending else field.asc(**place), "-pk" if descending else "pk"]
    sign = "-" if descending else ""
    return [f"{sign}{column.sort}", f"{sign}pk"]


def _beyond(column: Column, value: object, key: object, *, descending: bool, backwards: bool) -> Q:
    """Rows strictly after (value, key) in the reading direction; a btree index on (sort, pk) serves it.

    Empty values are last on the screen, so read backwards they come first.
    """
    far, near = ("lt", "lte") if descending else ("gt", "gte")
    name = column.sort
    if value is None:
        rest = Q(**{f"{name}__isnull": True, f"pk__{far}": key})
        return rest | Q(**{f"{name}__isnull": False}) if backwards else rest
    after = Q(**{f"{name}__{near}": value}) & (Q(**{f"{name}__{far}": value}) | Q(**{f"pk__{far}": key}))
    return after | Q(**{f"{name}__isnull": True}) if column.nullable and not backwards else after


def _marker(row: Any, column: Column) -> str:
    content = json.dumps([at(row, column.sort), row.pk], cls=DjangoJSONEncoder, separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _read(marker: str, model: type[Model], column: Column) -> tuple[object, object]:
    try:
        value, key = json.loads(base64.urlsafe_b64decode(marker + "=" * (-len(marker) % 4)))
        if "\0" in f"{value}{key}":
            raise BadCursor(marker)
        field = _field(model, column.sort)
        pk: Field[Any, Any] = model._meta.pk
        return (None if value is None else field.to_python(value) if field else value), pk.to_python(key)
    except (ValueError, TypeError, ValidationError) as error:
        raise BadCursor(marker) from error


def _field(model: type[Model], path: str) -> Field[Any, Any] | None:
    """Return the model field behind a sort path; none for an annotation."""
    current: Any = model
    found: Any = None
    for step in path.split("__"):
        try:
            found = current._meta.get_field(step)
        except FieldDoesNotExist:
            return None
        current = getattr(found, "related_model", None)
    return found if isinstance(found, Field) else None
