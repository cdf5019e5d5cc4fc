"""Instants typed on the site's clock, whoever types them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.ui import times

EARLIEST_YEAR = 2000  # before, a slip of the pen: no agreement is that old, and calendars end somewhere
LAYOUTS = ("%d/%m/%Y %H:%M", "%d/%m/%Y %Hh%M", "%d/%m/%Y %H h %M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")


class WallClockField(forms.DateTimeField):
    """A wall clock reading to the minute, without a zone yet; ``None`` when left empty.

    A text field: browsers show their own date fields in the language of the machine, months before days included.
    """

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(attrs={"autocomplete": "off"}, format=LAYOUTS[0])
        super().__init__(widget=widget, input_formats=LAYOUTS, **options)

    def prepare_value(self, value: Any) -> Any:
        """Show a reading as it is: the reader's own zone has no say here."""
        return value.strftime(LAYOUTS[0]) if isinstance(value, datetime) else value

    def to_python(self, value: Any) -> datetime | None:
        """Read one of the layouts."""
        if value in self.empty_values:
            return None
        for layout in LAYOUTS:
            try:
                reading = datetime.strptime(str(value).strip(), layout)
            except ValueError:
                continue
            if reading.year >= EARLIEST_YEAR:
                return reading
        raise forms.ValidationError(_("Écrivez la date et l’heure : jour/mois/année heures:minutes."), code="invalid")


def on_site(reading: datetime, zone: tzinfo) -> datetime:
    """Return the instant (UTC) of a reading of the site's clock.

    In the hour repeated in October, the first one: the earlier information is the one that counts (CCTP IoT 6.6).
    Raises ValidationError: an hour that the change to summer time skips.
    """
    at = reading.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != reading:
        raise forms.ValidationError(
            _("Cette heure n’existe pas : l’heure d’été la saute ce jour-là. Donnez l’heure qui suit."), code="skipped"
        )
    return at


class MomentForm(forms.Form):
    """A form that may ask when something happened; empty means now."""

    happened_at = WallClockField(label=gettext_lazy("Quand"), required=False)
    examples: ClassVar[dict[str, Any]] = {"happened_at": "16/11/2026 09:30"}

    def __init__(self, *args: Any, zone: tzinfo, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.now = zone, now
        self.fields["happened_at"].help_text = _(
            "Jour/mois/année heures:minutes, à l’heure du site ({zone}). Vide : maintenant."
        ).format(zone=times.zone_name(zone))

    @property
    def moment(self) -> datetime | None:
        """The instant given, in UTC; none when it was left empty."""
        value: datetime | None = self.cleaned_data.get("happened_at")
        return value

    def clean_happened_at(self) -> datetime | None:
        """Give the reading its zone, and refuse the future."""
        reading: datetime | None = self.cleaned_data["happened_at"]
        if reading is None:
            return None
        at = on_site(reading, self.zone)
        if at > self.now:
            raise forms.ValidationError(
                _("C’est dans le futur. Donnez une heure passée, ou laissez vide pour maintenant."), code="future"
            )
        return at
