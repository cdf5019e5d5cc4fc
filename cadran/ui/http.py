"""The request as views receive it, once the portal's middleware has named its viewer."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest

from cadran.kernel.viewer import Viewer


class Request(HttpRequest):
    """For types: every request that reaches a view carries its viewer and the instant it arrived (UTC)."""

    viewer: Viewer
    now: datetime
    scope_open: bool
