"""The two agreements as their specifications state them, and what a mistake in ``agreement.yaml`` says."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cadran.kernel.calendars import Territory
from cadran.parties import packs
from cadran.parties.packs import AgreementPack, ambiguities, load_agreement
from tests.support.packs import AGREEMENTS, IOT, TELECOMS, Damage, assert_refused, numbers_of

OVERSEAS = ["GP", "MQ", "GF", "RE", "YT", "BL", "MF", "PM", "PF", "NC", "WF"]

# CCTP telecoms 3, letter for letter (the misprint of lot 2 included); class; network access; lots included.
LOTS = {
    1: ("Services de télécommunications fixes avec engagements de service classiques", "standard", True, []),
    2: ("Services de télécommunications fixes a avec engagements de service avancés", "advanced", True, [1]),
    3: ("Services de télécommunications mobiles avec engagements de service classiques", "standard", True, []),
    4: ("Services de télécommunications mobiles avec engagements de service avancés", "advanced", True, [3]),
    5: (
        "Services de télécommunications fixes et mobiles adaptés aux activités de secours et à la sécurisation",
        "standard",
        True,
        [],
    ),
    6: ("Fibre noire", "standard", True, []),
    7: ("Couverture indoor", "standard", True, []),
    8: ("Appareils mobiles", "standard", False, []),
    9: ("Services packagés pour les petites structures", "standard", True, []),
    10: ("Wi-Fi public sécurisé", "standard", True, []),
}


@pytest.fixture(scope="module")
def iot() -> AgreementPack:
    return load_agreement(IOT)


@pytest.fixture(scope="module")
def telecoms() -> AgreementPack:
    return load_agreement(TELECOMS)


def test_both_are_awarded_by_the_same_body(iot: AgreementPack, telecoms: AgreementPack) -> None:
    for pack in (iot, telecoms):
        body = pack.purchasing_body
        assert (body.name, body.siret) == ("CANUT", "92443595100018")
        assert (body.address.street, body.address.postal_code, body.address.city) == (
            "4 place Amédée Bonnet",
            "69002",
            "Lyon",
        )


def test_the_telecom_agreement_has_its_ten_lots(telecoms: AgreementPack) -> None:
    read = {
        lot.number: (
            lot.title,
            lot.service_class.value,
            lot.network_access.value,
            [include.lot for include in lot.includes],
        )
        for lot in telecoms.lots
    }
    assert read == LOTS


def test_a_misprinted_title_is_shown_corrected(telecoms: AgreementPack) -> None:
    assert telecoms.lot(2).shown_title == "Services de télécommunications fixes avec engagements de service avancés"
    assert telecoms.lot(6).shown_title == telecoms.lot(6).title


def test_a_class_that_no_title_states_owns_up_to_being_chosen(telecoms: AgreementPack) -> None:
    stated = {lot.number for lot in telecoms.lots if lot.service_class.article}
    assert stated == {1, 2, 3, 4}
    assert all(lot.service_class.ambiguity for lot in telecoms.lots if lot.number not in stated)


def test_emergency_services_get_the_round_the_clock_option_by_default(telecoms: AgreementPack) -> None:
    defaults = {lot.number: lot.default_hours.value for lot in telecoms.lots}
    assert [number for number, hours in defaults.items() if hours == "option_24_7"] == [2, 4, 5]


def test_the_iot_agreement_has_one_lot_of_standard_class(iot: AgreementPack) -> None:
    assert [lot.number for lot in iot.lots] == [1]
    assert iot.lot(1).service_class.value == "standard"
    assert iot.lot(1).network_access.value is False
    assert iot.lot(1).network_access.ambiguity


def test_lots_cover_metropolitan_france_and_overseas(iot: AgreementPack, telecoms: AgreementPack) -> None:
    assert iot.lot(1).territories == tuple(Territory)
    for lot in telecoms.lots:
        assert [str(t) for t in lot.territories] == ["FR", "AM", *OVERSEAS]
        overseas = lot.coverage[1]
        assert overseas.availability == "to_be_stated"
        assert overseas.limits


@pytest.mark.parametrize(
    ("directory", "stated"),
    [
        # every_months, periods, due_days: CCTP IoT 7 gives only the first, CCTP telecoms 7 gives all three
        pytest.param(IOT, ["CCTP IoT 7", None, None], id="iot"),
        pytest.param(TELECOMS, ["CCTP TEL 7"] * 3, id="telecoms"),
    ],
)
def test_report_is_due_thirty_days_after_each_half_year(directory: Path, stated: list[str | None]) -> None:
    reporting = load_agreement(directory).reporting
    assert (reporting.every_months.value, reporting.periods.value, reporting.due_days.value) == (
        6,
        "civil_half_year",
        30,
    )
    assert [reporting.every_months.article, reporting.periods.article, reporting.due_days.article] == stated


def test_report_contents(iot: AgreementPack, telecoms: AgreementPack) -> None:
    common = {"turnover", "orders", "bpu_distribution", "return_on_investment", "purchase_savings"}
    assert {item.code for item in iot.reporting.contents} == common
    assert {item.code for item in telecoms.reporting.contents} == common | {
        "commercial_actions",
        "good_practices",
        "good_practice_faults",
        "corrective_measures",
    }


def test_committee_meets_twice_a_year(iot: AgreementPack, telecoms: AgreementPack) -> None:
    assert (iot.committee.per_year.value, iot.committee.per_year.article) == (2, "CCTP IoT 8")
    assert (telecoms.committee.per_year.value, telecoms.committee.per_year.origin) == (2, "setting")


def test_warranty_is_a_year_and_thirty_days_from_delivery(iot: AgreementPack, telecoms: AgreementPack) -> None:
    for pack, article in ((iot, "CCTP IoT 6.5"), (telecoms, "CCTP TEL 6.1.3")):
        warranty = pack.warranty
        assert (warranty.months.value, warranty.extra_days.value, warranty.starts_on.value) == (12, 30, "delivery")
        assert warranty.months.article == warranty.extra_days.article == article


def test_an_unknown_lot_is_not_found(iot: AgreementPack) -> None:
    with pytest.raises(KeyError, match="2024_AOO_IOT n'a pas de lot 2"):
        iot.lot(2)


def test_a_pack_survives_its_copy_in_the_database(iot: AgreementPack, telecoms: AgreementPack) -> None:
    for pack in (iot, telecoms):
        copy = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(pack)))
        assert msgspec.convert(copy, AgreementPack) == pack


def test_ambiguities_are_listed_for_the_screen(telecoms: AgreementPack) -> None:
    listed = dict(ambiguities(telecoms))
    assert "forte disponibilité" in listed["lots.4.service_class"]
    assert len(listed) >= 10


def test_no_text_carries_a_control_character() -> None:
    for file in AGREEMENTS.glob("*/*.yaml"):
        assert not [c for c in file.read_text(encoding="utf-8") if ord(c) < 32 and c != "\n"], file
    assert "\a" not in str(load_agreement(IOT))


def test_every_number_of_the_schema_carries_its_source() -> None:
    """A number may only live in a sourced struct: otherwise nothing would ask where it comes from."""
    numbers = numbers_of(packs)
    assert {"Count.value", "LotPack.number"} <= set(numbers)
    assert all(numbers.values())


SOURCE_REMEDY = "Ajoutez « article: CCTP TEL … », ou « origin: setting » et « reason: … »."
DAMAGES = {
    "figure without a source": Damage(
        "agreement.yaml",
        "due_days: {value: 30, article: CCTP TEL 7}",
        "due_days: {value: 30}",
        "« reporting.due_days » ne cite aucun article",
        SOURCE_REMEDY,
    ),
    "lot without a source": Damage(
        "agreement.yaml",
        "    title: Fibre noire\n    article: CCTP TEL 3\n",
        "    title: Fibre noire\n",
        "« lots.6 » ne cite aucun article",
        SOURCE_REMEDY,
        offset=-1,
    ),
    "setting without a reason": Damage(
        "agreement.yaml",
        "every_months: {value: 6, article: CCTP TEL 7}",
        "every_months: {value: 6, origin: setting}",
        "« reporting.every_months » est un réglage sans raison",
        "Ajoutez « reason: … » : pourquoi cette valeur et pas une autre.",
    ),
    "article and setting at once": Damage(
        "agreement.yaml",
        "months: {value: 12, article: CCTP TEL 6.1.3}",
        "months: {value: 12, article: CCTP TEL 6.1.3, origin: setting, reason: both}",
        "cite un article et se dit réglage à la fois",
        "Gardez « article » si le texte le dit, sinon « origin: setting ».",
    ),
    "another agreement's article": Damage(
        "agreement.yaml",
        "months: {value: 12, article: CCTP TEL 6.1.3}",
        "months: {value: 12, article: CCTP IoT 6.5}",
        "cite CCTP IoT, qui n'est pas le texte de cet accord-cadre",
        "Citez CCTP TEL, ou dites « origin: setting » et nommez l'autre texte dans « reason ».",
    ),
    "an article that is no article": Damage(
        "agreement.yaml",
        "months: {value: 12, article: CCTP TEL 6.1.3}",
        "months: {value: 12, article: voir garantie}",
        "« voir garantie » ne désigne pas un article",
        "Écrivez le document et le numéro, par exemple « CCTP TEL 4.2 ».",
    ),
    "SIRET with a wrong key": Damage(
        "agreement.yaml",
        'siret: "92443595100018"',
        'siret: "92443595100017"',
        "« purchasing_body.siret »",
        "Recopiez les 14 chiffres du SIRET, entre guillemets.",
    ),
    "code of another directory": Damage(
        "agreement.yaml",
        "code: 2024_AOO_TELECOMS",
        "code: 2024_AOO_IOT",
        "dans le répertoire « 2024_AOO_TELECOMS »",
        "Donnez le même nom aux deux.",
    ),
    "lot number twice": Damage(
        "agreement.yaml",
        "  - number: 7\n",
        "  - number: 6\n",
        "le lot 6 est écrit deux fois",
        "Donnez à chaque lot son numéro, ou retirez le double.",
    ),
    "lot title twice": Damage(
        "agreement.yaml",
        "title: Couverture indoor",
        "title: Fibre noire",
        "« Fibre noire » est écrit deux fois",
        "Retirez l'un des deux, ou changez son nom.",
        offset=-1,
    ),
    "includes an unknown lot": Damage(
        "agreement.yaml",
        "{lot: 1, article: CCTP TEL 10,",
        "{lot: 11, article: CCTP TEL 10,",
        "le lot 2 comprend le lot 11, qui n'existe pas",
        "Choisissez parmi les lots 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.",
    ),
    "includes itself": Damage(
        "agreement.yaml",
        "{lot: 3, article: CCTP TEL 12,",
        "{lot: 4, article: CCTP TEL 12,",
        "le lot 4 se comprend lui-même",
        "Retirez cette ligne.",
    ),
    "territory twice": Damage(
        "agreement.yaml",
        "territories: [GP, MQ,",
        "territories: [FR, MQ,",
        "le lot 1 couvre deux fois le territoire FR",
        "Gardez le territoire dans une seule ligne de couverture.",
    ),
    "territory unknown": Damage(
        "agreement.yaml",
        "territories: [GP, MQ,",
        "territories: [XX, MQ,",
        "la valeur 'XX' n’est pas admise",
        "Choisissez parmi : FR, AM, GP, MQ, GF, RE, YT, BL, MF, PM, PF, NC, WF.",
    ),
    "limited coverage without limits": Damage(
        "agreement.yaml",
        "        limits: Disponibilité, contraintes et limites outre-mer à préciser par l'offre du titulaire.\n",
        "",
        "le lot 1 limite sa couverture sans dire comment",
        "Ajoutez « limits: … » : ce qui manque, et jusqu'à quand.",
        offset=-2,
    ),
    "report item twice": Damage(
        "agreement.yaml",
        "code: orders",
        "code: turnover",
        "« turnover » est écrit deux fois dans « reporting.contents »",
        "Retirez l'un des deux, ou changez son nom.",
    ),
    "class unknown": Damage(
        "agreement.yaml",
        "value: advanced",
        "value: gold",
        "la valeur 'gold' n’est pas admise",
        "Choisissez parmi : advanced, standard.",
    ),
    "unknown field": Damage(
        "agreement.yaml",
        "    network_access:\n",
        "    network_acces:\n",
        "le champ « network_acces » est inconnu",
        "Vouliez-vous dire « network_access » ?",
    ),
    "committee that never meets": Damage(
        "agreement.yaml",
        "per_year:\n    value: 2",
        "per_year:\n    value: 0",
        "« committee.per_year.value »",
        "Écrivez un nombre entier >= 1.",
        offset=1,
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_mistake_is_named_with_its_line_and_remedy(damage: Damage, tmp_path: Path) -> None:
    assert_refused(damage, tmp_path, load_agreement)
