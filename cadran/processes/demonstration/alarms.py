"""What went wrong in the measurements, and the alarms it raised: cleared ones, and some that still stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cadran.inventory.models import Equipment
from cadran.kernel.scope import scoped
from cadran.lorawan.models import Gateway
from cadran.processes.demonstration import history
from cadran.processes.demonstration.curves import Episode, Trouble
from cadran.processes.demonstration.fleet import SERIAL
from cadran.processes.demonstration.story import Act, Story
from cadran.processes.demonstration.when import working_time
from cadran.servicedesk.models import Incident
from cadran.simulator.identities import device_identity, gateway_eui
from cadran.telemetry import rules as telemetry_rules
from cadran.telemetry import services as telemetry
from cadran.telemetry.models import Alarm, ThresholdRule

WARM_NOW: Final = 21  # a cold room of the central kitchen
SILENT_NOW: Final = 97  # a meter of the town hall
SILENT_ONCE: Final = 264  # a room of the Jean-Zay school
GATEWAY_ONCE: Final = 3  # the gymnasium's


def episodes(anchor: datetime) -> list[Episode]:
    """Return everything that goes wrong in the measurements; it depends on ``anchor`` alone."""

    def one(rank: int, trouble: Trouble, days_ago: int, at: str, hours: float, size: float = 0.0) -> Episode:
        start = working_time(anchor, days_ago=days_ago, at=at)
        return Episode(rank, trouble, start, start + timedelta(hours=hours), size)

    return [
        one(11, Trouble.WARM, 128, "14:35", 3.2, 7.5),
        one(311, Trouble.WARM, 84, "10:20", 1.8, 6.2),
        one(1211, Trouble.WARM, 47, "16:50", 2.6, 8.1),
        one(31, Trouble.WARM, 12, "05:40", 2.1, 6.8),
        one(162, Trouble.STUFFY, 19, "10:05", 2.5, 1_250.0),
        one(83, Trouble.LEAK, 45, "20:00", 9 * 24, 62.0),
        one(SILENT_ONCE, Trouble.SILENT, 63, "09:12", 31),
        Episode(533, Trouble.LEAK, anchor - timedelta(days=6), anchor, 38.0),
        Episode(WARM_NOW, Trouble.WARM, anchor - timedelta(hours=2, minutes=20), anchor + timedelta(hours=4), 7.2),
        Episode(SILENT_NOW, Trouble.SILENT, anchor - timedelta(hours=5.5), anchor + timedelta(hours=30)),
    ]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something of the past to play at its instant, between two incidents."""

    at: datetime
    play: Callable[[Story], object]


def past(story: Story) -> list[Happening]:
    """Return the alarms that are over: of thresholds, of a silent gateway, of a silent device."""
    found = [_gateway_silence(story.anchor), _device_silence(story.anchor)]
    senders = {sender.spot.rank: sender for sender in history.senders()}
    for episode in episodes(story.anchor):
        over = episode.trouble in (Trouble.WARM, Trouble.STUFFY) and episode.end < story.anchor
        if over and episode.rank in senders:
            found.append(_threshold(episode, senders[episode.rank]))
    return found


def _threshold(episode: Episode, sender: history.Sender) -> Happening:
    """The alarm that an episode raised in the history, judged by the very rule that watches the device today."""
    row = ThresholdRule.objects.get(point__mountings__equipment_id=sender.device_id)
    rule = telemetry_rules.ThresholdRule(
        rule_id=row.pk,
        comparison=telemetry_rules.Comparison(row.comparison),
        threshold=row.threshold,
        hysteresis=row.hysteresis,
        duration=timedelta(seconds=row.duration_s),
    )
    raised, cleared = _judged(rule, sender, episode)

    def play(story: Story) -> None:
        point = row.point
        alarm, _ = telemetry.raise_alarm(
            owner_id=row.owner_id,
            origin_key=f"rule:{row.pk}",
            code="threshold.business",
            kind=row.kind,
            title=row.label,
            detail=f"Mesure au-dessus du seuil de {row.threshold:g}.",
            site_id=point.site_id,
            service_id=point.service_id,
            equipment_id=sender.device_id,
            point_id=point.pk,
            rule_id=row.pk,
            value=raised.value,
            raised_at=raised.at,
        )
        story.hear(raised.at + timedelta(seconds=2))
        seen = raised.at + timedelta(minutes=11)
        if seen < cleared.at:
            viewer = story.viewer("technicien" if sender.spot.place.body == "valmont" else "hopital", seen)
            with scoped(viewer):
                telemetry.acknowledge_alarm(viewer=viewer, alarm_id=alarm.pk, now=seen)
        telemetry.clear_alarm(owner_id=row.owner_id, origin_key=f"rule:{row.pk}", at=cleared.at)
        story.hear(cleared.at + timedelta(seconds=2))

    return Happening(raised.at, play)


def _judged(
    rule: telemetry_rules.ThresholdRule, sender: history.Sender, episode: Episode
) -> tuple[telemetry_rules.Raised, telemetry_rules.Cleared]:
    """Run the rule over the measurements around an episode."""
    state = telemetry_rules.RuleState()
    raised = None
    day = episode.start.astimezone(UTC).date()
    while True:
        offsets, columns = history.measured(sender.spot, day, [episode])
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for offset, value in zip(offsets, columns[0], strict=True):
            at = midnight + timedelta(milliseconds=offset)
            state, transition = telemetry_rules.evaluate(rule, state, at, value)
            if isinstance(transition, telemetry_rules.Raised):
                raised = transition
            elif transition is not None and raised is not None:
                return raised, transition
        day += timedelta(days=1)


def _gateway_silence(anchor: datetime) -> Happening:
    started = working_time(anchor, days_ago=38, at="08:37")

    def play(story: Story) -> None:
        gateway = Gateway.objects.select_related("equipment").get(eui=f"{gateway_eui(GATEWAY_ONCE):016x}")
        key = f"gateway:{gateway.pk}:silent"
        alarm, _ = telemetry.raise_alarm(
            owner_id=gateway.owner_id,
            origin_key=key,
            code="gateway.silent",
            kind="service",
            title=f"La passerelle {gateway.equipment.name} ne répond plus",
            detail=f"Aucun signe de vie depuis plus de {gateway.silent_after_s} s.",
            site_id=gateway.equipment.site_id,
            service_id=gateway.equipment.service_id,
            equipment_id=gateway.equipment_id,
            raised_at=started,
        )
        _handled(story, alarm, key, taken=timedelta(minutes=26), over=timedelta(hours=2, minutes=10), who="reseau")

    return Happening(started, play)


def _device_silence(anchor: datetime) -> Happening:
    episode = next(one for one in episodes(anchor) if one.rank == SILENT_ONCE)
    started = episode.start + timedelta(hours=4)

    def play(story: Story) -> None:
        device = equipment_of(SILENT_ONCE)
        if device is None:
            return
        key = f"device:{device.pk}:silent"
        alarm, _ = telemetry.raise_alarm(
            owner_id=device.owner_id,
            origin_key=key,
            code="device.silent",
            kind="service",
            title=f"{device.name} n’envoie plus rien",
            detail="Aucune trame depuis plus de 240 min, la limite de cet équipement.",
            site_id=device.site_id,
            service_id=device.service_id,
            equipment_id=device.pk,
            raised_at=started,
        )
        _handled(story, alarm, key, taken=timedelta(hours=3), over=episode.end - started, who="agent")

    return Happening(started, play)


def _handled(story: Story, alarm: Alarm, key: str, *, taken: timedelta, over: timedelta, who: str) -> None:
    """The life of a service alarm's incident: opened by the alarm, taken in charge, restored by the measurement."""
    start = alarm.raised_at
    story.hear(start + timedelta(seconds=3))
    incident = Incident.objects.get(alarm=alarm)
    story.act(incident.pk, Act(taken, "take_in_charge", who), start + taken)
    telemetry.clear_alarm(owner_id=alarm.owner_id, origin_key=key, at=start + over)
    story.hear(start + over + timedelta(seconds=3))
    story.act(incident.pk, Act(timedelta(days=1), "close", "agent"), start + over + timedelta(days=1))


def now_silent(anchor: datetime) -> Happening:
    """Return the moment when the device that stopped sending is noticed, as by the clock."""
    episode = next(one for one in episodes(anchor) if one.rank == SILENT_NOW)
    noticed = episode.start + timedelta(hours=4, minutes=1)

    def play(story: Story) -> None:
        telemetry.check_silence(now=noticed)
        story.hear(noticed + timedelta(seconds=3))

    return Happening(noticed, play)


def equipment_of(rank: int) -> Equipment | None:
    """Return the registered device of a rank, if the load went that far."""
    return Equipment.objects.filter(serial=SERIAL.format(rank), eui=f"{device_identity(rank).dev_eui:016x}").first()
