"""Every address of the site: each room's own, and the shell's."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from cadran.portal import views

shell_patterns = [
    path("", views.home, name="home"),
    path("live/", views.live, name="live"),
    path("accessibilite/", views.accessibility, name="accessibility"),
    path("plan-du-site/", views.site_map, name="site-map"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((shell_patterns, "portal"))),
    path("compte/", include("allauth.urls")),
    path("ui/", include("cadran.ui.urls")),
    path("", include("cadran.parties.urls")),
    path("", include("cadran.inventory.urls")),
    path("", include("cadran.telemetry.urls")),
    path("", include("cadran.lorawan.urls")),
    path("", include("cadran.messaging.urls")),
    path("", include("cadran.servicedesk.urls")),
]

handler400 = "cadran.ui.errors.bad_request"
handler403 = "cadran.ui.errors.permission_denied"
handler404 = "cadran.ui.errors.page_not_found"
handler500 = "cadran.ui.errors.server_error"
