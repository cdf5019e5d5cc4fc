"""Addresses for the kit alone, with a shell as the portal would fill it and a stream as the web process would serve."""

from __future__ import annotations

import itertools
import queue
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import include, path

from cadran.ui import clock, errors, menu

BAD = Path(__file__).parent / "templates" / "ui_tests" / "bad.html"  # as it stands: cotton itself refuses it
_streams: list[queue.Queue[str]] = []
_serial = itertools.count(1)


def stream(request: HttpRequest) -> HttpResponseBase:
    """Server-sent events, as /live/ gives them."""
    if request.GET.get("topics") == "full":
        return HttpResponse(status=503)
    mine: queue.Queue[str] = queue.Queue()
    _streams.append(mine)

    def lines() -> Iterator[str]:
        yield ": open\n\n"
        while True:
            yield f"data: {mine.get()}\n\n"

    response = StreamingHttpResponse(lines(), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    return response


def announce(request: HttpRequest) -> HttpResponse:
    """Tell every open stream that incident 42 changed."""
    for each in _streams:
        each.put('{"kind": "incident", "id": 42}')
    return HttpResponse(str(len(_streams)))


def live_page(request: HttpRequest) -> HttpResponse:
    """A page with one live fragment that holds a field."""
    return render(request, "ui_tests/live.html", {"serial": next(_serial)})


def empty_page(request: HttpRequest) -> HttpResponse:
    """The lightest page a room can make: what every page costs."""
    return render(request, "ui_tests/empty.html")


def bad_page(request: HttpRequest) -> HttpResponse:
    """Everything a page must not do, to see that the gate catches it."""
    return HttpResponse(BAD.read_text("utf-8"))


def bad_style(request: HttpRequest) -> HttpResponse:
    """The stylesheet of the bad page: no visible focus, text too clear."""
    return HttpResponse(".nofocus:focus { outline: none } p { color: #bbb }", content_type="text/css")


def trap_page(request: HttpRequest) -> HttpResponse:
    """A page whose field keeps the focus."""
    return render(request, "ui_tests/trap.html")


def trap_script(request: HttpRequest) -> HttpResponse:
    """The script of the trap, and a request to another origin."""
    return HttpResponse(
        "document.getElementById('piege').addEventListener('keydown', e => e.preventDefault());"
        "fetch('http://127.0.0.1:9/ailleurs').catch(() => 0);",
        content_type="text/javascript",
    )


def pieces_page(request: HttpRequest) -> HttpResponse:
    """A clock about to reach its deadline, by the server's own time."""
    now = datetime(2026, 3, 9, 13, 30, tzinfo=UTC)
    night = (
        now + timedelta(minutes=1),
        now + timedelta(minutes=30),
    )  # one minute counted, a closed hole, then the rest
    face = clock.Face(
        name="GTR",
        budget="1 h",
        state=clock.ClockState.RUNNING,
        zone=UTC,
        due_at=now + timedelta(minutes=40),
        now=now,
        remaining=timedelta(minutes=11),
        fraction=49 / 60,
        spans=((now, night[0]), (night[1], now + timedelta(minutes=40))),
    )
    return render(request, "ui_tests/pieces.html", {"face": face})


def posted(request: HttpRequest) -> HttpResponse:
    """A form refused, or a server that breaks."""
    if request.GET.get("casse"):
        return HttpResponse("<p>trace secrète</p>", status=500)
    return HttpResponse('<p id="reponse">Le champ SIRET est à corriger</p>', status=422)


def _shell(request: HttpRequest) -> menu.Shell:
    labels = ("Accueil", "Carte & services", "Parc", "Alertes", "Incidents", "Données & exports", "Aide")
    return menu.Shell(
        home_url="/ui/galerie/",
        entries=[
            menu.Entry(label=label, url=f"?entree={n}", current=n == 4, count=3 if n == 3 else 0)
            for n, label in enumerate(labels)
        ],
        person="Béatrice Martin",
        organisation="Ville de Bellerive",
        person_entries=[menu.Entry(label="Mon compte", url="?compte"), menu.Entry(label="Mes droits", url="?droits")],
        sign_out_url="?quitter",
        bell_url="?avis",
        bell_count=3,
        search_url="/ui/galerie/",
        live_url="/live/",
        accessibility_url="?accessibilite",
        accessibility="Accessibilité : partiellement conforme",
        site_map_url="?plan",
        contact_url="?contact",
        notice="Démonstration : les données sont inventées.",
    )


menu.provide(_shell)
urlpatterns = [
    path("ui/", include("cadran.ui.urls")),
    path("live/", stream),
    path("annonce/", announce),
    path("direct/", live_page),
    path("vide/", empty_page),
    path("mauvaise/", bad_page),
    path("mauvaise.css", bad_style),
    path("piege/", trap_page),
    path("piege.js", trap_script),
    path("horloge/", pieces_page),
    path("poste/", posted),
]
handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.page_not_found
handler500 = errors.server_error
