"""Pages of the messaging room: what a person should know, and the mail on its way out."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from cadran.kernel.errors import NotFound
from cadran.messaging import selectors, services
from cadran.messaging.lists import DELIVERIES, Mailbox, Notifications
from cadran.messaging.models import Mail
from cadran.ui.http import Request
from cadran.ui.lists import render_list


def notifications(request: Request) -> HttpResponseBase:
    """The reader's notifications."""
    viewer = request.viewer
    viewer.require("notification.read")
    context = {"unread": selectors.unread_count(viewer=viewer)}
    return render_list(
        request,
        Notifications(),
        selectors.notifications(viewer=viewer),
        viewer=viewer,
        template="messaging/notifications.html",
        context=context,
    )


def read_one(request: Request, notification_id: int) -> HttpResponse:
    """One notification; POST marks it read and opens what it is about."""
    found = selectors.notifications(viewer=request.viewer).filter(pk=notification_id).first()
    if found is None:
        raise NotFound("La notification", notification_id)
    if request.method != "POST":
        return render(request, "messaging/notification.html", {"notification": found})
    services.mark_read(viewer=request.viewer, notification_id=found.pk, now=request.now)
    return redirect(found.path or "messaging:notifications")


@require_POST
def read_all(request: Request) -> HttpResponse:
    """Mark every notification of the reader's as read."""
    request.viewer.require("notification.read")
    count = services.mark_read(viewer=request.viewer, now=request.now)
    said = ngettext("{n} notification marquée comme lue.", "{n} notifications marquées comme lues.", count)
    messages.success(request, said.format(n=count))
    return redirect("messaging:notifications")


def mailbox(request: Request) -> HttpResponseBase:
    """The outgoing mail; in a demonstration nothing leaves, and this is where letters are read."""
    rows = selectors.mailbox(viewer=request.viewer)
    context = {"leaves": bool(settings.CADRAN.smtp_url)}
    return render_list(
        request, Mailbox(), rows, viewer=request.viewer, template="messaging/mailbox.html", context=context
    )


def mail(request: Request, mail_id: int) -> HttpResponse:
    """One letter, as text: what it says, never what its markup could do."""
    found = selectors.mailbox(viewer=request.viewer).filter(pk=mail_id).first()
    if found is None:
        raise NotFound(_("Le courriel"), mail_id)
    badge = DELIVERIES[Mail.Delivery(found.delivery)]
    # A letter that leaves may carry a password reset: its words are its recipient's alone.
    readable = not settings.CADRAN.smtp_url
    return render(request, "messaging/mail.html", {"mail": found, "badge": badge.value, "readable": readable})
