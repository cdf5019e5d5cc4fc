"""The incidents of the demonstration: kept and missed, paused, refused, by telephone, at night, and still running."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from cadran.processes.demonstration.story import Act, Tale
from cadran.processes.demonstration.when import working_time


def _act(verb: str, who: str, *, days: float = 0, hours: float = 0, minutes: float = 0, **details: Any) -> Act:
    return Act(timedelta(days=days, hours=hours, minutes=minutes), verb, who, details)


def _kept(restored_h: float, *, who: str, confirm: str, taken_min: float = 25) -> tuple[Act, ...]:
    """The ordinary life of an incident that keeps its promises."""
    return (
        _act("acknowledge", "agent", minutes=taken_min - 15),
        _act("take_in_charge", who, minutes=taken_min),
        _act("restore", who, hours=restored_h),
        _act("confirm_restored", confirm, hours=restored_h + 0.7),
        _act("close", "agent", days=1),
    )


def past(anchor: datetime) -> Iterator[Tale]:
    """Yield the incidents that began days ago: over, but for the last ones, which wait for somebody."""
    at = partial(working_time, anchor)
    yield Tale(
        "fibre-jean-zay", "FIBRE-V03", at(days_ago=168, at="09:40"), "technicien",
        "Plus d’Internet au groupe scolaire Jean-Zay",
        "Aucun poste n’accède à Internet depuis l’ouverture. La box affiche un voyant rouge.",
        ("complete_stop",), acts=_kept(2.4, who="agent", confirm="technicien"),
    )  # fmt: skip
    yield Tale(
        "capteurs-ctm", "IOT-V09", at(days_ago=141, at="14:05"), "technicien",
        "Plus aucune mesure au centre technique", "Tous les capteurs du site sont muets depuis le déjeuner.",
        ("complete_stop",),
        acts=(
            _act("acknowledge", "agent", minutes=12),
            _act("take_in_charge", "agent", minutes=38),
            _act("comment", "agent", hours=3, body="Alimentation de la passerelle en défaut ; pièce en cours d’envoi."),
            _act("restore", "agent", days=4, hours=2),
            _act("confirm_restored", "technicien", days=4, hours=3),
            _act("close", "agent", days=5),
        ),
    )  # fmt: skip
    yield from _older(anchor)
    yield from _recent(anchor)
    yield from _lasting(anchor)


def _older(anchor: datetime) -> Iterator[Tale]:
    at = partial(working_time, anchor)
    yield Tale(
        "vpn-nuit", "VPN-B01", at(days_ago=120, at="02:10"), "hopital",
        "Coupure du VPN du bâtiment principal", "Appel de l’astreinte à 2 h 10, saisi après le retour au calme.",
        ("complete_stop",), channel="phone", told_after=timedelta(minutes=35),
        acts=(
            _act("take_in_charge", "agent", minutes=42),
            _act("confirm_in_writing", "hopital", minutes=55, text="Je confirme l’appel de 2 h 10 : plus aucun accès."),
            _act("restore", "agent", hours=3, workaround=True),
            _act("confirm_restored", "hopital", hours=3.5),
            _act("close", "agent", days=2),
        ),
    )  # fmt: skip
    yield Tale(
        "filaos", "IOT-R01", at(days_ago=96, at="10:20", territory="RE", zone="Indian/Reunion"),
        "hopital", "Capteurs de température intermittents aux Filaos",
        "Plusieurs enceintes à vaccins n’envoient plus qu’une mesure sur trois.",
        ("abnormal_operation",), acts=_kept(5, who="reseau", confirm="hopital", taken_min=70),
    )  # fmt: skip
    yield Tale(
        "travaux-blanchisserie", "FIBRE-B05", at(days_ago=75, at="08:30"), "hopital",
        "Débit très faible à la blanchisserie", "Les remontées de production prennent dix minutes au lieu d’une.",
        ("essential_function_partly_down",),
        acts=(
            _act("take_in_charge", "agent", hours=1),
            _act("pause", "agent", hours=3, reason="site_access",
                 proof="Rendez-vous proposé le jour même ; le site demande de passer le lendemain matin."),
            _act("resume", "agent", days=1),
            _act("start_intervention", "terrain", days=1, hours=0.5),
            _act("restore", "agent", days=1, hours=5),
            _act("confirm_restored", "hopital", days=1, hours=6),
            _act("close", "agent", days=3),
        ),
    )  # fmt: skip


def _recent(anchor: datetime) -> Iterator[Tale]:
    at = partial(working_time, anchor)
    yield Tale(
        "cta", "CTA-S01", at(days_ago=52, at="22:48"), "sdis",
        "Un faisceau du CTA sur deux est coupé", "Les appels passent sur le faisceau restant ; plus de redondance.",
        ("essential_function_partly_down",), channel="phone", told_after=timedelta(minutes=9),
        acts=(
            _act("take_in_charge", "agent", minutes=20),
            _act("confirm_in_writing", "sdis", hours=1, text="Confirmation de l’appel de 22 h 48."),
            _act("restore", "agent", hours=4),
            _act("confirm_restored", "sdis", hours=10),
            _act("close", "agent", days=2),
        ),
    )  # fmt: skip
    yield Tale(
        "sainte-aure", "IOT-A01", at(days_ago=31, at="11:15", territory="AM"), "hopital",
        "Mesures d’humidité aberrantes à Sainte-Aure", "Les chambres du deuxième étage affichent 100 % d’humidité.",
        ("scope_reduced",),
        acts=(
            _act("take_in_charge", "reseau", hours=1.5),
            _act("restore", "reseau", hours=6),
            _act("refuse_restoration", "hopital", hours=9,
                 reason="Quatre chambres affichent toujours 100 % : le remplacement n’a pas porté sur elles."),
            _act("restore", "reseau", days=1, hours=4),
            _act("confirm_restored", "hopital", days=1, hours=8),
            _act("close", "agent", days=4),
        ),
    )  # fmt: skip
    yield Tale(
        "wifi-marche", "WIFI-V12", at(days_ago=17, at="09:05"), "acheteuse",
        "Portail Wi-Fi lent au marché couvert", "La page de connexion met plus d’une minute à s’afficher.",
        ("intermittent_without_effect",),
        acts=(
            _act("take_in_charge", "agent", hours=4),
            _act("restore", "agent", days=2),
            _act("confirm_restored", "acheteuse", days=2, hours=2),
            _act("close", "agent", days=3),
        ),
    )  # fmt: skip


def _lasting(anchor: datetime) -> Iterator[Tale]:
    at = partial(working_time, anchor)
    yield Tale(
        "fibre-ecole-departementale", "FIBRE-S05", at(days_ago=5, at="10:00"), "sdis",
        "Accès Internet coupé à l’école départementale", "Plus aucun accès depuis l’orage, secours 4G compris.",
        ("complete_stop",),
        acts=(
            _act("acknowledge", "agent", minutes=8),
            _act("take_in_charge", "agent", minutes=35),
            _act("start_intervention", "terrain", hours=2),
            _act("comment", "agent", hours=6, body="Fibre sectionnée sur 40 m : un nouveau tirage est programmé."),
        ),
    )  # fmt: skip
    yield Tale(
        "wifi-piscine", "WIFI-V08", at(days_ago=3, at="15:30"), "technicien",
        "Bornes Wi-Fi de la piscine hors service", "Deux bornes sur trois sont éteintes côté bassin.",
        ("scope_reduced",),
        acts=(
            _act("take_in_charge", "agent", hours=1),
            _act("pause", "agent", hours=2, reason="designated_third_party",
                 proof="Armoire électrique à reprendre par l’électricien de la ville, dossier EL-2291."),
        ),
    )  # fmt: skip
    yield Tale(
        "vpn-cuisine", "VPN-V05", at(days_ago=2, at="09:15"), "technicien",
        "Accès dégradé à la cuisine centrale", "Les commandes de repas passent une fois sur deux.",
        ("essential_function_partly_down",),
        acts=(
            _act("take_in_charge", "agent", minutes=40),
            _act("restore", "agent", hours=5),
        ),
    )  # fmt: skip


def present(now: datetime) -> Iterator[Tale]:
    """Yield the incidents declared in the last hours before ``now``, oldest first."""
    yield Tale(
        "humidite-ehpad", "IOT-B04", now - timedelta(hours=3), "hopital",
        "Capteurs d’une aile de l’EHPAD illisibles", "L’aile nord n’affiche plus de mesure depuis ce matin.",
        ("scope_reduced",), acts=(_act("acknowledge", "agent", minutes=30),),
    )  # fmt: skip
    yield Tale(
        "louise-michel", "FIBRE-V02", now - timedelta(minutes=50), "responsable",
        "Téléphones muets au groupe scolaire Louise-Michel", "Appel de la direction de l’école.",
        ("abnormal_operation",), channel="phone", told_after=timedelta(minutes=6),
    )  # fmt: skip
    yield Tale(
        "laboratoire", "VPN-B03", now - timedelta(minutes=25), "hopital",
        "Le laboratoire ne joint plus le serveur d’analyses", "Coupure franche : aucun résultat n’est transmis.",
        ("complete_stop",), acts=(_act("take_in_charge", "agent", minutes=14),),
    )  # fmt: skip
