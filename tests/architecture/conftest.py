"""The site with every beneficiary furnished, in one transaction that is given back: for the tests over all pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.test import Client, override_settings

from tests.support.furnish import Furniture, furnish, load_packs, people_of_every_role
from tests.support.world import NOW, World, build

PLAIN_FILES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


class FixedClock(datetime):
    """The clock of the web's door, stopped: what pages say and do depends on nothing else."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """Return the world's present."""
        return NOW.astimezone(tz)


@dataclass(frozen=True, slots=True)
class Site:
    """The world, what each beneficiary has, and a person of every role."""

    world: World
    things: dict[str, Furniture]
    people: dict[str, Any]
    mail_id: int

    def client(self, person: Any | None) -> Client:
        """Return a browser signed in as that person."""
        client = Client()
        if person is not None:
            client.force_login(person)
        return client


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """Furnish the world once for the module; every request of a test gives back what it changed."""
    from django.db import transaction

    from cadran.kernel.scope import scoped
    from cadran.kernel.viewer import SYSTEM
    from cadran.messaging.models import Mail
    from cadran.portal import live
    from cadran.ui import assets

    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        stack.enter_context(override_settings(STORAGES=PLAIN_FILES))
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        stack.callback(assets.forget)
        assets.forget()
        stack.enter_context(patch("cadran.portal.middleware.datetime", FixedClock))
        # A stream gives its connection back and starts a listener: neither may happen to the test's own.
        stack.enter_context(patch("cadran.portal.views.connections.close_all", lambda: None))
        stack.enter_context(patch.object(live.Hub, "_listen", lambda hub: None))
        with transaction.atomic():
            world = build()
            load_packs(NOW)
            things = furnish(world, now=NOW)
            people = people_of_every_role(world, today=NOW.date())
            with scoped(SYSTEM):
                mail_id = Mail.objects.latest("id").pk
            yield Site(world, things, people, mail_id)
            transaction.set_rollback(True)
