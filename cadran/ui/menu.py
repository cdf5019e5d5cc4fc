"""What surrounds a page: menu, bell, search, person. The portal fills it; nothing here knows a room.

The portal calls ``provide`` once, from its ``AppConfig.ready``, with a function of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from cadran.ui.lists.declare import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One link of a menu; ``count`` is said beside it when above zero."""

    label: Words
    url: str
    current: bool = False
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Everything around the content, already restricted to what the person may see.

    Args:
        bell_url, bell_count: notifications; no bell without an address.
        search_url: shows the Ctrl+K search; none hides it.
        live_url: the stream of events; none makes pages static.
        accessibility: the sentence the law wants in the footer.
        notice: one line shown on top of every page (demonstration, maintenance).
    """

    home_url: str = "/"
    entries: Sequence[Entry] = ()
    person: str = ""
    organisation: str = ""
    person_entries: Sequence[Entry] = ()
    sign_in_url: str = ""
    sign_out_url: str = ""
    bell_url: str = ""
    bell_count: int = 0
    search_url: str = ""
    live_url: str = ""
    accessibility_url: str = ""
    accessibility: Words = ""
    contact_url: str = ""
    site_map_url: str = ""
    notice: Words = ""


Builder = Callable[[HttpRequest], Shell]
_builders: list[Builder] = []


def provide(builder: Builder) -> None:
    """Make ``builder`` the one that describes the shell of each request."""
    _builders[:] = [builder]


def shell_of(request: HttpRequest) -> Shell:
    """Return the shell of this request; a bare one when nobody provides it."""
    return _builders[0](request) if _builders else Shell()
