"""Which ES modules a page may import by name, as one import map with its hash for the security policy.

The map is the only inline script of the product. Its text is the same on every page of a release, so the policy
allows it by hash: no nonce to draw per request, none to forget in a template, and pages stay cacheable.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from typing import Final

from django.templatetags.static import static

MODULES: Final = {
    "htmx": "vendor/htmx/htmx.esm.min.js",
    "uplot": "vendor/uplot/uplot.js",
    "leaflet": "vendor/leaflet/leaflet.js",
    "supercluster": "vendor/supercluster/supercluster.js",
    "kdbush": "vendor/kdbush/kdbush.js",
    "cadran/live": "ui/live.js",
    "cadran/clock": "ui/clock.js",
    "cadran/theme": "ui/theme.js",
    "cadran/chart": "ui/chart.js",
    "cadran/map": "ui/map.js",
}


@lru_cache(maxsize=1)
def import_map() -> str:
    """Return the import map's text, with the addresses the static manifest gives."""
    return json.dumps({"imports": {name: static(path) for name, path in MODULES.items()}}, separators=(",", ":"))


@lru_cache(maxsize=1)
def import_map_hash() -> str:
    """Return the source expression that allows the import map: ``'sha256-…'``."""
    digest = hashlib.sha256(import_map().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def forget() -> None:
    """Forget the map, for tests that change the static storage."""
    import_map.cache_clear()
    import_map_hash.cache_clear()
