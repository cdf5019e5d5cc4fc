"""What happened to parties."""

from __future__ import annotations

from cadran.kernel.events import Event


class AgreementLoaded(Event, frozen=True):
    """An agreement's pack was loaded, for the first time or in a new version."""

    agreement_id: int
    code: str


class BeneficiariesImported(Event, frozen=True):
    """A file of beneficiaries was applied."""

    created: int
    updated: int


class OrganisationAbsorbed(Event, frozen=True):
    """An organisation ceased and another took its place (merged communes)."""

    organisation_id: int
    successor_id: int
