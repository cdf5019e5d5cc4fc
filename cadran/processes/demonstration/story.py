"""Play the past through the rooms' own verbs: each act at its instant, by somebody who has the right to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from cadran.inventory.models import Service
from cadran.kernel import outbox
from cadran.kernel.models import OutboxEvent
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import Viewer
from cadran.messaging import services as messaging
from cadran.messaging.models import Mail
from cadran.parties.models import User
from cadran.parties.selectors import viewer_of
from cadran.processes.demonstration.cast import PEOPLE
from cadran.servicedesk import services as servicedesk

_EMAILS: Final = {person.key: person.email for person in PEOPLE}


@dataclass(frozen=True, slots=True)
class Act:
    """A verb of the service desk, ``after`` the information."""

    after: timedelta
    verb: str
    who: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tale:
    """An incident: declared by somebody, then acted upon. ``told_after``: how late the declaration was typed in."""

    key: str
    service: str
    informed_at: datetime
    who: str
    title: str
    description: str
    criteria: tuple[str, ...]
    channel: str = "portal"
    told_after: timedelta = timedelta(0)
    acts: tuple[Act, ...] = ()


class Story:
    """The past of the demonstration, seen from ``anchor``."""

    def __init__(self, anchor: datetime) -> None:
        self.anchor = anchor
        self._mails_before = Mail.objects.order_by("-id").values_list("id", flat=True).first() or 0

    def viewer(self, who: str, at: datetime) -> Viewer:
        """Return a persona as a viewer at that instant."""
        return viewer_of(user=User.objects.get(email=_EMAILS[who]), now=at)

    def tell(self, tale: Tale) -> int | None:
        """Declare the incident and do its acts, those of the future excepted; return its id."""
        told_at = tale.informed_at + tale.told_after
        if told_at > self.anchor:
            return None
        viewer = self.viewer(tale.who, told_at)
        service = Service.objects.get(code=tale.service)
        with scoped(viewer):
            row = servicedesk.declare_incident(
                viewer=viewer,
                service_id=service.pk,
                title=tale.title,
                description=tale.description,
                criteria=tale.criteria,
                channel=tale.channel,
                informed_at=tale.informed_at,
                origin_key=f"demonstration:{tale.key}",
                now=told_at,
            )
        self.hear(told_at)
        for act in tale.acts:
            self.act(row.pk, act, tale.informed_at + act.after)
        return row.pk

    def act(self, incident_id: int, act: Act, at: datetime) -> None:
        """Do one act at its instant; a deadline that passes by then is noticed first, as the clock would."""
        if at > self.anchor:
            return
        servicedesk.redraw_clocks(incident_id=incident_id, now=at)
        viewer = self.viewer(act.who, at)
        with scoped(viewer):
            getattr(servicedesk, act.verb)(viewer=viewer, incident_id=incident_id, now=at, **act.details)
        self.hear(at)

    def hear(self, at: datetime) -> None:
        """Let the rooms react as they did then: incidents of alarms, notifications, mails delivered at that instant."""
        while outbox.run_due(now=at):
            pass
        failed = OutboxEvent.objects.filter(done_at__isnull=True, attempts__gt=0).first()
        if failed is not None:
            raise RuntimeError(f"demonstration: {failed.name} {failed.payload}: {failed.last_error}")
        sent = Mail.objects.filter(id__gt=self._mails_before)
        sent.update(created_at=at, delivery=Mail.Delivery.MAILBOX, sent_at=at)
        self._mails_before = Mail.objects.order_by("-id").values_list("id", flat=True).first() or 0

    def everybody_reads(self, at: datetime) -> None:
        """Mark what everybody was told until now as read."""
        for who in _EMAILS:
            viewer = self.viewer(who, at)
            with scoped(viewer):
                messaging.mark_read(viewer=viewer, now=at)
