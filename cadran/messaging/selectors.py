"""Read notifications and the outgoing mail."""

from __future__ import annotations

from django.db.models import QuerySet

from cadran.kernel.querysets import visible
from cadran.kernel.viewer import Viewer
from cadran.messaging.models import Mail, Notification


def notifications(*, viewer: Viewer) -> QuerySet[Notification]:
    """Return the viewer's own notifications, newest first (one query)."""
    rows = visible(Notification.objects.all(), viewer, capability="notification.read")
    return rows.filter(user_id=viewer.user_id or 0).order_by("-id")


def unread_count(*, viewer: Viewer) -> int:
    """Count the viewer's notifications not read yet (one query)."""
    return notifications(viewer=viewer).filter(read_at__isnull=True).order_by().count()


def mailbox(*, viewer: Viewer) -> QuerySet[Mail]:
    """Return the outgoing mail, newest first (one query).

    Raises NotAllowed without ``mailbox.read``: letters carry links that open accounts.
    """
    viewer.require("mailbox.read")
    return Mail.objects.order_by("-id")
