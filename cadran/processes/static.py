"""Gather, compress and fingerprint the site's files in ``data_dir/static``; quick when nothing changed."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

from cadran.kernel.config import CHECKOUT, load
from cadran.processes.startup import setup_django

SUMMARY = "rassemble les fichiers du site (styles, scripts, images)"
PACKAGES_WITH_FILES = ("Django", "django-allauth", "whitenoise")


def main(argv: list[str]) -> int:
    """Gather the files unless those already gathered are the same; ``--force`` gathers anyway."""
    if argv not in ([], ["--force"]):
        print("Usage : cadran static [--force]")
        return 0 if argv[0] in ("-h", "--help") else 2
    target = load().data_dir / "static"
    stamp, current = target / ".gathered", fingerprint(CHECKOUT / "cadran")
    if not argv and stamp.exists() and stamp.read_text() == current:
        return 0
    setup_django()
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(current)
    print(f"{sum(path.is_file() for path in target.rglob('*'))} fichiers prêts")
    return 0


def fingerprint(root: Path) -> str:
    """Return a digest of the names, sizes and dates of every file under a ``static`` directory of ``root``."""
    digest = hashlib.sha256()
    for package in PACKAGES_WITH_FILES:
        digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    for directory in sorted(root.glob("*/static")):
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                state = path.stat()
                digest.update(f"{path.relative_to(root)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
