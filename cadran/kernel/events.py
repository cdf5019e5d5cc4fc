"""Events: what happened, past tense, ids and plain values; they travel as one outbox row each."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

import msgspec

_registry: dict[str, type[Event]] = {}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every event. Add optional fields, never change or remove one: old rows must still decode."""

    event_name: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the class under ``<room>.<ClassName>``."""
        super().__init_subclass__(**kwargs)
        room = cls.__module__.split(".")[1]
        cls.event_name = f"{room}.{cls.__name__}"
        _registry[cls.event_name] = cls


def encode(event: Event) -> str:
    """Return the event's fields as JSON text."""
    return msgspec.json.encode(event).decode()


def decode(name: str, payload: str | bytes) -> Event:
    """Rebuild an event from its outbox row.

    Raises:
        LookupError: no room declares an event of that name.
        msgspec.ValidationError: the payload does not fit it.
    """
    if name not in _registry:
        raise LookupError(f"unknown event {name!r}: is the room that declares it installed?")
    return msgspec.json.decode(payload, type=_registry[name])


def declared() -> dict[str, type[Event]]:
    """Return every declared event by name."""
    return dict(sorted(_registry.items()))


def load(room: str) -> None:
    """Import the ``events`` and ``handlers`` of a room, if it has them."""
    for part in ("events", "handlers"):
        name = f"{room}.{part}"
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
