"""Headers that keep a page on its own origin and out of other sites' frames."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from cadran.ui.assets import import_map_hash

# No 'unsafe-inline', no 'unsafe-eval', no data:, no other host: everything is a file of ours.
POLICY: Final = (
    "default-src 'self'; script-src 'self' {import_map}; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
OTHERS: Final = {
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@lru_cache(maxsize=2)
def _policy(import_map: str) -> str:
    return POLICY.format(import_map=import_map)


class SecurityHeadersMiddleware:
    """Adds the security headers to every answer, unless the view set its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, then add what is missing."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _policy(import_map_hash()))
        for name, value in OTHERS.items():
            response.headers.setdefault(name, value)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response
