"""What an agreement says about an incident: its holder, its lists, and which alarm opens what."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from cadran.commitments import selectors as commitments
from cadran.inventory import selectors as inventory
from cadran.kernel.errors import DomainError
from cadran.kernel.identifiers import Siret
from cadran.kernel.viewer import SYSTEM, Viewer
from cadran.servicedesk import packs
from cadran.servicedesk.models import AlarmPolicy
from cadran.servicedesk.selectors.incidents import incident

if TYPE_CHECKING:
    from cadran.inventory.models import Service
    from cadran.parties.models import Lot


class NoHolder(DomainError):
    """Nobody has ever held the lot: no series of numbers, and nobody to inform."""

    code = "servicedesk.no_holder"

    def __init__(self, lot: str) -> None:
        super().__init__(f"Le {lot} n’a pas de titulaire. Demandez à la centrale d’achat de le renseigner.")


def issuer_of(*, lot: Lot, day: date) -> str:
    """Return the SIREN of the lot's holder (or lead of its consortium) that day, else of the last one before.

    One query. Raises NoHolder: nobody held the lot yet.
    """
    part = (
        lot.members.filter(role__in=["holder", "lead"], valid_during__startswith__lte=day)
        .select_related("company")
        .order_by("-valid_during")
        .first()
    )
    if part is None:
        raise NoHolder(str(lot))
    return str(Siret.parse(part.company.siret).siren)


def alarm_policy(*, agreement_code: str) -> packs.Alarms | None:
    """Return the version of ``alarms.yaml`` loaded last, None before the first (one query). Same for every reader."""
    row = AlarmPolicy.objects.filter(agreement_code=agreement_code).order_by("-loaded_at", "-id").first()
    return msgspec.convert(row.content, packs.Alarms) if row else None


def levels_of_incident(*, viewer: Viewer, incident_id: int) -> commitments.Levels:
    """Return the service levels frozen in a visible incident (two queries)."""
    found = incident(viewer=viewer, reference=incident_id)
    return commitments.levels_of_case(viewer=viewer, case_id=found.case_id)


def pause_reasons(*, viewer: Viewer, incident_id: int) -> list[tuple[str, str]]:
    """Return the reasons for which a visible incident may be paused, as (code, label) (two queries)."""
    levels = levels_of_incident(viewer=viewer, incident_id=incident_id)
    return [(reason.code, reason.label) for reason in levels.content.pauses]


def criteria_of(*, viewer: Viewer, service_id: int) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the lines to tick for an incident on a visible service, as (type, [(code, text)]) (two queries)."""
    service = inventory.service(viewer=viewer, service_id=service_id)
    levels = commitments.levels_in_force(agreement_code=service.lot.agreement.code)
    return [
        (line.label, [(criterion.code, criterion.text) for criterion in line.criteria])
        for line in levels.content.incident_types
    ]


def service_for_alarm(
    *, code: str, owner_id: int, site_id: int, service_id: int | None, equipment_id: int | None
) -> Service | None:
    """Return the running service an alarm is about: its own, its equipment's, else the site's.

    Of several services on the site: the oldest one whose agreement lists that alarm. None when no service is owed
    there (three queries and one per agreement).
    """
    running = inventory.services(viewer=SYSTEM).filter(owner_id=owner_id).exclude(state="ended")
    if service_id is None and equipment_id is not None:
        service_id = inventory.equipment(viewer=SYSTEM, equipment_id=equipment_id).service_id
    if service_id is not None:
        found = running.filter(pk=service_id).first()
        if found is not None:
            return found
    for candidate in running.filter(site_id=site_id).order_by("id"):
        policy = alarm_policy(agreement_code=candidate.lot.agreement.code)
        if policy is not None and policy.line(code) is not None:
            return candidate
    return None
