"""The small world tests live in: one agreement, a holder, two beneficiaries, a site and a service each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange

from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM, Viewer

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)  # a Monday, 10:00 in Paris
TODAY = NOW.date()
SINCE = date(2024, 1, 1)
PASSWORD = "correct horse battery"


@dataclass(slots=True)
class World:
    """Rows by name; every row was written under the system's scope."""

    agreement: Any
    lot: Any
    holder: Any
    bobville: Any
    charlieville: Any
    alice: Any
    bob: Any
    charlie: Any
    bob_site: Any
    bob_service: Any
    charlie_site: Any
    charlie_service: Any

    def viewer(self, user: Any, now: datetime = NOW) -> Viewer:
        """Return a person of this world as a viewer."""
        from cadran.parties.selectors import viewer_of

        return viewer_of(user=user, now=now)


def build() -> World:
    """Write the world and return it."""
    from cadran.inventory.models import Service, Site
    from cadran.parties.models import Agreement, Company, Convention, Lot, LotMember, Organisation, Right, User

    period = DateRange(SINCE, None)
    with scoped(SYSTEM):
        # An installation that was started has its packs already: the agreement is then the real one.
        body, _ = Company.objects.get_or_create(siret="92443595100018", defaults={"name": "Centrale d'achat"})
        holder, _ = Company.objects.get_or_create(siret="73282932000074", defaults={"name": "Titulaire IoT"})
        agreement, _ = Agreement.objects.get_or_create(
            code="2024_AOO_IOT",
            defaults={"title": "IoT", "purchasing_body": body, "pack_digest": "0" * 64, "loaded_at": NOW},
        )
        lot, _ = Lot.objects.get_or_create(
            agreement=agreement,
            number=1,
            defaults={"title": "Lot unique", "service_class": "standard", "network_access": False},
        )
        LotMember.objects.create(lot=lot, company=holder, role="holder", valid_during=period)
        towns = [
            Organisation.objects.create(siret=siret, name=name, kind="town")
            for siret, name in (("21690123100011", "Bobville"), ("21330063500017", "Charlieville"))
        ]
        for town in towns:
            Convention.objects.create(
                owner=town, agreement=agreement, reference=f"C-{town.pk}", signed_on=SINCE, valid_during=period
            )
        people = []
        for name, role, organisation in (
            ("Alice", "holder.agent", None),
            ("Bob", "beneficiary.technician", towns[0]),
            ("Charlie", "beneficiary.technician", towns[1]),
        ):
            person = User(email=f"{name.lower()}@example.org", name=name)
            person.set_password(PASSWORD)
            person.save()
            Right.objects.create(user=person, role=role, organisation=organisation, starts_on=SINCE)
            people.append(person)
        sites, services = [], []
        for town in towns:
            site = Site.objects.create(
                owner=town, code="S1", name=f"Mairie de {town.name}", latitude=45.7, longitude=4.8
            )
            sites.append(site)
            services.append(
                Service.objects.create(
                    owner=town,
                    site=site,
                    lot=lot,
                    code="SVC1",
                    name="Réseau LoRaWAN privé",
                    service_class="standard",
                    started_on=SINCE,
                )
            )
    return World(
        agreement=agreement,
        lot=lot,
        holder=holder,
        bobville=towns[0],
        charlieville=towns[1],
        alice=people[0],
        bob=people[1],
        charlie=people[2],
        bob_site=sites[0],
        bob_service=services[0],
        charlie_site=sites[1],
        charlie_service=services[1],
    )


@pytest.fixture
def world(db: None) -> World:
    """Give the test its world."""
    return build()


@pytest.fixture
def world_committed(transactional_db: None) -> World:
    """Give the test its world, committed: other connections and threads see it."""
    return build()
