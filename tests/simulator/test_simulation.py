"""Simulated devices against the real server, over real sockets: what one sends the other understands."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from cadran.lorawan.codec import gwmp
from cadran.lorawan.line import NetworkSettings
from cadran.lorawan.ports import UplinkKind
from cadran.lorawan.rules import ReceiveSettings
from cadran.lorawan.sessions import DeviceRecord, SessionRecord
from cadran.simulator import blaster, identities, profiles
from cadran.simulator.air import Air, Ear
from cadran.simulator.device import SimulatedDevice
from cadran.simulator.forwarder import PacketForwarder
from cadran.simulator.runner import Plan, Simulation
from cadran.simulator.scenarios import SCENARIOS, Scenario
from tests.rooms.lorawan.support import MemoryStore, Running, run, running_server, until

PERFECT = Scenario("perfect", "no loss", loss=0.0, duplicate=0.0)
FAST = NetworkSettings(deduplication_s=0.05, obey_duty_cycle=False)


def registered(count: int) -> list[DeviceRecord]:
    """The devices the simulator plays, as demonstration data registers them."""
    records = []
    for index in range(count):
        identity = identities.device_identity(index)
        records.append(
            DeviceRecord(
                device_id=index + 1,
                owner_id=1,
                profile_id=1,
                dev_eui=identity.dev_eui,
                join_eui=identity.join_eui,
                app_key=identity.app_key,
            )
        )
    return records


def euis(count: int) -> list[int]:
    return [identities.gateway_eui(rank) for rank in range(count)]


def plan(running: Running, **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "identities": [identities.device_identity(index) for index in range(6)],
        "gateways": 3,
        "rate": 60.0,
        "seconds": 2.5,
        "scenario": PERFECT,
        "server": running.address,
        "joins_per_second": 10.0,  # join-accepts of one instant collide in the gateways, as real ones do
        "hurry": True,
    }
    return Plan(**(values | changes))


async def play_until(simulation: Simulation, condition: Callable[[], bool], what: str) -> dict[str, object]:
    """Let a simulation without end run until something happened, however slow the machine."""
    playing = asyncio.create_task(simulation.run())
    try:
        await until(condition, what)
    finally:
        simulation.stop()
        summary = await playing
    return summary


def test_devices_join_and_are_acknowledged_in_their_windows() -> None:
    async def main() -> None:
        async with running_server(devices=registered(6), gateways=euis(3), settings=FAST) as running:
            simulation = Simulation(plan(running, confirmed_share=0.4, seconds=None))
            tally = simulation.tally
            summary = await play_until(
                simulation, lambda: tally.time_answers == 6 and tally.acks > 20, "joins and acknowledgements"
            )
            await until(lambda: running.counts["uplinks"] == simulation.tally.uplinks, "every uplink")
            assert (summary["joined"], simulation.tally.joins) == (6, 6)
            assert summary["downlinks_unheard"] == 0  # right gateway, right microsecond, right data rate
            refused = summary["downlinks_refused"]  # one transmission at a time: collisions are tried again elsewhere
            assert isinstance(refused, dict)
            assert refused.keys() <= {"COLLISION_PACKET", "TOO_LATE"}
            assert running.counts["tx_refused"] == sum(refused.values())
            # Each first uplink asks for the time and for a link check.
            assert (simulation.tally.time_answers, simulation.tally.link_answers) == (6, 6)
            assert all(node.device.refused == 0 for node in simulation.nodes)
            records = running.store.new
            assert {len(record.receptions) for record in records} == {3}
            assert {record.join_nonce for record in records} == {1}
            known = {node.device.identity.dev_eui: node.device.session for node in simulation.nodes}
            for record in records:
                session = known[record.dev_eui]
                assert session is not None
                assert session.dev_addr == record.dev_addr
            assert {
                name: count for name, count in running.counts.items() if name.startswith("refused_") and count
            } == {}
            print(json.dumps(summary))

    run(main())


def test_the_join_answer_comes_five_seconds_later_without_hurry() -> None:
    async def main() -> None:
        async with running_server(devices=registered(1), gateways=euis(1), settings=FAST) as running:
            simulation = Simulation(
                plan(running, identities=[identities.device_identity(0)], gateways=1, seconds=30.0, hurry=False)
            )
            playing = asyncio.create_task(simulation.run())
            loop = asyncio.get_running_loop()
            await until(lambda: running.counts["joins"] == 1, "join granted")
            asked = loop.time()
            assert simulation.joined == 0
            await until(lambda: simulation.joined == 1, "join heard")
            print(f"join-accept heard {loop.time() - asked:.2f} s after it was granted")
            assert loop.time() - asked > 4.0
            simulation.stop()
            await playing

    run(main())


def test_losses_and_duplicates_double_nothing() -> None:
    async def main() -> None:
        async with running_server(devices=registered(6), gateways=euis(3), settings=FAST) as running:
            lossy = replace(SCENARIOS["lossy"], duplicate=0.3)
            simulation = Simulation(plan(running, scenario=lossy, rate=200.0, seconds=3.0, seed=5))
            await simulation.run()
            await asyncio.sleep(0.2)
            keys = [(record.dev_eui, record.join_nonce, record.f_cnt) for record in running.store.new]
            assert len(keys) == len(set(keys)) > 50
            assert running.counts["duplicated_receptions"] > 0
            assert {len(record.receptions) for record in running.store.new} >= {1, 2, 3}
            assert running.counts["faults"] == 0
            assert simulation.tally.unheard_uplinks > 0
            sent = simulation.tally.uplinks
            assert len(keys) < sent  # some were heard by nobody

    run(main())


def test_a_restart_goes_on_under_the_same_sessions(tmp_path: Path) -> None:
    async def main() -> None:
        memory = tmp_path / "state.json"
        async with running_server(devices=registered(6), gateways=euis(3), settings=FAST) as running:
            first = Simulation(plan(running, state_path=memory, seconds=None))
            await play_until(first, lambda: first.tally.joins == 6 and first.tally.uplinks > 30, "joins and uplinks")
            await until(lambda: running.counts["uplinks"] == first.tally.uplinks, "every uplink")
            assert first.tally.joins == 6
            assert (memory.stat().st_mode & 0o777) == 0o600
            second = Simulation(plan(running, state_path=memory, seconds=None))
            summary = await play_until(second, lambda: second.tally.acks > 3, "acknowledgements")
            total = first.tally.uplinks + second.tally.uplinks
            await until(lambda: running.counts["uplinks"] == total, "every uplink")
            assert (second.tally.join_requests, summary["joined"]) == (0, 6)
            assert running.counts["refused_replayed"] == 0
            # A run that died may have used counters it did not save.
            content = json.loads(memory.read_text())
            memory.write_text(json.dumps(content | {"clean": False}))
            third = Simulation(plan(running, state_path=memory))
            before = json.loads(memory.read_text())["devices"]
            for node in third.nodes:
                saved = before[f"{node.device.identity.dev_eui:016x}"]
                assert node.device.session is not None
                assert node.device.session.f_cnt_up == saved["session"]["f_cnt_up"] + 256
                assert node.device.next_dev_nonce == saved["dev_nonce"] + 16
            memory.write_text("{}")
            with pytest.raises(ValueError, match="état de simulateur"):
                Simulation(plan(running, state_path=memory))

    run(main())


def test_a_device_the_network_forgot_joins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadran.simulator.runner.ACK_WAIT_S", 0.4)

    async def main() -> None:
        memory = tmp_path / "state.json"
        async with running_server(devices=registered(2), gateways=euis(1), settings=FAST) as running:
            two = [identities.device_identity(index) for index in range(2)]
            await Simulation(plan(running, identities=two, gateways=1, state_path=memory, seconds=1.0)).run()
        forgetful = [replace(record, join_nonce=9, used_dev_nonces=frozenset({0})) for record in registered(2)]
        async with running_server(devices=forgetful, gateways=euis(1), settings=FAST) as running:
            simulation = Simulation(
                plan(running, identities=two, gateways=1, state_path=memory, seconds=4.5, confirmed_share=0.0)
            )
            await simulation.run()
            assert simulation.tally.rejoins == 2
            assert simulation.tally.joins == 2
            assert {record.join_nonce for record in running.store.records} == {10}

    run(main())


def test_the_silent_gateway_stops_and_the_cold_room_warms() -> None:
    async def main() -> None:
        async with running_server(devices=registered(6), gateways=euis(3), settings=FAST) as running:
            silent = replace(SCENARIOS["gateway-silent"], event_after_s=1.2, loss=0.0)
            simulation = Simulation(plan(running, scenario=silent, seconds=3.0))
            await simulation.run()
            await asyncio.sleep(0.2)
            frames = running.store.new
            heard_by = [{reception.gateway_eui for reception in record.receptions} for record in frames]
            assert identities.gateway_eui(0) in heard_by[0]
            assert all(identities.gateway_eui(0) not in one for one in heard_by[-20:])
        async with running_server(devices=registered(2), gateways=euis(3), settings=FAST) as running:
            warm = replace(
                SCENARIOS["cold-room-warms"], event_after_s=1.0, warming_c_per_minute=600.0, loss=0.0, duplicate=0.0
            )
            two = [identities.device_identity(index) for index in range(2)]
            simulation = Simulation(plan(running, scenario=warm, identities=two, seconds=2.6))
            await simulation.run()
            await asyncio.sleep(0.2)
            assert profiles.profile_of(1) is profiles.Profile.COLD_ROOM
            temperatures = [
                int.from_bytes(record.payload[:2], "big", signed=True) / 100
                for record in running.store.new
                if record.device_id == 2
            ]
            assert 2.0 < temperatures[0] < 5.0
            assert temperatures[-1] > 8.0

    run(main())


def test_the_air_is_exact() -> None:
    async def main() -> None:
        caught: list[tuple[Ear, bytes]] = []
        gateway = PacketForwarder(1, ("127.0.0.1", 9), on_air=lambda _gateway, _packet: None)
        device = SimulatedDevice(identities.device_identity(0))
        air = Air([gateway], PERFECT, random=Random(1), on_downlink=lambda ear, frame: caught.append((ear, frame)))
        air.carry_up(0, device.join_request(), frequency_hz=868_100_000, data_rate=5, receive=ReceiveSettings())
        tmst = gateway._gathered[0].tmst
        right = gwmp.TxPacket(
            tmst=(tmst + 1_000_000) % gwmp.TMST_MODULO,
            megahertz=868.1,
            data_rate="SF7BW125",
            inverted=True,
            data="AQID",
        )
        wrong: list[dict[str, Any]] = [
            {"tmst": (tmst + 1_000_001) % gwmp.TMST_MODULO},
            {"megahertz": 868.3},
            {"data_rate": "SF8BW125"},
            {"inverted": False},
        ]
        for change in wrong:
            air.carry_down(gateway, msgspec.structs.replace(right, **change))
        assert (caught, air.unheard) == ([], 4)
        air.carry_down(gateway, right)
        assert [(ear.device, ear.window, frame) for ear, frame in caught] == [(0, "RX1", b"\x01\x02\x03")]

    run(main())


def test_the_blaster_sends_what_it_says() -> None:
    async def main() -> None:
        sessions = [identities.given_session(index) for index in range(20)]
        devices = [
            replace(
                record,
                session=SessionRecord(
                    dev_addr=session.dev_addr, nwk_s_key=session.nwk_s_key, app_s_key=session.app_s_key
                ),
            )
            for record, session in zip(registered(20), sessions, strict=True)
        ]
        text = "\n".join(
            json.dumps(
                {
                    "dev_addr": f"{session.dev_addr:08x}",
                    "nwkskey": session.nwk_s_key.hex(),
                    "appskey": session.app_s_key.hex(),
                    "fcnt": 7,
                }
            )
            for session in sessions
        )
        async with running_server(devices=devices, gateways=euis(4), settings=FAST) as running:
            blasted = blaster.read_sessions(text.encode())
            datagrams = blaster.make_datagrams(blasted, uplinks=1000, gateways=4)
            result = await asyncio.to_thread(
                blaster.blast, running.address, datagrams, gateways=4, rate=2000.0, seconds=5.0
            )
            await until(lambda: running.counts["uplinks"] == 1000, "every uplink")
            assert (result.uplinks, result.datagrams, result.acknowledged) == (1000, 3000, 3000)
            assert {len(record.receptions) for record in running.store.records} == {3}
            assert {record.kind for record in running.store.records} == {UplinkKind.NEW}
            assert sorted({record.f_cnt for record in running.store.records}) == list(range(7, 57))
            print(result)

    run(main())


@pytest.mark.parametrize("text", [b"", b"{}", b'{"dev_addr":"zz","nwkskey":"","appskey":""}'])
def test_a_bad_sessions_file_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="sessions"):
        blaster.read_sessions(text)


async def simulate(running: Running, *options: str, stop_after: float | None = None) -> tuple[int, str, str]:
    host, port = running.address
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; from cadran.processes.simulate import main; sys.exit(main(sys.argv[1:]))",
        "--host", host, "--port", str(port), *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    if stop_after is not None:
        await until(lambda: running.counts["pull_data"] > 0, "the simulator started")
        await asyncio.sleep(stop_after)
        process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def test_command_line_until_interrupted(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_server(devices=registered(3), gateways=euis(2), settings=FAST) as running:
            memory = tmp_path / "memory.json"
            options = ("--devices", "3", "--gateways", "2", "--rate", "5", "--state", str(memory))
            status, out, err = await simulate(running, *options, stop_after=2.5)
            assert status == 0, err
            summary = json.loads(out)
            assert (summary["simulate"], summary["devices"], summary["scenario"]) == (True, 3, "normal")
            assert summary["join_requests"] >= 3
            assert "joints" in err
            assert json.loads(memory.read_text())["clean"] is True

    run(main())


def test_command_line_blast_and_refusals(tmp_path: Path) -> None:
    async def main() -> None:
        store = MemoryStore()
        async with running_server(gateways=euis(3), settings=FAST, store=store) as running:
            options = ("--blast", "--devices", "5", "--rate", "500", "--seconds", "1")
            status, out, err = await simulate(running, *options)
            assert status == 0, err
            summary = json.loads(out)
            assert (summary["blast"], summary["uplinks"], summary["datagrams"]) == (True, 500, 1500)
            await until(lambda: running.counts["refused_unknown_dev_addr"] == 500, "refused, since not registered")
            status, _out, err = await simulate(running, "--blast")
            assert (status, "--seconds" in err) == (1, True)
            status, _out, err = await simulate(running, "--scenario", "apocalypse")
            assert status == 2
            keys = tmp_path / "keys.jsonl"
            keys.write_text('{"dev_eui": "1", "join_eui": "2", "app_key": "00"}\n')
            status, _out, err = await simulate(running, "--keys", str(keys))
            assert (status, "ligne 1" in err) == (1, True)

    run(main())
