"""The reader's display choices, and the gallery that shows every piece of the kit."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from cadran.kernel.viewer import NOBODY, Side
from cadran.ui import errors, gallery_data
from cadran.ui.context import DENSITIES, DENSITY_COOKIE, THEME_COOKIE, THEMES
from cadran.ui.lists import render_list

ONE_YEAR: Final = 365 * 24 * 3600


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep the theme or the density in a cookie and return to the page (a choice, no personal data)."""
    target = request.POST.get("next", "/")
    here = {request.get_host()}
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=here, require_https=request.is_secure()):
        target = "/"
    response = HttpResponseRedirect(target)
    for name, cookie, choices in (("theme", THEME_COOKIE, THEMES), ("density", DENSITY_COOKIE, DENSITIES)):
        value = request.POST.get(name, "")
        if value in choices:
            response.set_cookie(
                cookie, value, max_age=ONE_YEAR, samesite="Lax", httponly=True, secure=request.is_secure()
            )
    return response


preferences.public = True  # type: ignore[attr-defined]  # the sign-in page offers the choice too


@require_GET
def gallery(request: HttpRequest) -> HttpResponseBase:
    """Show every piece on one page; for the demonstration and for staff."""
    _only_for_staff(request)
    return render_list(
        request,
        gallery_data.Incidents(),
        [] if request.GET.get("vide") else gallery_data.ROWS,
        viewer=getattr(request, "viewer", NOBODY),
        template="ui/gallery.html",
        context=gallery_data.context(),
    )


@require_GET
def gallery_error(request: HttpRequest, status: int) -> HttpResponse:
    """Show one error page as a person meets it."""
    _only_for_staff(request)
    if status not in errors.PAGES:
        raise Http404
    return errors.error_page(request, status)


def _only_for_staff(request: HttpRequest) -> None:
    staff = getattr(request, "viewer", NOBODY).side is Side.STAFF
    if not (staff or getattr(getattr(settings, "CADRAN", None), "demo", False)):
        raise Http404
