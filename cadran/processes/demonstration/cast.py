"""Who plays in the demonstration: fictional bodies, companies and people. No Django here.

SIRETs are valid and belong to nobody: their SIRENs begin with 999 000. Addresses end in ``.example``, which RFC 2606
keeps from ever existing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IOT, TELECOMS = "2024_AOO_IOT", "2024_AOO_TELECOMS"

# One password for everybody, printed by `make demo` and public: sign-in refuses it outside the demonstration.
TOTP_SEED: Final = "CADRAN2DEMO2CADRAN2DEMO2CADRAN2D"  # of the administrator alone; public too


@dataclass(frozen=True, slots=True)
class Body:
    """A beneficiary, or a member of a grouping (then ``grouping`` is that one's key)."""

    key: str
    siret: str
    name: str
    kind: str  # as the import file writes it
    territory: str
    address: str
    postcode: str
    city: str
    email: str
    phone: str
    agreements: tuple[str, ...] = ()
    grouping: str = ""


BODIES: Final = (
    Body("valmont", "99900001100018", "Ville de Valmont-sur-Loue", "commune", "FR", "1 place des Tilleuls", "25999",
         "Valmont-sur-Loue", "mairie@valmont.example", "01 99 00 10 00", (IOT, TELECOMS)),
    Body("rives", "99900002900010", "Groupement hospitalier des Deux-Rives", "groupement", "FR", "12 quai des Saules",
         "38999", "Brémont-sur-Rive", "direction@deux-rives.example", "01 99 00 20 00", (IOT, TELECOMS)),
    Body("bremont", "99900003700013", "Centre hospitalier de Brémont", "etablissement de sante", "FR",
         "12 quai des Saules", "38999", "Brémont-sur-Rive", "bremont@deux-rives.example", "01 99 00 21 00",
         grouping="rives"),
    Body("aure", "99900004500016", "Hôpital de Sainte-Aure", "etablissement de sante", "AM", "3 rue du Cloître",
         "67999", "Sainte-Aure", "sainte-aure@deux-rives.example", "01 99 00 22 00", grouping="rives"),
    Body("austral", "99900005200012", "Centre de santé austral des Deux-Rives", "etablissement de sante", "RE",
         "40 chemin des Filaos", "97499", "Les Filaos", "austral@deux-rives.example", "01 99 00 30 00",
         grouping="rives"),
    Body("sdis", "99900006000015", "SDIS fictif du Haut-Vallon", "sdis", "FR", "5 route du Col", "25998",
         "Haut-Vallon", "contact@sdis-haut-vallon.example", "01 99 00 40 00", (IOT, TELECOMS)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Firm:
    """A holder or a member of a consortium."""

    key: str
    siret: str
    name: str


FIRMS: Final = (
    Firm("cadence", "99900010200015", "Cadence Numérique (fictive)"),
    Firm("opale", "99900011000018", "Opale Réseaux (fictive)"),
    Firm("jalon", "99900012800010", "Jalon Travaux (fictive)"),
)
# Agreement, lot, firm, role, what it answers for. Lot 1 of the telecoms is held by a consortium of three.
PARTS: Final = (
    (IOT, 1, "cadence", "holder", ""),
    (TELECOMS, 1, "cadence", "lead", "Mandataire : guichet unique, facturation, reporting"),
    (TELECOMS, 1, "opale", "co_contractor", "Accès fibre et cœur de réseau"),
    (TELECOMS, 1, "jalon", "subcontractor", "Travaux de raccordement, interventions sur site"),
    (TELECOMS, 2, "cadence", "holder", ""),
    (TELECOMS, 5, "cadence", "holder", ""),
    (TELECOMS, 10, "cadence", "holder", ""),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in: a role over a body, a firm's lots, a site (its code), or everything."""

    key: str
    email: str
    name: str
    role: str
    look_at: str
    body: str = ""
    firm: str = ""
    site: str = ""
    zone: str = "Europe/Paris"
    totp: bool = False


PEOPLE: Final = (
    Person("acheteuse", "achats@valmont.example", "Claire Aubry", "beneficiary.buyer",
           "conventions et lots de la ville, ses incidents, une confirmation de rétablissement attendue",
           body="valmont"),
    Person("technicien", "technique@valmont.example", "Marc Delorme", "beneficiary.technician",
           "alarme de chambre froide, carte, courbes, règles de seuil, déclarer un incident", body="valmont"),
    Person("responsable", "ecole@valmont.example", "Nadia Ferrand", "beneficiary.site",
           "un seul site : le groupe scolaire Louise-Michel", body="valmont", site="V02"),
    Person("hopital", "technique@deux-rives.example", "Sophie Marchal", "beneficiary.technician",
           "un autre bénéficiaire : trois établissements, dont un à La Réunion ; rien de la ville", body="rives"),
    Person("sdis", "technique@sdis-haut-vallon.example", "Yann Le Goff", "beneficiary.technician",
           "lot 5 des télécoms, 24 h/24 : horloges qui courent la nuit", body="sdis"),
    Person("roc", "roc@cadence.example", "Hélène Roussel", "holder.roc",
           "tous les bénéficiaires, import d’un fichier, délais manqués", firm="cadence"),
    Person("agent", "agent@cadence.example", "Karim Benali", "holder.agent",
           "file des incidents, horloges GTI et GTR, « Pourquoi ? »", firm="cadence"),
    Person("terrain", "terrain@cadence.example", "Luc Perrin", "holder.field",
           "l’incident qui lui est confié, les équipements du site", firm="cadence"),
    Person("reseau", "reseau@cadence.example", "Inès Kada", "holder.network",
           "12 passerelles, trames, refus radio, capteurs muets", firm="cadence"),
    Person("pilote", "pilote@canut.example", "Odile Vasseur", "canut.pilot",
           "les deux accords-cadres, leurs ambiguïtés et leurs choix, tous les bénéficiaires"),
    Person("admin", "admin@cadran.example", "Théo Lambert", "platform.admin",
           "courrier sortant, exploitation ; connexion en deux temps (code TOTP)", totp=True),
)  # fmt: skip
