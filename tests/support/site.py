"""Every address of the site, and how to open each one about an object of a given owner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.support.furnish import Furniture

AGREEMENT = "2024_AOO_IOT"


@dataclass(frozen=True, slots=True)
class Address:
    """One URL pattern: its full name, its converters' names, and the view behind it."""

    name: str
    arguments: tuple[str, ...]
    view: Any

    @property
    def public(self) -> bool:
        """Whether anybody may open it without signing in."""
        return bool(getattr(self.view, "public", False)) or self.signing_in

    @property
    def signing_in(self) -> bool:
        """Whether it is one of the sign-in library's own pages, which decide themselves who may see them."""
        return str(self.view.__module__).startswith("allauth.")


@dataclass(frozen=True, slots=True)
class Opening:
    """An address with its arguments chosen: a page that can be asked for."""

    label: str
    path: str
    owned: bool  # about an object that belongs to somebody
    address: Address
    methods: tuple[str, ...] = ("GET", "POST")  # the other faces of a page are only read


def addresses(patterns: Any = None, namespace: str = "") -> Iterator[Address]:
    """Yield every address the site answers, whatever room it is in."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from addresses(entry.url_patterns, inner)
        elif isinstance(entry, URLPattern):
            assert entry.name, f"an address without a name: {entry.pattern}"
            arguments = tuple(entry.pattern.converters)
            arguments = arguments or tuple(entry.pattern.regex.groupindex)
            yield Address(f"{namespace}{entry.name}", arguments, entry.callback)


# What of a beneficiary's furniture fills an argument; the pages of one address about several kinds of things.
_OWNED = {
    "organisation_id": {"": "organisation"},
    "site_id": {"": "site"},
    "service_id": {"": "service"},
    "equipment_id": {"": "sensor", "passerelle": "gateway_equipment"},
    "gateway_id": {"": "gateway"},
    "point_id": {"": "point"},
    "rule_id": {"": "rule"},
    "alarm_id": {"métier": "business_alarm", "service": "service_alarm"},
    "incident_id": {"": "incident"},
    "notification_id": {"": "notification"},
}


# The incident on which an act is possible, when it is not the one just declared.
_STATE_FOR = {
    "reprendre": "paused",
    "confirmer-retablissement": "restored",
    "refuser-retablissement": "restored",
    "rouvrir": "confirmed",
    "clore": "confirmed",
    "confirmer-par-ecrit": "phoned",
}
# The other faces of a page: what follows the "?", with a beneficiary's own things in it.
_FACES = {
    "telemetry:series": ("grandeur=temperature", "grandeur=temperature&format=csv"),
    "telemetry:point": ("periode=7j",),
    "servicedesk:declare": ("service={things.service}", "service={things.service}&equipement={things.sensor}"),
    "inventory:equipment": ("onglet=mesures", "onglet=trames", "onglet=cles", "onglet=garantie", "onglet=journal"),
    **dict.fromkeys(
        (
            "parties:organisations", "inventory:sites", "inventory:services", "inventory:fleet", "telemetry:points",
            "telemetry:alarms", "lorawan:gateways", "messaging:notifications", "messaging:mailbox",
            "servicedesk:incidents",
        ),
        ("export=csv",),
    ),
}  # fmt: skip


def openings(things: Furniture, *, mail_id: int) -> Iterator[Opening]:
    """Yield every page of the site about one beneficiary's things; KeyError: an argument nobody knows how to fill."""
    for address in addresses():
        choices: list[tuple[str, dict[str, Any]]] = [("", {})]
        for argument in address.arguments:
            found = list(_values(argument, things, mail_id))
            choices = [
                (" ".join(filter(None, [label, more])), kwargs | {argument: value})
                for label, kwargs in choices
                for more, value in found
            ]
        owned = any(argument in _OWNED for argument in address.arguments)
        for label, kwargs in choices:
            if state := _STATE_FOR.get(kwargs.get("verb", "")):
                kwargs["incident_id"] = getattr(things, state)
            path = reverse(address.name, kwargs=kwargs)
            yield Opening(f"{address.name} {label}".strip(), path, owned, address)
        path = reverse(address.name, kwargs=choices[0][1])
        for query in _FACES.get(address.name, ()):
            asked = query.format(things=things)
            face = re.sub(r"=\{[^}]*\}", "", query)  # the ids of rows stay out of the record
            yield Opening(f"{address.name} ?{face}", f"{path}?{asked}", owned or "{" in query, address, ("GET",))


def _values(argument: str, things: Furniture, mail_id: int) -> Iterator[tuple[str, Any]]:
    from cadran.servicedesk.words import SLUGS

    if argument in _OWNED:
        yield from ((label, getattr(things, name)) for label, name in _OWNED[argument].items())
        return
    free: dict[str, list[tuple[str, Any]]] = {
        "code": [("", AGREEMENT)],
        "commitment": [("GTI", "GTI"), ("GTR", "GTR")],
        "verb": [(slug, slug) for slug in SLUGS.values()],
        "status": [("", 400)],
        "mail_id": [("", mail_id)],
        "key": [("", "1-abc")],  # a link of the sign-in library, made up
        "uidb36": [("", "1")],
    }
    yield from free[argument]
