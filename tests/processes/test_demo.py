"""``cadran demo``: it takes what is free, touches only what is its own, says where to look."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cadran.__main__ import command_name, commands
from cadran.kernel.config import load
from cadran.kernel.errors import DomainError
from cadran.kernel.postgres import prepare
from cadran.processes import demo, up
from cadran.processes.startup import port_in_use


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory of its own, on ports nobody uses, named by the environment."""
    for name in [name for name in os.environ if name.startswith("CADRAN_")]:
        monkeypatch.delenv(name)
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        ports = {"CADRAN_PORT": tcp.getsockname()[1], "CADRAN_UDP_PORT": udp.getsockname()[1]}
    settings = {"CADRAN_CONFIG": "", "CADRAN_DATA_DIR": tmp_path / "var", "CADRAN_DEMO": "1", **ports}
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    return tmp_path / "var"


def test_a_taken_port_moves_the_site_to_the_next_free_one(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = load(create=False)
    with socket.socket() as squatter:
        squatter.bind((asked.host, asked.port))
        squatter.listen()
        config = demo._on_free_ports(asked)
        assert config.port > asked.port
        assert not port_in_use(config.host, config.port)
    assert config.public_url == f"http://localhost:{config.port}"
    assert f"le port {asked.port} est pris : le site sera sur {config.port}" in capsys.readouterr().out
    assert load(create=False).port == config.port, "the processes read it from the environment"


def test_free_ports_are_kept_in_silence(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = load(create=False)
    assert demo._on_free_ports(asked) is asked
    assert capsys.readouterr().out == ""


def test_a_taken_gateway_port_is_told_with_the_remedy(data: Path) -> None:
    config = load(create=False)
    with socket.socket(type=socket.SOCK_DGRAM) as squatter:
        squatter.bind((config.udp_host, config.udp_port))
        with pytest.raises(DomainError, match=rf"UDP {config.udp_port}.*CADRAN_UDP_PORT="):
            demo._on_free_ports(config)


def test_another_installation_is_never_touched(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    for argv in ([], ["--reset"]):
        with pytest.raises(DomainError, match=re.escape(str(data))):
            demo.main(argv)
    assert list(data.iterdir()) == [data / "postgres"]


def test_an_operators_database_is_never_filled(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADRAN_DATABASE_URL", "postgresql://cadran_app:x@db/cadran")
    with pytest.raises(DomainError, match="CADRAN_DATABASE_URL"):
        demo.main([])
    assert not data.exists()


def test_reset_erases_the_demonstration_and_its_server(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--reset"]) == 0
    assert "Rien à effacer" in capsys.readouterr().out
    demo._mark(load(create=False))
    cluster = prepare(load().data_dir / "postgres", durable=False)
    cluster.start()
    with pytest.raises(DomainError, match="tourne encore"):
        demo.main(["--reset"])
    cluster.stop()
    assert demo.main(["--reset"]) == 0
    assert not data.exists()
    assert not cluster.home.exists()


def test_a_running_demonstration_is_not_reset(data: Path) -> None:
    demo._mark(load(create=False))
    with up.held(load()), pytest.raises(up.AlreadyRunning):
        demo.main(["--reset"])
    assert data.exists()


def test_the_end_of_the_start_says_where_who_and_what(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan runs without its processes; the site is a server of the test's."""
    guide = SimpleNamespace(guide=lambda url: f"alice\n{url}/bob")
    monkeypatch.setitem(sys.modules, f"cadran.processes.{demo.DEMO_DATA}", guide)
    plans: list[up.Plan] = []

    def run(plan: up.Plan) -> int:
        plans.append(plan)
        return 0

    async def answers(config: object) -> bool:
        return True

    monkeypatch.setattr(demo, "run", run)
    monkeypatch.setattr(demo, "_site_answers", answers)
    assert demo.main([]) == 0
    (plan,) = plans
    assert {command_name(step.arguments[0]) for step in plan.steps} <= set(commands())
    assert [step.arguments[0] for step in plan.steps] == ["migrate", "static", "load", demo.DEMO_DATA]
    assert plan.processes == (*up.PROCESSES, demo.DEMO_TRAFFIC)
    assert set(map(command_name, plan.processes)) <= set(commands())
    assert plan.config.demo
    assert plan.announce is not None
    asyncio.run(plan.announce())
    shown = capsys.readouterr().out
    assert f"http://localhost:{plan.config.port}" in shown
    assert "│ alice" in shown
    assert f"{plan.config.public_url}/bob" in shown
