"""What the gallery shows: invented values, one for every state a piece can take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.utils.safestring import SafeString

from cadran.ui import clock
from cadran.ui.charts import Chart, Marker, Series, Threshold
from cadran.ui.icons import State, badge
from cadran.ui.lists import Choice, Column, Empty, Liste, Text
from cadran.ui.maps import Map, Point

PARIS: Final = ZoneInfo("Europe/Paris")
REUNION: Final = ZoneInfo("Indian/Reunion")
NOW: Final = datetime(2026, 3, 9, 13, 30, tzinfo=UTC)
DUE: Final = datetime(2026, 3, 9, 14, 42, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)


def faces() -> list[clock.Face]:
    """Return one clock in each state, plus one at risk and one of another zone."""
    used, pauses = clock.dial([(True, HOUR), (False, HOUR), (True, HOUR * 0.5)], 4 * HOUR)
    state, left = clock.ClockState, 2.5 * HOUR
    coming = clock.Face(name="GTI", budget="1 h", state=state.COMING, zone=PARIS, due_at=DUE, now=NOW)
    running = clock.Face(name="GTR", budget="4 h", state=state.RUNNING, zone=PARIS, due_at=NOW + left, now=NOW)
    running = replace(running, remaining=left, fraction=used, pauses=pauses, spans=((NOW, NOW + left),))
    at_risk = clock.Face(name="GTR", budget="4 h", state=state.RUNNING, zone=REUNION, due_at=DUE, now=NOW)
    at_risk = replace(at_risk, business=True, remaining=timedelta(minutes=32), fraction=0.87)
    paused = clock.Face(name="GTR", budget="8 h", state=state.PAUSED, zone=PARIS, now=NOW)
    paused = replace(paused, remaining=5 * HOUR, fraction=0.5, pauses=((0.3, 0.5),))
    met = clock.Face(name="GTI", budget="1 h", state=state.MET, zone=PARIS, now=NOW)
    met = replace(met, elapsed=timedelta(minutes=23), remaining=timedelta(minutes=37), fraction=0.38)
    late = clock.Face(name="GTR", budget="4 h", state=state.MISSED, zone=PARIS, due_at=NOW - 2.1 * HOUR, now=NOW)
    late = replace(late, remaining=-2.1 * HOUR, fraction=1.0)
    return [coming, running, at_risk, paused, met, late]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    pk: int
    reference: str
    title: str
    site: str
    state: State
    word: str
    face: clock.Face
    opened_at: datetime
    sensors: int | None


def _rows() -> list[Row]:
    subjects = (
        "Lien fibre coupé",
        "Passerelle muette",
        "Chambre froide 2 au-dessus de 4 °C",
        "Débit réduit",
        "Capteur CO2 sans mesure",
        "Portail captif lent",
    )
    sites = (
        "Mairie annexe",
        "Hôpital Nord, bâtiment C",
        "Centre de secours de Saint-Denis",
        "École Jules-Verne",
        "Station de pompage",
    )
    states = ((State.LATE, "Dépassé"), (State.RISK, "À risque"), (State.WAIT, "En attente"), (State.OK, "Rétabli"))
    order = (5, 2, 1, 4, 3, 0)
    clocks = faces()
    return [
        Row(
            pk=n,
            reference=f"INC-{8800 + n}",
            title=subjects[n % len(subjects)],
            site=sites[n % len(sites)],
            state=states[n % len(states)][0],
            word=states[n % len(states)][1],
            face=clocks[order[n % len(order)]],
            opened_at=NOW - n * HOUR,
            sensors=None if n % 7 == 3 else (n * 37) % 1300,
        )
        for n in range(64)
    ]


ROWS: Final = _rows()


def _state(row: Row) -> SafeString:
    return badge(row.state, row.word)


def _clock(row: Row) -> SafeString:
    return clock.html(row.face, size="s")


class Incidents(Liste):
    """A list with everything a list can have."""

    name = "galerie"
    caption = "Incidents de démonstration"
    page_size = 8
    default_sort = "-ouvert"
    columns = (
        Column(
            key="reference",
            label="Référence",
            value="reference",
            sort="pk",
            row_header=True,
            link=lambda row: f"?ref={row.reference}",
        ),
        Column(key="objet", label="Objet", value="title", sort="title"),
        Column(key="site", label="Site", value="site", sort="site"),
        Column(key="etat", label="État", value="word", show=_state),
        Column(key="echeance", label="Échéance", value=lambda row: clock.words(row.face), show=_clock),
        Column(key="capteurs", label="Capteurs", value="sensors", sort="sensors", nullable=True, numeric=True),
        Column(key="ouvert", label="Ouvert le", value="opened_at", sort="opened_at", numeric=True),
    )
    filters = (
        Text(name="q", label="Objet ou site contient", fields=("title", "site")),
        Choice(name="etat", label="État", choices=tuple((state.value, state.value) for state in State), where="state"),
    )
    empty = Empty(
        title="Aucun incident ouvert",
        text="Vos services fonctionnent. Vous serez prévenu dès qu’une garantie démarre.",
        action="Déclarer un incident",
        url="?declarer=1",
    )

    def row_class(self, row: Any) -> str:
        """Mark what is overdue or nearly."""
        return {State.LATE: "is-late", State.RISK: "is-risk"}.get(row.state, "")


class Declaration(forms.Form):
    """A form with each kind of field, and a mistake in three of them."""

    siret = forms.CharField(
        label="SIRET du bénéficiaire", help_text="14 chiffres, sans espace.", max_length=14, min_length=14
    )
    mail = forms.EmailField(label="Adresse électronique", required=False, help_text="Pour vous tenir au courant.")
    subject = forms.CharField(label="Ce qui ne va pas", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    kind = forms.ChoiceField(
        label="Gravité",
        widget=forms.RadioSelect,
        help_text="Elle fixe l’échéance contractuelle.",
        choices=[
            ("p0", "Bloquant : le service est arrêté"),
            ("p1", "Majeur : le service est dégradé"),
            ("p2", "Mineur"),
        ],
    )
    service = forms.ChoiceField(
        label="Service touché", choices=[("", "Choisir un service"), ("1", "Fibre"), ("2", "LoRaWAN")], required=False
    )
    agree = forms.BooleanField(label="Prévenir aussi les personnes d’astreinte", required=False)
    examples = {"siret": "13002526500013", "mail": "prenom.nom@mairie.fr"}  # noqa: RUF012


def chart() -> Chart:
    """Return three days of two cold rooms, one of which warmed up."""
    instants = [NOW - timedelta(minutes=15 * (288 - n)) for n in range(288)]
    first = [3.0 + 0.6 * math.sin(n / 9) + (4.5 * math.exp(-(((n - 205) / 9) ** 2))) for n in range(288)]
    second = [None if 90 < n < 104 else -19 + 1.2 * math.sin(n / 14) + 20 for n in range(288)]
    return Chart(
        identity="froid",
        title="Température des chambres froides",
        finding="La chambre 2 est passée au-dessus de 4 °C pendant 4 h 30, dimanche après-midi ; "
        "la chambre 1 est restée dans ses limites.",
        unit="°C",
        zone=PARIS,
        instants=instants,
        series=(Series("Chambre 2", first), Series("Chambre 1", second)),
        thresholds=(Threshold("Seuil 4 °C", 4.0),),
        markers=(Marker("Alarme AL-42", instants[194], instants[214], url="?alarme=42"),),
        export_url="?export=csv",
    )


def territory() -> Map:
    """Return points in metropolitan France and one overseas."""
    towns: Sequence[tuple[str, float, float, State, str]] = (
        ("Mairie de Lyon 3", 45.76, 4.85, State.OK, "en ligne"),
        ("Hôpital Nord", 45.78, 4.87, State.LATE, "hors ligne"),
        ("École de Bron", 45.74, 4.91, State.OK, "en ligne"),
        ("Station de Nantes", 47.22, -1.55, State.OK, "en ligne"),
        ("Caserne de Lille", 50.63, 3.06, State.RISK, "pile faible"),
        ("Port de Bastia", 42.70, 9.45, State.OK, "en ligne"),
        ("Centre de Saint-Denis", -20.88, 55.45, State.UNKNOWN, "muet"),
        ("Lycée de Rennes", 48.11, -1.68, State.OK, "en ligne"),
    )
    points = [
        Point(name=n, latitude=y, longitude=x, url=f"?lieu={k}", state=s, word=w)
        for k, (n, y, x, s, w) in enumerate(towns)
    ]
    return Map(
        identity="sites",
        title="Sites de démonstration",
        finding="5 sites sur 8 sont en ligne ; l’Hôpital Nord est hors ligne.",
        points=points,
        all_url="?",
    )


def context() -> dict[str, Any]:
    """Return everything the gallery's template shows besides the list."""
    wrong = Declaration({"siret": "123", "mail": "mairie"})
    return {
        "faces": faces(),
        "states": [
            (state.value, word)
            for state, word in zip(
                State,
                ("En ligne", "Information", "En attente", "À risque", "Hors ligne", "Arrêté", "Muet"),
                strict=True,
            )
        ],
        "wrong": wrong,
        "chart": chart(),
        "map": territory(),
        "paris": PARIS,
        "reunion": REUNION,
        "now": NOW,
        "statuses": (400, 403, 404, 409, 422, 500, 503),
    }
