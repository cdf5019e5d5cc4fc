"""Cards a room offers to a lower room's page: a service's page shows its incidents without importing upwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

Panel = Callable[[HttpRequest, Any], str]
_panels: dict[str, list[tuple[int, Panel]]] = defaultdict(list)


def offer(slot: str, panel: Panel, *, rank: int = 50) -> None:
    """Register ``panel(request, object)`` for a page's slot ("inventory.service"), lowest rank first.

    Call it from ``apps.py``.
    """
    if (rank, panel) not in _panels[slot]:
        _panels[slot].append((rank, panel))
        _panels[slot].sort(key=lambda pair: pair[0])


def panels_of(slot: str) -> list[Panel]:
    """Return the panels of a slot in their order."""
    return [panel for _, panel in _panels[slot]]
