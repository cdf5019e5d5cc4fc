"""Durations, instants and numbers as a French reader writes them.

Everything here turns values into words; nothing reads the time. Spaces inside a figure are narrow and do not break.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final

from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

THIN: Final = "\u202f"  # narrow no-break space: between thousands, before a unit
DAY: Final = timedelta(hours=24)

ZONE_NAMES: Final = {
    "Europe/Paris": gettext_lazy("heure de Paris"),
    "America/Guadeloupe": gettext_lazy("heure de la Guadeloupe"),
    "America/Martinique": gettext_lazy("heure de la Martinique"),
    "America/Cayenne": gettext_lazy("heure de la Guyane"),
    "America/St_Barthelemy": gettext_lazy("heure de Saint-Barthélemy"),
    "America/Marigot": gettext_lazy("heure de Saint-Martin"),
    "America/Miquelon": gettext_lazy("heure de Saint-Pierre-et-Miquelon"),
    "Indian/Reunion": gettext_lazy("heure de La Réunion"),
    "Indian/Mayotte": gettext_lazy("heure de Mayotte"),
    "Pacific/Tahiti": gettext_lazy("heure de Tahiti"),
    "Pacific/Marquesas": gettext_lazy("heure des Marquises"),
    "Pacific/Gambier": gettext_lazy("heure des Gambier"),
    "Pacific/Noumea": gettext_lazy("heure de Nouméa"),
    "Pacific/Wallis": gettext_lazy("heure de Wallis-et-Futuna"),
}


def number(value: float | Decimal, digits: int | None = None) -> str:
    """Return ``value`` with a decimal comma and thin spaces between thousands; ``digits`` after the comma if given."""
    text = f"{value:,.{digits}f}" if digits is not None else f"{value:,}"
    return text.replace(",", THIN).replace(".", ",").replace("-", "\u2212")


def duration(span: timedelta, *, day: timedelta = DAY) -> str:
    """Return a length of time in words, truncated to the minute (an hour left is never promised as more).

    ``day`` is how long one day counts: 10 hours for a budget in business hours, 24 otherwise.
    """
    minutes = int(abs(span).total_seconds()) // 60
    if minutes == 0:
        return _("moins d’une minute")
    day_minutes = int(day.total_seconds()) // 60
    days, rest = divmod(minutes, day_minutes)
    hours, minutes = divmod(rest, 60)
    parts = [_("{days} j").format(days=days)] if days else []
    if hours:
        parts.append(_("{hours} h").format(hours=hours))
    if minutes and not days:
        parts.append(f"{minutes:02d}" if hours else _("{minutes} min").format(minutes=minutes))
    return THIN.join(parts).replace(" ", THIN)


def moment(at: datetime, *, zone: tzinfo, now: datetime | None = None) -> str:
    """Return "lundi 9 mars 15:42" in ``zone``; the year is added when it is not the year of ``now``."""
    local = at.astimezone(zone)
    year = " Y" if now is not None and now.astimezone(zone).year != local.year else ""
    return dateformat.format(local, f"l j F{year} H:i")


def zone_suffix(at: datetime, *, zone: tzinfo, reader: tzinfo | None = None) -> str:
    """Return " (heure de La Réunion)" when the reader's watch shows another hour, else an empty string.

    ``reader`` defaults to the zone Django activated for the request.
    """
    reader = reader or timezone.get_current_timezone()
    if at.astimezone(zone).utcoffset() == at.astimezone(reader).utcoffset():
        return ""
    return f" ({zone_name(zone)})"


def zone_name(zone: tzinfo) -> str:
    """Return the name of a zone for a person: "heure de La Réunion"; its identifier when we have no name."""
    key = str(getattr(zone, "key", zone))
    return str(ZONE_NAMES.get(key, key))


def time_html(
    at: datetime, *, zone: tzinfo | None = None, now: datetime | None = None, short: bool = False
) -> SafeString:
    """Return a ``<time>`` element in the site's zone, named when it differs from the reader's.

    ``short``: 09/03/2026 15:42 (tables) instead of words. ``zone`` defaults to the reader's.
    """
    zone = zone or timezone.get_current_timezone()
    words = f"{at.astimezone(zone):%d/%m/%Y %H:%M}" if short else moment(at, zone=zone, now=now)
    return format_html(
        '<time datetime="{}">{}{}</time>', at.astimezone(zone).isoformat(), words, zone_suffix(at, zone=zone)
    )
