"""Which alarms open which incidents, and what a mistake in ``alarms.yaml`` says."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cadran.servicedesk.packs import AgreementFiles, Alarms, classify, load_agreement_files
from tests.support.packs import IOT, TELECOMS, Damage, assert_refused


@pytest.fixture(scope="module")
def iot() -> AgreementFiles:
    return load_agreement_files(IOT)


@pytest.fixture(scope="module")
def telecoms() -> AgreementFiles:
    return load_agreement_files(TELECOMS)


@pytest.mark.parametrize(
    ("code", "affected", "expected"),
    [
        pytest.param("gateway.silent", 100, ("bloquant", "P0", ("complete_stop",)), id="the only gateway"),
        pytest.param("gateway.silent", 99, ("majeur", "P1", ("essential_function_partly_down",)), id="most of it"),
        pytest.param("gateway.silent", 1, ("majeur", "P1", ("essential_function_partly_down",)), id="a little"),
        pytest.param("gateway.silent", 0, ("mineur", "P2", ("secondary_function_down",)), id="others hear all"),
        pytest.param("device.silent", 100, ("bloquant", "P0", ("complete_stop",)), id="every sensor"),
        pytest.param("device.silent", 20, ("majeur", "P1", ("scope_reduced",)), id="one sensor in five"),
        pytest.param("device.silent", 19, ("mineur", "P2", ("secondary_function_down",)), id="fewer"),
        pytest.param("lorawan.server_down", 0, ("bloquant", "P0", ("complete_stop",)), id="the server"),
        pytest.param("telemetry.storage_stalled", 5, ("bloquant", "P0", ("integrity_damaged",)), id="data at risk"),
        pytest.param("threshold.service", 10, ("mineur", "P2", ("intermittent_without_effect",)), id="a threshold"),
        pytest.param("unheard.of", 100, ("mineur", "P2", ()), id="anything else is minor"),
    ],
)
def test_a_service_alarm_is_classed_by_what_it_takes_away(
    iot: AgreementFiles, code: str, affected: int, expected: tuple[str, str, tuple[str, ...]]
) -> None:
    found = classify(iot.alarms, code=code, lot=1, affected_percent=affected)
    assert found is not None
    assert (found.type, found.priority, found.criteria) == expected
    assert found.because


@pytest.mark.parametrize("code", ["threshold.business", "device.battery_low"])
def test_a_business_alarm_opens_no_incident(iot: AgreementFiles, code: str) -> None:
    assert classify(iot.alarms, code=code, lot=1, affected_percent=100) is None


def test_an_alarm_of_other_lots_is_unlisted_here(telecoms: AgreementFiles) -> None:
    def type_in(lot: int) -> str:
        found = classify(telecoms.alarms, code="voice.emergency_overflow_failed", lot=lot, affected_percent=100)
        assert found is not None
        return found.type

    assert (type_in(5), type_in(8)) == ("bloquant", "mineur")


@pytest.mark.parametrize("affected", [-1, 101])
def test_a_share_outside_the_whole_is_refused(iot: AgreementFiles, affected: int) -> None:
    with pytest.raises(ValueError, match="attendu de 0 à 100"):
        classify(iot.alarms, code="gateway.silent", lot=1, affected_percent=affected)


def test_a_silent_gateway_silences_its_sensors(iot: AgreementFiles) -> None:
    line = iot.alarms.line("gateway.silent")
    assert line is not None
    assert line.absorbs == ("device.silent",)


def test_clocks_of_an_alarm_start_when_it_is_raised(iot: AgreementFiles, telecoms: AgreementFiles) -> None:
    for files in (iot, telecoms):
        assert files.alarms.informed_at.value == "raised_at"
        assert files.alarms.informed_at.origin == "setting"
        assert files.alarms.informed_at.ambiguity
        assert files.alarms.one_incident_per_origin.value is True
        assert files.alarms.end_of_alarm.value == "records_restoration"


def test_every_outcome_has_delays_in_its_lot(iot: AgreementFiles, telecoms: AgreementFiles) -> None:
    """Whatever an alarm opens, in whichever lot, the agreement promises something for it."""
    for files in (iot, telecoms):
        for lot in files.agreement.lots:
            for alarm in files.alarms.alarms:
                for outcome in alarm.outcomes:
                    assert files.levels.delays_of(lot.service_class.value, outcome.type) is not None


def test_a_pack_survives_its_copy_in_the_database(iot: AgreementFiles, telecoms: AgreementFiles) -> None:
    for files in (iot, telecoms):
        copy = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(files.alarms)))
        assert msgspec.convert(copy, Alarms) == files.alarms


FILE = "alarms.yaml"
DAMAGES = {
    "a pair the agreement refuses": Damage(
        FILE,
        "        type: bloquant\n        priority: P0\n",
        "        type: bloquant\n        priority: P1\n",
        "le couple bloquant-P1 n'est pas admis par l'accord-cadre",
        "Pour un incident bloquant, choisissez parmi : P0.",
        offset=1,
        source=IOT,
    ),
    "an exception decided by an alarm": Damage(
        FILE,
        "        type: majeur\n        priority: P1\n",
        "        type: majeur\n        priority: P0\n",
        "le couple majeur-P0 est exceptionnel : une personne le décide",
        "Pour un incident majeur, choisissez parmi : P1, P2.",
        offset=1,
        source=IOT,
    ),
    "an unknown criterion": Damage(
        FILE,
        "criteria: [complete_stop]",
        "criteria: [complet_stop]",
        "« complet_stop » n'est pas un critère du type bloquant",
        "Choisissez parmi : complete_stop, essential_function_down, performance_prevents_service, integrity_damaged.",
        source=IOT,
    ),
    "a criterion of another type": Damage(
        FILE,
        "criteria: [scope_reduced]",
        "criteria: [secondary_function_down]",
        "« secondary_function_down » n'est pas un critère du type majeur",
        "Choisissez parmi : essential_function_partly_down, scope_reduced, abnormal_operation.",
        source=IOT,
    ),
    "no criterion ticked": Damage(
        FILE,
        "criteria: [complete_stop]",
        "criteria: []",
        "un incident bloquant se caractérise par au moins un critère",
        "Choisissez parmi : complete_stop, essential_function_down, performance_prevents_service, integrity_damaged.",
        source=IOT,
    ),
    "shares that leave a gap": Damage(
        FILE,
        "      - from_percent: 0\n",
        "      - from_percent: 2\n",
        "les issues de l'alarme « gateway.silent » ne couvrent pas de 100 à 0 %",
        "Rangez « from_percent » du plus grand au plus petit, sans double, et terminez par 0.",
        at="    outcomes:",
        source=IOT,
    ),
    "a share beyond the whole": Damage(
        FILE,
        "      - from_percent: 100\n",
        "      - from_percent: 101\n",
        "« alarms.1.outcomes.1.from_percent »",
        "Écrivez un nombre entier <= 100.",
        source=IOT,
    ),
    "a business alarm with outcomes": Damage(
        FILE,
        "    label: Passerelle muette\n    kind: service\n",
        "    label: Passerelle muette\n    kind: business\n",
        "l'alarme métier « gateway.silent » ouvrirait un incident",
        "Retirez « outcomes », ou écrivez « kind: service ».",
        at="    outcomes:",
        source=IOT,
    ),
    "an alarm twice": Damage(
        FILE,
        "  - code: device.silent\n",
        "  - code: gateway.silent\n",
        "« gateway.silent » est écrit deux fois dans « alarms »",
        "Retirez l'un des deux, ou changez son nom.",
        source=IOT,
    ),
    "an unknown alarm silenced": Damage(
        FILE,
        "absorbs: [device.silent]",
        "absorbs: [sensor.silent]",
        "l'alarme « gateway.silent » ferait taire « sensor.silent »",
        "Écrivez le code d'une autre alarme de ce fichier.",
        source=IOT,
    ),
    "an unknown lot": Damage(
        FILE,
        "lots: [5]",
        "lots: [15]",
        "l'alarme « voice.emergency_overflow_failed » vise le lot 15, qui n'existe pas",
        "Choisissez parmi les lots 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.",
    ),
    "an alarm without a source": Damage(
        FILE,
        "    origin: setting\n    reason: Un serveur arrêté",
        "    reason: Un serveur arrêté",
        "« alarms.3 » ne cite aucun article",
        "Ajoutez « article: CCTP IoT … », ou « origin: setting » et « reason: … ».",
        at="  - code: lorawan.server_down",
        source=IOT,
    ),
    "another agreement": Damage(
        FILE,
        "agreement: 2024_AOO_TELECOMS",
        "agreement: 2024_AOO_IOT",
        "ce fichier est celui de l'accord-cadre « 2024_AOO_IOT »",
        "Écrivez « agreement: 2024_AOO_TELECOMS », ou déplacez le fichier dans son répertoire.",
    ),
    "an unlisted alarm classed impossibly": Damage(
        FILE,
        "  type: mineur\n  priority: P2\n",
        "  type: mineur\n  priority: P0\n",
        "le couple mineur-P0 n'est pas admis",
        "Pour un incident mineur, choisissez parmi : P2, P1.",
        offset=1,
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_mistake_is_named_with_its_line_and_remedy(damage: Damage, tmp_path: Path) -> None:
    assert_refused(damage, tmp_path, load_agreement_files)


@pytest.mark.parametrize("missing", ["agreement.yaml", "service_levels.yaml", "alarms.yaml", "penalties.yaml"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    directory = tmp_path / IOT.name
    directory.mkdir()
    for file in IOT.glob("*.yaml"):
        if file.name != missing:
            (directory / file.name).write_bytes(file.read_bytes())
    with pytest.raises(Exception, match=f"{missing}, ligne 1 : le fichier n’existe pas"):
        load_agreement_files(directory)


def test_another_bodys_agreement_loads_without_touching_code(tmp_path: Path) -> None:
    directory = tmp_path / "2031_AUTRE"
    directory.mkdir()
    for file in IOT.glob("*.yaml"):
        text = file.read_text(encoding="utf-8").replace("CCTP IoT", "CCTP Réseaux").replace(IOT.name, directory.name)
        (directory / file.name).write_text(text.replace("CCAG-TIC", "CCAG-FCS"), encoding="utf-8")
    files = load_agreement_files(directory)
    assert files.agreement.code == "2031_AUTRE"
    assert files.levels.limits_strict.article == "CCTP Réseaux 6.6"
    assert files.penalties.legal_default.article == "CCAG-FCS 14.1"
