"""``cadran simulate``: devices and gateways that do not exist, speaking real LoRaWAN to a running server.

An interruption loses nothing of the system's: simulated devices remember their counters in a file, like real ones.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import orjson

from cadran.simulator import blaster, identities
from cadran.simulator.forwarder import Address
from cadran.simulator.identities import DeviceIdentity
from cadran.simulator.profiles import METERS_SINCE
from cadran.simulator.runner import Plan, Simulation, Tally
from cadran.simulator.scenarios import SCENARIOS

SUMMARY = "Joue des capteurs et des passerelles LoRaWAN : jonctions, mesures, pertes, scénarios."

JOINS_PER_GATEWAY: Final = 4.0  # a gateway transmits one frame at a time, and a join-accept lasts 70 ms


class KeyLine(msgspec.Struct, frozen=True):
    """One line of a keys file, in hexadecimal."""

    dev_eui: str
    join_eui: str
    app_key: str


def main(argv: Sequence[str]) -> int:
    """Run a simulation or a blast; print one line of JSON at the end. 0: done, 1: refused input, 2: not understood."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    try:
        server = (options.host, options.port) if options.port else (options.host, _configured_port())
        summary = _blast(options, server) if options.blast else asyncio.run(_simulate(options, server))
    except (ValueError, OSError) as error:
        print(f"cadran simulate : {error}", file=sys.stderr)
        return 1
    print(orjson.dumps(summary).decode())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cadran simulate", description=SUMMARY, allow_abbrev=False)
    scenarios = "\n".join(f"{scenario.name} : {scenario.summary}" for scenario in SCENARIOS.values())
    parser.add_argument("--devices", type=_positive, default=100, metavar="N", help="nombre de capteurs (100)")
    parser.add_argument(
        "--rate", type=_not_negative, default=10.0, metavar="R", help="trames par seconde, en tout (10)"
    )
    parser.add_argument("--gateways", type=_positive, default=3, metavar="G", help="nombre de passerelles (3)")
    parser.add_argument(
        "--seconds", type=_not_negative, default=None, metavar="S", help="durée ; sans : jusqu’à Ctrl-C"
    )
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="normal", help=scenarios)
    parser.add_argument("--host", default="127.0.0.1", help="adresse du serveur (127.0.0.1)")
    parser.add_argument("--port", type=_positive, default=None, help="port UDP du serveur (celui des réglages)")
    parser.add_argument(
        "--keys", type=Path, metavar="FICHIER", help="identités, une par ligne : dev_eui, join_eui, app_key"
    )
    parser.add_argument("--state", type=Path, metavar="FICHIER", help="mémoire des capteurs d’une exécution à l’autre")
    parser.add_argument(
        "--joins-per-second", type=_not_negative, metavar="J", help="jonctions par seconde (4 par passerelle)"
    )
    parser.add_argument("--confirmed", type=_share, default=0.05, metavar="P", help="part de trames confirmées (0.05)")
    parser.add_argument("--quiet", action="store_true", help="sans la ligne d’avancement de chaque seconde")
    parser.add_argument("--seed", type=int, default=1, help="graine du hasard (1)")
    parser.add_argument(
        "--blast", action="store_true", help="banc : sessions données, trames préparées, débit --rate (0 : maximal)"
    )
    parser.add_argument(
        "--sessions", type=Path, metavar="FICHIER", help="avec --blast : dev_addr, nwkskey, appskey, fcnt par ligne"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text} : un nombre positif est attendu")
    return number


def _not_negative(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} : un nombre positif ou nul est attendu")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} : une part de 0 à 1 est attendue")
    return number


def _configured_port() -> int:
    from cadran.kernel.config import load

    return load(create=False).udp_port


async def _simulate(options: argparse.Namespace, server: Address) -> dict[str, object]:
    now = datetime.now(UTC)
    known = _identities(options)
    per_second = JOINS_PER_GATEWAY * options.gateways if options.joins_per_second is None else options.joins_per_second
    simulation = Simulation(
        Plan(
            identities=known,
            gateways=options.gateways,
            rate=options.rate,
            seconds=options.seconds,
            scenario=SCENARIOS[options.scenario],
            server=server,
            joins_per_second=per_second,
            confirmed_share=options.confirmed,
            first_dev_nonce=_first_dev_nonce(now),
            seconds_of_day=(now - METERS_SINCE).total_seconds(),
            seed=options.seed,
            state_path=options.state,
        ),
        progress=_silence
        if options.quiet
        else lambda elapsed, tally, joined: _show(elapsed, tally, joined, len(known)),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, simulation.stop)
    try:
        return {"simulate": True, **await simulation.run()}
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _first_dev_nonce(now: datetime) -> int:
    """Return a DevNonce above those of earlier runs: minutes, modulo 2^16 (45 days); a state file has no such limit."""
    return int(now.timestamp()) // 60 % (1 << 16)


def _identities(options: argparse.Namespace) -> list[DeviceIdentity]:
    if options.keys is None:
        return [identities.device_identity(index) for index in range(options.devices)]
    known = []
    for number, raw in enumerate(options.keys.read_bytes().splitlines(), start=1):
        try:
            line = msgspec.json.decode(raw, type=KeyLine)
            app_key = bytes.fromhex(line.app_key)
            if len(app_key) != 16:
                raise ValueError("app_key : 32 chiffres hexadécimaux sont attendus")
            known.append(DeviceIdentity(int(line.dev_eui, 16), int(line.join_eui, 16), app_key))
        except (msgspec.MsgspecError, ValueError) as error:
            raise ValueError(f"{options.keys}, ligne {number} : {error}") from None
    if not known:
        raise ValueError(f"{options.keys} ne contient aucune identité.")
    return known[: options.devices]


def _blast(options: argparse.Namespace, server: Address) -> dict[str, object]:
    if options.seconds is None:
        raise ValueError("--blast demande --seconds : les trames sont préparées avant d’être envoyées.")
    if options.sessions is None:
        given = [identities.given_session(index) for index in range(options.devices)]
        sessions = [blaster.session_of(index, session) for index, session in enumerate(given)]
    else:
        sessions = blaster.read_sessions(options.sessions.read_bytes())
    # Without a rate the sockets decide; enough frames are made for the fastest this program sends.
    uplinks = int(options.seconds * (options.rate or blaster.FASTEST))
    datagrams = blaster.make_datagrams(sessions, uplinks=uplinks, gateways=options.gateways, seed=options.seed)
    print(f"{uplinks} trames prêtes pour {len(sessions)} sessions", file=sys.stderr, flush=True)
    result = blaster.blast(server, datagrams, gateways=options.gateways, rate=options.rate, seconds=options.seconds)
    return {"blast": True, "sessions": len(sessions), "gateways": options.gateways, **asdict(result)}


def _silence(elapsed: float, tally: Tally, joined: int) -> None:
    """Say nothing of the progress."""


def _show(elapsed: float, tally: Tally, joined: int, devices: int) -> None:
    print(
        f"{elapsed:6.0f} s  {joined}/{devices} joints  {tally.uplinks} trames  "
        f"{tally.acks}/{tally.confirmed} acquittées  {tally.downlinks} descendantes",
        file=sys.stderr,
        flush=True,
    )
