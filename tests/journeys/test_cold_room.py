"""A cold room warms up: the beneficiary's own affair. An alarm, a notification, a mail, and no contractual incident."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.a11y.gate import Launch, check_page
from tests.journeys.conftest import Line
from tests.journeys.people import PATIENCE_MS, another_tab, never_reloaded, signed_in, status_of
from tests.support.furnish import COLD_ROOM
from tests.support.system import until

TITLE = "Chambre froide de Bobville trop chaude"


def test_a_cold_room_warms_up(line: Line, launch: Launch) -> None:
    system = line.system
    incidents = system.value("SELECT count(*) FROM servicedesk_incident")
    with signed_in(launch, system, "bob@example.org") as bob:
        alarms = another_tab(bob, "/alarmes/")
        with line.play("cold-room-warms"):
            alarm_link = alarms.get_by_role("link", name=TITLE)
            expect(alarm_link).to_be_visible(timeout=PATIENCE_MS)  # it came by itself
            assert never_reloaded(alarms)
            alarm_id, point_id, value = system.rows(
                "SELECT id, point_id, value FROM telemetry_alarm WHERE rule_id = %s", line.made["rule"]
            )[0]
            assert point_id == line.made["points"][COLD_ROOM]
            assert value > 5.0
            told_under = f"alarm:{alarm_id}"
            until(
                lambda: system.value("SELECT count(*) FROM messaging_notification WHERE origin_key = %s", told_under),
                "the notification",
            )
        alarm_link.click()
        expect(alarms.get_by_role("heading", level=1)).to_have_text(TITLE)
        expect(alarms.locator("main")).to_contain_text("Métier")
        expect(alarms.locator("main")).to_contain_text("cuisine@example.org")
        check_page(alarms)
        _bob_is_told(bob, alarm_id)
        _curve_is_there(bob, point_id)

    told = {name for (name,) in system.rows(
        "SELECT u.name FROM messaging_notification n JOIN parties_user u ON u.id = n.user_id WHERE n.origin_key = %s",
        f"alarm:{alarm_id}",
    )}  # fmt: skip
    assert told == {"Bob", "Agathe Acheteuse"}  # those of Bobville who read alarms: not Charlie, not the holder
    _one_mail_left(line, launch, alarm_id)
    assert system.value("SELECT count(*) FROM servicedesk_incident") == incidents
    assert system.value("SELECT count(*) FROM servicedesk_incident WHERE alarm_id = %s", alarm_id) == 0

    with signed_in(launch, system, "charlie@example.org") as charlie:
        assert status_of(charlie, f"/alarmes/{alarm_id}/") == 404
        assert status_of(charlie, f"/points/{point_id}/") == 404
        charlie.goto("/alarmes/?etat=")
        assert TITLE not in charlie.content()


def _bob_is_told(bob: Page, alarm_id: int) -> None:
    bob.goto("/notifications/")
    bob.get_by_role("link", name=TITLE).first.click()
    bob.get_by_role("button", name=re.compile("Marquer comme lue")).click()
    expect(bob).to_have_url(re.compile(f"/alarmes/{alarm_id}/$"))
    bob.get_by_role("button", name="Prendre en compte l’alarme").click()
    expect(bob.locator("main")).to_contain_text("par Bob")


def _curve_is_there(bob: Page, point_id: int) -> None:
    bob.goto(f"/points/{point_id}/")
    expect(bob.locator(".chart canvas").first).to_be_visible()
    expect(bob.locator("main")).to_contain_text("°C")


def _one_mail_left(line: Line, launch: Launch, alarm_id: int) -> None:
    with signed_in(launch, line.system, "admin@example.org") as admin:
        admin.goto("/courrier/")
        admin.get_by_role("link", name=TITLE).click()
        expect(admin.locator("main")).to_contain_text("cuisine@example.org")
        expect(admin.locator(f"main a[href$='/alarmes/{alarm_id}/']")).to_be_visible()
    recipients = [to for (to,) in line.system.rows("SELECT recipient FROM messaging_mail WHERE subject = %s", TITLE)]
    assert recipients == ["cuisine@example.org"]
