"""The service levels and penalties of both agreements, figure by figure, and the promises made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from cadran.commitments.packs import (
    NoSuchDelay,
    Penalties,
    ServiceLevels,
    availability_promised,
    check_pair,
    commitments_for,
    default_priority,
    facts_for,
    load_penalties,
    load_service_levels,
    penalties,
    schema,
)
from cadran.commitments.rules import (
    ALLOWED_PRIORITIES,
    CRITERIA,
    ClockState,
    Fact,
    FactKind,
    IncidentType,
    Priority,
    PriorityRefused,
    verdict,
)
from cadran.kernel.calendars import Territory
from cadran.parties.packs import load_agreement
from tests.support.packs import IOT, TELECOMS, numbers_of

BLOCKING, MAJOR, MINOR = IncidentType.BLOCKING, IncidentType.MAJOR, IncidentType.MINOR
HOUR = 60
BOTH = pytest.mark.parametrize("directory", [IOT, TELECOMS], ids=["iot", "telecoms"])


def levels_of(directory: Path) -> ServiceLevels:
    return load_service_levels(directory, load_agreement(directory))


def penalties_of(directory: Path) -> Penalties:
    return load_penalties(directory, load_agreement(directory))


# (GTI minutes, GTI base, GTI option, stated or chosen), (GTR minutes or None, GTR working days or None)
# CCTP IoT 6.6, « Délais de réponse et de rétablissement attendus »; CCTP telecoms 6.1.5, same title, two columns.
STANDARD = {
    BLOCKING: ((1 * HOUR, "HO", "24/7", "stated"), (4 * HOUR, None)),
    MAJOR: ((4 * HOUR, "HO", "24/7", "stated"), (12 * HOUR, None)),
    MINOR: ((24 * HOUR, "HO", "24/7", "chosen"), (None, 5)),
}
ADVANCED = {
    BLOCKING: ((1 * HOUR, "24/7", None, "stated"), (4 * HOUR, None)),
    MAJOR: ((4 * HOUR, "24/7", None, "stated"), (8 * HOUR, None)),
    MINOR: ((12 * HOUR, "24/7", None, "chosen"), (None, 3)),
}


@pytest.mark.parametrize(
    ("directory", "table", "article"),
    [
        pytest.param(IOT, {"standard": STANDARD}, "CCTP IoT 6.6", id="iot"),
        pytest.param(TELECOMS, {"standard": STANDARD, "advanced": ADVANCED}, "CCTP TEL 6.1.5", id="telecoms"),
    ],
)
def test_the_table_of_delays(directory: Path, table: dict[str, dict[IncidentType, object]], article: str) -> None:
    levels = levels_of(directory)
    read: dict[str, dict[IncidentType, object]] = {}
    for line in levels.delays:
        gti, gtr = line.gti, line.gtr
        read.setdefault(line.service_class, {})[line.type] = (
            (gti.minutes, gti.hours.base, gti.hours.option, gti.hours.source),
            (gtr.minutes, gtr.working_days),
        )
        assert gti.article == gtr.article == article
        assert gtr.hours.source == "chosen"
        assert gtr.hours.reason
    assert read == table
    assert levels.limits_strict.value is True


@BOTH
def test_a_calendar_is_stated_only_where_it_is_printed(directory: Path) -> None:
    for line in levels_of(directory).delays:
        for delay in (line.gti, line.gtr):
            printed = "HO" in delay.printed or "24h/7j" in delay.printed
            assert (delay.hours.source == "stated") is printed


@BOTH
def test_pairs_of_type_and_priority(directory: Path) -> None:
    levels = levels_of(directory)
    assert [(pair.type, pair.priority, pair.use) for pair in levels.pairs] == [
        (BLOCKING, "P0", "default"),
        (MAJOR, "P1", "default"),
        (MAJOR, "P0", "exceptional"),
        (MAJOR, "P2", "allowed"),
        (MINOR, "P2", "default"),
        (MINOR, "P1", "allowed"),
    ]
    in_text_only = levels.pair(MAJOR, Priority.P2)
    assert in_text_only is not None
    assert in_text_only.ambiguity is not None
    assert "le tableau des délais ne la montre pas" in in_text_only.ambiguity


@BOTH
@pytest.mark.parametrize("type_", IncidentType)
@pytest.mark.parametrize("priority", Priority)
def test_every_other_pair_is_refused(directory: Path, type_: IncidentType, priority: Priority) -> None:
    levels = levels_of(directory)
    if priority not in ALLOWED_PRIORITIES[type_]:
        with pytest.raises(PriorityRefused, match=f"incident {type_} ne peut pas être traité en {priority}"):
            check_pair(levels, type_=type_, priority=priority, reason="whatever the reason")
    else:
        check_pair(levels, type_=type_, priority=priority, reason="crue de la rivière")
    assert default_priority(levels, type_) == ALLOWED_PRIORITIES[type_][0]


@BOTH
def test_an_exceptional_priority_wants_its_reason(directory: Path) -> None:
    with pytest.raises(PriorityRefused, match="extrêmement pénalisante"):
        check_pair(levels_of(directory), type_=MAJOR, priority=Priority.P0, reason="  ")


@BOTH
def test_criteria_are_those_of_the_rules(directory: Path) -> None:
    levels = levels_of(directory)
    assert set(levels.criteria) == set(CRITERIA)
    assert [line.code for line in levels.incident_types if line.fallback] == [MINOR]
    assert {line.code: line.impact for line in levels.incident_types} == {
        BLOCKING: "Perte totale du service",
        MAJOR: "Dégradation du service",
        MINOR: "Défaut sans altération du service",
    }


@BOTH
def test_clocks_start_with_the_first_information_and_stop_by_a_person(directory: Path) -> None:
    levels = levels_of(directory)
    assert levels.clock.gti.starts_on.value is FactKind.INFORMED
    assert levels.clock.gtr.starts_on.value is FactKind.INFORMED
    assert levels.clock.gti.stops_on.value == (FactKind.INTERVENTION_STARTED,)
    assert levels.clock.gti.named_person.value is True
    assert levels.clock.gtr.stops_on.value == (FactKind.RESTORED,)
    assert levels.acknowledgement.stops_gti.value is False
    assert [channel.code for channel in levels.channels if channel.written_confirmation] == ["phone"]


@BOTH
def test_pause_reasons_are_settings_with_their_proof(directory: Path) -> None:
    pauses = levels_of(directory).pauses
    assert len(pauses) == 6
    assert all(pause.origin == "setting" and pause.reason and pause.proof for pause in pauses)


def test_availability() -> None:
    agreement, levels = load_agreement(TELECOMS), levels_of(TELECOMS)
    assert (levels.availability.floor.percent, levels.availability.floor.period) == (Decimal("99.85"), "month")
    assert levels.availability.floor.article == "CCTP TEL 5.8"
    promised = {lot.number: availability_promised(levels, lot) for lot in agreement.lots}
    assert promised.pop(8) is None  # mobile devices: no network access
    assert set(promised.values()) == {Decimal("99.85")}
    iot = load_agreement(IOT)
    assert availability_promised(levels_of(IOT), iot.lot(1)) is None


def test_answers() -> None:
    telecoms = {answer.code: answer for answer in levels_of(TELECOMS).answers}
    quote = telecoms["quote"]
    assert (quote.working_days, quote.starts_on, quote.strict, quote.article) == (5, "receipt", False, "CCTP TEL 6.1.1")
    assert telecoms["service_request"].working_days is None
    iot = {answer.code: (answer.working_days, answer.origin) for answer in levels_of(IOT).answers}
    assert iot == {
        "quote": (5, "setting"),
        "commercial_question": (None, "setting"),
        "technical_question": (None, "setting"),
    }


def test_the_wifi_lot_has_a_calendar_of_its_own() -> None:
    (line,) = levels_of(TELECOMS).lot_windows
    assert (line.lot, line.service.value, line.support.value, line.base.value) == (10, "24/7", "8-18-6/7", "8-18-6/7")
    assert line.service.article == line.support.article == "CCTP TEL 18.1.1"
    assert line.base.ambiguity


def gti_and_gtr(
    *,
    lot: int = 1,
    service_class: str = "standard",
    type_: IncidentType = BLOCKING,
    option: bool = False,
    territory: Territory = Territory.FR,
    directory: Path = TELECOMS,
) -> list[tuple[str, str, int | None, int | None]]:
    made = commitments_for(
        levels_of(directory),
        lot=lot,
        service_class=service_class,
        incident_type=type_,
        option_24_7=option,
        territory=territory,
    )
    assert all(promise.calendar.territory is territory and promise.strict and promise.article for promise in made)
    return [(p.name, p.calendar.hours.code, p.minutes, p.working_days) for p in made]


def test_the_option_moves_both_clocks_round_the_clock() -> None:
    assert gti_and_gtr() == [("GTI", "HO", 60, None), ("GTR", "HO", 240, None)]
    assert gti_and_gtr(option=True) == [("GTI", "24/7", 60, None), ("GTR", "24/7", 240, None)]
    assert gti_and_gtr(type_=MINOR) == [("GTI", "HO", 1440, None), ("GTR", "HO", None, 5)]


def test_working_days_stay_those_of_the_week() -> None:
    assert gti_and_gtr(type_=MINOR, option=True) == [("GTI", "24/7", 1440, None), ("GTR", "HO", None, 5)]
    assert gti_and_gtr(lot=2, service_class="advanced", type_=MINOR) == [
        ("GTI", "24/7", 720, None),
        ("GTR", "HO", None, 3),
    ]
    assert gti_and_gtr(lot=10, type_=MINOR) == [("GTI", "8-18-6/7", 1440, None), ("GTR", "HO", None, 5)]


def test_the_advanced_class_includes_the_option() -> None:
    for option in (False, True):
        assert gti_and_gtr(lot=2, service_class="advanced", type_=MAJOR, option=option) == [
            ("GTI", "24/7", 240, None),
            ("GTR", "24/7", 480, None),
        ]


def test_the_wifi_lot_runs_on_saturdays_unless_the_option_is_taken() -> None:
    assert gti_and_gtr(lot=10, type_=MAJOR) == [("GTI", "8-18-6/7", 240, None), ("GTR", "8-18-6/7", 720, None)]
    assert gti_and_gtr(lot=10, type_=MAJOR, option=True) == [("GTI", "24/7", 240, None), ("GTR", "24/7", 720, None)]


def test_the_iot_agreement_has_no_advanced_class() -> None:
    with pytest.raises(NoSuchDelay, match="2024_AOO_IOT n'a pas de délais pour un incident bloquant"):
        gti_and_gtr(directory=IOT, service_class="advanced")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def log(*facts: tuple[FactKind, str], pause: str = "") -> list[Fact]:
    data = {"pause": pause} if pause else {}
    return [
        Fact(kind, at(moment), at(moment), "Alice", data if kind in (FactKind.PAUSED, FactKind.RESUMED) else {})
        for kind, moment in facts
    ]


def test_a_friday_evening_blocker_is_due_on_monday_morning() -> None:
    gti, gtr = commitments_for(
        levels_of(IOT),
        lot=1,
        service_class="standard",
        incident_type=BLOCKING,
        option_24_7=False,
        territory=Territory.FR,
    )
    facts = log((FactKind.INFORMED, "2026-06-05T17:30+02:00"))
    now = at("2026-06-05T18:00+02:00")
    assert verdict(facts, gti, now).due_at == at("2026-06-08T08:30+02:00").astimezone(UTC)
    assert verdict(facts, gtr, now).due_at == at("2026-06-08T11:30+02:00").astimezone(UTC)


def test_a_reopened_incident_resumes_its_restoration_but_not_its_intervention() -> None:
    gti, gtr = commitments_for(
        levels_of(IOT),
        lot=1,
        service_class="standard",
        incident_type=BLOCKING,
        option_24_7=False,
        territory=Territory.FR,
    )
    facts = log(
        (FactKind.INFORMED, "2026-06-08T09:00+02:00"),
        (FactKind.INTERVENTION_STARTED, "2026-06-08T09:30+02:00"),
        (FactKind.RESTORED, "2026-06-08T10:00+02:00"),
        (FactKind.REOPENED, "2026-06-08T15:00+02:00"),
    )
    now = at("2026-06-08T16:00+02:00")
    assert verdict(facts, gti, now).state is ClockState.MET
    open_again = verdict(facts, gtr, now)
    assert (open_again.state, open_again.elapsed) == (ClockState.RUNNING, timedelta(hours=2))


@pytest.mark.parametrize(
    ("pause", "gti", "gtr"),
    [
        pytest.param("beneficiary_awaited", ClockState.MISSED, ClockState.PAUSED, id="holds only the GTR"),
        pytest.param("site_access", ClockState.PAUSED, ClockState.PAUSED, id="holds both"),
    ],
)
def test_a_pause_holds_only_the_clocks_its_reason_names(pause: str, gti: ClockState, gtr: ClockState) -> None:
    levels = levels_of(IOT)
    facts = log((FactKind.INFORMED, "2026-06-08T09:00+02:00"), (FactKind.PAUSED, "2026-06-08T09:10+02:00"), pause=pause)
    made = commitments_for(
        levels,
        lot=1,
        service_class="standard",
        incident_type=BLOCKING,
        option_24_7=False,
        territory=Territory.FR,
    )
    clocks: list[Literal["GTI", "GTR"]] = ["GTI", "GTR"]
    now = at("2026-06-08T12:00+02:00")
    states = [
        verdict(facts_for(levels, name, facts), promise, now).state for name, promise in zip(clocks, made, strict=True)
    ]
    assert states == [gti, gtr]


# --- Penalties --------------------------------------------------------------------------------------------------------


@BOTH
def test_penalties_fall_back_on_the_general_clauses(directory: Path) -> None:
    read = penalties_of(directory)
    default = read.legal_default
    assert read.annex.provided is False
    assert default.formula == "P = V x R / 1000"
    assert (default.divisor.value, default.counts_from.value, default.comment_days.value) == (1000, "day_after", 15)
    assert (default.cap_percent.value, default.exemption_eur.value) == (Decimal(10), Decimal("1000.00"))
    assert default.outside_vat.value is True
    assert {line.formula.kind for line in read.penalties} == {"legal_default"}


def test_late_quotes_are_penalised_in_both_agreements() -> None:
    iot, telecoms = penalties_of(IOT), penalties_of(TELECOMS)
    common = {"quote_late", "delivery_late", "gti_missed", "gtr_missed"}
    assert {line.event for line in iot.penalties} == common
    assert {line.event for line in telecoms.penalties} == common | {"availability_missed"}
    late = next(line for line in telecoms.penalties if line.event == "quote_late")
    assert (late.article, late.base.value, late.base.origin) == ("CCTP TEL 6.1.1", "quote_excl_vat", "setting")


# --- Schema -----------------------------------------------------------------------------------------------------------


@BOTH
def test_packs_survive_their_copy_in_the_database(directory: Path) -> None:
    for pack in (levels_of(directory), penalties_of(directory)):
        copy = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(pack)))
        assert msgspec.convert(copy, type(pack)) == pack


def test_every_number_of_the_schema_carries_its_source() -> None:
    numbers = numbers_of(schema) | numbers_of(penalties)
    assert {"Delay.minutes", "AvailabilityFloor.percent", "Rate.value"} <= set(numbers)
    # A lot's number is a name, not a figure; its hours carry their own sources.
    assert [name for name, sourced in numbers.items() if not sourced] == ["LotWindows.lot"]
