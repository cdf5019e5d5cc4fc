"""Fields: label, help, error with an example, and the summary."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.utils import translation

from cadran.ui.forms import error_summary, field_html
from cadran.ui.gallery_data import Declaration


@pytest.fixture(autouse=True)
def french() -> Iterator[None]:
    with translation.override("fr"):
        yield


@pytest.fixture
def wrong() -> Declaration:
    return Declaration({"siret": "123", "mail": "mairie"})


def test_help_comes_before_the_field_and_describes_it() -> None:
    html = field_html(Declaration()["siret"])
    assert html.index("14 chiffres") < html.index("<input")
    assert 'aria-describedby="id_siret_helptext"' in html
    assert (
        '<label class="form-label" for="id_siret">SIRET du bénéficiaire <span class="required">(obligatoire)</span>'
        in html
    )


def test_an_error_names_the_field_gives_an_example_and_is_tied_to_it(wrong: Declaration) -> None:
    html = field_html(wrong["siret"])
    assert re.search(
        r'<p class="field-error" id="id_siret_error"><strong>SIRET du bénéficiaire :</strong> .+'
        r" Exemple : 13002526500013</p>",
        html,
    )
    assert 'aria-describedby="id_siret_helptext id_siret_error"' in html
    assert 'aria-invalid="true"' in html


def test_radios_are_a_fieldset_with_their_legend(wrong: Declaration) -> None:
    html = field_html(wrong["kind"])
    assert html.startswith('<fieldset class="field has-error" id="id_kind"')
    assert 'aria-describedby="id_kind_helptext id_kind_error"' in html
    assert "<legend>Gravité" in html
    assert len(re.findall(r'<input class="form-check-input"', html)) == 3
    assert html.count("<label for=") == 3


def test_the_summary_leads_to_each_field_and_takes_the_focus(wrong: Declaration) -> None:
    html = str(error_summary(wrong))
    assert "3 points à corriger" in html
    assert re.findall(r'href="(#\w+)"', html) == ["#id_siret", "#id_mail", "#id_kind"]
    assert 'tabindex="-1" autofocus' in html
    assert error_summary(Declaration()) == ""


def test_what_was_typed_is_escaped() -> None:
    html = field_html(Declaration({"siret": '"><script>'})["siret"])
    assert "<script>" not in html
