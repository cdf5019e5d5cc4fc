"""``kill -9`` of each process while devices talk, alarms rise and people work: nothing committed is lost or doubled.

Simulated devices send through one gateway for the whole module. Each test kills one process in the middle of a series
of alarms, waits until the supervisor has it running again, and counts everything.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from cadran.processes.up import PROCESSES
from tests.support.population import ALARMS, DEVICES
from tests.support.system import CHECKOUT, System, installed, until
from tests.support.world import PASSWORD

RATE = 30.0  # frames a second, all devices together
MORE = 150  # measurements that must come after a kill
TOLD = ["Agathe Acheteuse", "Bob"]  # who reads alarms at Bobville

Key = tuple[int, Any]


class Browser:
    """A signed-in person, by plain HTTP: the cookies outlive the server."""

    def __init__(self, system: System) -> None:
        self.base = system.url
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar(policy=_LOCAL))
        )

    def get(self, path: str) -> tuple[int, str, str]:
        """Return the status, the final address and the text of a page."""
        with self._opener.open(self.base + path, timeout=30) as answer:
            return answer.status, answer.url.removeprefix(self.base), answer.read().decode()

    def post(self, path: str, page: str, **fields: str) -> str:
        """Send a form with the token of ``page`` and return the address it led to."""
        token = found(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        request = urllib.request.Request(self.base + path, body, {"Origin": self.base})
        with self._opener.open(request, timeout=30) as answer:
            return str(answer.url.removeprefix(self.base))

    def sign_in(self, email: str) -> None:
        page = self.get("/compte/login/")[2]
        assert self.post("/compte/login/", page, login=email, password=PASSWORD) == "/"


_LOCAL = http.cookiejar.DefaultCookiePolicy(strict_ns_domain=http.cookiejar.DefaultCookiePolicy.DomainLiberal)


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, pattern
    return match[1]


@dataclass
class Busy:
    """An installation at work: traffic, a signed-in person, and what was raised so far."""

    system: System
    simulation: subprocess.Popen[str]
    bob: Browser
    alarms: dict[str, list[int]] = field(default_factory=lambda: {"service": [], "business": []})
    killed: list[str] = field(default_factory=list)

    def measured(self) -> set[Key]:
        return set(self.system.rows("SELECT device_id, ts FROM telemetry_measurement"))

    def count(self) -> int:
        return int(self.system.value("SELECT count(*) FROM telemetry_measurement") or 0)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    memory = tmp_path_factory.mktemp("devices") / "memory.json"
    with installed() as system:
        system.populate("line")
        bob = Browser(system)
        bob.sign_in("bob@example.org")
        with system.simulation(
            "--devices", str(DEVICES), "--gateways", "1", "--rate", str(RATE), "--joins-per-second", "4",
            "--confirmed", "0.1", "--state", str(memory),
        ) as simulation:  # fmt: skip
            busy = Busy(system, simulation, bob)
            until(lambda: system.counters("lorawan_server").get("joins", 0) >= DEVICES, "every device joined")
            until(lambda: busy.count() > MORE, "the first measurements")
            yield busy


def strike(busy: Busy, name: str) -> None:
    """Kill a process in the middle of a series of alarms, and wait until it runs again and the series is over."""
    system = busy.system
    old = system.child_pid("postgres") if name == "postgres" else system.pid_of(name)
    assert old is not None
    known = system.value("SELECT count(*) FROM telemetry_alarm")
    raising = subprocess.Popen(
        [sys.executable, "-m", "tests.support.population", "alarms"], cwd=CHECKOUT, env=system.environ,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    some = known + ALARMS // 4
    until(lambda: system.value("SELECT count(*) FROM telemetry_alarm") > some, "the first alarms", every=0.05)
    os.kill(old, signal.SIGKILL)
    busy.killed.append(name)

    def again() -> bool:
        if name == "postgres":
            return system.value("SELECT 1") == 1 and system.child_pid("postgres") != old
        return system.pid_of(name) not in (None, old)

    until(again, f"{name} again")
    answer, _ = raising.communicate(timeout=300)
    assert raising.returncode == 0
    for kind, ids in json.loads(answer.splitlines()[-1]).items():
        busy.alarms[kind] += ids


@pytest.mark.parametrize("name", ["lorawan_server", "worker", "web", "postgres"])
def test_killing_one_process(busy: Busy, name: str) -> None:
    before, began = busy.measured(), time.monotonic()
    strike(busy, name)
    restarts = busy.system.counters("up")
    assert restarts[f"restarts_{name}"] == 1 + (name == "postgres" and restarts["restarts_postgres"] > 1)
    nothing_is_lost(busy, before)
    print(f"kill -9 {name}: {len(before)} measurements before, {busy.count()} after {time.monotonic() - began:.0f} s")


def test_killing_the_supervisor(busy: Busy) -> None:
    """Everything stops with it; ``cadran up`` again finds everything."""
    system = busy.system
    before, former = busy.measured(), {name: system.pid_of(name) for name in PROCESSES}
    assert system.up is not None
    system.up.kill()
    system.up.wait()
    until(lambda: not any(system.pid_of(name) for name in PROCESSES), "no process left behind")
    system.start()
    assert {name: system.pid_of(name) for name in PROCESSES}.items().isdisjoint(former.items())
    strike_free(busy)
    nothing_is_lost(busy, before)
    print(f"kill -9 of the supervisor: {len(before)} measurements before, {busy.count()} after")


def strike_free(busy: Busy) -> None:
    """Raise alarms without killing anything."""
    for kind, ids in busy.system.populate("alarms").items():
        busy.alarms[kind] += ids


def test_an_incident_sent_while_the_site_dies_is_opened_once(busy: Busy) -> None:
    """The form is sent, the site is killed at that instant, the person sends it again: one incident."""
    system, title = busy.system, "Déclaré pendant la coupure"
    service = system.value("SELECT id FROM inventory_service WHERE owner_id = 1")
    page = busy.bob.get(f"/incidents/declarer/?service={service}")[2]
    sent = {"service": str(service), "title": title, "etape": "envoyer"}
    sent["token"] = found(r'name="token" value="([0-9a-f]{32})"', page)
    numbers = []
    for round_ in range(3):
        first = threading.Thread(target=_send_quietly, args=(busy.bob, page, sent))
        first.start()
        time.sleep(0.02 * round_)
        old = system.pid_of("web")
        assert old is not None
        os.kill(old, signal.SIGKILL)
        first.join()
        until(lambda old=old: system.pid_of("web") not in (None, old), "the site again")  # type: ignore[misc]
        system.wait_until_well()
        numbers.append(busy.bob.post("/incidents/declarer/", page, **sent))
    assert len(set(numbers)) == 1
    assert system.value("SELECT count(*) FROM servicedesk_incident WHERE title = %s", title) == 1


def _send_quietly(bob: Browser, page: str, sent: dict[str, str]) -> None:
    with suppress(urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException):
        bob.post("/incidents/declarer/", page, **sent)


def test_the_counts_agree_in_the_end(busy: Busy) -> None:
    """Runs last: the devices stop, and what they say they sent is held against what is stored."""
    busy.simulation.send_signal(signal.SIGINT)
    output, _ = busy.simulation.communicate(timeout=60)
    tally = json.loads(output.splitlines()[-1])
    stored = busy.count()
    replayed = busy.system.value("SELECT coalesce(sum(count), 0) FROM lorawan_refusal WHERE reason = 'replayed'")
    # A repetition of a confirmed frame whose acknowledgement died with the server is refused, and nothing else is.
    assert replayed <= tally["repeats"]
    wrong = busy.system.rows(
        "SELECT reason, sum(count) FROM lorawan_refusal"
        " WHERE reason IN ('wrong_mic', 'join_nonce_used', 'join_wrong_mic', 'malformed_frame') GROUP BY reason"
    )
    assert wrong == []
    assert stored <= tally["uplinks"]
    print(
        f"killed: {', '.join(busy.killed)}, the supervisor, the site three times more; {tally['uplinks']} frames sent,"
        f" {stored} stored, {tally['uplinks'] - stored} lost to the radio and the outages; {tally['rejoins']} rejoins,"
        f" {tally['repeats']} repetitions of which {replayed} refused as replays"
    )


def nothing_is_lost(busy: Busy, before: set[Key]) -> None:
    """Everything committed before the kill is there, the traffic goes on, and each event had its one effect."""
    system = busy.system
    now = system.value("SELECT now()")
    until(lambda: busy.count() > len(before) + MORE, "measurements after the kill")
    until(
        lambda: system.value("SELECT count(*) FROM telemetry_latest WHERE ts > %s", now) == DEVICES,
        "a new value of every device",
    )
    assert not before - busy.measured(), "committed measurements are missing"
    assert busy.bob.get("/incidents/")[:2] == (200, "/incidents/")  # still signed in
    _events_had_their_effect(busy)
    _counters_are_consistent(system)


def _events_had_their_effect(busy: Busy) -> None:
    system = busy.system
    until(lambda: system.value("SELECT count(*) FROM kernel_outboxevent WHERE done_at IS NULL") == 0, "an empty outbox")
    incidents = dict(
        system.rows("SELECT alarm_id, count(*) FROM servicedesk_incident WHERE alarm_id IS NOT NULL GROUP BY alarm_id")
    )
    assert {incidents.get(alarm) for alarm in busy.alarms["service"]} == {1}
    assert not any(incidents.get(alarm) for alarm in busy.alarms["business"])
    doubled = system.rows(
        "SELECT origin_key FROM servicedesk_incident GROUP BY owner_id, origin_key HAVING count(*) > 1"
    )
    assert doubled == []
    # Numbers without a hole and without a double: as many incidents as numbers given.
    last, opened = system.rows(
        "SELECT (SELECT sum(last) FROM kernel_numbersequence WHERE kind = 'incident'), count(*)"
        " FROM servicedesk_incident"
    )[0]
    assert last == opened
    told: dict[str, list[str]] = {}
    for key, name in system.rows(
        "SELECT n.origin_key, u.name FROM messaging_notification n JOIN parties_user u ON u.id = n.user_id"
        " WHERE n.origin_key ~ '^alarm:[0-9]+$' ORDER BY u.name"
    ):
        told.setdefault(key, []).append(name)
    assert {alarm: told.get(f"alarm:{alarm}") for alarm in busy.alarms["business"]} == dict.fromkeys(
        busy.alarms["business"], TOLD
    )


def _counters_are_consistent(system: System) -> None:
    """No session's counter is behind a frame that was accepted under it: none can be accepted twice."""
    behind = system.rows(
        "SELECT s.device_id, s.fcnt_up, max(u.fcnt) FROM lorawan_session s"
        " JOIN lorawan_uplink u ON u.device_id = s.device_id AND u.ts >= s.joined_at"
        " WHERE s.join_nonce = (SELECT max(join_nonce) FROM lorawan_session t WHERE t.device_id = s.device_id)"
        " GROUP BY s.id, s.device_id, s.fcnt_up HAVING s.fcnt_up < max(u.fcnt)"
    )
    assert behind == []
