"""The settings: where they come from, what is refused, what is never shown."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.kernel import keyfiles
from cadran.kernel.config import (
    GENERATED,
    OWN_CLUSTER,
    SETTINGS,
    Config,
    ConfigError,
    load,
    mask_url,
    unknown_variables,
)
from cadran.kernel.postgres.credentials import generate_credentials, write_credentials


def read(directory: Path, *, toml: str = "", create: bool = False, **environ: Any) -> Config:
    if toml:
        (directory / "cadran.toml").write_text(toml, encoding="utf-8")
    return load(environ={"CADRAN_DATA_DIR": str(directory / "var"), **environ}, directory=directory, create=create)


def test_every_field_is_a_setting_and_says_where_it_was_read(tmp_path: Path) -> None:
    config = read(tmp_path)
    assert set(config.masked()) == {setting.name for setting in SETTINGS} == set(config.origins)


def test_environment_wins_over_the_file_which_wins_over_the_default(tmp_path: Path) -> None:
    config = read(tmp_path, toml="port = 9000\nudp_port = 1701\n", CADRAN_PORT="9100")
    assert (config.port, config.udp_port, config.host) == (9100, 1701, "127.0.0.1")
    assert config.origins["port"] == "variable CADRAN_PORT"
    assert config.origins["udp_port"] == f"fichier {tmp_path / 'cadran.toml'}"
    assert config.origins["host"] == "défaut"


def test_a_misspelt_setting_names_the_file_and_the_likely_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cadran\.toml.*« databse_url » est inconnu.*« database_url »"):
        read(tmp_path, toml='databse_url = "postgresql://x/y"\n')


def test_a_setting_nobody_could_mean_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"zzzz.*host, port, public_url"):
        read(tmp_path, toml="zzzz = 1\n")


@pytest.mark.parametrize(
    ("toml", "environ", "told"),
    [
        pytest.param('port = "eighty"', {}, "nombre entier de 1 à 65535", id="port in words"),
        pytest.param("port = true", {}, "nombre entier", id="a flag is not a number"),
        pytest.param("port = 0", {}, "de 1 à 65535", id="port 0"),
        pytest.param("host = 3", {}, "texte entre guillemets", id="number for a text"),
        pytest.param("", {"CADRAN_PORT": "65536"}, "variable CADRAN_PORT", id="too large, from the environment"),
        pytest.param('postgres = "oracle"', {}, "embedded", id="unknown driver"),
        pytest.param("", {"CADRAN_DATABASE_URL": "mysql://x/y"}, "postgresql://", id="other database"),
        pytest.param("", {"CADRAN_SMTP_URL": "http://mail"}, "smtp://", id="mail over http"),
        pytest.param("", {"CADRAN_DEMO": "peut-être"}, "oui ou non", id="neither yes nor no"),
        pytest.param("allowed_hosts = 1", {}, "liste de textes", id="number for a list"),
        pytest.param("port = ", {}, "TOML", id="broken file"),
    ],
)
def test_an_unusable_value_says_where_and_what_is_expected(
    tmp_path: Path, toml: str, environ: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)) as caught:
        read(tmp_path, toml=toml, **environ)
    assert caught.value.where.startswith(("variable CADRAN_", str(tmp_path / "cadran.toml")))


def test_the_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml n'existe pas"):
        read(tmp_path, CADRAN_CONFIG="nowhere.toml")


def test_an_empty_name_means_no_file(tmp_path: Path) -> None:
    assert read(tmp_path, toml="port = 9000\n", CADRAN_CONFIG="").port == 8080


def test_a_path_in_the_file_is_relative_to_the_file(tmp_path: Path) -> None:
    elsewhere = tmp_path / "etc"
    elsewhere.mkdir()
    (elsewhere / "cadran.toml").write_text('data_dir = "data"\nkey_file = "key"\n')
    config = load(environ={"CADRAN_CONFIG": "etc/cadran.toml"}, directory=tmp_path, create=False)
    assert (config.data_dir, config.key_file) == (elsewhere / "data", elsewhere / "key")


def test_the_public_host_is_accepted_without_being_named_twice(tmp_path: Path) -> None:
    config = read(tmp_path, CADRAN_PUBLIC_URL="https://desk.example.fr", CADRAN_ALLOWED_HOSTS="a.example.fr, localhost")
    assert config.allowed_hosts == ("a.example.fr", "localhost", "desk.example.fr", "127.0.0.1", "[::1]")
    assert read(tmp_path, CADRAN_PORT="9100").public_url == "http://localhost:9100"


def test_looking_creates_nothing(tmp_path: Path) -> None:
    config = read(tmp_path, create=False)
    assert config.secret_key == ""
    assert "générée" in config.masked()["secret_key"]
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_made_once_private_and_kept(tmp_path: Path) -> None:
    first, second = read(tmp_path, create=True), read(tmp_path, create=True)
    assert len(first.secret_key) >= 50
    assert first.secret_key == second.secret_key
    key = first.key_file.read_bytes()
    assert len(key) == keyfiles.KEY_BYTES
    assert second.key_file.read_bytes() == key
    assert first.origins["key_file"] == GENERATED
    for path in (tmp_path / "var" / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var" / "secrets").stat().st_mode) == 0o700


def test_a_key_file_the_operator_names_is_never_made_up(tmp_path: Path) -> None:
    config = read(tmp_path, create=True, CADRAN_KEY_FILE=str(tmp_path / "hsm.key"))
    assert config.key_file == tmp_path / "hsm.key"
    assert not config.key_file.exists()


def test_processes_that_start_together_agree_on_the_secret(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from cadran.kernel.keyfiles import text_secret\n"
        "sys.stdin.read(); print(text_secret(pathlib.Path(sys.argv[1]), create=True))"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "secret")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(6)
    ]
    for child in children:  # all are waiting: let them go at once
        assert child.stdin is not None
        child.stdin.close()
    answers = set()
    for child in children:
        assert child.stdout is not None
        answers.add(child.stdout.read())
        child.stdout.close()
        assert child.wait(30) == 0
    assert len(answers) == 1


def test_our_own_database_is_found_by_its_credentials(tmp_path: Path) -> None:
    assert read(tmp_path).database_url == ""
    credentials = generate_credentials(port=25432, home=tmp_path)
    write_credentials(tmp_path / "var" / "postgres", credentials)
    config = read(tmp_path)
    assert config.own_database
    assert config.database_url == credentials.url("cadran_app")
    assert config.database_owner_url == credentials.url("cadran_owner")
    assert config.origins["database_url"] == OWN_CLUSTER
    theirs = read(tmp_path, CADRAN_DATABASE_URL="postgresql://cadran_app:s3@db/cadran")
    assert not theirs.own_database
    assert theirs.database_owner_url == ""


def test_no_secret_is_shown(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        CADRAN_SECRET_KEY="squeamish",
        CADRAN_DATABASE_URL="postgresql://cadran_app:ossifrage@db:5432/cadran?sslmode=require&sslpassword=kelp",
        CADRAN_SMTP_URL="smtps://desk:manatee@mail.example.fr",
    )
    for shown in (str(config.masked()), repr(config)):
        for secret in ("squeamish", "ossifrage", "kelp", "manatee"):
            assert secret not in shown
    assert "cadran_app" in config.masked()["database_url"]
    assert "sslmode=require" in config.masked()["database_url"]


@given(password=st.text(min_size=1, max_size=30))
def test_masking_a_url_hides_any_password(password: str) -> None:
    quoted = quote(password, safe="")
    masked = mask_url(f"postgresql://me:{quoted}@db:5432/cadran?password={quoted}")
    assert masked == "postgresql://me:•••@db:5432/cadran?password=•••"


def test_a_variable_nobody_reads_is_named() -> None:
    environ = {"CADRAN_PORTE": "1", "CADRAN_PORT": "1", "CADRAN_TEST_X": "1", "CADRAN_CONFIG": "", "HOME": "/"}
    assert unknown_variables(environ) == ["CADRAN_PORTE"]
