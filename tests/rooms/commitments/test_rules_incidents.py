"""Types and priorities: the table of the contract, nothing more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadran.commitments.rules import (
    ALLOWED_PRIORITIES,
    CRITERIA,
    Criterion,
    IncidentType,
    Priority,
    PriorityRefused,
    check_priority,
    default_priority,
    qualify,
)

ALLOWED = {
    ("bloquant", "P0"),
    ("majeur", "P0"),
    ("majeur", "P1"),
    ("majeur", "P2"),
    ("mineur", "P1"),
    ("mineur", "P2"),
}


@pytest.mark.parametrize("type_", list(IncidentType))
@pytest.mark.parametrize("priority", list(Priority))
def test_every_pair_is_either_in_the_contract_or_refused(type_: IncidentType, priority: Priority) -> None:
    if (type_.value, priority.value) in ALLOWED:
        check_priority(type_, priority, "perte de la chaîne du froid de tout un étage")
        return
    with pytest.raises(PriorityRefused, match="Choisissez parmi") as refused:
        check_priority(type_, priority, "parce que")
    assert refused.value.code == "commitments.priority_refused"


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_major_incident_is_urgent_only_with_a_reason(reason: str) -> None:
    with pytest.raises(PriorityRefused, match="exceptionnelle"):
        check_priority(IncidentType.MAJOR, Priority.P0, reason)


def test_no_other_pair_wants_a_reason() -> None:
    for type_, priority in ALLOWED - {("majeur", "P0")}:
        check_priority(IncidentType(type_), Priority(priority))


def test_defaults() -> None:
    assert [default_priority(type_) for type_ in IncidentType] == [Priority.P0, Priority.P1, Priority.P2]
    assert all(default_priority(type_) in ALLOWED_PRIORITIES[type_] for type_ in IncidentType)


def test_criteria_of_the_contract() -> None:
    count = {type_: sum(criterion.type is type_ for criterion in CRITERIA) for type_ in IncidentType}
    assert count == {IncidentType.BLOCKING: 4, IncidentType.MAJOR: 3, IncidentType.MINOR: 2}
    assert len({criterion.code for criterion in CRITERIA}) == len(CRITERIA)


@given(ticked=st.sets(st.sampled_from([criterion.code for criterion in CRITERIA])))
def test_the_most_severe_ticked_line_decides(ticked: set[str]) -> None:
    types = {criterion.type for criterion in CRITERIA if criterion.code in ticked}
    found = qualify(ticked)
    if IncidentType.BLOCKING in types:
        assert found is IncidentType.BLOCKING
    elif IncidentType.MAJOR in types:
        assert found is IncidentType.MAJOR
    else:
        assert found is IncidentType.MINOR


def test_anything_not_covered_is_minor() -> None:
    assert qualify(set()) is IncidentType.MINOR
    assert qualify({"une ligne que personne ne connaît"}) is IncidentType.MINOR


def test_an_agreement_may_bring_its_own_criteria() -> None:
    own = [Criterion("fire_alarm_lost", IncidentType.BLOCKING, "Perte de la détection incendie")]
    assert qualify({"fire_alarm_lost"}, own) is IncidentType.BLOCKING
    assert qualify({"complete_stop"}, own) is IncidentType.MINOR
