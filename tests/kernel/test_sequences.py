"""Numbers have no hole and no double, whoever races."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from cadran.kernel.scope import scoped
from cadran.kernel.sequences import next_number
from cadran.kernel.viewer import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)


def take(year: int = 2026) -> int:
    with scoped(SYSTEM):
        return next_number(legal_entity="732829320", kind="incident", year=year)


def take_in_a_thread(_: int) -> int:
    try:
        return take()
    finally:
        connection.close()


def test_each_series_starts_at_one() -> None:
    assert [take(), take(), take(2027)] == [1, 2, 1]


def test_a_rolled_back_act_gives_its_number_back() -> None:
    with scoped(SYSTEM):
        assert next_number(legal_entity="732829320", kind="incident", year=2026) == 1
        transaction.set_rollback(True)
    assert take() == 1


def test_racing_acts_get_each_number_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = sorted(pool.map(take_in_a_thread, range(80)))
    assert numbers == list(range(1, 81))


def test_outside_a_transaction_it_is_refused() -> None:
    with pytest.raises(RuntimeError, match="inside the transaction"):
        next_number(legal_entity="732829320", kind="incident", year=2026)
