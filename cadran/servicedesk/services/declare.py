"""Declare an incident: by a person through any channel, or by a service alarm."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from cadran.commitments import selectors as commitments
from cadran.commitments import services as cases
from cadran.commitments.rules import FactKind, IncidentType, Priority
from cadran.commitments.selectors import Levels
from cadran.commitments.services import NewFact
from cadran.inventory import selectors as inventory
from cadran.kernel import sequences
from cadran.kernel.errors import DomainError, InvalidInput, NotFound
from cadran.kernel.viewer import SYSTEM, Viewer
from cadran.parties import selectors as parties
from cadran.servicedesk import rules, selectors
from cadran.servicedesk.events import IncidentDeclared
from cadran.servicedesk.models import Incident
from cadran.servicedesk.services import common

if TYPE_CHECKING:
    from cadran.inventory.models import Service

SUBJECT = "servicedesk.incident"
SERIES = "incident"
LEGAL_ZONE = ZoneInfo("Europe/Paris")  # where the holder's year begins, whatever the site's zone


class ServiceEnded(DomainError):
    """The service was no longer owed on the day of the information."""

    code = "servicedesk.service_ended"

    def __init__(self, *, service: str, ended_on: date) -> None:
        super().__init__(
            f"Le service {service} est terminé depuis le {ended_on:%d/%m/%Y} : plus aucun délai n’y court."
            " Choisissez un service en cours, ou écrivez à votre responsable de compte."
        )


@transaction.atomic
def declare_incident(
    *,
    viewer: Viewer,
    service_id: int,
    title: str,
    description: str = "",
    criteria: Collection[str] = (),
    incident_type: str | None = None,
    priority: str | None = None,
    priority_reason: str = "",
    channel: str,
    informed_at: datetime,
    origin_key: str,
    alarm_id: int | None = None,
    alarm_origin: str = "",
    equipment_id: int | None = None,
    now: datetime,
) -> Incident:
    """Open an incident on a running service and start its clocks at ``informed_at``, the *first* information.

    The same ``origin_key`` of one beneficiary never opens two: the second call returns the first incident. The type
    follows the ticked criteria; receipt is acknowledged at once (CCTP IoT 6.6), which stops no clock. Beneficiary or
    not that day, an incident on a running service is accepted (docs/rules/incidents.md).
    Raises: NotFound, NotAllowed, InvalidInput, PriorityRefused, ServiceEnded, NoServiceLevels, NoHolder.
    """
    service = _service_owed(viewer, service_id, informed_at, now)
    known = Incident.objects.filter(owner_id=service.owner_id, origin_key=origin_key).first()
    if known is not None:
        return known
    row = Incident(
        origin_key=origin_key,
        alarm_id=alarm_id,
        alarm_origin=alarm_origin,
        equipment_id=_equipment_of(viewer, equipment_id, service),
        title=_title(title),
        description=description,
        criteria=sorted(criteria),
        priority_reason=priority_reason,
        channel=channel,
        informed_at=informed_at,
    )
    return _open_once(viewer, row, service, incident_type, priority, now)


def _open_once(
    viewer: Viewer, row: Incident, service: Service, incident_type: str | None, priority: str | None, now: datetime
) -> Incident:
    """Qualify the report and open it; whoever loses a race for the origin gets the winner's incident."""
    _check_running(service, row.informed_at)
    levels = commitments.levels_in_force(agreement_code=service.lot.agreement.code)
    type_, chosen = commitments.typing_of(
        levels=levels,
        criteria=row.criteria,
        incident_type=incident_type,
        priority=priority,
        priority_reason=row.priority_reason,
    )
    row.type, row.priority = type_, chosen
    row.owner_id, row.service, row.site_id, row.lot_id = service.owner_id, service, service.site_id, service.lot_id
    row.awaits_writing = _written_confirmation(levels, row.channel)
    row.created_at = now
    try:
        with transaction.atomic():
            return _open(viewer, row, service, levels, type_, chosen, now)
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) != "one_incident_per_origin":
            raise
        return Incident.objects.get(owner_id=service.owner_id, origin_key=row.origin_key)


def _open(
    viewer: Viewer,
    row: Incident,
    service: Service,
    levels: Levels,
    incident_type: IncidentType,
    priority: Priority,
    now: datetime,
) -> Incident:
    """Open the case, take the number, write the row: a race lost at the last step gives everything back."""
    agreement = service.lot.agreement
    informed_on = row.informed_at.astimezone(ZoneInfo(service.site.zone)).date()
    row.outside_convention = not parties.is_beneficiary(
        organisation_id=row.owner_id, agreement_id=agreement.pk, day=informed_on
    )
    case, verdicts = cases.open_case(
        viewer=viewer,
        owner_id=row.owner_id,
        subject_type=SUBJECT,
        levels=levels,
        lot_id=row.lot_id,
        lot_number=service.lot.number,
        site_id=row.site_id,
        service_class=service.service_class,
        option_24_7=service.option_24_7,
        incident_type=incident_type,
        priority=priority,
        territory=service.site.territory,
        zone=service.site.zone,
        facts=_first_facts(row, now),
        now=now,
    )
    row.case = case
    _number(row, service, now)
    row.save(force_insert=True)
    common.show_clocks(row, verdicts)
    event = IncidentDeclared(
        incident_id=row.pk,
        owner_id=row.owner_id,
        number=row.number,
        service_id=row.service_id,
        site_id=row.site_id,
        lot_id=row.lot_id,
        incident_type=row.type,
        priority=row.priority,
        channel=row.channel,
        informed_at=row.informed_at,
        alarm_id=row.alarm_id,
    )
    return common.finish(viewer, row, "declared", now, event, channel=row.channel, origin=row.origin_key)


def _number(row: Incident, service: Service, now: datetime) -> None:
    """Take the next number of the holder's series; its row stays locked until the incident is committed."""
    today = now.astimezone(LEGAL_ZONE).date()
    row.issuer = selectors.issuer_of(lot=service.lot, day=today)
    rank = sequences.next_number(legal_entity=row.issuer, kind=SERIES, year=today.year)
    row.number = rules.number_of(today.year, rank)


def _first_facts(row: Incident, now: datetime) -> list[NewFact]:
    return [
        NewFact(FactKind.INFORMED, row.informed_at, {"channel": row.channel}),
        NewFact(
            FactKind.QUALIFIED,
            now,
            {"type": row.type, "priority": row.priority, "criteria": ", ".join(row.criteria)},
        ),
        # The holder owes an acknowledgement (CCTP IoT 6.6); the platform gives it for him, and no clock stops on it.
        NewFact(FactKind.ACKNOWLEDGED, now, {"automatic": "yes"}, by=SYSTEM.name),
    ]


def _service_owed(viewer: Viewer, service_id: int, informed_at: datetime, now: datetime) -> Service:
    service = inventory.service(viewer=viewer, service_id=service_id)
    viewer.require("incident.declare", owner_id=service.owner_id, lot_id=service.lot_id, site_id=service.site_id)
    if informed_at > now:
        raise InvalidInput("Heure de l’information", "elle est dans le futur.", "Donnez un instant passé ou présent.")
    return service


def _check_running(service: Service, informed_at: datetime) -> None:
    day = informed_at.astimezone(ZoneInfo(service.site.zone)).date()
    if service.ended_on is not None and day > service.ended_on:
        raise ServiceEnded(service=service.name, ended_on=service.ended_on)
    if day < service.started_on:
        raise InvalidInput(
            "Heure de l’information",
            f"le service {service.name} n’a commencé que le {service.started_on:%d/%m/%Y}.",
            "Corrigez-la, ou choisissez le service qui était dû ce jour-là.",
        )


def _title(title: str) -> str:
    if not title.strip():
        raise InvalidInput("Objet", "il est vide.", "Dites en une phrase ce qui ne va pas.")
    return title.strip()[:200]


def _written_confirmation(levels: Levels, channel: str) -> bool:
    known = {line.code: line.written_confirmation for line in levels.content.channels}
    if channel not in known or channel not in Incident.Channel.values:
        raise InvalidInput("Canal", f"« {channel} » est inconnu.", f"Choisissez parmi : {', '.join(known)}.")
    return known[channel]


def _equipment_of(viewer: Viewer, equipment_id: int | None, service: Service) -> int | None:
    if equipment_id is None:
        return None
    found = inventory.equipment(viewer=viewer, equipment_id=equipment_id)
    if found.owner_id != service.owner_id:
        raise NotFound("L’équipement", equipment_id)
    return found.pk
