"""The demonstration: everything on this machine from one command, data kept from one run to the next."""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import socket
import time
from pathlib import Path

from cadran.kernel.config import PREFIX, Config, load
from cadran.kernel.errors import DomainError
from cadran.kernel.postgres import read_credentials
from cadran.kernel.postgres.cluster import is_running
from cadran.processes.startup import port_in_use
from cadran.processes.up import MIGRATE, PACKS, PROCESSES, STATIC, Plan, Step, held, run, say

SUMMARY = "lance la démonstration ; --reset efface ses données"
DEMO_DATA = "demo_data"
DEMO_TRAFFIC = "demo_traffic"
SITE_SECONDS = 60.0
MARK = ".demonstration"  # says that a data directory may be erased: it never held anything but the demonstration


def main(argv: list[str]) -> int:
    """Start everything and say where to look; Ctrl-C stops it all."""
    if argv not in ([], ["--reset"]):
        print("Usage : cadran demo [--reset]")
        return 0 if argv[0] in ("-h", "--help") else 2
    os.environ[f"{PREFIX}DEMO"] = "1"
    if argv:
        return reset(load(create=False))
    began = time.monotonic()
    _mark(load(create=False))
    with held(load()):
        config = _on_free_ports(load())
        steps = (MIGRATE, STATIC, PACKS, Step("Données de démonstration", (DEMO_DATA,)))
        processes = (*PROCESSES, DEMO_TRAFFIC)
        return run(Plan(config, steps, processes=processes, announce=lambda: _announce(config, began)))


def reset(config: Config) -> int:
    """Erase the demonstration's data, and nothing that is not the demonstration's."""
    if not config.data_dir.exists():
        print(f"Rien à effacer : {config.data_dir} n'existe pas.")
        return 0
    if not (config.data_dir / MARK).exists():
        raise DomainError(
            f"{config.data_dir} n'a pas été créé par « make demo » : rien n'est effacé. "
            "Effacez-le vous-même si c'est bien ce que vous voulez."
        )
    with held(config):
        credentials = read_credentials(config.data_dir / "postgres")
        if credentials is not None:
            if is_running(Path(credentials.home) / "data"):
                raise DomainError("Le PostgreSQL de la démonstration tourne encore. Arrêtez-le d'abord (Ctrl-C).")
            shutil.rmtree(Path(credentials.home), ignore_errors=True)
        shutil.rmtree(config.data_dir)
    print(f"Données de démonstration effacées ({config.data_dir}).")
    return 0


def _mark(config: Config) -> None:
    """Claim the data directory for the demonstration, or refuse one that holds something else."""
    directory, mark = config.data_dir, config.data_dir / MARK
    if mark.exists():
        return
    if not config.own_database:
        raise DomainError(
            "La démonstration se charge dans sa propre base : retirez CADRAN_DATABASE_URL, ou lancez « cadran up »."
        )
    if (directory / "postgres").exists():
        raise DomainError(
            f"{directory} contient déjà une installation : la démonstration n'y écrit pas. "
            "Donnez-lui un autre répertoire : CADRAN_DATA_DIR=… make demo"
        )
    directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    mark.touch()


def _on_free_ports(config: Config) -> Config:
    """Take the next free port for the site when its own is taken; processes read it from the environment."""
    port = config.port
    while port_in_use(config.host, port):
        port += 1
        if port > config.port + 200:
            raise DomainError(f"Aucun port libre de {config.port} à {port}. Choisissez-en un : CADRAN_PORT=… make demo")
    if port_in_use(config.udp_host, config.udp_port, socket.SOCK_DGRAM):
        raise DomainError(
            f"Le port UDP {config.udp_port} (passerelles LoRaWAN) est pris. "
            "Choisissez-en un autre : CADRAN_UDP_PORT=1701 make demo"
        )
    if port != config.port:
        say("cadran", f"le port {config.port} est pris : le site sera sur {port}")
        os.environ[f"{PREFIX}PORT"] = str(port)
        return load()
    return config


async def _announce(config: Config, began: float) -> None:
    """Wait until the site answers, then say where it is, who may sign in and what to look at."""
    if not await _site_answers(config):
        say("cadran", f"le site ne répond pas au bout de {SITE_SECONDS:.0f} s : voyez les lignes ci-dessus")
        return
    guide = importlib.import_module(f"cadran.processes.{DEMO_DATA}").guide
    lines = ["", f"Cadran est prêt : {config.public_url}   (en {time.monotonic() - began:.0f} s)", ""]
    lines += [*str(guide(config.public_url)).splitlines(), "", "Ctrl-C arrête tout ; les données restent.", ""]
    for line in lines:
        say("cadran", line)


async def _site_answers(config: Config) -> bool:
    deadline = time.monotonic() + SITE_SECONDS
    while time.monotonic() < deadline:
        try:
            reader, writer = await asyncio.open_connection(config.host, config.port)
            writer.write(f"GET / HTTP/1.0\r\nHost: localhost:{config.port}\r\n\r\n".encode())
            status = (await asyncio.wait_for(reader.readline(), 10)).split()
            writer.close()
            if len(status) > 1 and int(status[1]) < 500:
                return True
        except (OSError, TimeoutError, ValueError):
            pass
        await asyncio.sleep(0.1)
    return False
