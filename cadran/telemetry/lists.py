"""The lists of telemetry, and the words for values, alarms and silences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import (
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce, Greatest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.kernel.calendars import zone_named
from cadran.telemetry.models import Alarm, AlarmKind, Latest, Source, ThresholdRule
from cadran.ui import times
from cadran.ui.icons import State, badge
from cadran.ui.lists import Choice, Column, Empty, Liste, Text
from cadran.ui.lists.declare import Rows, Words
from cadran.ui.lists.table import cell_words

# --- values ---------------------------------------------------------------------------------------------------------

UNITS: Final[Mapping[str, str]] = {"1": "", "m3": "m³", "m2": "m²"}  # as people write them; others are written so
DIGITS: Final[Mapping[str, int]] = {"°C": 1, "%": 0, "ppm": 0, "1": 0, "m3": 3}  # decimals worth reading
YES_NO: Final = frozenset({"opening", "occupancy"})  # quantities that answer yes (1) or no (0)


def unit_words(unit: str) -> str:
    """Return a unit as people write it; nothing for a number without unit."""
    return UNITS.get(unit, unit)


def digits_of(unit: str) -> int:
    """Return how many decimals a value in that unit deserves."""
    return DIGITS.get(unit, 2)


def value_words(value: float | None, *, unit: str, quantity: str = "") -> str:
    """Return "4,5 °C", "oui", or a dash when nothing was measured."""
    if value is None:
        return "—"
    if quantity in YES_NO and value in (0.0, 1.0):
        return _("oui") if value else _("non")
    written = times.number(value, digits_of(unit))
    return f"{written}{times.THIN}{unit_words(unit)}" if unit_words(unit) else written


def limit_words(rule: ThresholdRule, unit: str) -> str:
    """Return the wrong side of a rule's limit: "au-dessus de 4 °C"."""
    limit = value_words(rule.threshold, unit=unit)
    if rule.comparison == ThresholdRule.Comparison.ABOVE:
        return _("au-dessus de {limit}").format(limit=limit)
    return _("au-dessous de {limit}").format(limit=limit)


def condition_words(rule: ThresholdRule, unit: str) -> str:
    """Return what a rule watches for: "au-dessus de 4 °C pendant 30 min"."""
    said = limit_words(rule, unit)
    if not rule.duration_s:
        return said
    return _("{condition} pendant {duration}").format(
        condition=said, duration=times.duration(timedelta(seconds=rule.duration_s))
    )


# --- alarms ---------------------------------------------------------------------------------------------------------

ALARM_STATES: Final[Mapping[str, tuple[State, Words]]] = {
    Alarm.State.ACTIVE: (State.LATE, gettext_lazy("Active")),
    Alarm.State.ACKNOWLEDGED: (State.WAIT, gettext_lazy("Prise en compte")),
    Alarm.State.CLEARED: (State.OK, gettext_lazy("Terminée")),
}
ALARM_KINDS: Final[Mapping[str, Words]] = {
    AlarmKind.SERVICE: gettext_lazy("Service (engagements du titulaire)"),
    AlarmKind.BUSINESS: gettext_lazy("Métier (votre activité)"),
}
KINDS_SHORT: Final[Mapping[str, Words]] = {
    AlarmKind.SERVICE: gettext_lazy("Service"),
    AlarmKind.BUSINESS: gettext_lazy("Métier"),
}
OPEN: Final = "ouvertes"


def alarm_badge(alarm: Alarm) -> SafeString:
    """Return the state of an alarm: shape, word, colour."""
    return badge(*ALARM_STATES[alarm.state])


def alarm_lasted(alarm: Alarm, now: datetime) -> timedelta:
    """Return how long the alarm lasted, or has lasted so far."""
    return (alarm.cleared_at or now) - alarm.raised_at


class Alarms(Liste):
    """Every alarm the reader may see."""

    name = "alarmes"
    caption = gettext_lazy("Alarmes")
    default_sort = "-levee"
    live = "alarm"
    filters = (
        Choice(
            name="etat",
            label=gettext_lazy("État"),
            choices=(
                (OPEN, gettext_lazy("Ouvertes")),
                (Alarm.State.ACTIVE.value, gettext_lazy("À prendre en compte")),
                (Alarm.State.ACKNOWLEDGED.value, gettext_lazy("Prises en compte")),
                (Alarm.State.CLEARED.value, gettext_lazy("Terminées")),
            ),
            where=lambda rows, value: _by_alarm_state(rows, value),
        ),
        Choice(name="nature", label=gettext_lazy("Nature"), choices=tuple(KINDS_SHORT.items()), where="kind"),
        Text(name="site", label=gettext_lazy("Site contient"), fields=("site__name", "site__code")),
    )
    empty = Empty(
        title=gettext_lazy("Aucune alarme"),
        text=gettext_lazy("Ni seuil franchi ni équipement muet. Un seuil sur un point de mesure vous préviendra."),
        action=gettext_lazy("Voir les points de mesure"),
    )

    def __init__(self, *, now: datetime, owners: bool) -> None:
        self.empty = Empty(
            title=type(self).empty.title,
            text=type(self).empty.text,
            action=type(self).empty.action,
            url=reverse("telemetry:points"),
        )
        self.columns = (
            Column(key="alarme", label=_("Alarme"), value="title", row_header=True, link=_alarm_url),
            Column(key="etat", label=_("État"), value=_alarm_word, show=alarm_badge, sort="state"),
            Column(key="nature", label=_("Nature"), value=lambda alarm: str(KINDS_SHORT[alarm.kind]), sort="kind"),
            *([_owner_column()] if owners else []),
            Column(key="site", label=_("Site"), value="site.name", sort="site__name"),
            Column(key="levee", label=_("Levée le"), value="raised_at", show=_raised, sort="raised_at",
                   numeric=True),
            Column(
                key="duree",
                label=_("Durée"),
                value=lambda alarm: times.duration(alarm_lasted(alarm, now)),
                numeric=True,
            ),
            Column(key="par", label=_("Prise en compte par"), value="acknowledged_by"),
            Column(key="fin", label=_("Terminée le"), value="cleared_at", export_only=True),
            Column(key="detail", label=_("Détail"), value="detail", export_only=True),
        )  # fmt: skip

    def row_class(self, row: Any) -> str:
        """Mark what nobody has taken in charge."""
        return "is-late" if row.state == Alarm.State.ACTIVE else ""


def _owner_column() -> Column:
    return Column(key="beneficiaire", label=_("Bénéficiaire"), value="owner.name", sort="owner__name")


def _alarm_url(alarm: Alarm) -> str:
    return reverse("telemetry:alarm", args=[alarm.pk])


def _alarm_word(alarm: Alarm) -> str:
    return str(ALARM_STATES[alarm.state][1])


def _raised(alarm: Alarm) -> SafeString:
    return times.time_html(alarm.raised_at, zone=zone_named(alarm.site.zone), short=True)


def _by_alarm_state(rows: Rows, value: str) -> Rows:
    assert isinstance(rows, QuerySet)
    return rows.filter(cleared_at__isnull=True) if value == OPEN else rows.filter(state=value)


# --- measuring points -----------------------------------------------------------------------------------------------


def with_latest(points: QuerySet[Any], *, open_alarms: QuerySet[Alarm], now: datetime) -> QuerySet[Any]:
    """Add to measuring points what their device of now last said, whether it is silent, whether an alarm is open.

    Everything comes with the rows' own query. ``due``: a sign of life older than this is too old.
    """
    mounted = Source.objects.filter(
        equipment__mountings__point_id=OuterRef("pk"), equipment__mountings__during__contains=now
    )
    latest = Latest.objects.filter(device_id=OuterRef("device"))
    described: QuerySet[Any] = points.annotate(
        device=Subquery(mounted.values("pk")[:1]),
        quantities=Subquery(mounted.values("profile__quantities")[:1], output_field=JSONField()),
        registered_at=Subquery(mounted.values("registered_at")[:1]),
        silent_after_s=Subquery(mounted.values("silent_after_s")[:1]),
        last_at=Subquery(latest.values("ts")[:1]),
        last_values=Subquery(latest.values("values")[:1]),
        in_alarm=Exists(open_alarms.order_by().filter(point_id=OuterRef("pk"))),
    )
    return described


def point_state(point: Any, now: datetime) -> tuple[State, Words]:
    """Return the state of a point described by ``with_latest``."""
    if point.in_alarm:
        return State.LATE, _("En alarme")
    if point.device is None:
        return State.OFF, _("Sans capteur")
    if max(point.last_at or point.registered_at, point.registered_at) + timedelta(seconds=point.silent_after_s) < now:
        return (State.UNKNOWN, _("Muet")) if point.last_at else (State.UNKNOWN, _("Jamais entendu"))
    return (State.OK, _("Normal")) if point.last_at else (State.WAIT, _("En attente"))


def point_values(point: Any) -> str:
    """Return the two first values of a point described by ``with_latest``: what it is there for."""
    said = [
        value_words(value, unit=one["unit"], quantity=one["quantity"])
        if one["quantity"] not in YES_NO
        else f"{one['label']} : {value_words(value, unit=one['unit'], quantity=one['quantity'])}"
        for one, value in list(zip(point.quantities or (), point.last_values or (), strict=False))[:2]
        if value is not None
    ]
    return ", ".join(said)


class Points(Liste):
    """Every measuring point the reader may see."""

    name = "points"
    caption = gettext_lazy("Points de mesure")
    default_sort = "nom"
    live = "alarm"
    empty = Empty(
        title=gettext_lazy("Aucun point de mesure dans votre périmètre"),
        text=gettext_lazy("Un point (pièce, enceinte froide, canalisation…) apparaît ici dès qu’il est enregistré."),
    )

    def __init__(self, *, now: datetime, owners: bool, kinds: list[tuple[str, str]]) -> None:
        self.columns = (
            Column(key="nom", label=_("Point de mesure"), value="name", sort="name", row_header=True, link=_point_url),
            *([_owner_column()] if owners else []),
            Column(key="site", label=_("Site"), value="site.name", sort="site__name"),
            Column(key="nature", label=_("Nature"), value=lambda point: _(point.get_kind_display()), sort="kind"),
            Column(
                key="etat",
                label=_("État"),
                value=lambda point: str(point_state(point, now)[1]),
                show=lambda point: badge(*point_state(point, now)),
            ),
            Column(key="valeurs", label=_("Dernières valeurs"), value=point_values, numeric=True),
            Column(key="mesure", label=_("Mesuré le"), value="last_at", show=_measured, sort="last_at", nullable=True,
                   numeric=True),
        )  # fmt: skip
        self.filters = (
            Text(name="q", label=_("Nom contient"), fields=("name",)),
            Text(name="site", label=_("Site contient"), fields=("site__name", "site__code")),
            Choice(name="nature", label=_("Nature"), choices=kinds, where="kind"),
            Choice(
                name="etat",
                label=_("État"),
                choices=(("alarme", _("En alarme")), ("muet", _("Muets")), ("sans", _("Sans capteur"))),
                where=lambda rows, value: _by_point_state(rows, value, now),
            ),
        )

    def row_class(self, row: Any) -> str:
        """Mark the points in alarm."""
        return "is-late" if row.in_alarm else ""


def _point_url(point: Any) -> str:
    return reverse("telemetry:point", args=[point.pk])


def _measured(point: Any) -> object:
    if point.last_at is None:
        return cell_words(None)
    return times.time_html(point.last_at, zone=zone_named(point.site.zone), short=True)


def _by_point_state(rows: Rows, value: str, now: datetime) -> Rows:
    assert isinstance(rows, QuerySet)
    match value:
        case "alarme":
            return rows.filter(in_alarm=True)
        case "sans":
            return rows.filter(device__isnull=True)
    waiting = rows.filter(in_alarm=False, device__isnull=False, registered_at__lt=_due(now))
    return waiting.filter(Q(last_at__isnull=True) | Q(last_at__lt=_due(now)))


def _due(now: datetime) -> ExpressionWrapper[Any]:
    """Last sign of life + silence < now, written so that one number a row is multiplied."""
    return ExpressionWrapper(
        Value(now) - F("silent_after_s") * Value(timedelta(seconds=1)), output_field=DateTimeField()
    )


# --- what the fleet is told -----------------------------------------------------------------------------------------


def with_last_heard(fleet: QuerySet[Any]) -> QuerySet[Any]:
    """Add to equipment when it last measured and how long it may be silent."""
    source = Source.objects.filter(equipment_id=OuterRef("pk"))
    latest = Latest.objects.filter(device_id=OuterRef("pk")).values("ts")
    registered = source.values("registered_at")
    described: QuerySet[Any] = fleet.annotate(
        last_at=Subquery(latest[:1]),
        silent_after_s=Subquery(source.values("silent_after_s")[:1], output_field=IntegerField()),
        heard_at=Greatest(Coalesce(Subquery(latest[:1]), Subquery(registered[:1])), Subquery(registered[:1])),
    )
    return described


def heard_state(equipment: Any, now: datetime) -> tuple[State, Words] | None:
    """Return whether an equipment described by ``with_last_heard`` is heard; nothing for one that never sends."""
    if equipment.silent_after_s is None or equipment.retired_on is not None:
        return None
    if equipment.heard_at + timedelta(seconds=equipment.silent_after_s) < now:
        return (State.UNKNOWN, _("Muet")) if equipment.last_at else (State.UNKNOWN, _("Jamais entendu"))
    return (State.OK, _("Reçues")) if equipment.last_at else (State.WAIT, _("En attente"))


def heard_column(now: datetime) -> Column:
    """The fleet's column that says which equipment is silent."""

    def words(equipment: Any) -> str:
        state = heard_state(equipment, now)
        return str(state[1]) if state else ""

    def shown(equipment: Any) -> object:
        state = heard_state(equipment, now)
        return badge(*state) if state else cell_words(None)

    return Column(key="ecoute", label=_("Mesures"), value=words, show=shown)


def measured_column() -> Column:
    """The fleet's column that says when an equipment last measured."""

    def shown(equipment: Any) -> object:
        if equipment.last_at is None:
            return cell_words(None)
        return times.time_html(equipment.last_at, zone=zone_named(equipment.site.zone), short=True)

    return Column(
        key="mesure",
        label=_("Dernière mesure"),
        value="last_at",
        show=shown,
        sort="last_at",
        nullable=True,
        numeric=True,
    )


def heard_filter(now: datetime) -> Choice:
    """The fleet's filter for silent equipment."""

    def narrowed(rows: Rows, value: str) -> Rows:
        assert isinstance(rows, QuerySet)
        sending = rows.filter(silent_after_s__isnull=False, retired_on__isnull=True)
        return sending.filter(heard_at__lt=_due(now)) if value == "muets" else sending.filter(heard_at__gte=_due(now))

    return Choice(
        name="ecoute", label=_("Mesures"), choices=(("muets", _("Muet")), ("entendus", _("Reçues"))), where=narrowed
    )
