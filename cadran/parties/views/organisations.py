"""The list of beneficiaries, and everything about one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

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
    ties = ties_of(found, today=today)
    groupings, members = memberships(ties, viewer=viewer, today=today)
    context = {
        "organisation": found,
        "siret": spaced_siret(found.siret),
        "territory": territory_name(found.territory),
        "qualities": qualities_of(found, ties, viewer=viewer),
        "conventions": [
            ConventionLine.of(convention, today)
            for convention in selectors.conventions_of(viewer=viewer, organisation_id=found.pk)
        ],
        "sirets": [_siret_line(period) for period in found.siret_periods.order_by("-valid_during")],
        "absorbed": [
            (each, spaced_siret(each.siret)) for each in found.absorbed.filter(closed_on__isnull=False).order_by("name")
        ],
        "successor": _successor(found, viewer),
        "groupings": groupings,
        "members": members,
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


@dataclass(frozen=True, slots=True)
class Ties:
    """What ties an organisation to groupings and agreements: rows a beneficiary's database role does not read."""

    groupings: Sequence[GroupingMember]
    members: Sequence[GroupingMember]
    conventions: Sequence[Convention]  # in force today, its own and those of its groupings


def ties_of(found: Organisation, *, today: date) -> Ties:
    """Return the ties of a visible organisation (three queries, in the platform's role)."""
    memberships = GroupingMember.objects.select_related("grouping", "member")
    with as_system():
        groupings = list(memberships.filter(member=found).order_by("grouping__name", "-during"))
        members = list(memberships.filter(grouping=found).order_by("member__name", "-during"))
        holders = [found.pk, *(row.grouping_id for row in groupings if _covers(row, today))]
        in_force = Convention.objects.filter(owner_id__in=holders, valid_during__contains=today)
        return Ties(groupings, members, list(in_force.select_related("owner")))


def _covers(row: GroupingMember, today: date) -> bool:
    return (row.during.lower or today) <= today < (row.during.upper or date.max)


def qualities_of(found: Organisation, ties: Ties, *, viewer: Viewer) -> list[Quality]:
    """Return today's quality of beneficiary under each agreement (one query)."""
    own = {each.agreement_id for each in ties.conventions if each.owner_id == found.pk}
    inherited = {each.agreement_id: each.owner.name for each in ties.conventions if each.owner_id != found.pk}
    return [
        Quality(
            agreement.code,
            agreement.title,
            agreement.pk in own or agreement.pk in inherited,
            "" if agreement.pk in own else inherited.get(agreement.pk, ""),
        )
        for agreement in selectors.agreements(viewer=viewer)
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


def memberships(ties: Ties, *, viewer: Viewer, today: date) -> tuple[list[Membership], list[Membership]]:
    """Return the groupings of an organisation, then its members (one query).

    A member knows the name of its grouping without having the right to read it: the name alone is shown.
    """
    others = [*(row.grouping for row in ties.groupings), *(row.member for row in ties.members)]
    wanted = selectors.organisations(viewer=viewer).filter(pk__in=[other.pk for other in others])
    readable = set(wanted.values_list("pk", flat=True))
    lines = [
        Membership(
            pk=other.pk if other.pk in readable else None,
            name=other.name,
            siret=spaced_siret(other.siret),
            since=row.during.lower,
            last_day=_last_day(row.during.upper),
            current=_covers(row, today),
        )
        for row, other in zip([*ties.groupings, *ties.members], others, strict=True)
    ]
    return lines[: len(ties.groupings)], lines[len(ties.groupings) :]


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
