"""The shell's own pages: home, live stream, accessibility, site map."""

from __future__ import annotations

from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render

from cadran.portal import declaration, shell
from cadran.portal.home import home_of
from cadran.portal.live import hub, lines
from cadran.ui.http import Request

MOST_TOPICS = 50


def home(request: Request) -> HttpResponse:
    """What needs the reader, what state things are in, where to go next."""
    return render(request, "portal/home.html", {"home": home_of(viewer=request.viewer, now=request.now)})


def live(request: Request) -> HttpResponseBase:
    """The stream of what changes, for one open page; 503 when this process holds as many as it can."""
    topics = frozenset(request.GET.get("topics", "").split(",")[:MOST_TOPICS]) - {""}
    stream = hub.open(request.viewer, topics)
    connections.close_all()  # a stream lives for minutes: it gives its connection back
    if stream is None:
        return HttpResponse(status=503, headers={"Retry-After": "30"})
    response = StreamingHttpResponse(lines(stream), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


live.unscoped = True  # type: ignore[attr-defined]


def accessibility(request: HttpRequest) -> HttpResponse:
    """The accessibility declaration, from the last audit's figures."""
    return render(request, "portal/accessibility.html", {"audit": declaration.last_audit()})


accessibility.public = True  # type: ignore[attr-defined]


def site_map(request: Request) -> HttpResponse:
    """Every page the reader may open, by theme."""
    return render(request, "portal/site_map.html", {"sections": shell.sections(request)})
