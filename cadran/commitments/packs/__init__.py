"""The packs of commitments: service levels and penalties of an agreement, read, checked and turned into promises."""

from pathlib import Path

from cadran.commitments.packs.checks import check_levels
from cadran.commitments.packs.penalties import Penalties, Penalty, load_penalties
from cadran.commitments.packs.promises import (
    NoSuchDelay,
    availability_promised,
    check_pair,
    commitments_for,
    default_priority,
    facts_for,
    windows_for,
)
from cadran.commitments.packs.schema import ClockName, Delay, Delays, Pair, PauseReason, ServiceLevels, TypeLine
from cadran.kernel.packs import read_located
from cadran.parties.packs import AgreementPack, check_agreement_code, check_sources


def load_service_levels(directory: Path, agreement: AgreementPack) -> ServiceLevels:
    """Read and check ``service_levels.yaml`` beside its agreement; raise the first ``PackError``."""
    located = read_located(directory / "service_levels.yaml", ServiceLevels)
    check_agreement_code(located, located.value.agreement, agreement)
    check_sources(located, agreement)
    check_levels(located, agreement)
    return located.value


__all__ = [
    "ClockName",
    "Delay",
    "Delays",
    "NoSuchDelay",
    "Pair",
    "PauseReason",
    "Penalties",
    "Penalty",
    "ServiceLevels",
    "TypeLine",
    "availability_promised",
    "check_pair",
    "commitments_for",
    "default_priority",
    "facts_for",
    "load_penalties",
    "load_service_levels",
    "windows_for",
]
