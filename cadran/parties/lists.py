"""Lists of the parties room."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cadran.kernel.calendars import Territory, name_of
from cadran.parties.models import Convention, GroupingMember, Organisation
from cadran.ui.lists import Choice, Column, Empty, Filter, Liste, Text
from cadran.ui.lists.declare import Rows


def territory_name(code: str) -> str:
    """Return the French name of a territory; the code itself when it is not one of ours."""
    return name_of(Territory(code)) if code in set(Territory) else code


def _page_of(row: Organisation) -> str:
    return reverse("parties:organisation", args=[row.pk])


def _agreements_of(row: Organisation) -> str:
    own: Sequence[str] = getattr(row, "own_agreements", ())
    inherited: Sequence[str] = getattr(row, "inherited_agreements", ())
    through = [_("{code} (groupement)").format(code=code) for code in sorted(set(inherited) - set(own))]
    return ", ".join([*sorted(set(own)), *through])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search(Text):
    """A search that also finds a SIRET copied with its spaces."""

    def apply(self, rows: Rows, typed: str) -> Rows:
        """Narrow by containment; the spaces of a number are not part of it."""
        digits = re.sub(r"\s", "", typed)
        return Text.apply(self, rows, digits if digits.isdigit() else typed)


class Organisations(Liste):
    """The beneficiaries, with the agreements under which they may order on one day."""

    name = "beneficiaires"
    caption = _("Bénéficiaires")
    default_sort = "nom"
    columns = (
        Column(key="nom", label=_("Nom"), value="name", sort="name", row_header=True, link=_page_of),
        Column(key="siret", label=_("SIRET"), value="siret", sort="siret", show=lambda row: spaced_siret(row.siret)),
        Column(key="nature", label=_("Nature"), value=lambda row: row.get_kind_display()),
        Column(key="territoire", label=_("Territoire"), value=lambda row: territory_name(row.territory)),
        Column(key="commune", label=_("Commune"), value="city", sort="city"),
        Column(key="accords", label=_("Accords-cadres du jour"), value=_agreements_of),
        Column(key="code_postal", label=_("Code postal"), value="postcode", export_only=True),
        Column(key="courriel", label=_("Courriel"), value="email", export_only=True),
        Column(key="telephone", label=_("Téléphone"), value="phone", export_only=True),
    )

    def __init__(self, *, day: date, agreement_codes: Sequence[str], may_import: bool) -> None:
        self.day = day
        self.filters = self._filters(agreement_codes)
        self.empty = Empty(
            title=_("Aucun bénéficiaire dans votre périmètre"),
            text=_("Les bénéficiaires arrivent avec leurs conventions, par un fichier."),
            action=_("Importer des bénéficiaires") if may_import else "",
            url=reverse("parties:import") if may_import else "",
        )

    def _filters(self, agreement_codes: Sequence[str]) -> Sequence[Filter]:
        return (
            _Search(name="q", label=_("Nom, SIRET ou commune"), fields=("name", "siret", "city")),
            Choice(name="nature", label=_("Nature"), choices=Organisation.Kind.choices, where="kind"),
            Choice(
                name="territoire",
                label=_("Territoire"),
                choices=[(code.value, name_of(code)) for code in Territory],
                where="territory",
            ),
            Choice(
                name="accord",
                label=_("Accord-cadre du jour"),
                choices=[(code, code) for code in agreement_codes],
                where=self._with_agreement,
            ),
        )

    def rows(self, visible: QuerySet[Organisation]) -> QuerySet[Organisation]:
        """Return the visible organisations with the codes of their agreements that day (still one query)."""
        own = Convention.objects.filter(owner_id=OuterRef("pk"), valid_during__contains=self.day)
        inherited = GroupingMember.objects.filter(
            member_id=OuterRef("pk"), during__contains=self.day, grouping__conventions__valid_during__contains=self.day
        )
        return visible.annotate(
            own_agreements=ArraySubquery(own.values("agreement__code")),
            inherited_agreements=ArraySubquery(inherited.values("grouping__conventions__agreement__code")),
        )

    def _with_agreement(self, rows: Rows, code: str) -> Rows:
        assert isinstance(rows, QuerySet)
        own = Convention.objects.filter(agreement__code=code, valid_during__contains=self.day).values("owner_id")
        inherited = GroupingMember.objects.filter(during__contains=self.day, grouping_id__in=own).values("member_id")
        return rows.filter(Q(pk__in=own) | Q(pk__in=inherited))


class OwnOrganisations(Organisations):
    """The same for a beneficiary, whose database role does not read who belongs to which grouping."""

    def rows(self, visible: QuerySet[Organisation]) -> QuerySet[Organisation]:
        """Return the visible organisations with the agreements of their own conventions (one query)."""
        own = Convention.objects.filter(owner_id=OuterRef("pk"), valid_during__contains=self.day)
        return visible.annotate(own_agreements=ArraySubquery(own.values("agreement__code")))

    def _with_agreement(self, rows: Rows, code: str) -> Rows:
        assert isinstance(rows, QuerySet)
        own = Convention.objects.filter(agreement__code=code, valid_during__contains=self.day).values("owner_id")
        return rows.filter(pk__in=own)


def spaced_siret(siret: str) -> str:
    """Return a SIRET as people read it, "216 901 231 00011", with narrow spaces that do not break."""
    return f"{siret[:3]} {siret[3:6]} {siret[6:9]} {siret[9:]}".replace(" ", "\u202f")


class Agreements(Liste):
    """The framework agreements."""

    name = "accords-cadres"
    caption = _("Accords-cadres")
    default_sort = "code"
    columns = (
        Column(
            key="code",
            label=_("Accord-cadre"),
            value="code",
            sort="code",
            row_header=True,
            link=lambda row: reverse("parties:agreement", args=[row.code]),
        ),
        Column(key="objet", label=_("Objet"), value="title", sort="title"),
        Column(key="acheteur", label=_("Pouvoir adjudicateur"), value="purchasing_body.name"),
        Column(key="lots", label=_("Lots"), value="lots_count", sort="lots_count", numeric=True),
        Column(key="charge", label=_("Chargé le"), value="loaded_at", sort="loaded_at", numeric=True),
    )
    empty = Empty(
        title=_("Aucun accord-cadre chargé"),
        text=_("Demandez à l’exploitant de charger les fichiers de l’accord-cadre."),
    )
