"""A gateway falls silent: one contractual incident on its clocks, seen by both parties until it is over."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from playwright.sync_api import Page, expect

from tests.a11y.gate import Launch, check_page
from tests.journeys.conftest import Line
from tests.journeys.people import PATIENCE_MS, another_tab, never_reloaded, signed_in, status_of
from tests.journeys.yardstick import business_deadline
from tests.support.system import System, until

TITLE = "La passerelle Passerelle 0 ne répond plus"
SILENT_AFTER_S = 15
# The promise for a service entirely lost, standard class, without the 24/7 option (CCTP IoT 6.6).
PROMISED = {"GTI": timedelta(hours=1), "GTR": timedelta(hours=4)}
PRINTED = {"GTI": "< 1h (HO) Option 24h/7j", "GTR": "< 4h"}


def test_a_silent_gateway_becomes_an_incident_on_its_clocks(line: Line, launch: Launch) -> None:
    system = line.system
    with (
        signed_in(launch, system, "bob@example.org") as bob,
        line.play("gateway-silent"),
    ):
        _watch_closely(line)
        home, listed = another_tab(bob, "/"), another_tab(bob, "/incidents/")
        opened = listed.get_by_role("link", name=TITLE)
        expect(opened).to_be_visible(timeout=PATIENCE_MS)
        assert never_reloaded(listed)
        incident_id = _the_only_incident(line)
        expect(home.locator("#accueil-etat").get_by_role("link", name=TITLE)).to_be_visible(timeout=PATIENCE_MS)
        assert never_reloaded(home)
        opened.click()
        expect(listed.get_by_role("heading", level=1)).to_have_text(TITLE)
        _clocks_are_right(system, listed, incident_id)
        check_page(listed)
        _why_says_everything(listed, incident_id)
        _nothing_for_charlie(line, launch, incident_id)
        _handled_to_the_end(line, launch, bob, incident_id)
        assert _the_only_incident(line) == incident_id


def _watch_closely(line: Line) -> None:
    """Wait until the gateway is heard, then let it be silent for a few seconds only."""
    since = line.system.value("SELECT now()")
    until(
        lambda: line.system.value(
            "SELECT count(*) FROM lorawan_gateway WHERE id = %s AND last_seen_at > %s", line.made["gateway"], since
        ),
        "the gateway's voice",
    )
    line.system.change("UPDATE lorawan_gateway SET silent_after_s = %s", SILENT_AFTER_S)


def _the_only_incident(line: Line) -> int:
    """The alarm of the gateway has one incident, never two."""
    rows = line.system.rows(
        "SELECT i.id, i.type, i.priority, i.channel FROM servicedesk_incident i WHERE i.alarm_origin = %s",
        f"gateway:{line.made['gateway']}:silent",
    )
    assert [row[1:] for row in rows] == [("bloquant", "P0", "alarm")]  # no other gateway hears these sensors
    return int(rows[0][0])


def _clocks_are_right(system: System, page: Page, incident_id: int) -> None:
    informed, raised, gti, gtr = system.rows(
        "SELECT i.informed_at, a.raised_at, i.gti_due_at, i.gtr_due_at FROM servicedesk_incident i"
        " JOIN telemetry_alarm a ON a.id = i.alarm_id WHERE i.id = %s",
        incident_id,
    )[0]
    assert informed == raised  # the alarm is the first information
    for name, due in (("GTI", gti), ("GTR", gtr)):
        expected = business_deadline(informed, PROMISED[name])
        assert abs(due - expected) <= timedelta(seconds=2), (name, due, expected)
        clock = page.get_by_role("region", name=name, exact=True)
        hours = f"{PROMISED[name] // timedelta(hours=1)}\u202fh"
        expect(clock.locator(".clock-name")).to_have_text(f"{name} {hours}", use_inner_text=True)
        said = clock.locator(".clock-due time").get_attribute("datetime")
        assert said is not None
        assert abs(datetime.fromisoformat(said) - due) < timedelta(seconds=1)
        expect(clock.locator(".clock-lead")).to_have_text(re.compile("^reste .* ouvrées"), use_inner_text=True)
        expect(clock).to_contain_text("lundi à vendredi 08:00-18:00, hors jours fériés")


def _why_says_everything(page: Page, incident_id: int) -> None:
    for name, printed in PRINTED.items():
        page.goto(f"/incidents/{incident_id}/")
        page.get_by_role("link", name=f"Pourquoi cette {name} ?").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Pourquoi cette {name} ?")
        main = page.locator("main")
        expect(main).to_contain_text("CCTP IoT 6.6")
        expect(main).to_contain_text(printed)
        expect(main).to_contain_text("lundi à vendredi 08:00-18:00")
        expect(main).to_contain_text("Titulaire informé")
        if name == "GTR":  # the specification prints no calendar beside it: the choice is said
            expect(main).to_contain_text("Calendrier choisi")
    check_page(page)
    page.goto(f"/incidents/{incident_id}/")


def _nothing_for_charlie(line: Line, launch: Launch, incident_id: int) -> None:
    with signed_in(launch, line.system, "charlie@example.org") as charlie:
        for path in ("", "pourquoi/GTI/", "fiche/", "prendre-en-charge/"):
            assert status_of(charlie, f"/incidents/{incident_id}/{path}") == 404
        sheet = charlie.request.get(f"/incidents/{incident_id}/fiche.pdf")
        assert sheet.status == 404
        for path in ("/", "/incidents/?etat=", "/alarmes/?etat=", "/notifications/"):
            charlie.goto(path)
            assert "Passerelle 0" not in charlie.content()


def _handled_to_the_end(line: Line, launch: Launch, bob: Page, incident_id: int) -> None:
    """The agent takes in charge, starts, restores; the beneficiary sees it live and confirms; the agent closes."""
    with signed_in(launch, line.system, "alice@example.org") as alice:
        seen = another_tab(bob, f"/incidents/{incident_id}/")
        alice.goto("/incidents/")
        alice.get_by_role("link", name=TITLE).click()
        _act(alice, "prendre-en-charge", untick="Elle commence le diagnostic à cette heure")
        expect(seen.locator("main")).to_contain_text("En charge : Alice")
        assert _clock_states(line, incident_id)["GTI"] == "running"
        _act(alice, "commencer-intervention")
        gti = seen.get_by_role("region", name="GTI", exact=True).locator(".clock-lead")
        expect(gti).to_have_text(re.compile("^tenue en"), use_inner_text=True)
        _act(alice, "retablir")
        expect(seen.locator("main")).to_contain_text("Rétabli")
        assert never_reloaded(seen)
        assert _clock_states(line, incident_id) == {"GTI": "met", "GTR": "met"}

        bob.goto("/")
        expect(bob.locator("#accueil-etat")).to_contain_text("1 rétablissement à confirmer")
        bob.goto(f"/incidents/{incident_id}/")
        _act(bob, "confirmer-retablissement")
        _act(alice, "clore")
        expect(seen.locator("main")).to_contain_text("Clos")
    facts = [kind for (kind,) in line.system.rows(
        "SELECT f.kind FROM commitments_casefact f JOIN servicedesk_incident i ON i.case_id = f.case_id"
        " WHERE i.id = %s ORDER BY f.id", incident_id,
    )]  # fmt: skip
    assert facts == [
        "informed", "qualified", "acknowledged", "taken_in_charge", "intervention_started", "restored",
        "restoration_confirmed", "closed",
    ]  # fmt: skip


def _act(page: Page, slug: str, *, untick: str = "") -> None:
    """Open an act from the incident's page, as its button says, and do it."""
    path = page.url.split("?", 1)[0]
    page.goto(path)
    page.locator(f"main a[href$='/{slug}/']").click()
    if untick:
        page.get_by_label(untick).uncheck()
    page.locator("main form button.btn-primary").click()
    expect(page).to_have_url(path)
    expect(page.get_by_role("status").or_(page.locator(".alert")).filter(has_text="c’est fait").first).to_be_visible()


def _clock_states(line: Line, incident_id: int) -> dict[str, str]:
    gti, gtr = line.system.rows("SELECT gti_state, gtr_state FROM servicedesk_incident WHERE id = %s", incident_id)[0]
    return {"GTI": gti, "GTR": gtr}
