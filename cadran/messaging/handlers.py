"""Whom messaging tells when something happens below it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from cadran.kernel.outbox import on
from cadran.kernel.viewer import SYSTEM
from cadran.messaging import services
from cadran.parties import selectors as parties
from cadran.telemetry import selectors as telemetry
from cadran.telemetry.events import AlarmRaised

CAPABILITY = "alarm.read"


@on(AlarmRaised)
def on_alarm_raised(event: AlarmRaised, *, now: datetime) -> None:
    """A business alarm is the beneficiary's own affair: its people and the rule's recipients are told."""
    if event.kind != "business":
        return
    alarm = telemetry.alarm(viewer=SYSTEM, alarm_id=event.alarm_id)
    people = [
        person.pk
        for person in parties.users_to_notify(owner_id=event.owner_id, capability=CAPABILITY, now=now)
        if parties.viewer_of(user=person, now=now).may(CAPABILITY, owner_id=event.owner_id, site_id=event.site_id)
    ]
    at = event.raised_at.astimezone(ZoneInfo(alarm.site.zone))
    services.notify(
        owner_id=event.owner_id,
        user_ids=people,
        mail_to=alarm.rule.recipients if alarm.rule else (),
        origin_key=f"alarm:{event.alarm_id}",
        title=alarm.title,
        body="\n".join(filter(None, [f"{alarm.site.name}, le {at:%d/%m/%Y à %H:%M} (heure du site).", alarm.detail])),
        path=f"/alarmes/{event.alarm_id}/",
        now=now,
    )
