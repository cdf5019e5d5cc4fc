"""The log of a case only grows, and its verdicts are kept as they were drawn."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from cadran.commitments import selectors, services
from cadran.commitments.models import Case, CaseFact, CaseTarget, CaseVerdict, ServiceLevels
from cadran.commitments.rules import ClockState, Commitment, FactKind, IncidentType, Priority
from cadran.commitments.selectors import NoServiceLevels
from cadran.commitments.services import NewFact
from cadran.kernel.errors import InvalidInput, NotFound
from cadran.kernel.models import OutboxEvent
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from tests.support.desk import PARIS, declare, paris
from tests.support.packs import IOT
from tests.support.world import NOW, World

pytestmark = pytest.mark.django_db
T0 = paris("2026-11-16 09:00")


@pytest.fixture
def case(desk: World) -> Any:
    with scoped(SYSTEM):
        opened, _ = services.open_case(
            viewer=SYSTEM,
            owner_id=desk.bobville.pk,
            subject_type="test.subject",
            levels=selectors.levels_in_force(agreement_code="2024_AOO_IOT"),
            lot_id=desk.lot.pk,
            lot_number=1,
            site_id=desk.bob_site.pk,
            service_class="standard",
            option_24_7=False,
            incident_type=IncidentType.BLOCKING,
            priority=Priority.P0,
            territory="FR",
            zone="Europe/Paris",
            facts=[NewFact(FactKind.INFORMED, T0)],
            now=T0,
        )
    return opened


def test_the_same_levels_are_one_row_and_the_last_loaded_is_in_force(desk: World) -> None:
    import msgspec

    from cadran.servicedesk.packs import load_agreement_files

    levels = load_agreement_files(IOT).levels
    other = msgspec.structs.replace(levels, reports=())

    def load(content: Any, days: int) -> int:
        with scoped(SYSTEM):
            row = services.load_service_levels(viewer=SYSTEM, levels=content, now=NOW + timedelta(days=days))
            in_force = selectors.levels_in_force(agreement_code=levels.agreement)
            assert in_force.id == row.pk
            assert in_force.content == content
            return row.pk

    first = load(levels, 0)
    assert load(levels, 1) == first
    second = load(other, 2)
    assert second != first
    assert load(levels, 3) == first  # gone back to: still the same version, in force again
    with scoped(SYSTEM):
        assert ServiceLevels.objects.count() == 2


def test_an_agreement_without_levels_says_so(world: World) -> None:
    with scoped(SYSTEM), pytest.raises(NoServiceLevels, match="2024_AOO_IOT"):
        selectors.levels_in_force(agreement_code="2024_AOO_IOT")


def test_a_case_freezes_its_whole_calendar(case: Any) -> None:
    with scoped(SYSTEM):
        target = CaseTarget.objects.get(case=case)
    gti, gtr = (Commitment.from_dict(content) for content in target.commitments)
    assert (gti.name, gti.minutes, gtr.name, gtr.minutes) == ("GTI", 60, "GTR", 240)
    assert gti.calendar.hours.code == "HO"
    assert gti.calendar.zone.key == "Europe/Paris"
    assert gti.calendar.holidays.territory == "FR"
    assert gti.article == "CCTP IoT 6.6"


def test_what_is_stored_equals_what_is_recomputed(case: Any) -> None:
    with scoped(SYSTEM):
        for kind, minute in ((FactKind.INTERVENTION_STARTED, 20), (FactKind.RESTORED, 90)):
            at = T0 + timedelta(minutes=minute)
            services.record_facts(viewer=SYSTEM, case_id=case.pk, facts=[NewFact(kind, at)], now=at)
        for row in CaseVerdict.objects.all():
            verdicts = selectors.verdicts_of(viewer=SYSTEM, case_id=case.pk, now=row.drawn_at)
            assert row.content == verdicts[row.commitment].to_dict()


def test_a_fact_is_never_from_the_future(case: Any) -> None:
    with scoped(SYSTEM):
        fact = NewFact(FactKind.RESTORED, T0 + timedelta(seconds=1))
        with pytest.raises(InvalidInput, match="futur"):
            services.record_facts(viewer=SYSTEM, case_id=case.pk, facts=[fact], now=T0)
        with pytest.raises(IntegrityError, match="fact_not_in_the_future"), transaction.atomic():
            CaseFact.objects.create(
                owner_id=case.owner_id, case=case, kind="restored", happened_at=NOW + timedelta(days=1), recorded_at=NOW
            )


def test_a_request_that_read_its_clock_first_still_sees_the_other(case: Any) -> None:
    """Two requests queue for the case; the one that reads 09:30:00 writes after the one that read 09:30:01."""
    with scoped(SYSTEM):
        at = T0 + timedelta(minutes=30)
        pause = NewFact(FactKind.PAUSED, at, {"pause": "site_access"})
        services.record_facts(viewer=SYSTEM, case_id=case.pk, facts=[pause], now=at + timedelta(seconds=1))
        note = NewFact(FactKind.ACKNOWLEDGED, at)
        verdicts = services.record_facts(viewer=SYSTEM, case_id=case.pk, facts=[note], now=at)
        recorded = [fact.recorded_at for fact in CaseFact.objects.filter(case=case).order_by("id")]
    assert verdicts["GTR"].state is ClockState.PAUSED
    assert recorded == sorted(recorded)


@pytest.mark.parametrize("table", ["casefact", "caseverdict", "casetarget"])
@pytest.mark.parametrize("verb", ["UPDATE commitments_{} SET owner_id = owner_id", "DELETE FROM commitments_{}"])
def test_nobody_rewrites_the_log(case: Any, table: str, verb: str) -> None:
    with scoped(SYSTEM), connection.cursor() as cursor, transaction.atomic():
        with pytest.raises(DatabaseError, match="permission denied"):
            cursor.execute(verb.format(table))
        transaction.set_rollback(True)


def test_charlie_finds_no_case_of_bobs(desk: World, case: Any) -> None:
    charlie = desk.viewer(desk.charlie)
    with scoped(charlie):
        for read in (selectors.facts_of, selectors.drawn_verdicts, selectors.case):
            with pytest.raises(NotFound):
                read(viewer=charlie, case_id=case.pk)
        with pytest.raises(NotFound):
            services.record_facts(viewer=charlie, case_id=case.pk, facts=[], now=NOW)
        assert not Case.objects.exists()


def test_every_fact_and_verdict_leaves_an_event(case: Any) -> None:
    with scoped(SYSTEM):
        names = list(OutboxEvent.objects.filter(name__startswith="commitments.").order_by("id").values_list("name"))
    assert [name for (name,) in names if "Levels" not in name] == [
        "commitments.CaseOpened",
        "commitments.FactRecorded",
        "commitments.VerdictDrawn",
        "commitments.VerdictDrawn",
    ]


def test_a_page_of_clocks_costs_three_queries(desk: World, django_assert_num_queries: Any) -> None:
    opened = [declare(desk, at=T0 + timedelta(minutes=rank)) for rank in range(5)]
    with scoped(SYSTEM), django_assert_num_queries(3):
        found = selectors.verdicts_of_cases(viewer=SYSTEM, case_ids=[row.case_id for row in opened], now=T0)
    assert len(found) == 5


def test_verdicts_are_the_same_whatever_the_offset_they_are_asked_in(case: Any) -> None:
    with scoped(SYSTEM):
        now = T0 + timedelta(minutes=30)
        in_paris = selectors.verdicts_of(viewer=SYSTEM, case_id=case.pk, now=now.astimezone(PARIS))
        assert in_paris == selectors.verdicts_of(viewer=SYSTEM, case_id=case.pk, now=now)
