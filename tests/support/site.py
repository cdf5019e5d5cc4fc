"""Every address of the site, and how to open each one about an object of a given owner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True, slots=True)
class Address:
    """One URL pattern: its full name, its converters' names, and the view behind it."""

    name: str
    arguments: tuple[str, ...]
    view: Any

    @property
    def public(self) -> bool:
        """Whether anybody may open it without signing in."""
        return bool(getattr(self.view, "public", False)) or self.view.__module__.startswith("allauth.")


def addresses(patterns: Any = None, namespace: str = "") -> Iterator[Address]:
    """Yield every address the site answers, whatever room it is in."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from addresses(entry.url_patterns, inner)
        elif isinstance(entry, URLPattern):
            assert entry.name, f"an address without a name: {entry.pattern}"
            arguments = tuple(entry.pattern.converters)
            yield Address(f"{namespace}{entry.name}", arguments or tuple(entry.pattern.regex.groupindex), entry.callback)
