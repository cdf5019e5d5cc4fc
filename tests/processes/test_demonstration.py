"""The demonstration territory: fictional all through, plausible, loaded once however often it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client, RequestFactory
from django.urls import reverse

from cadran.kernel.identifiers import Siret
from cadran.kernel.packs import PackError
from cadran.kernel.scope import scoped
from cadran.kernel.viewer import SYSTEM
from cadran.parties.rules import DEMONSTRATION_PASSWORD, ROLES
from cadran.parties.signin import AccountAdapter
from cadran.processes import demo_data
from cadran.processes import load as load_command
from cadran.processes.demonstration import alarms, curves, history, incidents, load, logins
from cadran.processes.demonstration.cast import BODIES, FIRMS, PARTS, PEOPLE, TOTP_SEED
from cadran.processes.demonstration.curves import Episode, Habits, Trouble, Use
from cadran.processes.demonstration.loading import NotADemonstration, load_all
from cadran.processes.demonstration.story import Story
from cadran.processes.demonstration.territory import BY_CODE, DEVICES, GATEWAYS, PLACES, SERVICES, spots
from cadran.simulator import profiles
from cadran.simulator.identities import device_identity, gateway_eui
from cadran.simulator.profiles import Profile, profile_of
from cadran.telemetry.device_packs import load_devices

NOW = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)  # a Wednesday afternoon
SMALL = {"devices": 60, "days": 3}  # the central kitchen alone


def quiet(line: str) -> None:
    """Progress that nobody reads."""


# --- the cast -------------------------------------------------------------------------------------------------------


def test_every_siret_is_valid_unique_and_of_nobody() -> None:
    sirets = [one.siret for one in (*BODIES, *FIRMS)]
    assert len(set(sirets)) == len(sirets)
    for siret in sirets:
        assert str(Siret.parse(siret).siren).startswith("999000")


def test_addresses_are_reserved_and_telephones_fictional() -> None:
    for email in [*(body.email for body in BODIES), *(person.email for person in PEOPLE)]:
        assert email.endswith(".example")
    assert all(body.phone.startswith("01 99 00") for body in BODIES), "the range kept for fiction"


def test_there_is_a_persona_for_every_role() -> None:
    assert {person.role for person in PEOPLE} == set(ROLES)
    assert [login.email for login in logins()] == [person.email for person in PEOPLE]
    assert {login.password for login in logins()} == {DEMONSTRATION_PASSWORD}
    assert [person.key for person in PEOPLE if person.totp] == ["admin"]


def test_the_territory_is_the_simulators() -> None:
    placed = list(spots())
    assert [spot.rank for spot in placed] == list(range(DEVICES))
    assert sorted(place.gateway for place in PLACES if place.gateway is not None) == list(range(GATEWAYS))
    assert len({(spot.place.code, spot.point_name) for spot in placed}) == DEVICES
    assert [place.body for place in PLACES if place.territory == "RE"] == ["austral"]
    assert {body for _, _, body, _, _ in PARTS} == {firm.key for firm in FIRMS}


def test_services_have_every_class_and_option() -> None:
    assert {owed.service_class for owed in SERVICES} == {"standard", "advanced"}
    held = {(agreement, lot) for agreement, lot, *_ in PARTS}
    assert {(owed.agreement, owed.lot) for owed in SERVICES} <= held, "an incident needs a holder"
    assert all(site in BY_CODE for owed in SERVICES for site in owed.sites)


# --- the curves -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 9])
@pytest.mark.parametrize("use", list(Use))
def test_a_day_fits_its_profile(rank: int, use: Use) -> None:
    packs = {pack.code: pack for pack in load_devices(load_command.PACKS / "devices")}
    pack = packs[f"cadran-demo/{profile_of(rank)}@1.0"]
    columns = curves.day_columns(Habits(rank, use), date(2026, 7, 14), hours_ahead=2)
    offsets = curves.offsets_ms(rank)
    assert len(columns) == len(pack.quantities)
    assert {len(column) for column in columns} == {len(offsets)}
    assert list(offsets) == sorted(set(offsets))
    assert offsets[-1] < curves.DAY_MS
    for quantity, column in zip(pack.quantities, columns, strict=True):
        low, high = {
            "temperature": (-5, 40),
            "humidity": (10, 95),
            "battery": (1, 100),
            "co2": (390, 2_500),
            "index": (0, 10_000),
            "door": (0, 1),
            "occupied": (0, 1),
        }[quantity.key]
        assert low <= min(column), quantity.key
        assert max(column) <= high, quantity.key


def test_a_day_is_the_same_whenever_it_is_computed() -> None:
    first = curves.day_columns(Habits(2, Use.SCHOOL), date(2026, 10, 6), hours_ahead=2)
    curves._noise.cache_clear()
    curves._occupancy.cache_clear()
    assert curves.day_columns(Habits(2, Use.SCHOOL), date(2026, 10, 6), hours_ahead=2) == first


def mean(rank: int, use: Use, day: date, column: int = 0, **more: Any) -> float:
    values = curves.day_columns(Habits(rank, use, **more), day, hours_ahead=2)[column]
    return sum(values) / len(values)


def test_seasons_weekends_and_holidays_show() -> None:
    assert mean(0, Use.ALWAYS, date(2026, 7, 15)) > mean(0, Use.ALWAYS, date(2026, 1, 15)) + 2
    assert mean(2, Use.SCHOOL, date(2026, 10, 6)) > mean(2, Use.SCHOOL, date(2026, 10, 11)) + 60, "a Sunday is empty"
    assert mean(2, Use.SCHOOL, date(2026, 10, 6)) > mean(2, Use.SCHOOL, date(2026, 8, 4)) + 60, "so is August"
    southern = [mean(0, Use.OFFICE, date(2026, month, 15), tropical=True) for month in (1, 7)]
    assert southern[0] > southern[1] + 1, "summer is in January"


def meter(rank: int, first: date, days: int, *episodes: Episode) -> list[float]:
    values: list[float] = []
    for step in range(days):
        day = first + timedelta(days=step)
        columns = curves.day_columns(Habits(rank, Use.ALWAYS), day, hours_ahead=1)
        values += curves.troubled(day, curves.offsets_ms(rank), columns, episodes)[1][0]
    return values


def test_an_index_only_grows_and_a_leak_makes_it_grow_faster() -> None:
    start = datetime(2026, 9, 10, 20, tzinfo=UTC)
    leak = Episode(83, Trouble.LEAK, start, start + timedelta(days=2), 100.0)
    plain, leaking = meter(83, date(2026, 9, 8), 7), meter(83, date(2026, 9, 8), 7, leak)
    assert all(a <= b for a, b in pairwise(plain))
    assert all(a <= b for a, b in pairwise(leaking))
    assert plain[0] - leaking[0] == pytest.approx(4.8), "100 litres an hour for two days"
    assert plain[-1] == leaking[-1], "after the leak both meters agree with the simulator's"


def test_the_simulator_goes_on_where_the_history_stops() -> None:
    day = date(2026, 11, 17)
    last = curves.day_columns(Habits(3, Use.ALWAYS), day, hours_ahead=1)[0][-1]
    midnight = (day - profiles.METERS_SINCE.date()).days + 1
    assert last <= profiles.index_litres(3, days=midnight) / 1_000 < last + 0.2


def test_a_silent_device_leaves_a_hole() -> None:
    day = date(2026, 9, 10)
    start = datetime(2026, 9, 10, 6, tzinfo=UTC)
    columns = curves.day_columns(Habits(0, Use.OFFICE), day, hours_ahead=2)
    hole = Episode(0, Trouble.SILENT, start, start + timedelta(hours=5))
    offsets, kept = curves.troubled(day, curves.offsets_ms(0), columns, [hole])
    assert len(offsets) == 24 - 5
    assert {len(column) for column in kept} == {19}


def test_open_doors_and_warm_episodes_are_in_the_curves() -> None:
    columns = curves.day_columns(Habits(11, Use.OFFICE), date(2026, 9, 10), hours_ahead=2)
    assert 3 <= sum(columns[1]) <= 7
    start = datetime(2026, 9, 10, 12, tzinfo=UTC)
    warm = Episode(11, Trouble.WARM, start, start + timedelta(hours=2), 7.5)
    _, troubled = curves.troubled(date(2026, 9, 10), curves.offsets_ms(11), columns, [warm])
    assert sum(value > 8 for value in troubled[0]) == 4, "a measurement each half hour"


# --- the load -------------------------------------------------------------------------------------------------------


@pytest.fixture
def demonstration(settings: Any, transactional_db: None) -> Iterator[None]:
    """An empty database of a demonstration installation."""
    settings.CADRAN = replace(django_settings.CADRAN, demo=True)
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**django_settings.STORAGES, "staticfiles": plain}
    yield
    curves._noise.cache_clear()


def counts() -> dict[str, int]:
    """How many rows each table of the load has."""
    from cadran.commitments.models import CaseFact
    from cadran.inventory.models import Equipment, MeasuringPoint, Mounting, Service, Site
    from cadran.kernel.models import OutboxEvent
    from cadran.lorawan.models import Device, Gateway
    from cadran.messaging.models import Mail, Notification
    from cadran.parties.models import Contact, Convention, GroupingMember, LotMember, Organisation, Right, User
    from cadran.servicedesk.models import Incident
    from cadran.telemetry.models import Alarm, Latest, Measurement, MeasurementDay, Source, ThresholdRule

    with scoped(SYSTEM):
        found = {
            model.__name__: model._default_manager.count()
            for model in (
                *(Organisation, Convention, GroupingMember, LotMember, User, Right, Contact),
                *(Site, Service, Equipment, MeasuringPoint, Mounting, Gateway, Device, Source, ThresholdRule),
                *(MeasurementDay, Measurement, Latest, Alarm, Incident, CaseFact, Notification, Mail),
            )
        }
        found["waiting events"] = OutboxEvent.objects.filter(done_at=None).count()
    return found


def test_a_real_installation_is_never_filled(db: None) -> None:
    with pytest.raises(NotADemonstration, match="make demo"):
        load(quiet, now=NOW)
    assert not any(counts().values())


def test_loading_twice_doubles_nothing_and_an_interruption_is_made_good(
    demonstration: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cadran.servicedesk.models import Incident

    with monkeypatch.context() as broken:
        broken.setattr(Story, "everybody_reads", killed)
        with pytest.raises(Killed):
            load_all(quiet, now=NOW, **SMALL)
    half = counts()
    assert half["Incident"] == 0, "a step that did not end left nothing"
    assert half["MeasurementDay"] == 60 * 3

    lines: list[str] = []
    load_all(lines.append, now=NOW + timedelta(minutes=20), **SMALL)
    whole = counts()
    assert [line.partition(" :")[0] for line in lines] == [
        "Incidents et alarmes passés",
        "Mesures des dernières heures",
        "Incidents et alarmes en cours",
    ]
    assert whole["Equipment"] == 60 + GATEWAYS
    assert whole["Latest"] == 60
    assert whole["waiting events"] == 0
    with scoped(SYSTEM):
        numbers = sorted(Incident.objects.values_list("number", flat=True))
    assert numbers == [f"INC-2026-{rank:06d}" for rank in range(1, len(numbers) + 1)], "no number was lost"

    load_all(lines.append, now=NOW + timedelta(minutes=25), **SMALL)
    assert counts() == whole
    assert len(lines) == 3, "nothing was done the third time"


class Killed(Exception):
    """The process died there."""


def killed(*_: object, **__: object) -> None:
    """Die."""
    raise Killed


def test_what_is_loaded_is_what_is_told(demonstration: None, client: Client) -> None:
    load_all(quiet, now=NOW, **SMALL)
    check_incidents_and_alarms()
    check_the_simulators_fleet()
    check_sign_in(client)


def check_incidents_and_alarms() -> None:
    from cadran.servicedesk.models import Incident
    from cadran.telemetry.models import Alarm

    with scoped(SYSTEM):
        rows = list(Incident.objects.order_by("informed_at"))
        found = list(Alarm.objects.order_by("raised_at"))
    assert {"met", "missed", "paused", "running"} <= {row.gtr_state for row in rows}
    assert {"alarm", "phone", "portal"} <= {row.channel for row in rows}
    assert {"open", "in_progress", "paused", "restored", "closed"} <= {row.state for row in rows}
    assert any(row.awaits_writing for row in rows)
    assert any(row.informed_at < row.created_at for row in rows if row.channel == "phone")
    assert all(row.informed_at <= NOW for row in rows)
    assert {alarm.kind for alarm in found} == {"service", "business"}
    active = [alarm.code for alarm in found if alarm.state == "active"]
    assert active == ["threshold.business"], "raised by the frames themselves"
    assert sum(alarm.state == "cleared" for alarm in found) >= 3


def check_the_simulators_fleet() -> None:
    from cadran.kernel import secrets
    from cadran.lorawan.bulk import key_context
    from cadran.lorawan.models import Device, Gateway

    with scoped(SYSTEM):
        assert {gateway.eui for gateway in Gateway.objects.all()} == {f"{gateway_eui(n):016x}" for n in range(GATEWAYS)}
        for rank in (0, 7, 59):
            identity = device_identity(rank)
            device = Device.objects.get(dev_eui=f"{identity.dev_eui:016x}")
            assert device.app_key_sealed is not None
            assert identity.app_key not in bytes(device.app_key_sealed)
            opened = secrets.unseal(device.app_key_sealed, context=key_context(device.pk, "AppKey"))
            assert opened == identity.app_key
            assert history.senders()[rank].device_id == device.pk


def check_sign_in(client: Client) -> None:
    """A persona enters with the password alone, the administrator with the code that the command gives."""
    first, admin = logins()[0], logins()[-1]
    page = reverse("account_login")
    assert client.post(page, {"login": first.email, "password": "not the password"}).status_code == 200
    answer = client.post(page, {"login": first.email, "password": first.password})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    other = Client()
    answer = other.post(page, {"login": admin.email, "password": admin.password})
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("mfa_authenticate"))
    answer = other.post(reverse("mfa_authenticate"), {"code": demo_data._code()})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_a_later_start_fills_the_gap(demonstration: None) -> None:
    from cadran.telemetry.models import Latest

    load_all(quiet, now=NOW, **SMALL)
    before = counts()
    later = NOW + timedelta(days=2, hours=3)
    lines: list[str] = []
    load_all(lines.append, now=later, **SMALL)
    after = counts()
    assert [line.partition(" :")[0] for line in lines] == ["Mesures depuis la dernière fois"]
    assert after["MeasurementDay"] == before["MeasurementDay"] + 60, "the whole day in between"
    assert after["Measurement"] > before["Measurement"]
    with scoped(SYSTEM):
        oldest = Latest.objects.order_by("ts").values_list("ts", flat=True)[0]
        newest = Latest.objects.order_by("-ts").values_list("ts", flat=True)[0]
    assert later - timedelta(hours=1) <= oldest <= newest <= later, "nobody is silent"
    load_all(lines.append, now=later + timedelta(minutes=5), **SMALL)
    assert counts() == after


# --- the past, before it is played ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(NOW, id="an ordinary Wednesday"),
        pytest.param(datetime(2026, 11, 21, 23, 50, tzinfo=UTC), id="late on a Saturday"),
        pytest.param(datetime(2027, 1, 1, 0, 20, tzinfo=UTC), id="just after New Year"),
        pytest.param(datetime(2026, 7, 14, 3, 0, tzinfo=UTC), id="before dawn on a holiday"),
    ],
)
def test_the_past_is_past_whenever_it_is_told(now: datetime) -> None:
    tales = [*incidents.past(now), *incidents.present(now)]
    assert len({tale.key for tale in tales}) == len(tales)
    for tale in tales:
        assert tale.informed_at + tale.told_after <= now
        assert tale.service in {owed.code(site) for owed in SERVICES for site in owed.sites}
        assert [act.after for act in tale.acts] == sorted(act.after for act in tale.acts)
    for episode in alarms.episodes(now):
        assert episode.start < episode.end
        assert episode.start < now
        wanted = {
            Trouble.WARM: Profile.COLD_ROOM,
            Trouble.STUFFY: Profile.CO2,
            Trouble.LEAK: Profile.WATER_METER,
        }.get(episode.trouble)
        assert wanted in (None, profile_of(episode.rank))


# --- sign-in, commands ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("demo", [True, False])
def test_the_public_password_opens_the_demonstration_only(db: None, settings: Any, demo: bool) -> None:
    from cadran.parties.services import create_user

    settings.CADRAN = replace(django_settings.CADRAN, demo=demo)
    with scoped(SYSTEM):
        create_user(viewer=SYSTEM, email="bob@bobville.example", name="Bob", password=DEMONSTRATION_PASSWORD, now=NOW)
    request = RequestFactory().post("/")
    found = AccountAdapter(request).authenticate(request, email="bob@bobville.example", password=DEMONSTRATION_PASSWORD)
    assert (found is not None) is demo


def test_the_guide_names_everybody_and_where_to_look() -> None:
    text = demo_data.guide("http://localhost:8080")
    for login in logins():
        assert login.email in text
        assert login.persona in text
    assert DEMONSTRATION_PASSWORD in text
    assert TOTP_SEED in text
    assert "http://localhost:8080/incidents/" in text


def test_the_packs_pass_their_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_command.main(["--check"]) == 0
    shown = capsys.readouterr()
    assert "2024_AOO_IOT : 1 lot(s)" in shown.out
    assert "2024_AOO_TELECOMS : 10 lot(s)" in shown.out
    assert "devices : 5 profils" in shown.out
    assert shown.err == ""


@pytest.fixture
def damaged(tmp_path: Any) -> Callable[[str, str, str], Any]:
    """Return a copy of the packs with one text replaced in one file."""
    import shutil

    def damage(file: str, old: str, new: str) -> Any:
        folder = tmp_path / "packs"
        shutil.copytree(load_command.PACKS, folder)
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return damage


def test_a_mistake_is_told_with_its_file_and_line(
    damaged: Callable[[str, str, str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    file = "agreements/2024_AOO_IOT/service_levels.yaml"
    folder = damaged(file, "minutes: 240", "minutes: quatre heures")
    assert load_command.main(["--check", "--packs", str(folder)]) == 1
    shown = capsys.readouterr()
    assert f"{folder / file}, ligne " in shown.err
    assert "2024_AOO_TELECOMS : 10 lot(s)" in shown.out, "the others are read all the same"


def test_a_wrong_pack_changes_nothing(db: None, damaged: Callable[[str, str, str], Any]) -> None:
    from cadran.commitments.models import ServiceLevels
    from cadran.parties.models import Agreement

    folder = damaged("agreements/2024_AOO_IOT/alarms.yaml", "kind: service", "kind: servile")
    with pytest.raises(PackError, match=r"alarms\.yaml, ligne "):
        load_command.load_packs(folder, now=NOW, progress=quiet)
    with scoped(SYSTEM):
        assert Agreement.objects.count() == ServiceLevels.objects.count() == 0


def test_loading_the_same_packs_again_leaves_no_trace(db: None) -> None:
    from cadran.kernel.models import AuditEntry, OutboxEvent

    load_command.load_packs(load_command.PACKS, now=NOW, progress=quiet)
    with scoped(SYSTEM):
        before = AuditEntry.objects.count(), OutboxEvent.objects.count()
    load_command.load_packs(load_command.PACKS, now=NOW + timedelta(days=1), progress=quiet)
    with scoped(SYSTEM):
        assert (AuditEntry.objects.count(), OutboxEvent.objects.count()) == before
    assert before[0] > 0
