"""What a map needs: named points with a state, a finding in words, and the same points as a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cadran.ui.icons import SHAPES, State, badge

# Views a reader asks for by name: (west, south, east, north) in degrees.
TERRITORIES: Final = (
    (_("Métropole"), (-5.5, 41.2, 9.8, 51.3)),
    (_("Guadeloupe"), (-61.95, 15.75, -60.9, 16.6)),
    (_("Martinique"), (-61.3, 14.3, -60.75, 14.95)),
    (_("Saint-Martin et Saint-Barthélemy"), (-63.2, 17.8, -62.7, 18.2)),
    (_("Guyane"), (-54.7, 2.0, -51.4, 6.0)),
    (_("La Réunion"), (55.15, -21.45, 55.9, -20.8)),
    (_("Mayotte"), (44.9, -13.1, 45.4, -12.5)),
    (_("Saint-Pierre-et-Miquelon"), (-56.6, 46.7, -56.0, 47.2)),
    (_("Nouvelle-Calédonie"), (163.4, -22.9, 168.3, -19.4)),
    (_("Polynésie française"), (-155.0, -28.0, -134.0, -7.5)),
    (_("Wallis-et-Futuna"), (-178.4, -14.5, -176.0, -13.0)),
)
MOST_LISTED: Final = 100  # points named in the list beside; beyond, the room's own list has them all


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One place: degrees WGS 84, a state as a badge says it, and the page it leads to."""

    name: str
    latitude: float
    longitude: float
    url: str
    state: State = State.OK
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A map and its equal list.

    Args:
        finding: one sentence that says what the map shows ("41 sites en ligne, 1 muet à Saint-Denis").
        points_url: address of the points as JSON (``payload``), for many points; otherwise they are in the page.
        all_url: the room's full list, linked when the list beside is cut.
    """

    identity: str
    title: str
    finding: str
    points: Sequence[Point]
    points_url: str = ""
    all_url: str = ""

    def payload(self) -> dict[str, Any]:
        """Return what map.js draws, as JSON-ready values; worst states first in ``order``."""
        return {
            "points": [[p.longitude, p.latitude, p.name, p.url, p.state.value, p.word] for p in self.points],
            "shapes": {state.value: path for state, path in SHAPES.items()},
            "order": [state.value for state in SEVERITY],
            "territories": [[str(name), count, list(box)] for name, count, box in self._territories()],
        }

    def _territories(self) -> list[tuple[object, int, tuple[float, float, float, float]]]:
        """The territories where there is something to see, the fullest first."""
        found = []
        for name, (west, south, east, north) in TERRITORIES:
            count = sum(west <= p.longitude <= east and south <= p.latitude <= north for p in self.points)
            if count:
                found.append((name, count, (west, south, east, north)))
        return sorted(found, key=lambda each: -each[1])

    @property
    def listed(self) -> SafeString:
        """The points as links with their state, the worst first."""
        worst_first = sorted(self.points, key=lambda p: (SEVERITY.index(p.state), p.name))
        return format_html_join(
            "",
            '<li><a href="{}">{}</a> {}</li>',
            ((p.url, p.name, badge(p.state, p.word)) for p in worst_first[:MOST_LISTED]),
        )

    @property
    def cut(self) -> bool:
        """The list beside does not name every point."""
        return len(self.points) > MOST_LISTED

    @property
    def counts(self) -> SafeString:
        """How many points in each state, as badges (also the legend of the map)."""
        totals = Counter((p.state, p.word) for p in self.points)
        ranked = sorted(totals.items(), key=lambda item: SEVERITY.index(item[0][0]))
        return format_html_join(
            "", "<li>{}</li>", ((badge(state, format_html("{} {}", n, word)),) for (state, word), n in ranked)
        )


SEVERITY: Final = (State.LATE, State.RISK, State.UNKNOWN, State.WAIT, State.OFF, State.INFO, State.OK)
