"""Where the demonstration takes place: sites, the services owed there, gateways, blocks of devices. No Django here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cadran.processes.demonstration.cast import IOT, TELECOMS
from cadran.processes.demonstration.curves import Habits, Use
from cadran.simulator.profiles import Profile, profile_of

DEVICES: Final = 2_000
BLOCK: Final = 10  # consecutive ranks: one whole mix of the simulator's profiles
GATEWAYS: Final = 12


@dataclass(frozen=True, slots=True)
class Place:
    """A site; ``blocks`` of ten devices, ``around_the_clock``: its services have the 24/7 option."""

    code: str
    body: str
    name: str
    city: str
    latitude: float
    longitude: float
    use: Use
    blocks: int
    territory: str = "FR"
    around_the_clock: bool = False
    gateway: int | None = None  # rank of the gateway on its roof


# Invented towns at plausible places: the Doubs, the Isère, Alsace, La Réunion. The first ranks of devices are in the
# first sites of this list: the scenarios of `cadran simulate` play there.
PLACES: Final = (
    Place("V05", "valmont", "Cuisine centrale", "Valmont-sur-Loue", 47.0921, 5.9904, Use.OFFICE, 8,
          around_the_clock=True, gateway=1),
    Place("V01", "valmont", "Hôtel de ville", "Valmont-sur-Loue", 47.0968, 5.9871, Use.OFFICE, 8, gateway=0),
    Place("V02", "valmont", "Groupe scolaire Louise-Michel", "Valmont-sur-Loue", 47.1003, 5.9812, Use.SCHOOL, 10,
          gateway=2),
    Place("V03", "valmont", "Groupe scolaire Jean-Zay", "Valmont-sur-Loue", 47.0887, 5.9963, Use.SCHOOL, 10),
    Place("V04", "valmont", "École maternelle des Coteaux", "Valmont-sur-Loue", 47.1041, 5.9925, Use.SCHOOL, 6),
    Place("V06", "valmont", "Médiathèque", "Valmont-sur-Loue", 47.0955, 5.9838, Use.EVENING, 6),
    Place("V07", "valmont", "Gymnase des Prés", "Valmont-sur-Loue", 47.0849, 5.9792, Use.EVENING, 5, gateway=3),
    Place("V08", "valmont", "Piscine de la Loue", "Valmont-sur-Loue", 47.0862, 5.9858, Use.EVENING, 7),
    Place("V09", "valmont", "Centre technique municipal", "Valmont-sur-Loue", 47.1087, 5.9749, Use.OFFICE, 5,
          gateway=4),
    Place("V10", "valmont", "Crèche des Moulins", "Valmont-sur-Loue", 47.0934, 5.9781, Use.OFFICE, 4),
    Place("V11", "valmont", "Parking de la Gare", "Valmont-sur-Loue", 47.0902, 5.9702, Use.ALWAYS, 6),
    Place("V12", "valmont", "Marché couvert", "Valmont-sur-Loue", 47.0973, 5.9889, Use.EVENING, 4),
    Place("V13", "valmont", "Maison des associations", "Valmont-sur-Loue", 47.0948, 5.9946, Use.EVENING, 5),
    Place("V14", "valmont", "Station de pompage des Sources", "Valmont-sur-Loue", 47.1192, 6.0077, Use.ALWAYS, 5,
          around_the_clock=True),
    Place("V15", "valmont", "Serres municipales", "Valmont-sur-Loue", 47.1118, 5.9680, Use.OFFICE, 3),
    Place("V16", "valmont", "Police municipale", "Valmont-sur-Loue", 47.0979, 5.9853, Use.OFFICE, 0),
    Place("B01", "bremont", "Bâtiment principal", "Brémont-sur-Rive", 45.2063, 5.7187, Use.ALWAYS, 24,
          around_the_clock=True, gateway=5),
    Place("B02", "bremont", "Pharmacie centrale", "Brémont-sur-Rive", 45.2071, 5.7204, Use.OFFICE, 8,
          around_the_clock=True),
    Place("B03", "bremont", "Laboratoire", "Brémont-sur-Rive", 45.2049, 5.7211, Use.ALWAYS, 8, around_the_clock=True),
    Place("B04", "bremont", "EHPAD Les Tilleuls", "Brémont-sur-Rive", 45.2128, 5.7302, Use.ALWAYS, 10, gateway=6),
    Place("B05", "bremont", "Blanchisserie", "Brémont-sur-Rive", 45.1987, 5.7109, Use.OFFICE, 4),
    Place("A01", "aure", "Hôpital", "Sainte-Aure", 48.5218, 7.4631, Use.ALWAYS, 14, territory="AM",
          around_the_clock=True, gateway=7),
    Place("A02", "aure", "Centre de rééducation", "Sainte-Aure", 48.5161, 7.4718, Use.OFFICE, 6, territory="AM"),
    Place("R01", "austral", "Centre de santé des Filaos", "Les Filaos", -21.0713, 55.2284, Use.OFFICE, 6,
          territory="RE", gateway=8),
    Place("S01", "sdis", "État-major et CTA-CODIS", "Haut-Vallon", 46.9811, 6.3548, Use.ALWAYS, 8,
          around_the_clock=True, gateway=9),
    Place("S02", "sdis", "Centre de secours de Brémont", "Brémont-le-Haut", 46.9402, 6.2987, Use.ALWAYS, 5,
          around_the_clock=True),
    Place("S03", "sdis", "Centre de secours du Haut-Vallon", "Haut-Vallon", 46.9874, 6.3611, Use.ALWAYS, 4,
          around_the_clock=True, gateway=10),
    Place("S04", "sdis", "Centre de secours de Loue-Sud", "Loue-Sud", 47.0189, 6.1214, Use.ALWAYS, 4,
          around_the_clock=True),
    Place("S05", "sdis", "École départementale", "Haut-Vallon", 46.9688, 6.3312, Use.OFFICE, 5, gateway=11),
    Place("S06", "sdis", "Magasin logistique", "Haut-Vallon", 46.9743, 6.3420, Use.OFFICE, 2),
)  # fmt: skip
BY_CODE: Final = {place.code: place for place in PLACES}


@dataclass(frozen=True, slots=True)
class Owed:
    """A service: its code is ``<prefix>-<site code>``."""

    prefix: str
    name: str
    agreement: str
    lot: int
    service_class: str
    sites: tuple[str, ...]
    around_the_clock: bool | None = None  # None: as the site

    def code(self, site: str) -> str:
        """Return the code of the service on a site."""
        return f"{self.prefix}-{site}"


SERVICES: Final = (
    Owed("IOT", "Réseau LoRaWAN privé et capteurs", IOT, 1, "standard", tuple(p.code for p in PLACES if p.blocks)),
    Owed("FIBRE", "Accès fibre et VPN", TELECOMS, 1, "standard", ("V01", "V02", "V03", "V09", "V16", "B05", "S05"),
         around_the_clock=False),
    Owed("VPN", "Accès sécurisé à engagements avancés", TELECOMS, 2, "advanced", ("V05", "B01", "B03", "A01"),
         around_the_clock=True),
    Owed("CTA", "Raccordement du CTA-CODIS et débordement des appels 18-112", TELECOMS, 5, "standard", ("S01",),
         around_the_clock=True),
    Owed("WIFI", "Wi-Fi public sécurisé", TELECOMS, 10, "standard", ("V06", "V08", "V12"), around_the_clock=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spot:
    """A device of a rank, its site, and the measuring point it is mounted on."""

    rank: int
    place: Place
    point_name: str
    point_kind: str

    @property
    def habits(self) -> Habits:
        """What its curves depend on."""
        return Habits(self.rank, self.place.use, tropical=self.place.territory == "RE")


_POINT_KINDS: Final = {
    Profile.AMBIENT: "room",
    Profile.COLD_ROOM: "cold_room",
    Profile.CO2: "room",
    Profile.WATER_METER: "pipe",
    Profile.PARKING: "parking",
}
_ROOMS: Final = {
    "V02": "Classe", "V03": "Classe", "V04": "Classe", "B01": "Chambre", "B04": "Chambre", "A01": "Chambre",
    "A02": "Chambre", "S02": "Local", "S03": "Local", "S04": "Local", "B03": "Salle",
}  # fmt: skip
_COLD: Final = {"B02": "Enceinte à vaccins", "B03": "Enceinte à réactifs", "R01": "Enceinte à vaccins"}
_SHARED: Final = {"V02": "Salle de motricité", "B01": "Salle d’attente", "S01": "Salle opérationnelle"}


def spots(devices: int = DEVICES) -> Iterator[Spot]:
    """Yield the first ``devices`` devices by rank, each with its site and its point."""
    rank = 0
    for place in PLACES:
        numbers = dict.fromkeys(Profile, 0)
        for _ in range(place.blocks * BLOCK):
            if rank == devices:
                return
            profile = profile_of(rank)
            numbers[profile] += 1
            yield Spot(rank, place, _point_name(place.code, profile, numbers[profile]), _POINT_KINDS[profile])
            rank += 1


def _point_name(site: str, profile: Profile, number: int) -> str:
    words = {
        Profile.AMBIENT: _ROOMS.get(site, "Bureau"),
        Profile.COLD_ROOM: _COLD.get(site, "Chambre froide"),
        Profile.CO2: _SHARED.get(site, "Salle de réunion"),
        Profile.WATER_METER: "Compteur d’eau",
        Profile.PARKING: "Place",
    }
    return f"{words[profile]} {number}"
