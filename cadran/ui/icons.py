"""Our own small set of line icons and the state shapes, as inline SVG (no font, no sprite request)."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

from cadran.ui.markup import joined

# 16 x 16, stroked with the text's colour; drawn for this project.
PATHS: Final = {
    "bell": (
        "M8 2.2a3.8 3.8 0 0 0-3.8 3.8c0 3.6-1.7 4.7-1.7 5.6h11c0-.9-1.7-2-1.7-5.6A3.8 3.8 0 0 0 8 2.2ZM6.6 13.8h2.8"
    ),
    "menu": "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
    "user": "M8 8.2a2.9 2.9 0 1 0 0-5.8 2.9 2.9 0 0 0 0 5.8ZM2.8 13.8c.5-2.6 2.4-3.8 5.2-3.8s4.7 1.2 5.2 3.8",
    "search": "M7 11.8a4.8 4.8 0 1 0 0-9.6 4.8 4.8 0 0 0 0 9.6ZM10.6 10.6l3.4 3.4",
    "down": "M4 6.2 8 10l4-3.8",
    "up": "M4 9.8 8 6l4 3.8",
    "both": "M5 6.3 8 3.4l3 2.9M5 9.7l3 2.9 3-2.9",
    "left": "M9.8 4 6 8l3.8 4",
    "right": "M6.2 4 10 8l-3.8 4",
    "export": "M8 2.5v7.4M5 7.2l3 2.9 3-2.9M2.8 11v2.5h10.4V11",
    "pause": "M5.5 3.5v9M10.5 3.5v9",
    "play": "M5 3.2v9.6L12.5 8Z",
    "close": "M4 4l8 8M12 4l-8 8",
    "why": (
        "M8 14a6 6 0 1 0 0-12 6 6 0 0 0 0 12ZM6.2 6.4c.1-1 .8-1.6 1.8-1.6s1.8.6 1.8 1.5c0 1.3-1.8 1.3-1.8 2.7M8 11.2v.1"
    ),
}


class State(StrEnum):
    """What a badge says at a glance; each has its own outline, so that colour is never alone."""

    OK = "ok"
    INFO = "info"
    WAIT = "wait"
    RISK = "risk"
    LATE = "late"
    OFF = "off"
    UNKNOWN = "unknown"


SHAPES: Final = {
    State.OK: "M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM5 8.2l2.1 2.2L11 6",
    State.INFO: "M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM8 7.4v3.8M8 4.7v.2",
    State.WAIT: (
        "M4 1.8h8M4 14.2h8M4.8 1.8c0 3.4 3.2 4.2 3.2 6.2s-3.2 2.8-3.2 6.2"
        "M11.2 1.8c0 3.4-3.2 4.2-3.2 6.2s3.2 2.8 3.2 6.2"
    ),
    State.RISK: "M8 1.8 14.8 14H1.2ZM8 6.4v3.6M8 12v.1",
    State.LATE: "M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3ZM8 4.4v4.4M8 11.2v.1",
    State.OFF: "M2 2h12v12H2ZM5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6",
    State.UNKNOWN: (
        "M8 1.2 14.8 8 8 14.8 1.2 8ZM6.6 6.6c.1-.8.6-1.2 1.4-1.2s1.4.5 1.4 1.2c0 1-1.4 1-1.4 2.2M8 10.8v.1"
    ),
}


def icon(name: str) -> SafeString:
    """Return the decorative icon ``name``; the words beside it carry the meaning."""
    return _svg(PATHS[name], "icon")


def badge(state: State | str, word: object, *, live: bool = False) -> SafeString:
    """Return a state badge: a shape, a word, and only then a colour.

    Raises:
        ValueError: no such state.
    """
    known = State(state)
    return format_html(
        '<span class="badge-state is-{}"{}>{}{}</span>',
        known.value,
        joined([' role="status"']) if live else "",
        _svg(SHAPES[known], "shape"),
        word,
    )


@cache
def _svg(path: str, css: str) -> SafeString:
    return format_html('<svg class="{}" viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>', css, path)
