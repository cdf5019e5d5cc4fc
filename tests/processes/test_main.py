"""The command ``cadran``: what it lists, how it refuses."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import cadran
from cadran.__main__ import EXIT_USAGE, command_name, commands, main
from cadran.kernel.errors import DomainError
from cadran.processes import config as config_command
from cadran.processes import up

CHECKOUT = Path(__file__).parents[2]


def test_help_names_every_command_with_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, (_, summary) in commands().items():
        lines = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        assert len(lines) == 1, name
        assert summary[1:].rstrip(".") in lines[0]
        assert len(lines[0]) <= 132, "one line on an ordinary screen"


def test_help_imports_no_command() -> None:
    program = (
        "import sys; from cadran.__main__ import main; main(['--help'])\n"
        "loaded = [m for m in sys.modules if m.startswith(('cadran.processes.', 'django'))]\n"
        "sys.exit(f'imported: {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_command_has_a_main() -> None:
    for module, _ in commands().values():
        assert callable(importlib.import_module(module).main), module


def test_every_supervised_process_is_a_command() -> None:
    assert {command_name(name) for name in up.PROCESSES} <= set(commands())


@pytest.mark.parametrize(
    ("typed", "name"),
    [("lorawan_server", "lorawan-server"), ("lorawan-server", "lorawan-server"), ("import_", "import")],
)
def test_a_command_has_one_name_however_it_is_typed(typed: str, name: str) -> None:
    assert command_name(typed) == name


def test_an_unknown_command_gets_the_likely_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docter"]) == EXIT_USAGE
    assert "« doctor »" in capsys.readouterr().err


def test_nothing_asked_is_an_error_and_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == EXIT_USAGE
    assert "Commandes :" in capsys.readouterr().out


def test_a_refusal_is_a_sentence_and_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(argv: list[str]) -> int:
        raise DomainError("Le disque est plein.")

    monkeypatch.setattr(config_command, "main", refuse)
    assert main(["config"]) == 1
    assert capsys.readouterr().err == "cadran config : Le disque est plein.\n"


def test_wrong_settings_have_a_status_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.toml").write_text("prot = 8080\n")
    monkeypatch.setenv("CADRAN_CONFIG", str(tmp_path / "wrong.toml"))
    assert main(["config"]) == 78
    shown = capsys.readouterr().err
    assert "wrong.toml" in shown
    assert "« port »" in shown
    assert "Traceback" not in shown


def test_config_prints_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CADRAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CADRAN_SECRET_KEY", "squeamish")
    monkeypatch.setenv("CADRAN_DATABASE_URL", "postgresql://cadran_app:ossifrage@db/cadran")
    monkeypatch.setenv("CADRAN_SMTP_URL", "smtp://me:manatee@mail")
    for argv in (["config"], ["config", "--json"]):
        assert main(argv) == 0
        shown = capsys.readouterr()
        for secret in ("squeamish", "ossifrage", "manatee"):
            assert secret not in shown.out + shown.err
        assert "variable CADRAN_SMTP_URL" in shown.out


def test_a_reader_that_leaves_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m cadran --help | true",
        shell=True, cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr


def test_the_package_and_its_metadata_have_one_version() -> None:
    metadata = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    assert metadata["project"]["version"] == cadran.__version__
