"""The list of beneficiaries, and everything about one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from cadran.kernel.scope import as_system
from cadran.kernel.viewer import Side, Viewer
from cadran.parties import selectors
from cadran.parties.lists import Organisations, OwnOrganisations, spaced_siret, territory_name
from cadran.parties.models import Contact, Convention, GroupingMember, Organisation, SiretPeriod
from cadran.ui.http import Request
from cadran.ui.lists import render_list


def organisations(request: Request) -> HttpResponseBase:
    """The beneficiaries in the reader's scope."""
    viewer = request.viewer
    viewer.require("organisation.read")
    codes = list(selectors.agreements(viewer=viewer).values_list("code", flat=True))
    may_import = viewer.may("organisation.import")
    kind = OwnOrganisations if viewer.side is Side.BENEFICIARY else Organisations
    liste = kind(day=request.now.date(), agreement_codes=codes, may_import=may_import)
    context = {"action": _("Importer des bénéficiaires"), "action_url": reverse("parties:import")} if may_import else {}
    rows = liste.rows(selectors.organisations(viewer=viewer))
    return render_list(request, liste, rows, viewer=viewer, context=context)


def organisation(request: Request, organisation_id: int) -> HttpResponse:
    """One beneficiary: identity, SIRET history, conventions, groupings, people; then the cards of other rooms."""
    viewer, today = request.viewer, request.now.date()
    found = selectors.organisation(viewer=viewer, organisation_id=organisation_id)
    contacts = selectors.contacts_of(viewer=viewer, organisation_id=found.pk, today=today)
    context = {
        "organisation": found,
        "siret": spaced_siret(found.siret),
        "territory": territory_name(found.territory),
        "qualities": qualities_of(viewer=viewer, found=found, now=request.now),
        "conventions": [
            ConventionLine.of(convention, today)
            for convention in selectors.conventions_of(viewer=viewer, organisation_id=found.pk)
        ],
        "sirets": [_siret_line(period) for period in found.siret_periods.order_by("-valid_during")],
        "absorbed": [
            (each, spaced_siret(each.siret)) for each in found.absorbed.filter(closed_on__isnull=False).order_by("name")
        ],
        "successor": _successor(found, viewer),
        "groupings": memberships_of(found, viewer=viewer, today=today, members=False),
        "members": memberships_of(found, viewer=viewer, today=today, members=True),
        "contacts": [(contact, roles_of(contact)) for contact in contacts],
        "managers": selectors.account_managers_of(viewer=viewer, organisation_id=found.pk, today=today),
    }
    return render(request, "parties/organisation.html", context)


@dataclass(frozen=True, slots=True)
class ConventionLine:
    """A convention as the page shows it; ``last_day`` is included, nothing when it runs on."""

    convention: Convention
    starts_on: date | None
    last_day: date | None
    state: str  # a badge: ok | wait | off
    word: str

    @classmethod
    def of(cls, convention: Convention, today: date) -> ConventionLine:
        """Say where a convention stands today."""
        starts, ends = convention.valid_during.lower, convention.valid_during.upper
        if starts is not None and today < starts:
            state, word = "wait", _("à venir")
        elif ends is not None and ends <= today:
            state, word = "off", _("terminée")
        else:
            state, word = "ok", _("en vigueur")
        return cls(convention, starts, _last_day(ends), state, word)


def _last_day(ends: date | None) -> date | None:
    """PostgreSQL keeps periods as [start, end[; people read the last day included."""
    return None if ends is None else ends - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quality:
    """Whether the organisation may order under an agreement today, and through whom (CCTP 4.2)."""

    code: str
    title: str
    holds: bool
    through: str  # the grouping it holds from, nothing when from its own convention


def qualities_of(*, viewer: Viewer, found: Organisation, now: datetime) -> list[Quality]:
    """Return today's quality of beneficiary under each agreement (three queries)."""
    today = now.date()
    agreements = list(selectors.agreements(viewer=viewer))
    with as_system():
        groupings = selectors.groupings_of(found.pk, today=today)
        in_force = list(
            Convention.objects.filter(owner_id__in=[found.pk, *groupings], valid_during__contains=today).select_related(
                "owner"
            )
        )
    own = {each.agreement_id for each in in_force if each.owner_id == found.pk}
    inherited = {each.agreement_id: each.owner.name for each in in_force if each.owner_id != found.pk}
    return [
        Quality(
            agreement.code,
            agreement.title,
            agreement.pk in own or agreement.pk in inherited,
            "" if agreement.pk in own else inherited.get(agreement.pk, ""),
        )
        for agreement in agreements
    ]


@dataclass(frozen=True, slots=True)
class Membership:
    """One end of a membership; ``pk`` only when the reader may open the other's page."""

    pk: int | None
    name: str
    siret: str
    since: date | None
    last_day: date | None
    current: bool


def memberships_of(found: Organisation, *, viewer: Viewer, today: date, members: bool) -> list[Membership]:
    """Return the groupings of an organisation, or its members (two queries).

    A member knows the name of its grouping without having the right to read it: the name alone is shown.
    """
    side = "member" if members else "grouping"
    wanted = {"grouping_id": found.pk} if members else {"member_id": found.pk}
    with as_system():
        rows = list(GroupingMember.objects.filter(**wanted).select_related(side).order_by(f"{side}__name", "-during"))
    others = [row.member if members else row.grouping for row in rows]
    readable = set(
        selectors.organisations(viewer=viewer).filter(pk__in=[o.pk for o in others]).values_list("pk", flat=True)
    )
    return [
        Membership(
            pk=other.pk if other.pk in readable else None,
            name=other.name,
            siret=spaced_siret(other.siret),
            since=row.during.lower,
            last_day=_last_day(row.during.upper),
            current=(row.during.lower or today) <= today < (row.during.upper or date.max),
        )
        for row, other in zip(rows, others, strict=True)
    ]


def _siret_line(period: SiretPeriod) -> tuple[str, date | None, date | None, str]:
    return (
        spaced_siret(period.siret),
        period.valid_during.lower,
        _last_day(period.valid_during.upper),
        period.reason,
    )


def _successor(found: Organisation, viewer: Viewer) -> Organisation | None:
    if found.succeeded_by_id is None:
        return None
    return selectors.organisations(viewer=viewer).filter(pk=found.succeeded_by_id).first()


def roles_of(contact: Contact) -> Sequence[str]:
    """Return the roles of a contact in words."""
    words = dict(Contact.Role.choices)
    return [str(words.get(role, role)) for role in contact.roles]
