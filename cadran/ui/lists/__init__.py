"""Lists: one declaration gives the table, its sorting, filters, pages, empty state and CSV export."""

from cadran.ui.lists.declare import Choice, Column, Empty, Filter, Liste, Text
from cadran.ui.lists.export import csv_lines, safe_cell
from cadran.ui.lists.paging import BadCursor, Page
from cadran.ui.lists.view import ListPage, list_page, render_list

__all__ = [
    "BadCursor",
    "Choice",
    "Column",
    "Empty",
    "Filter",
    "ListPage",
    "Liste",
    "Page",
    "Text",
    "csv_lines",
    "list_page",
    "render_list",
    "safe_cell",
]
