"""Vendored files are the recorded ones, the import map is the allowed one, headers are on every answer."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.utils import translation

import cadran.ui
from cadran.ui import assets
from cadran.ui.middleware import SecurityHeadersMiddleware

STATIC = Path(cadran.ui.__file__).parent / "static"
VENDORED = (STATIC / "vendor", Path(__file__).parents[2] / "a11y" / "vendor")
KIT: dict[str, Any] = {
    "ROOT_URLCONF": "tests.rooms.ui.urls_ui",
    "MIDDLEWARE": [],
    "STORAGES": {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    },
}


@pytest.fixture(autouse=True)
def fresh_map() -> Iterator[None]:
    assets.forget()
    with translation.override("fr"):
        yield
    assets.forget()


@pytest.mark.parametrize("folder", VENDORED, ids=["served", "tests"])
def test_vendored_files_are_exactly_those_recorded(folder: Path) -> None:
    record = json.loads((folder / "VENDOR.json").read_text("utf-8"))
    recorded = {name: digest for package in record["packages"] for name, digest in package["files"].items()}
    present = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "VENDOR.json"
    }
    assert present == recorded
    for package in record["packages"]:
        assert package["integrity"].startswith("sha512-")
        assert package["licence"]
        assert any(name.endswith("LICENSE") for name in package["files"])


def test_no_served_file_names_a_source_map_or_another_host() -> None:
    for path in STATIC.rglob("*"):
        if path.suffix in (".js", ".css"):
            text = path.read_text("utf-8")
            assert "sourceMappingURL" not in text, path
            assert not re.search(r"(?:import|url|fetch)\s*\(?[\"']?https?://", text), path


def test_no_script_of_ours_needs_eval_or_inline_handlers() -> None:
    for path in (STATIC / "ui").glob("*.js"):
        text = path.read_text("utf-8")
        assert not re.search(
            r"\beval\(|new Function|innerHTML|insertAdjacentHTML|hx-on|setAttribute\(\"(style|on\w+)\"", text
        ), path


@override_settings(**KIT)
def test_the_policy_allows_the_import_map_of_the_page_and_nothing_inline() -> None:
    response = SecurityHeadersMiddleware(lambda request: HttpResponse("x"))(RequestFactory().get("/"))
    policy = response["Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(assets.import_map().encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "data:" not in policy
    for directive in (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ):
        assert directive in policy
    for name in ("Referrer-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy", "X-Content-Type-Options"):
        assert response[name]


@override_settings(**KIT)
def test_a_view_may_set_a_stricter_policy() -> None:
    own = HttpResponse("x", headers={"Content-Security-Policy": "default-src 'none'"})
    response = SecurityHeadersMiddleware(lambda request: own)(RequestFactory().get("/"))
    assert response["Content-Security-Policy"] == "default-src 'none'"


def test_every_module_of_the_map_exists() -> None:
    for path in assets.MODULES.values():
        assert (STATIC / path).is_file(), path


def test_the_whole_kit_survives_the_manifest_storage(tmp_path: Path) -> None:
    """The storage that renames files by content refuses a stylesheet or module that names a missing file."""
    storages: dict[str, Any] = {**KIT["STORAGES"]}
    storages["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    with override_settings(STORAGES=storages, STATIC_ROOT=tmp_path, ROOT_URLCONF=KIT["ROOT_URLCONF"]):
        call_command("collectstatic", interactive=False, verbosity=0)
        assets.forget()
        imports = json.loads(assets.import_map())["imports"]
        assert re.fullmatch(r"/static/ui/chart\.[0-9a-f]{12}\.js", imports["cadran/chart"])
        for address in imports.values():
            text = (tmp_path / address.removeprefix("/static/")).read_text("utf-8")
            for specifier in re.findall(r"(?:^|[;\n])import[^;\n]*?[\"']([^\"']+)[\"']", text):
                assert specifier in imports, f"{address} imports {specifier}, which the import map does not name"


@override_settings(**KIT)
def test_error_pages_say_what_where_and_what_to_do() -> None:
    for status in (400, 403, 404, 409, 422, 500, 503):
        response = _gallery(f"/ui/galerie/erreurs/{status}/")
        text = response.content.decode()
        assert response.status_code == status
        assert f"/ui/galerie/erreurs/{status}/" in text
        assert text.count("<h1>") == 1
        assert "Revenir à l’accueil" in text


@override_settings(**KIT)
def test_the_theme_is_kept_and_a_foreign_return_address_refused() -> None:
    client = Client()
    response = client.post("/ui/preferences/", {"theme": "dark", "next": "https://example.org/"})
    assert response["Location"] == "/"
    assert client.cookies["cadran_theme"].value == "dark"
    assert client.cookies["cadran_theme"]["httponly"]
    response = client.post("/ui/preferences/", {"theme": "rose", "density": "compact", "next": "/vide/"})
    assert response["Location"] == "/vide/"
    assert client.cookies["cadran_theme"].value == "dark"
    assert client.cookies["cadran_density"].value == "compact"


def _gallery(address: str) -> Any:
    with override_settings(CADRAN=SimpleNamespace(demo=True)):
        return Client(raise_request_exception=False).get(address)


@override_settings(**KIT)
def test_the_gallery_is_not_for_everybody() -> None:
    with override_settings(CADRAN=SimpleNamespace(demo=False)):
        assert Client().get("/ui/galerie/").status_code == 404
