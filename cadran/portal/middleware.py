"""The door of the web: reads the clock, names the viewer, enters its database role for the view."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.template.response import SimpleTemplateResponse
from django.utils import timezone

from cadran.kernel.errors import DomainError
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import NOBODY, Side
from cadran.parties.selectors import viewer_of
from cadran.ui.errors import error_page, response_for

View = Callable[..., HttpResponse]
SIGN_IN_MODULES = ("allauth.",)  # the library's own views decide who may see them


class ViewerMiddleware:
    """Gives each request ``now`` and ``viewer``, and runs the view in the viewer's scoped transaction.

    Must be the last of the list: it calls the view itself, so that an exception rolls the transaction back. A view
    marked ``public = True`` answers anybody; one marked ``unscoped = True`` (live streams) holds no transaction.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.now = datetime.now(UTC)  # type: ignore[attr-defined]
        request.viewer = NOBODY  # type: ignore[attr-defined]
        request.scope_open = False  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            request.viewer = viewer_of(user=request.user, now=request.now)  # type: ignore[attr-defined]
        with timezone.override(reader_zone(request)):
            return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Call the view inside the viewer's scope; templates render inside it too."""
        viewer = request.viewer  # type: ignore[attr-defined]
        public = getattr(view, "public", False) and viewer.side is Side.NOBODY
        if public or view.__module__.startswith(SIGN_IN_MODULES):
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))
        if viewer.side is Side.NOBODY:
            return error_page(request, 403, happened=NO_RIGHT_LEFT, home_url=resolve_url("account_logout"))
        if getattr(view, "unscoped", False):
            return None
        try:
            with scoped(viewer):
                request.scope_open = True  # type: ignore[attr-defined]
                response = view(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
                    response = response.render()
        except DomainError as error:
            return response_for(request, error)
        finally:
            request.scope_open = False  # type: ignore[attr-defined]
        return response


def reader_zone(request: HttpRequest) -> tzinfo:
    """Return the zone in which the reader is told times that belong to no site."""
    try:
        return ZoneInfo(getattr(request.user, "zone", None) or DEFAULT_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(DEFAULT_ZONE)


DEFAULT_ZONE = "Europe/Paris"
NO_RIGHT_LEFT = (
    "Votre compte n’a plus aucun droit en cours sur Cadran. Demandez à votre administrateur de le renouveler, "
    "puis reconnectez-vous."
)
