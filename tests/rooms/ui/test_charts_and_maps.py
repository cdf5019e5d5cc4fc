"""Charts and maps always carry the words that replace them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from cadran.ui.charts import MOST_ROWS, Chart, Series
from cadran.ui.gallery_data import PARIS, chart, territory
from cadran.ui.icons import State, badge
from cadran.ui.maps import Point

START = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def french() -> Iterator[None]:
    with translation.override("fr"):
        yield


def small(**changes: object) -> Chart:
    values: dict[str, object] = {
        "identity": "c", "title": "Température", "finding": "Stable.", "unit": "°C", "zone": PARIS,
        "instants": [START, START + timedelta(hours=1)], "series": (Series("Salle", [1.25, None]),),
    }  # fmt: skip
    return Chart(**{**values, **changes})  # type: ignore[arg-type]


def test_the_twin_says_what_the_curve_says_newest_first() -> None:
    twin = small().twin
    assert "<caption>Température : valeurs</caption>" in twin
    assert "Instant (heure de Paris)" in twin
    assert twin.index("09/03/2026 14:00") < twin.index("09/03/2026 13:00")
    assert '<td class="num">1,2</td>' in twin
    assert '<td class="num">—</td>' in twin


def test_a_long_twin_is_thinned_and_says_so() -> None:
    count = 5 * MOST_ROWS + 1
    long = small(
        instants=[START + timedelta(minutes=n) for n in range(count)], series=(Series("Salle", [1.0] * count),)
    )
    assert long.thinned
    assert long.twin.count("<tr>") <= MOST_ROWS + 1


def test_the_payload_is_plain_json_with_gaps() -> None:
    payload = json.loads(json.dumps(chart().payload()))
    assert payload["zone"] == "Europe/Paris"
    assert None in payload["series"][1]["values"]
    assert len(payload["instants"]) == len(payload["series"][0]["values"])


@pytest.mark.parametrize(
    ("series", "problem"),
    [((), "1 to 6"), ((Series("x", [1.0]),), "1 values for 2"), ((Series("x", [1.0, 2.0]),) * 7, "1 to 6")],
)
def test_a_chart_that_cannot_be_read_is_refused(series: tuple[Series, ...], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        small(series=series)


def test_the_list_beside_the_map_names_every_point_worst_first() -> None:
    shown = territory()
    listed = str(shown.listed)
    assert listed.count("<li>") == len(shown.points)
    assert listed.index("Hôpital Nord") < listed.index("Caserne de Lille") < listed.index("Mairie de Lyon 3")
    assert "1 hors ligne" in shown.counts
    assert not shown.cut


def test_the_map_opens_on_the_fullest_territory() -> None:
    territories = territory().payload()["territories"]
    assert [name for name, _n, _box in territories] == ["Métropole", "La Réunion"]
    many = replace(
        territory(), points=[Point(name=f"p{n}", latitude=-21.0, longitude=55.5, url="/") for n in range(101)]
    )
    assert [name for name, _n, _box in many.payload()["territories"]] == ["La Réunion"]
    assert many.cut


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_shape_of_its_own_and_its_word(state: State) -> None:
    shapes = {each: badge(each, "mot").split("<path")[1] for each in State}
    assert list(shapes.values()).count(shapes[state]) == 1
    assert "mot" in badge(state, "mot")
    assert "&lt;" in badge(state, "<")


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(ValueError, match="purple"):
        badge("purple", "mot")
