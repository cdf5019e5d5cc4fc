"""Beneficiaries from a spreadsheet: a file with faults writes nothing, the good one is read first, then applied."""

from __future__ import annotations

from playwright.sync_api import FilePayload, expect

from tests.a11y.gate import Launch, check_page
from tests.journeys.conftest import Line
from tests.journeys.people import signed_in, status_of

HEADER = "siret;nom;nature;territoire;accord_cadre;convention;signee_le;debut"
GOOD = ("26690027300019;Hôpital du Journal;etablissement de sante;FR;2024_AOO_IOT;C-J1;2026-01-15;2026-02-01",)
WRONG = (
    "26690027300018;Hôpital du Journal;etablissement de sante;FR;2024_AOO_IOT;C-J1;2026-01-15;2026-02-01",
    "21690123100011;Bobville;commune;XX;;;;",
)


def file_of(lines: tuple[str, ...], name: str) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": "\r\n".join((HEADER, *lines)).encode("utf-8-sig")}


def test_importing_beneficiaries(line: Line, launch: Launch) -> None:
    system = line.system
    before = system.value("SELECT count(*) FROM parties_organisation")
    with signed_in(launch, system, "roc@example.org") as roc:
        roc.goto("/beneficiaires/")
        roc.goto("/beneficiaires/importer/")
        roc.get_by_label("Fichier des bénéficiaires").set_input_files(file_of(WRONG, "fautif.csv"))
        with roc.expect_navigation() as answered:
            roc.get_by_role("button", name="Vérifier le fichier").click()
        assert answered.value is not None
        assert answered.value.status == 422
        faults = roc.get_by_role("table", name="Erreurs, ligne par ligne")
        expect(faults.locator("tbody tr")).to_have_count(2)
        expect(faults).to_contain_text("siret")
        expect(faults).to_contain_text("territoire")
        expect(roc.get_by_role("button", name="Appliquer l’import")).to_have_count(0)
        check_page(roc)
        assert system.value("SELECT count(*) FROM parties_organisation") == before

        roc.get_by_label("Fichier des bénéficiaires").set_input_files(file_of(GOOD, "bon.csv"))
        roc.get_by_role("button", name="Vérifier le fichier").click()
        expect(roc.locator("main")).to_contain_text("Rien n’est encore écrit")
        check_page(roc)
        assert system.value("SELECT count(*) FROM parties_organisation") == before  # a dry run
        roc.get_by_role("button", name="Appliquer l’import").click()
        expect(roc.locator("main")).to_contain_text("1 bénéficiaire créé")
        expect(roc.locator("main")).to_contain_text("Hôpital du Journal")
    assert system.rows(
        "SELECT o.name, c.reference FROM parties_organisation o JOIN parties_convention c ON c.owner_id = o.id"
        " WHERE o.siret = '26690027300019'"
    ) == [("Hôpital du Journal", "C-J1")]
    with signed_in(launch, system, "bob@example.org") as bob:
        assert status_of(bob, "/beneficiaires/importer/") == 403
