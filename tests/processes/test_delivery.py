"""What an operator or a newcomer runs from the checkout: guides, Makefile, scripts."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from cadran.kernel.config import PREFIX, SETTINGS
from cadran.kernel.postgres import production_script

CHECKOUT = Path(__file__).parents[2]
GUIDE = (CHECKOUT / "docs" / "production.md").read_text()
SCRIPTS = [CHECKOUT / ".ci" / "run", *sorted((CHECKOUT / "tools").glob("*.sh"))]


def test_the_guides_sql_is_the_one_we_run() -> None:
    blocks = re.findall(r"```sql\n(.*?)```", GUIDE, flags=re.DOTALL)
    assert blocks == [production_script(major=18)]


def test_the_guide_names_only_settings_that_exist() -> None:
    known = {PREFIX + setting.name.upper() for setting in SETTINGS} | {"CADRAN_CONFIG"}
    assert set(re.findall(r"CADRAN_[A-Z_]+[A-Z]", GUIDE)) <= known


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_valid_and_executable(script: Path) -> None:
    assert os.access(script, os.X_OK)
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_make_target_is_described_and_runs_dry() -> None:
    text = (CHECKOUT / "Makefile").read_text()
    declared = set(re.search(r"^\.PHONY:(.*)$", text, flags=re.MULTILINE).group(1).split())  # type: ignore[union-attr]
    described = dict(re.findall(r"^([a-z-]+):.*## (.+)$", text, flags=re.MULTILINE))
    assert declared == set(described)
    for target in sorted(declared):
        done = subprocess.run(["make", "-n", target], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{target}: {done.stderr}"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_host_and_hashes_everything(name: str) -> None:
    text = (CHECKOUT / name).read_text()
    assert "://" not in text
    requirements = re.findall(r"^[A-Za-z0-9].*?(?=^[A-Za-z0-9]|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert len(requirements) > 20
    assert [line.splitlines()[0] for line in requirements if "--hash=sha256:" not in line] == []


def test_the_lock_holds_every_dependency() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    for name, wanted in {
        "requirements.lock": project["dependencies"],
        "requirements-dev.lock": [*project["dependencies"], *project["optional-dependencies"]["dev"]],
    }.items():
        locked = set(re.findall(r"^([A-Za-z0-9._-]+)==", (CHECKOUT / name).read_text(), flags=re.MULTILINE))
        asked = {re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0] for requirement in wanted}
        assert {re.sub(r"[-_.]+", "-", name).lower() for name in asked} <= locked, name


def stub(directory: Path, name: str, body: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def require_debian(tmp_path: Path, *, uid: int, missing: str) -> subprocess.CompletedProcess[str]:
    """Run the check of Debian packages against pretended tools: nothing is installed."""
    stub(tmp_path, "dpkg-query", f'[ "$4" = "{missing}" ] && exit 1; printf installed')
    stub(tmp_path, "id", f"echo {uid}")
    stub(tmp_path, "apt-get", 'echo "apt-get $*"')
    return subprocess.run(
        ["bash", str(CHECKOUT / "tools" / "require-debian.sh")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_an_ordinary_user_is_told_the_one_command(tmp_path: Path) -> None:
    done = require_debian(tmp_path, uid=1000, missing="chromium")
    assert done.returncode == 1
    assert "sudo apt-get install -y --no-install-recommends chromium\n" in done.stderr
    assert "apt-get" not in done.stdout


def test_root_installs_what_is_missing_and_only_that(tmp_path: Path) -> None:
    done = require_debian(tmp_path, uid=0, missing="gettext")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "apt-get install -y --no-install-recommends gettext"


def test_nothing_missing_says_nothing(tmp_path: Path) -> None:
    done = require_debian(tmp_path, uid=1000, missing="none-of-them")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
