"""Lists: order, filters, pages, cells, and the exported file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Value
from django.db.models.functions import NullIf
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone, translation
from django.utils.html import format_html

from cadran.kernel.viewer import NOBODY
from cadran.ui.lists import (
    Choice,
    Column,
    Empty,
    Liste,
    Text,
    csv_lines,
    list_page,
    paging,
    render_list,
    safe_cell,
    view,
)


@dataclass
class Thing:
    pk: int
    name: str
    weight: Decimal | None
    kind: str = "a"


class Things(Liste):
    name = "choses"
    caption = "Choses"
    page_size = 3
    default_sort = "nom"
    columns: Sequence[Column] = (
        Column(
            key="nom", label="Nom", value="name", sort="name", row_header=True, link=lambda row: f"/choses/{row.pk}/"
        ),
        Column(key="poids", label="Poids (g)", value="weight", sort="weight", nullable=True, numeric=True),
        Column(key="code", label="Code", value=lambda row: f"C{row.pk}", export_only=True),
    )
    filters = (
        Text(name="q", label="Nom contient", fields=("name",)),
        Choice(name="genre", label="Genre", choices=(("a", "Genre A"), ("b", "Genre B")), where="kind"),
    )
    empty = Empty(title="Aucune chose", action="Créer une chose", url="/choses/nouvelle/")


ROWS = [
    Thing(n, name, weight, kind)
    for n, (name, weight, kind) in enumerate(
        [
            ("delta", Decimal("1.5"), "a"),
            ("alpha", None, "b"),
            ("charlie", Decimal(12000), "a"),
            ("bravo", Decimal(-3), "b"),
            ("echo", None, "a"),
        ]
    )
]


@pytest.fixture(autouse=True)
def french_reader() -> Iterator[None]:
    with translation.override("fr"), timezone.override("Europe/Paris"):
        yield


def get(address: str = "/", **headers: str) -> HttpRequest:
    return RequestFactory().get(address, headers=headers)


def names(page: Any) -> list[str]:
    return re.findall(r'data-label="Nom"><a href="[^"]+">([^<]+)<', str(page.table))


def test_default_order_and_first_page() -> None:
    page = list_page(get(), Things(), ROWS)
    assert names(page) == ["alpha", "bravo", "charlie"]
    assert page.count == "5 résultats"
    assert page.previous_url == ""
    assert page.next_url.startswith("/?apres=")


@pytest.mark.parametrize("order", ["nom", "-nom", "poids", "-poids"])
def test_pages_forwards_and_back_show_every_row_once(order: str) -> None:
    page = list_page(get(f"/?tri={order}"), Things(), ROWS)
    first = names(page)
    following = list_page(get(page.next_url), Things(), ROWS)
    assert sorted(first + names(following)) == sorted(row.name for row in ROWS)
    assert following.next_url == ""
    assert names(list_page(get(following.previous_url), Things(), ROWS)) == first


def test_empty_values_come_last_in_both_directions() -> None:
    for order in ("poids", "-poids"):
        everything = list(csv_lines(Things(), paging.ordered(Things(), ROWS, order)))
        assert [line.split(";")[1] for line in "".join(everything).splitlines()][-2:] == ["", ""]


def test_an_unknown_order_or_choice_is_ignored_and_a_foreign_marker_is_said() -> None:
    assert names(list_page(get("/?tri=mot_de_passe"), Things(), ROWS)) == ["alpha", "bravo", "charlie"]
    assert list_page(get("/?genre=zzz"), Things(), ROWS).count == "5 résultats"
    lost = list_page(get("/?apres=nimporte"), Things(), ROWS)
    assert lost.lost_place
    assert names(lost) == ["alpha", "bravo", "charlie"]


def test_filters_narrow_and_stay_in_every_link() -> None:
    page = list_page(get("/?q=A&genre=a"), Things(), ROWS)
    assert names(page) == ["charlie", "delta"]
    assert page.narrowed
    assert "q=A" in page.export_url
    assert "q=A" in str(page.table)
    assert "q=" not in page.clear_url


def test_the_table_has_caption_row_headers_and_aria_sort() -> None:
    text = str(list_page(get("/?tri=-poids"), Things(), ROWS).table)
    assert "<caption>Choses (tri : Poids (g), ordre décroissant)</caption>" in text
    assert text.count('scope="row"') == 3
    assert re.search(r'<th [^>]*aria-sort="descending"><a class="sort" href="/\?tri=poids">', text)
    assert text.count("aria-sort") == 1
    assert "Code" not in text


def test_a_cell_is_escaped_whatever_it_holds() -> None:
    rows = [Thing(1, "<b>& co", Decimal(1))]
    text = str(list_page(get(), Things(), rows).table)
    assert "&lt;b&gt;&amp; co" in text
    assert "<b>" not in text


def test_a_shown_cell_keeps_its_markup_and_an_empty_one_says_so() -> None:
    class Shown(Things):
        columns = (
            Column(
                key="nom", label="Nom", value="name", sort="name", show=lambda row: format_html("<i>{}</i>", row.name)
            ),
            Column(key="poids", label="Poids", value="weight"),
        )

    text = str(list_page(get(), Shown(), [Thing(1, "<x>", None)]).table)
    assert "<i>&lt;x&gt;</i>" in text
    assert "non renseigné" in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (True, "oui"),
        (12, "12"),
        (-3, "-3"),
        (Decimal("1.50"), "1,50"),
        (0.5, "0,5"),
        (date(2026, 3, 9), "2026-03-09"),
        (datetime(2026, 3, 9, 14, 42, tzinfo=UTC), "2026-03-09 15:42:00"),
        ("texte", "texte"),
        ("=1+1", "'=1+1"),
        ("+33 1", "'+33 1"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("a=b", "a=b"),
    ],
)
def test_no_exported_cell_is_a_formula(value: object, expected: str) -> None:
    assert safe_cell(value) == expected


def test_the_file_opens_in_a_french_spreadsheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "scoped", lambda viewer: nullcontext())
    response: Any = render_list(get("/?export=csv&q=a&apres=xx"), Things(), ROWS, viewer=NOBODY)
    content = b"".join(response.streaming_content)
    assert response["Content-Disposition"] == 'attachment; filename="choses.csv"'
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["Nom", "Poids (g)", "Code"]
    assert [row[0] for row in rows[1:]] == ["alpha", "bravo", "charlie", "delta"]
    assert rows[3] == ["charlie", "12000", "C2"]


def test_the_stream_enters_the_viewers_role_only_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[object] = []

    def scoped(viewer: object) -> Any:
        entered.append(viewer)
        return nullcontext()

    monkeypatch.setattr(view, "scoped", scoped)
    response: Any = render_list(get("/?export=csv"), Things(), ROWS, viewer=NOBODY)
    assert entered == []
    list(response.streaming_content)
    assert entered == [NOBODY]


def test_beyond_the_ceiling_the_count_is_not_exact() -> None:
    class Many(Things):
        count_up_to = 4

    assert list_page(get(), Many(), ROWS).count == "Plus de 4 résultats"


def test_one_result_is_singular_and_none_is_singular_in_french() -> None:
    assert list_page(get("/?q=alpha"), Things(), ROWS).count == "1 résultat"


class Types(Liste):
    name = "types"
    caption = "Types"
    page_size = 2
    default_sort = "modele"
    columns = (
        Column(key="modele", label="Modèle", value="model", sort="model", row_header=True),
        Column(key="application", label="Application", value="app_label", sort="app_label"),
        Column(key="vide", label="Parfois vide", value="sometimes", sort="sometimes", nullable=True),
    )
    filters = (Text(name="q", label="Contient", fields=("model", "app_label")),)


@pytest.mark.django_db
@pytest.mark.parametrize("order", ["modele", "-modele", "application", "-application", "vide", "-vide"])
def test_keyset_pages_of_a_table_show_every_row_once_and_come_back(order: str) -> None:
    if ContentType.objects.count() < 5:
        for n in range(9):
            ContentType.objects.create(app_label=f"app{n % 2}", model=f"model{n}")
    least = ContentType.objects.order_by("app_label").values_list("app_label", flat=True)[0]
    rows = ContentType.objects.annotate(sometimes=NullIf(F("app_label"), Value(least)))
    address, seen, addresses = f"/?tri={order}", [], []
    while address:
        addresses.append(address)
        page = list_page(get(address), Types(), rows)
        assert not page.lost_place
        seen.append(re.findall(r'data-label="Modèle">([^<]+)<', str(page.table)))
        last, address = page, page.next_url
    flat = [name for names_of_page in seen for name in names_of_page]
    assert sorted(flat) == sorted(ContentType.objects.values_list("model", flat=True))
    if order.endswith("modele"):
        assert flat == sorted(flat, reverse=order.startswith("-"))
    back = list_page(get(last.previous_url), Types(), rows)
    assert re.findall(r'data-label="Modèle">([^<]+)<', str(back.table)) == seen[-2]
    walked = [seen[-1]]
    address = last.previous_url
    while address:
        page = list_page(get(address), Types(), rows)
        walked.append(re.findall(r'data-label="Modèle">([^<]+)<', str(page.table)))
        address = page.previous_url
    assert walked[::-1] == seen


@pytest.mark.django_db
def test_a_marker_of_another_order_is_refused_not_believed() -> None:
    if ContentType.objects.count() < 5:
        for n in range(7):
            ContentType.objects.create(app_label=f"app{n % 2}", model=f"model{n}")
    page = list_page(get("/?apres=WyJhIiwieCJd"), Types(), ContentType.objects.annotate(sometimes=F("app_label")))
    assert page.lost_place  # a marker whose key is not a number


def test_htmx_gets_the_fragment_only() -> None:
    response: Any = render_list(
        get("/", **{"HX-Request": "true", "HX-Target": "section#liste-choses"}), Things(), ROWS, viewer=NOBODY
    )
    text = response.content.decode()
    assert text.lstrip().startswith("<section")
    assert "<html" not in text


def test_an_empty_list_proposes_the_next_action_and_a_filtered_one_to_widen() -> None:
    request = get("/", **{"HX-Request": "true", "HX-Target": "section#liste-choses"})
    empty: Any = render_list(request, Things(), [], viewer=NOBODY)
    assert 'href="/choses/nouvelle/"' in empty.content.decode()
    request = get("/?q=zz", **{"HX-Request": "true", "HX-Target": "section#liste-choses"})
    filtered: Any = render_list(request, Things(), ROWS, viewer=NOBODY)
    assert "Effacer les filtres" in filtered.content.decode()
