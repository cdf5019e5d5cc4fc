"""What a chart needs: aligned series, thresholds, incidents, a finding in words and a table that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cadran.ui import times
from cadran.ui.markup import joined

MOST_SERIES: Final = 6  # colours and dashes that stay distinct, also without colour
MOST_ROWS: Final = 200  # rows of the table twin; beyond, evenly spread ones, and the export has them all


@dataclass(frozen=True, slots=True)
class Series:
    """One curve; ``values`` are aligned with the chart's instants, ``None`` where nothing was measured."""

    label: str
    values: Sequence[float | None]
    digits: int = 1


@dataclass(frozen=True, slots=True)
class Threshold:
    """A horizontal line, named."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Marker:
    """A period to show on the time axis: an incident, an outage. ``end`` is empty while it lasts."""

    label: str
    start: datetime
    end: datetime | None = None
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart and everything that replaces it for a reader who does not see it.

    Args:
        finding: one sentence that says what the curve shows ("resté sous 4 °C, sauf 40 min mardi matin").
        zone: the site's zone, for the axis and the table.
        export_url: address of the full data; shown under the table when it was thinned.
    """

    identity: str
    title: str
    finding: str
    unit: str
    zone: tzinfo
    instants: Sequence[datetime]
    series: Sequence[Series]
    thresholds: Sequence[Threshold] = ()
    markers: Sequence[Marker] = ()
    export_url: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.series) <= MOST_SERIES:
            raise ValueError(f"a chart shows 1 to {MOST_SERIES} series, not {len(self.series)}")
        for each in self.series:
            if len(each.values) != len(self.instants):
                raise ValueError(f"{each.label!r} has {len(each.values)} values for {len(self.instants)} instants")

    def payload(self) -> dict[str, Any]:
        """Return what chart.js draws, as JSON-ready values (epoch seconds)."""
        return {
            "unit": self.unit,
            "zone": str(getattr(self.zone, "key", self.zone)),
            "instants": [at.timestamp() for at in self.instants],
            "series": [
                {"label": each.label, "values": list(each.values), "digits": each.digits} for each in self.series
            ],
            "thresholds": [{"label": each.label, "value": each.value} for each in self.thresholds],
            "markers": [
                {"label": m.label, "start": m.start.timestamp(), "end": m.end.timestamp() if m.end else None}
                for m in self.markers
            ],
        }

    @property
    def twin(self) -> SafeString:
        """The table twin: one row an instant, the newest first, thinned beyond 200 rows."""
        step = max(1, -(-len(self.instants) // MOST_ROWS))
        kept = range(len(self.instants) - 1, -1, -step)
        labels = ((each.label, self.unit) for each in self.series)
        head = format_html_join("", '<th scope="col" class="num">{} ({})</th>', labels)
        rows = joined([self._row(index) for index in kept])
        return format_html(
            '<table class="table"><caption>{}</caption><thead><tr><th scope="col">{} ({})</th>{}{}</tr></thead>'
            "<tbody>{}</tbody></table>",
            _("{title} : valeurs").format(title=self.title),
            _("Instant"), times.zone_name(self.zone), head,
            format_html('<th scope="col">{}</th>', _("Repère")) if self.markers else "",
            rows,
        )  # fmt: skip

    @property
    def thinned(self) -> bool:
        """The twin shows a part of the instants only."""
        return len(self.instants) > MOST_ROWS

    def _row(self, index: int) -> str:
        at = self.instants[index]
        cells = format_html_join(
            "",
            '<td class="num">{}</td>',
            (("—" if (v := s.values[index]) is None else times.number(v, s.digits),) for s in self.series),
        )
        mark = format_html("<td>{}</td>", self._marks(index)) if self.markers else ""
        said = f"{at.astimezone(self.zone):%d/%m/%Y %H:%M}"
        return format_html('<tr><th scope="row">{}</th>{}{}</tr>', said, cells, mark)

    def _marks(self, index: int) -> str:
        at = self.instants[index]
        names = [m.label for m in self.markers if m.start <= at and (m.end is None or at <= m.end)]
        return ", ".join(names)
