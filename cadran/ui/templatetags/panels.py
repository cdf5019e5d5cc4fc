"""``{% panels "inventory.service" service %}``: the cards other rooms offer for that object."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

from cadran.ui.panels import panels_of

register = template.Library()


@register.simple_tag(takes_context=True)
def panels(context: dict[str, Any], slot: str, subject: Any) -> SafeString:
    """Render every card offered to ``slot``; each one is already safe HTML, or empty when it has nothing to say."""
    request = context["request"]
    return mark_safe("".join(panel(request, subject) for panel in panels_of(slot)))  # noqa: S308 - templates' output
