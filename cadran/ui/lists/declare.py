"""What a room writes to have a list: columns, filters, order, empty state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import attrgetter, or_
from typing import Any, ClassVar, Final

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise
Rows = QuerySet[Any, Any] | Sequence[Any]  # a table of the database, or a few values at hand


def at(row: Any, path: str) -> Any:
    """Return the value at the end of a field path ("site__name"); nothing as soon as a step is empty."""
    for step in path.split("__"):
        if row is None:
            return None
        row = getattr(row, step)
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: how to read a row's value, how to show it, whether it sorts.

    Args:
        key: stable code, used in addresses and exports.
        value: attribute path ("site.name") or a function of the row; what the export writes.
        show: function of the row giving the cell; default: the value in words, escaped.
        link: function of the row giving an address; the cell's text becomes the link.
        sort: field of the model behind the order (one column of the table, or a path the query joins).
        nullable: the sort field may be empty; such rows come last.
        numeric: right-aligned tabular figures; put the unit in the label.
        row_header: this cell names its row (exactly one per list).
        export_only: absent from the screen.
    """

    key: str
    label: Words
    value: str | Callable[[Any], object]
    show: Callable[[Any], object] | None = None
    link: Callable[[Any], str] | None = None
    sort: str = ""
    nullable: bool = False
    numeric: bool = False
    row_header: bool = False
    export_only: bool = False

    def read(self, row: Any) -> object:
        """Return the raw value of this column for ``row``."""
        return attrgetter(self.value)(row) if isinstance(self.value, str) else self.value(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One field of the filter form; ``apply`` narrows the rows with the text typed."""

    name: str
    label: Words
    help: Words = ""

    def apply(self, rows: Rows, typed: str) -> Rows:
        """Return the rows narrowed by ``typed`` (never empty)."""
        raise NotImplementedError

    def options(self) -> Sequence[tuple[str, Words]]:
        """Return the choices of a select, none for a text field."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Filter):
    """Rows of which one of ``fields`` contains the text typed."""

    fields: Sequence[str]

    def apply(self, rows: Rows, typed: str) -> Rows:
        """Narrow by containment, ignoring case."""
        if not isinstance(rows, QuerySet):
            wanted = typed.casefold()
            return [row for row in rows if any(wanted in str(at(row, name)).casefold() for name in self.fields)]
        return rows.filter(reduce(or_, (Q(**{f"{name}__icontains": typed}) for name in self.fields)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Filter):
    """Rows of one choice; ``where`` is a field name or a function (rows, value) -> rows."""

    choices: Sequence[tuple[str, Words]] | Callable[[], Iterable[tuple[str, Words]]]
    where: str | Callable[[Rows, str], Rows]

    def apply(self, rows: Rows, typed: str) -> Rows:
        """Narrow by the choice; an unknown one is ignored, as if nothing had been chosen."""
        if typed not in {value for value, _label in self.options()}:
            return rows
        if not isinstance(self.where, str):
            return self.where(rows, typed)
        if not isinstance(rows, QuerySet):
            return [row for row in rows if str(at(row, self.where)) == typed]
        return rows.filter(**{self.where: typed})

    def options(self) -> Sequence[tuple[str, Words]]:
        """Return the choices in order."""
        return tuple(self.choices() if callable(self.choices) else self.choices)


NOTHING_YET: Final = _("Rien à afficher pour l’instant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """What an empty list says, and the next thing to do."""

    title: Words = NOTHING_YET
    text: Words = ""
    action: Words = ""
    url: str = ""


NOTHING: Final = Empty()


class Liste:
    """Base of every list; subclass it and fill the class attributes (an instance may override them)."""

    name: ClassVar[str]  # stable code: id of the region, name of the exported file
    caption: Words
    columns: Sequence[Column]
    filters: Sequence[Filter] = ()
    default_sort: str  # key of a sortable column, with "-" for descending
    page_size: int = 50
    empty: Empty = NOTHING
    select_related: Sequence[str] = ()
    live: str = ""  # topics that make the open page refetch the list, e.g. "incident"
    count_up_to: int = 10_000  # beyond, "plus de 10 000": an exact count of a large table is slow

    def row_class(self, row: Any) -> str:
        """Return a CSS class for the row, or nothing (``is-late`` marks what is overdue)."""
        del row
        return ""

    def screen_columns(self) -> list[Column]:
        """Return the columns shown."""
        return [column for column in self.columns if not column.export_only]

    def column(self, key: str) -> Column | None:
        """Return the column of that key."""
        return next((column for column in self.columns if column.key == key), None)

    def order(self, asked: str) -> str:
        """Return ``asked`` when it names a sortable column, else the default order."""
        column = self.column(asked.removeprefix("-"))
        return asked if column is not None and column.sort else self.default_sort


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks of a list."""

    order: str
    after: str = ""
    before: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)

    @property
    def narrowed(self) -> bool:
        """At least one filter is set."""
        return bool(self.typed)
