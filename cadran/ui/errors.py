"""Pages for what went wrong: what happened, where, and what to do now. They need neither database nor session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cadran.kernel.errors import Conflict, DomainError, InvalidInput, NotAllowed, NotFound
from cadran.ui.context import DENSITIES, DENSITY_COOKIE, THEME_COOKIE, THEMES, chosen


@dataclass(frozen=True, slots=True)
class Page:
    """The words of one error page."""

    title: str | Promise
    happened: str | Promise
    advice: str | Promise


PAGES: Final = {
    400: Page(
        _("Demande illisible"),
        _("L’adresse ou le formulaire envoyé contient une valeur que Cadran ne comprend pas."),
        _("Revenez à la page précédente et recommencez sans modifier l’adresse."),
    ),
    403: Page(
        _("Accès refusé"),
        _("Votre compte n’a pas le droit de faire cela, ou la page est restée ouverte trop longtemps."),
        _("Rechargez la page et recommencez. Si le refus persiste, demandez ce droit à votre administrateur."),
    ),
    404: Page(
        _("Page introuvable"),
        _("Rien n’existe à cette adresse dans votre périmètre."),
        _("Vérifiez l’adresse ou la référence, ou partez de l’accueil."),
    ),
    409: Page(
        _("L’objet a changé entre-temps"),
        _("Quelqu’un d’autre l’a modifié, ou son état ne permet plus cette action."),
        _("Rechargez la page, relisez, puis recommencez si besoin."),
    ),
    422: Page(
        _("Demande refusée"),
        _("Une règle de gestion s’oppose à cette action."),
        _("Revenez à la page précédente, corrigez, puis recommencez."),
    ),
    500: Page(
        _("Erreur de notre côté"),
        _("Cadran n’a pas pu répondre. L’incident est enregistré ; rien de ce qui était déjà validé n’est perdu."),
        _("Réessayez dans une minute. Si l’erreur revient, donnez l’heure et l’adresse au centre de services."),
    ),
    503: Page(
        _("Service momentanément indisponible"),
        _("Une maintenance est en cours ou le service redémarre."),
        _("Réessayez dans quelques minutes ; vos capteurs continuent d’être relevés."),
    ),
}  # fmt: skip

STATUS_OF: Final[tuple[tuple[type[DomainError], int], ...]] = (
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (InvalidInput, 422),
    (DomainError, 422),
)


def error_page(request: HttpRequest, status: int, *, happened: str = "", home_url: str = "/") -> HttpResponse:
    """Return the page of ``status``; ``happened`` replaces the general sentence by the precise one.

    Raises:
        KeyError: no page is written for this status.
    """
    words = PAGES[status]
    context = {
        "status": status,
        "words": words,
        "happened": happened or words.happened,
        "advice": "" if happened else words.advice,
        "where": request.path,
        "home_url": home_url,
        "theme": chosen(request, THEME_COOKIE, THEMES),
        "density": chosen(request, DENSITY_COOKIE, DENSITIES),
    }
    # Without the request: context processors may need a session or a database that is the very thing missing.
    return HttpResponse(render_to_string("ui/error.html", context), status=status)


def response_for(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Return the page that shows a refused act's own sentence, with its status (403, 404, 409 or 422)."""
    status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
    return error_page(request, status, happened=error.message)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """``handler400`` of the root urls."""
    del exception
    return error_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """``handler403`` of the root urls."""
    del exception
    return error_page(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """``handler404`` of the root urls."""
    del exception
    return error_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """``handler500`` of the root urls."""
    return error_page(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "", **_rest: Any) -> HttpResponse:
    """``CSRF_FAILURE_VIEW``: the form is too old or comes from elsewhere."""
    del reason
    return error_page(request, 403)
