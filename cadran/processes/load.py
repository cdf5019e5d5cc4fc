"""``cadran load``: put the packs of this version in force; ``--check`` only reads them.

Loading the same packs again changes nothing. Running cases keep the service levels they were opened under. An
interruption leaves each agreement, and the device profiles, either as before or as after.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cadran.kernel.config import CHECKOUT, load
from cadran.kernel.errors import DomainError
from cadran.kernel.packs import PackError

if TYPE_CHECKING:
    from cadran.servicedesk.packs import AgreementFiles

SUMMARY = "charge les accords-cadres et les profils d'équipements ; --check les vérifie sans base"
PACKS = CHECKOUT / "packs"

Progress = Callable[[str], None]


def main(argv: list[str]) -> int:
    """Load, or check: 0 when every pack is right, 1 when one has a mistake (nothing of that pack is loaded)."""
    parser = argparse.ArgumentParser(prog="cadran load", description=SUMMARY, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="lire et vérifier les fichiers, sans rien charger")
    parser.add_argument("--packs", type=Path, default=PACKS, metavar="DOSSIER", help=f"dossier des packs ({PACKS})")
    options = parser.parse_args(argv)
    if options.check:
        return check(options.packs)
    from cadran.processes.startup import database_running, setup_django

    with database_running(load()):
        setup_django()
        load_packs(options.packs, now=datetime.now(UTC), progress=print)
    return 0


def check(folder: Path) -> int:
    """Read every pack; print one line a pack, and each mistake with its file, line and remedy."""
    mistakes = 0
    for name, read in _readers(folder):
        try:
            print(f"{name} : {read()}")
        except PackError as error:
            mistakes += 1
            print(f"{name} : {error.message}", file=sys.stderr)
    return 1 if mistakes else 0


def _readers(folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    for directory in agreements(folder):
        yield directory.name, lambda directory=directory: described(read_agreement(directory))  # type: ignore[misc]
    yield "devices", lambda: f"{read_devices(folder)} profils d'équipements, exemples des codecs rejoués"


def agreements(folder: Path) -> list[Path]:
    """Return the directories of the agreements, by name; refuse a folder that has none."""
    root = folder / "agreements"
    found = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if not found:
        raise DomainError(f"{root} ne contient aucun accord-cadre. Donnez le dossier des packs : cadran load --packs …")
    return found


def read_agreement(directory: Path) -> AgreementFiles:
    """Return the four files of an agreement, checked together; PackError at the first mistake."""
    from cadran.servicedesk.packs import load_agreement_files

    return load_agreement_files(directory)


def described(files: AgreementFiles) -> str:
    """Return what an agreement's files hold, in one line."""
    levels = files.levels
    return (
        f"{len(files.agreement.lots)} lot(s), {len(levels.delays)} lignes de délais, {len(levels.pauses)} motifs de "
        f"suspension, {len(files.alarms.alarms)} alarmes, {len(files.penalties.penalties)} pénalités"
    )


def read_devices(folder: Path) -> int:
    """Read the device packs and run the examples of their codecs; return how many there are; PackError."""
    from cadran.telemetry.decoders import DecoderPool
    from cadran.telemetry.device_packs import failing_examples, load_devices

    packs = load_devices(folder / "devices")
    pool = DecoderPool()
    try:
        for error in failing_examples(packs, pool):
            raise error
    finally:
        pool.close()
    return len(packs)


def load_packs(folder: Path, *, now: datetime, progress: Progress) -> None:
    """Put agreements, service levels, alarm policies and device profiles in force; Django is set up.

    Raises:
        PackError: a file is wrong; names file, line and remedy. What was loaded before it stays loaded.
        ProfileInUse: a profile would change the meaning of stored measurements.
    """
    from cadran.commitments.services import load_service_levels
    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.parties.services import load_agreement
    from cadran.servicedesk.selectors import alarm_policy
    from cadran.servicedesk.services import load_alarm_policy
    from cadran.telemetry.services import load_profiles

    for directory in agreements(folder):
        began = time.monotonic()
        files = read_agreement(directory)
        with scoped(SYSTEM):
            load_agreement(viewer=SYSTEM, directory=directory, now=now)
            load_service_levels(viewer=SYSTEM, levels=files.levels, now=now)
            if alarm_policy(agreement_code=files.alarms.agreement) != files.alarms:
                load_alarm_policy(viewer=SYSTEM, alarms=files.alarms, now=now)
        progress(f"{directory.name} : {described(files)} ({time.monotonic() - began:.1f} s)")
    began = time.monotonic()
    with scoped(SYSTEM):
        profiles = load_profiles(folder=folder / "devices", now=now)
    progress(f"Profils d'équipements : {len(profiles)} ({time.monotonic() - began:.1f} s)")
