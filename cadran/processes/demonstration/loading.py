"""The steps of the demonstration's load, in order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Final

from django.conf import settings

from cadran.kernel.errors import DomainError
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.processes.demonstration import alarms, fleet, history, incidents, parties, places, steps
from cadran.processes.demonstration.alarms import Happening
from cadran.processes.demonstration.steps import Progress, Step
from cadran.processes.demonstration.story import Story, Tale
from cadran.processes.demonstration.territory import DEVICES
from cadran.processes.load import PACKS, load_packs
from cadran.telemetry.models import Alarm

# Frames, not closed days, tell the last hours: rules judge them and latest values come from them.
AS_FRAMES: Final = timedelta(hours=6)
READ_UNTIL: Final = timedelta(days=10)  # what people were told before that, they have read


class NotADemonstration(DomainError):
    """Fictional rows and public passwords do not belong in a real installation."""

    code = "processes.not_a_demonstration"

    def __init__(self) -> None:
        super().__init__(
            "Cette installation n’est pas une démonstration : rien n’est chargé. Lancez « make demo », qui a son "
            "propre répertoire de données."
        )


def load_all(progress: Progress, *, now: datetime, devices: int = DEVICES, days: int = places.HISTORY_DAYS) -> None:
    """Run the steps that are missing, then write what was measured since; ``devices`` and ``days`` make it smaller."""
    if not settings.CADRAN.demo:
        raise NotADemonstration
    anchor = steps.run_all(steps_of(progress, devices=devices, days=days), now=now, progress=progress)
    since = history.measured_until(now)
    if now - since >= history.WORTH_A_REFRESH:
        written = history.catch_up(since=since, now=now, episodes=alarms.episodes(anchor))
        with scoped(SYSTEM):
            steps.mark(history.UP_TO, now, {"until": now.isoformat()})
        progress(f"Mesures depuis la dernière fois : {written}")


def steps_of(progress: Progress, *, devices: int, days: int) -> list[Step]:
    """Return the steps in order; each needs those before it."""

    def packs(anchor: datetime) -> str:
        load_packs(PACKS, now=anchor, progress=progress)
        return "à jour"

    def fleet_of(anchor: datetime) -> str:
        return fleet.devices(anchor, count=devices)

    def measured(anchor: datetime) -> str:
        return history.write(_first_frames(anchor), days=days, episodes=alarms.episodes(anchor))

    return [
        Step("packs", "Accords-cadres et profils d'équipements", packs, own_transactions=True),
        Step("bodies", "Bénéficiaires et titulaires", parties.bodies),
        Step("sites", "Sites et services", places.sites),
        Step("people", "Utilisateurs", parties.people),
        Step("gateways", "Réseau LoRaWAN", places.gateways),
        Step("devices", "Capteurs", fleet_of),
        Step("rules", "Règles de seuil", fleet.rules),
        Step("history", "Six mois de mesures", measured, own_transactions=True),
        Step("past", "Incidents et alarmes passés", past),
        Step("frames", "Mesures des dernières heures", last_hours, own_transactions=True),
        Step("present", "Incidents et alarmes en cours", present),
    ]


def _first_frames(anchor: datetime) -> datetime:
    """Return the midnight (UTC) from which measurements are written as frames."""
    return datetime.combine((anchor - AS_FRAMES).astimezone(UTC).date(), time(0), tzinfo=UTC)


def last_hours(anchor: datetime) -> str:
    """Write the frames since the last closed day: latest values, and the alarms that they raise."""
    since = _first_frames(anchor) - timedelta(milliseconds=1)
    written = history.catch_up(since=since, now=anchor, episodes=alarms.episodes(anchor))
    with scoped(SYSTEM):
        steps.mark(history.UP_TO, anchor, {"until": anchor.isoformat()})
    return f"{written} mesures"


def past(anchor: datetime) -> str:
    """Play the incidents and the alarms that began days ago, in their order."""
    story = Story(anchor)
    story.hear(places.installed_on(anchor))  # what the earlier steps announced
    tales = list(incidents.past(anchor))
    over = alarms.past(story)
    read = Happening(anchor - READ_UNTIL, lambda story: story.everybody_reads(anchor - READ_UNTIL))
    _play(story, [*over, *_declared(tales), read])
    return f"{len(tales)} incidents déclarés, {len(over)} alarmes terminées"


def present(anchor: datetime) -> str:
    """Play the last hours: alarms that stand, incidents that wait for somebody."""
    story = Story(anchor)
    for raised_at in Alarm.objects.filter(cleared_at=None).order_by("raised_at").values_list("raised_at", flat=True):
        story.hear(raised_at + timedelta(seconds=2))
    tales = list(incidents.present(anchor))
    _play(story, [*_declared(tales), alarms.now_silent(anchor)])
    standing = Alarm.objects.filter(cleared_at=None).count()
    return f"{len(tales)} incidents déclarés, {standing} alarmes actives"


def _declared(tales: Iterable[Tale]) -> list[Happening]:
    return [Happening(tale.informed_at, partial(Story.tell, tale=tale)) for tale in tales]


def _play(story: Story, happenings: Iterable[Happening]) -> None:
    for happening in sorted(happenings, key=lambda one: one.at):
        happening.play(story)
