"""Tags behind the components; rooms write ``<c-…>`` and rarely need them directly."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from django import forms, template
from django.forms.boundfield import BoundField
from django.utils.safestring import SafeString

from cadran.ui import assets, clock, icons, times
from cadran.ui import forms as ui_forms
from cadran.ui.markup import joined

register = template.Library()


@register.simple_tag
def ui_import_map() -> SafeString:
    """The import map, byte for byte what the security policy allows."""
    return joined([assets.import_map()])


@register.simple_tag
def ui_icon(name: str) -> SafeString:
    """A decorative icon."""
    return icons.icon(name)


@register.simple_tag
def ui_badge(state: str, word: str, live: bool = False) -> SafeString:
    """A state badge."""
    return icons.badge(state, word, live=live)


@register.simple_tag
def ui_time(at: datetime, zone: tzinfo | None = None, now: datetime | None = None, short: bool = False) -> SafeString:
    """An instant in the site's zone."""
    return times.time_html(at, zone=zone or None, now=now or None, short=short)


@register.simple_tag
def ui_clock(face: clock.Face, size: str = "m") -> SafeString:
    """The contract clock."""
    return clock.html(face, size=size)


@register.simple_tag
def ui_field(field: BoundField, example: str = "") -> SafeString:
    """One form field."""
    return ui_forms.field_html(field, example=example)


@register.simple_tag
def ui_error_summary(form: forms.BaseForm) -> SafeString | str:
    """What to correct, above a form."""
    return ui_forms.error_summary(form)


@register.filter
def ui_number(value: float, digits: int | None = None) -> str:
    """A number as a French reader writes it."""
    return times.number(value, digits)


@register.filter
def ui_duration(value: object) -> str:
    """A length of time in words."""
    return times.duration(value) if isinstance(value, timedelta) else str(value)
