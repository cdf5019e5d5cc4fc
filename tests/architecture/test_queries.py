"""How many queries each page costs, recorded; and that more rows do not mean more queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.architecture.conftest import Site
from tests.architecture.test_permissions import ask, pages
from tests.support.furnish import furnish
from tests.support.tables import Table
from tests.support.world import NOW

READERS = {"Bob": "beneficiary.technician", "Alice": "holder.agent"}
MORE_ROWS = 3  # copies of everything added before counting again

COUNTS = Table(
    Path(__file__).with_name("query_counts.txt"),
    list(READERS),
    about="""\
Queries per page, once its caches are warm, for Bob (beneficiary, technician) and Alice (holder, agent): session,
rights, entering and leaving the database role included. A page that answers 403 or 404 has no figure.
Written by tests/architecture/test_queries.py (CADRAN_TEST_RECORD=1), never by hand.""",
)


def counted(site: Site, reader: str) -> dict[str, int]:
    """Return the queries of every page that opens, the second time it is asked for."""
    client = site.client(site.people[READERS[reader]])
    found = {}
    for opening, _others in pages(site):
        if opening.address.signing_in or opening.address.name == "portal:live":
            continue
        if ask(client, "GET", opening.path).status_code != 200:
            continue
        with CaptureQueriesContext(connection) as captured:
            assert ask(client, "GET", opening.path).status_code == 200
        found[opening.label] = sum(not _ours(query) for query in captured.captured_queries)
    return found


def _ours(query: dict[str, Any]) -> bool:
    """Whether it is the savepoint the test itself puts around the request, or one inside: none outside the tests."""
    return str(query["sql"]).startswith(("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT"))


@pytest.mark.parametrize("reader", READERS)
def test_pages_cost_what_is_recorded(site: Site, reader: str) -> None:
    found = counted(site, reader)
    assert len(found) > 25
    COUNTS.check(reader, {label: str(count) for label, count in found.items()})


def test_more_rows_are_not_more_queries(site: Site) -> None:
    """Four times as many of everything: not one more query on any page (no N+1)."""
    before = {reader: counted(site, reader) for reader in READERS}
    with transaction.atomic():
        for copy in range(1, 1 + MORE_ROWS):
            furnish(site.world, now=NOW, copy=copy)
        after = {reader: counted(site, reader) for reader in READERS}
        transaction.set_rollback(True)
    for reader, counts in after.items():
        grown = {label: (before[reader][label], n) for label, n in counts.items() if n > before[reader][label]}
        assert not grown, f"{reader}: {grown}"
        print(f"{reader}: {len(counts)} pages, {sum(counts.values())} queries, at most {max(counts.values())}")
