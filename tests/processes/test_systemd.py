"""The unit files: accepted by systemd, one per process, each command known."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cadran.__main__ import command_name, commands
from cadran.processes.up import PROCESSES

CHECKOUT = Path(__file__).parents[2]
UNITS = sorted((CHECKOUT / "deploy" / "systemd").glob("*.service"))
INSTALLED = "/opt/cadran/.venv/bin/cadran"


def verify(unit: Path, directory: Path, *, also: str = "") -> subprocess.CompletedProcess[str]:
    """Verify a unit as if Cadran were installed where it says (systemd wants the program to exist)."""
    tool = shutil.which("systemd-analyze")
    assert tool is not None, "systemd-analyze is missing: apt-get install -y systemd"
    copy = directory / unit.name
    copy.write_text(unit.read_text().replace(INSTALLED, sys.executable).replace("[Service]", f"[Service]\n{also}"))
    return subprocess.run([tool, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_accepts_the_unit_without_a_word(unit: Path, tmp_path: Path) -> None:
    done = verify(unit, tmp_path)
    said = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
    assert (done.returncode, said) == (0, []), done.stderr


def test_a_misspelt_directive_would_be_seen(tmp_path: Path) -> None:
    done = verify(UNITS[0], tmp_path, also="ProtectSytem=strict")
    assert "ProtectSytem" in done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_unit_runs_a_known_command_as_an_ordinary_account(unit: Path) -> None:
    text = unit.read_text()
    started = re.findall(rf"^ExecStart(?:Pre)?={INSTALLED} (\S+)$", text, flags=re.MULTILINE)
    assert started
    assert set(started) <= set(commands())
    lines = text.splitlines()
    assert "EnvironmentFile=/etc/cadran/cadran.env" in lines
    assert {"User=cadran", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(lines)


def test_every_supervised_process_has_its_unit_and_its_page() -> None:
    stems = {unit.stem for unit in UNITS}
    page = (CHECKOUT / "docs" / "processes.md").read_text()
    for name in PROCESSES:
        assert f"cadran-{command_name(name)}" in stems
        assert f"## `{command_name(name)}`" in page


def test_the_owners_login_is_given_to_the_migration_alone() -> None:
    readers = {unit.stem for unit in UNITS if "owner.env" in unit.read_text()}
    assert readers == {"cadran-migrate"}
