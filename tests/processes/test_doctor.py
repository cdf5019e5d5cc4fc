"""``cadran doctor``: each trouble is found and comes with its remedy."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from cadran.kernel import health
from cadran.kernel.config import Config, load
from cadran.kernel.postgres import APPLICATION_ROLE, OWNER_ROLE
from cadran.processes import doctor
from cadran.processes.doctor import BROKEN, GOOD, WATCH, Finding
from tests.support import database

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(environ={"CADRAN_DATA_DIR": str(tmp_path / "var"), "CADRAN_CONFIG": ""}, directory=tmp_path)


def told(findings: Iterator[Finding], *, state: str = BROKEN) -> str:
    """Return what a person reads about the findings of that state; each has a remedy unless it is good."""
    chosen = [finding for finding in findings if finding.state == state]
    assert all(finding.remedy for finding in chosen if finding.state != GOOD)
    return "\n".join(f"{finding.what} → {finding.remedy}" for finding in chosen)


def test_private_files_are_good(config: Config) -> None:
    assert told(doctor.files(config)) == ""
    assert "est privé" in told(doctor.files(config), state=GOOD)


def test_a_key_others_can_read_is_told(config: Config) -> None:
    config.key_file.chmod(0o640)
    assert f"chmod 600 {config.key_file}" in told(doctor.files(config))


def test_a_lost_key_is_told(config: Config) -> None:
    config.key_file.unlink()
    assert "absente" in told(doctor.files(config))


def test_a_short_key_is_told(config: Config) -> None:
    config.key_file.write_bytes(b"short")
    assert "tronquée" in told(doctor.files(config))


def test_a_settings_file_with_passwords_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "cadran.toml"
    path.write_text('database_url = "postgresql://a:b@c/d"\n')
    path.chmod(0o644)
    config = load(environ={"CADRAN_DATA_DIR": str(tmp_path / "var")}, directory=tmp_path)
    assert f"chmod 600 {path}" in told(doctor.files(config))


def test_a_full_disk_is_told(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 << 30, 99 << 30, 1 << 30))
    assert "1.0 Gio libres" in told(doctor.disk(config))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 << 30, 50 << 30, 50 << 30))
    assert told(doctor.disk(config)) == ""


def test_a_database_nobody_serves_is_told(config: Config) -> None:
    assert "cadran up" in told(doctor.database(config))
    theirs = replace(config, database_url="postgresql://cadran_app:x@127.0.0.1:1/cadran", origins={"database_url": "x"})
    assert "CADRAN_DATABASE_URL" in told(doctor.database(theirs))


def test_a_process_that_does_not_answer_is_told(config: Config) -> None:
    with health.serve("web", directory=config.run_dir):
        broken = told(doctor.processes(config))
        assert "web tourne" in told(doctor.processes(config), state=GOOD)
    assert "worker ne répond pas" in broken
    assert "systemctl start cadran-lorawan-server" in broken
    assert "web" not in broken


def test_a_port_somebody_else_holds_is_told_unless_it_is_ours(config: Config) -> None:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(("127.0.0.1", 0))
        busy = replace(config, port=tcp.getsockname()[1], udp_port=udp.getsockname()[1])
        broken = told(doctor.ports(busy))
        assert f"le port {busy.port} de web" in broken
        assert f"le port UDP {busy.udp_port}" in broken
        with health.serve("web", directory=config.run_dir):
            assert "de web" not in told(doctor.ports(busy))
    assert told(doctor.ports(busy)) == ""


def test_events_that_wait_or_failed_are_told() -> None:
    good = {"waiting": 3, "dead": 0, "oldest_seconds": 1.0}
    assert "3 en attente" in told(doctor._events(good), state=GOOD)
    assert "worker" in told(doctor._events({**good, "oldest_seconds": 61.0}), state=WATCH)
    assert "2 événement(s) abandonné(s)" in told(doctor._events({**good, "dead": 2}))


class Clock(datetime):
    """A local clock that is five seconds late."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) - timedelta(seconds=5)


@pytest.fixture
def served(config: Config, db: None) -> Config:
    """The settings of an installation whose database is this test's."""
    name = str(settings.DATABASES["default"]["NAME"])
    return replace(config, database_url=database.url(APPLICATION_ROLE, name), origins={"database_url": "test"})


def test_a_sound_database_is_good(served: Config) -> None:
    findings = list(doctor.database(served))
    assert told(iter(findings)) == ""
    words = told(iter(findings), state=GOOD)
    for part in ("base joignable", "ne contourne pas", "horloges accordées", "schéma à jour", "partitions prêtes"):
        assert part in words


def test_an_owner_in_place_of_the_application_is_told(served: Config) -> None:
    name = str(settings.DATABASES["default"]["NAME"])
    unsafe = replace(served, database_url=database.url(OWNER_ROLE, name))
    assert "possède la base" in told(doctor.database(unsafe))


def test_clocks_that_differ_are_told(served: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "datetime", Clock)
    assert "+5.0 s" in told(doctor.database(served))


def test_a_missing_migration_is_told(served: Config) -> None:
    database.administer("DELETE FROM django_migrations WHERE app = 'sessions'", name=connection.settings_dict["NAME"])
    try:
        assert "sessions.0001_initial" in told(doctor.database(served))
    finally:
        database.administer(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('sessions', '0001_initial', now())",
            name=connection.settings_dict["NAME"],
        )


def test_the_report_is_a_status_and_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("CADRAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CADRAN_CONFIG", "")
    monkeypatch.setenv("CADRAN_DATA_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("CADRAN_PROT", "8080")
    assert doctor.main(["--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert {"state": WATCH, "what": "variable CADRAN_PROT inconnue, sans effet"}.items() <= rows[1].items()
    assert doctor.main([]) == 1
    assert "→ cadran up" in capsys.readouterr().out
    assert not (tmp_path / "nowhere").exists()
    monkeypatch.setattr(doctor, "examine", lambda: iter([Finding(GOOD, "tout")]))
    assert doctor.main([]) == 0


def test_settings_that_cannot_be_read_are_the_only_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.toml").write_text("prot = 1\n")
    monkeypatch.setenv("CADRAN_CONFIG", str(tmp_path / "broken.toml"))
    findings = list(doctor.examine())
    assert len(findings) == 1
    assert "« port »" in told(iter(findings))


def test_the_skew_is_measured_from_the_middle_of_the_round_trip() -> None:
    class Instant:
        def execute(self, _: str) -> Instant:
            return self

        def fetchone(self) -> tuple[datetime]:
            return (datetime.now(UTC) + timedelta(seconds=3),)

    assert doctor._skew_seconds(Instant()) == pytest.approx(3, abs=0.5)  # type: ignore[arg-type]
