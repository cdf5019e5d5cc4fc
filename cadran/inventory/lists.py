"""The lists of the inventory, and the words for its states."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cadran.inventory import rules
from cadran.inventory.models import Equipment, Service, Site
from cadran.kernel.calendars import Territory, name_of, zone_named
from cadran.kernel.models import AuditEntry
from cadran.ui import times
from cadran.ui.icons import State, badge
from cadran.ui.lists import Choice, Column, Empty, Liste, Text
from cadran.ui.lists.declare import Rows, Words

SERVICE_STATES: Final[Mapping[str, tuple[State, Words]]] = {
    Service.State.RUNNING: (State.OK, gettext_lazy("En service")),
    Service.State.DEGRADED: (State.RISK, gettext_lazy("Dégradé")),
    Service.State.DOWN: (State.LATE, gettext_lazy("Arrêté")),
    Service.State.ENDED: (State.OFF, gettext_lazy("Terminé")),
}
SERVICE_CLASSES: Final[Mapping[str, Words]] = {
    "standard": gettext_lazy("Standard"),
    "advanced": gettext_lazy("Avancée"),
}
KINDS: Final[Mapping[str, Words]] = {
    Equipment.Kind.SENSOR: gettext_lazy("Capteur"),
    Equipment.Kind.GATEWAY: gettext_lazy("Passerelle"),
    Equipment.Kind.OTHER: gettext_lazy("Autre équipement"),
}
WARRANTY_ENDS_SOON: Final = timedelta(days=90)


def service_badge(state: str) -> SafeString:
    """Return the state of a service: shape, word, colour."""
    return badge(*SERVICE_STATES[state])


def service_hours(service: Service) -> str:
    """Return the hours in words: around the clock by option or class, else those of its lot (its page says which)."""
    around_the_clock = service.option_24_7 or service.service_class == "advanced"
    return _("24 h/24, 7 j/7") if around_the_clock else capfirst(_("heures de base"))


def territory_name(code: str) -> str:
    """Return the French name of a territory."""
    return name_of(Territory.parse(code))


def how_many(kind: str, count: int) -> str:
    """Return "15 capteurs"."""
    words = {
        Equipment.Kind.SENSOR: ngettext("{n} capteur", "{n} capteurs", count),
        Equipment.Kind.GATEWAY: ngettext("{n} passerelle", "{n} passerelles", count),
    }.get(Equipment.Kind(kind), ngettext("{n} autre équipement", "{n} autres équipements", count))
    return words.format(n=times.number(count))


def model_name(equipment: Equipment) -> str:
    """Return maker and model as one name."""
    return f"{equipment.maker} {equipment.model}".strip()


def warranty_badge(equipment: Equipment, today: date) -> SafeString:
    """Return whether an equipment is covered today, and until when."""
    until = equipment.warranty_until
    if until is None:
        return badge(State.UNKNOWN, _("Non renseignée"))
    day = f"{until:%d/%m/%Y}"
    if not rules.under_warranty(until, today):
        return badge(State.OFF, _("Finie le {day}").format(day=day))
    soon = until - today <= WARRANTY_ENDS_SOON
    return badge(State.RISK if soon else State.OK, _("Jusqu’au {day}").format(day=day))


def owner_column() -> Column:
    """The beneficiary, for a reader who sees several."""
    return Column(key="beneficiaire", label=_("Bénéficiaire"), value="owner.name", sort="owner__name")


class Sites(Liste):
    """Every site the reader may see."""

    name = "sites"
    caption = gettext_lazy("Sites")
    default_sort = "nom"
    filters = (
        Text(name="q", label=gettext_lazy("Nom, code ou commune contient"), fields=("name", "code", "city")),
        Choice(
            name="territoire",
            label=gettext_lazy("Territoire"),
            choices=[(str(each), name_of(each)) for each in Territory],
            where="territory",
        ),
    )
    empty = Empty(
        title=gettext_lazy("Aucun site dans votre périmètre"),
        text=gettext_lazy("Un site apparaît ici dès que le titulaire l’a enregistré ; vous pouvez le lui signaler."),
    )

    def __init__(self, *, owners: bool) -> None:
        self.columns = (
            Column(key="nom", label=_("Site"), value="name", sort="name", row_header=True, link=_site_url),
            *([owner_column()] if owners else []),
            Column(key="code", label=_("Code"), value="code", sort="code"),
            Column(key="commune", label=_("Commune"), value="city", sort="city"),
            Column(
                key="territoire",
                label=_("Territoire"),
                value=lambda site: territory_name(site.territory),
                sort="territory",
            ),
            Column(key="etat", label=_("Services"), value=_site_words, show=_site_badge, sort="worst", nullable=True),
            Column(key="capteurs", label=_("Capteurs"), value="sensors", sort="sensors", numeric=True),
            Column(key="passerelles", label=_("Passerelles"), value="gateways", sort="gateways", numeric=True),
            Column(key="fuseau", label=_("Fuseau horaire"), value="zone", export_only=True),
            Column(key="latitude", label=_("Latitude"), value="latitude", export_only=True),
            Column(key="longitude", label=_("Longitude"), value="longitude", export_only=True),
        )


# How bad each state is: the worst of a site's services is the site's.
SEVERITY: Final[Mapping[str, int]] = {Service.State.RUNNING: 0, Service.State.DEGRADED: 1, Service.State.DOWN: 2}
NO_SERVICE: Final = (State.INFO, gettext_lazy("Sans service"))


def worst_state(worst: int | None) -> tuple[State, Words]:
    """Return the state of the site whose services are at worst that bad."""
    if worst is None:
        return NO_SERVICE
    return next(SERVICE_STATES[state] for state, severity in SEVERITY.items() if severity == worst)


def _site_url(site: Site) -> str:
    return reverse("inventory:site", args=[site.pk])


def _site_badge(site: Any) -> SafeString:
    return badge(*worst_state(site.worst))


def _site_words(site: Any) -> str:
    return str(worst_state(site.worst)[1])


class Services(Liste):
    """Every service the reader may see."""

    name = "services"
    caption = gettext_lazy("Services")
    default_sort = "nom"
    filters = (
        Text(name="q", label=gettext_lazy("Nom ou code contient"), fields=("name", "code")),
        Text(name="site", label=gettext_lazy("Site contient"), fields=("site__name", "site__code")),
        Choice(
            name="etat",
            label=gettext_lazy("État"),
            choices=[(str(state), word) for state, (_shape, word) in SERVICE_STATES.items()],
            where="state",
        ),
        Choice(
            name="classe",
            label=gettext_lazy("Classe"),
            choices=tuple(SERVICE_CLASSES.items()),
            where="service_class",
        ),
    )
    empty = Empty(
        title=gettext_lazy("Aucun service dans votre périmètre"),
        text=gettext_lazy("Un service apparaît ici à son ouverture sur un de vos sites."),
    )

    def __init__(self, *, owners: bool) -> None:
        self.columns = (
            Column(key="nom", label=_("Service"), value="name", sort="name", row_header=True, link=_service_url),
            Column(key="code", label=_("Code"), value="code", sort="code"),
            *([owner_column()] if owners else []),
            Column(key="site", label=_("Site"), value="site.name", sort="site__name"),
            Column(key="etat", label=_("État"), value=_service_words, show=_service_cell, sort="state"),
            Column(key="classe", label=_("Classe"), value=_service_class, sort="service_class"),
            Column(key="horaires", label=_("Horaires"), value=service_hours, sort="option_24_7"),
            Column(key="lot", label=_("Lot"), value=lambda service: str(service.lot)),
            Column(key="depuis", label=_("Depuis le"), value="started_on", sort="started_on", numeric=True),
            Column(key="fin", label=_("Terminé le"), value="ended_on", export_only=True),
        )

    def row_class(self, row: Any) -> str:
        """Mark what is down or degraded."""
        return {Service.State.DOWN: "is-late", Service.State.DEGRADED: "is-risk"}.get(row.state, "")


def _service_url(service: Service) -> str:
    return reverse("inventory:service", args=[service.pk])


def _service_words(service: Service) -> str:
    return str(SERVICE_STATES[service.state][1])


def _service_cell(service: Service) -> SafeString:
    return service_badge(service.state)


def _service_class(service: Service) -> str:
    return str(SERVICE_CLASSES.get(service.service_class, service.service_class))


class Fleet(Liste):
    """The equipment the reader may see.

    Rooms above complete it before it is shown (slot ``inventory.fleet``): they may annotate ``rows`` and add columns
    and filters, so that the fleet says which sensors are silent without this room knowing what a measurement is.
    """

    name = "parc"
    caption = gettext_lazy("Parc d’équipements")
    default_sort = "nom"
    empty = Empty(
        title=gettext_lazy("Aucun équipement dans votre périmètre"),
        text=gettext_lazy("Un équipement apparaît ici à sa livraison, puis à sa pose sur un point de mesure."),
    )

    def __init__(self, *, rows: QuerySet[Equipment], today: date, owners: bool) -> None:
        self.rows = rows
        self.columns = (
            Column(key="nom", label=_("Équipement"), value="name", sort="name", row_header=True, link=_equipment_url),
            *([owner_column()] if owners else []),
            Column(key="nature", label=_("Nature"), value=_kind, sort="kind"),
            Column(key="site", label=_("Site"), value="site.name", sort="site__name"),
            Column(key="modele", label=_("Modèle"), value=model_name, sort="model"),
            Column(key="serie", label=_("N° de série"), value="serial", sort="serial", export_only=True),
            Column(
                key="garantie",
                label=_("Garantie"),
                value="warranty_until",
                show=lambda equipment: warranty_badge(equipment, today),
                sort="warranty_until",
                nullable=True,
            ),
            Column(key="eui", label=_("EUI-64"), value="eui", export_only=True),
            Column(key="service", label=_("Service"), value=_service_of, export_only=True),
            Column(key="livre", label=_("Livré le"), value="delivered_on", export_only=True),
            Column(key="retire", label=_("Retiré le"), value="retired_on", export_only=True),
        )
        self.filters = (
            Text(name="q", label=_("Nom, série ou EUI contient"), fields=("name", "serial", "eui")),
            Text(name="site", label=_("Site contient"), fields=("site__name", "site__code")),
            Choice(name="nature", label=_("Nature"), choices=tuple(KINDS.items()), where="kind"),
            Choice(
                name="garantie",
                label=_("Garantie"),
                choices=(
                    ("oui", _("En cours")),
                    ("bientot", _("Finit sous 90 jours")),
                    ("finie", _("Finie")),
                    ("inconnue", _("Non renseignée")),
                ),
                where=lambda rows, value: _by_warranty(rows, value, today),
            ),
            Choice(name="etat", label=_("Cycle de vie"), choices=((RETIRED, _("Retirés")),), where=_retired),
        )


RETIRED: Final = "retires"  # the one life state to ask for: without it, the list shows what is in service


def _equipment_url(equipment: Equipment) -> str:
    return reverse("inventory:equipment", args=[equipment.pk])


def _kind(equipment: Equipment) -> str:
    return str(KINDS[equipment.kind])


def _service_of(equipment: Equipment) -> str:
    return equipment.service.name if equipment.service else ""


def _retired(rows: Rows, value: str) -> Rows:
    assert isinstance(rows, QuerySet)
    return rows.filter(retired_on__isnull=False)


def _by_warranty(rows: Rows, value: str, today: date) -> Rows:
    assert isinstance(rows, QuerySet)
    match value:
        case "oui":
            return rows.filter(warranty_until__gte=today)
        case "bientot":
            return rows.filter(warranty_until__range=(today, today + WARRANTY_ENDS_SOON))
        case "finie":
            return rows.filter(warranty_until__lt=today)
    return rows.filter(warranty_until__isnull=True)


ACTIONS: Final[Mapping[str, Words]] = {
    "equipment.registered": gettext_lazy("Équipement enregistré"),
    "equipment.mounted": gettext_lazy("Posé sur un point de mesure"),
    "equipment.unmounted": gettext_lazy("Déposé de son point de mesure"),
    "equipment.retired": gettext_lazy("Retiré du parc"),
    "source.register": gettext_lazy("Profil de décodage et rythme d’écoute enregistrés"),
    "gateway.registered": gettext_lazy("Passerelle acceptée par le réseau"),
}


class Journal(Liste):
    """Who did what to one object."""

    name = "journal"
    caption = gettext_lazy("Journal des actes")
    default_sort = "-quand"
    empty = Empty(
        title=gettext_lazy("Aucun acte consigné"),
        text=gettext_lazy("Chaque pose, dépose ou changement laissera ici une ligne, avec son auteur et son heure."),
    )

    def __init__(self, *, zone: str) -> None:
        local = zone_named(zone)
        self.columns = (
            Column(
                key="quand",
                label=_("Quand"),
                value="at",
                show=lambda entry: times.time_html(entry.at, zone=local, short=True),
                sort="at",
            ),
            Column(key="acte", label=_("Acte"), value=_action, row_header=True),
            Column(key="qui", label=_("Par"), value="actor_label"),
            Column(key="details", label=_("Détails"), value="details", export_only=True),
        )


def _action(entry: AuditEntry) -> str:
    return str(ACTIONS.get(entry.action, entry.action))
