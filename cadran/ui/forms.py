"""One way to show a form field: label, help before, the field, and an error that names it and gives an example."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.forms.boundfield import BoundField
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cadran.ui.markup import joined

CHOICES: Final = (forms.RadioSelect, forms.CheckboxSelectMultiple)


def field_html(bound: BoundField, *, example: str = "") -> SafeString:
    """Return one field of a form, ready to place.

    ``example`` completes the error message; by default the form's own ``examples[name]``.
    """
    if bound.is_hidden:
        return bound.as_widget()
    example = example or getattr(bound.form, "examples", {}).get(bound.name, "")
    identity = bound.id_for_label or bound.auto_id or bound.html_name
    help_html = _help(bound, f"{bound.auto_id}_helptext")
    errors = _errors(bound, example, f"{bound.auto_id}_error")
    css = "field has-error" if errors else "field"
    if isinstance(bound.field.widget, CHOICES):
        return format_html(
            '<fieldset class="{}" id="{}"{}><legend>{}</legend>{}{}{}</fieldset>',
            css, bound.auto_id, _described(bound, bool(errors)), _label(bound), help_html, errors, _options(bound),
        )  # fmt: skip
    widget = bound.as_widget(attrs=_attributes(bound, bool(errors)))
    label = format_html('<label class="form-label" for="{}">{}</label>', identity, _label(bound))
    if isinstance(bound.field.widget, forms.CheckboxInput):
        return format_html(
            '<div class="{} field-check"><div class="check-line">{}{}</div>{}{}</div>',
            css, widget, label, help_html, errors,
        )  # fmt: skip
    return format_html('<div class="{}">{}{}{}{}</div>', css, label, help_html, errors, widget)


def error_summary(form: forms.BaseForm) -> SafeString | str:
    """Return the list of what to correct, with a link to each field; it takes the focus when the page opens."""
    entries = [
        (bound.id_for_label if not isinstance(bound.field.widget, CHOICES) else bound.auto_id, bound.label, error)
        for bound in form
        for error in bound.errors
    ]
    general: Iterable[Any] = form.non_field_errors()
    if not entries and not general:
        return ""
    count = len(entries) + len(list(general))
    title = ngettext("{n} point à corriger", "{n} points à corriger", count).format(n=count)
    lines = format_html_join("", "<li>{}</li>", ((error,) for error in general)) + format_html_join(
        "", '<li><a href="#{}">{} : {}</a></li>', entries
    )
    return format_html(
        '<div class="error-summary" role="alert" tabindex="-1" autofocus><h2>{}</h2><ul>{}</ul></div>', title, lines
    )


def _label(bound: BoundField) -> SafeString:
    if bound.field.required:
        return format_html('{} <span class="required">({})</span>', bound.label or "", _("obligatoire"))
    return format_html("{}", bound.label or "")


def _help(bound: BoundField, identity: str) -> SafeString | str:
    return format_html('<div class="form-text" id="{}">{}</div>', identity, bound.help_text) if bound.help_text else ""


def _errors(bound: BoundField, example: str, identity: str) -> SafeString | str:
    if not bound.errors:
        return ""
    lines = format_html_join(" ", "{}", ((error,) for error in bound.errors))
    hint = format_html(" {} {}", _("Exemple :"), example) if example else ""
    return format_html(
        '<p class="field-error" id="{}"><strong>{} :</strong> {}{}</p>', identity, bound.label or "", lines, hint
    )


def _attributes(bound: BoundField, wrong: bool) -> dict[str, Any]:
    widget = bound.field.widget
    css = "form-check-input" if isinstance(widget, forms.CheckboxInput) else "form-control"
    attributes: dict[str, Any] = {"class": f"{widget.attrs.get('class', '')} {css}".strip()}
    described = _description_ids(bound, wrong)
    if described:
        attributes["aria-describedby"] = described
    if wrong:
        attributes["aria-invalid"] = "true"
    return attributes


def _description_ids(bound: BoundField, wrong: bool) -> str:
    ids = [f"{bound.auto_id}_helptext"] if bound.help_text else []
    return " ".join([*ids, f"{bound.auto_id}_error"] if wrong else ids)


def _described(bound: BoundField, wrong: bool) -> SafeString | str:
    ids = _description_ids(bound, wrong)
    return format_html(' aria-describedby="{}"', ids) if ids else ""


def _options(bound: BoundField) -> SafeString:
    """Radio buttons or boxes, one a line; their common name is the legend."""
    lines = [
        format_html(
            '<div class="check-line">{}<label for="{}">{}</label></div>',
            option.tag(), option.id_for_label, option.choice_label,
        )
        for option in bound
    ]  # fmt: skip
    return joined("".join(lines).replace("<input ", '<input class="form-check-input" '))
