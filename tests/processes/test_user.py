"""The first people of an installation are made from a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from django.db import connection

from cadran.kernel.viewer import Side
from cadran.parties.models import User
from tests.support.database import use
from tests.support.world import NOW, TODAY, World

pytestmark = pytest.mark.django_db(transaction=True)


def cadran(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command against this test's database, as an operator would."""
    use(connection.settings_dict["NAME"])
    return subprocess.run(
        [sys.executable, "-m", "cadran", *arguments], input=typed, capture_output=True, text=True, env=os.environ
    )


def test_an_administrator_is_made_and_may_sign_in(world_committed: World) -> None:
    made = cadran("user", "add", "Root@Example.org", "Racine", "--role", "platform.admin", "--generate")
    assert made.returncode == 0, made.stderr
    shown = re.search(r"montré cette seule fois : (\S+)", made.stdout)
    assert shown
    user = User.objects.get(email="root@example.org")
    assert user.check_password(shown[1])
    viewer = world_committed.viewer(user, NOW.replace(year=2099))
    assert (viewer.side, viewer.may("operations.read")) == (Side.STAFF, True)
    listed = cadran("user", "list").stdout
    assert "root@example.org  Racine  platform.admin (tout)" in listed


def test_a_beneficiarys_right_names_its_organisation_and_its_end(world_committed: World) -> None:
    password = "un mot de passe assez long"
    assert cadran("user", "add", "eve@example.org", "Ève", typed=password + "\n").returncode == 0
    without = cadran("user", "grant", "eve@example.org", "--role", "beneficiary.technician")
    assert (without.returncode, "--organisation" in without.stderr) == (2, True)
    siret = world_committed.bobville.siret
    given = cadran(
        *("user", "grant", "eve@example.org", "--role", "beneficiary.technician"),
        *("--organisation", siret, "--until", "2099-12-31"),
    )
    assert given.returncode == 0, given.stderr
    user = User.objects.get(email="eve@example.org")
    assert world_committed.viewer(user, NOW.replace(year=2099)).scope == (world_committed.bobville.pk,)


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (("add", "weak@example.org", "Faible"), "12345\n", "court"),
        (("add", "bob@example.org", "Double", "--generate"), "", "existe"),
        (("grant", "nobody@example.org", "--role", "platform.admin"), "", "Aucun compte"),
        (("grant", "bob@example.org", "--role", "king"), "", "n'existe pas"),
        (("grant", "bob@example.org", "--role", "holder.agent", "--lot", "2024_AOO_IOT/9"), "", "n'existe pas"),
        (("grant", "bob@example.org", "--role", "holder.agent", "--organisation", "123"), "", "Aucune organisation"),
    ],
)
def test_what_is_refused_says_why_and_writes_nothing(
    world_committed: World, arguments: tuple[str, ...], typed: str, said: str
) -> None:
    before = User.objects.count()
    refused = cadran("user", *arguments, typed=typed)
    assert refused.returncode != 0
    assert said in refused.stderr + refused.stdout
    assert User.objects.count() == before


def test_a_holder_is_appointed_once_a_day(world_committed: World) -> None:
    assert "Titulaire IoT" in cadran("lot", "list").stdout
    appoint = ("lot", "appoint", "2024_AOO_IOT/1", "55208131766522", "Autre titulaire", "--since", TODAY.isoformat())
    twice = cadran(*appoint)
    assert (twice.returncode, "déjà un titulaire" in twice.stderr) == (2, True)
    part = cadran(*appoint, "--role", "subcontractor")
    assert part.returncode == 0, part.stderr
    assert "Sous-traitant : Autre titulaire" in cadran("lot", "list").stdout
