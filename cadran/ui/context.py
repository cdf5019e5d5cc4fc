"""Context processor: the shell (worked out only when a template uses it) and the reader's display choices."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from cadran.ui import menu

THEME_COOKIE: Final = "cadran_theme"
DENSITY_COOKIE: Final = "cadran_density"
THEMES: Final = ("auto", "light", "dark")
DENSITIES: Final = ("normal", "compact")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give every template ``shell``, ``theme`` and ``density``."""
    return {
        "shell": SimpleLazyObject(lambda: menu.shell_of(request)),
        "theme": chosen(request, THEME_COOKIE, THEMES),
        "density": chosen(request, DENSITY_COOKIE, DENSITIES),
    }


def chosen(request: HttpRequest, cookie: str, choices: tuple[str, ...]) -> str:
    """Return the reader's choice; the first one when the cookie says nothing we know."""
    value = request.COOKIES.get(cookie, "")
    return value if value in choices else choices[0]
