"""Every text of the screens is in the catalogues: French as itself (for its plural rule), English translated."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ROOT / "cadran" / "locale"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}|%[sd]")
Entry = dict[str, str]


def read(path: Path) -> list[Entry]:
    """Return the entries of a catalogue, its header left out."""
    entries: list[Entry] = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        entry: Entry = {}
        field = ""
        for line in block.splitlines():
            if match := re.match(r"(msg\w+(?:\[\d\])?) (\".*\")$", line):
                field = match[1]
                entry[field] = ast.literal_eval(match[2])
            elif line.startswith('"'):
                entry[field] += ast.literal_eval(line)
        if entry.get("msgid"):
            entries.append(entry)
    return entries


@cache
def catalogue(language: str) -> dict[str, Entry]:
    return {entry["msgid"]: entry for entry in read(LOCALES / language / "LC_MESSAGES" / "django.po")}


def texts(entry: Entry) -> list[tuple[str, str]]:
    """Return (source, translation) pairs of an entry, singular and plural."""
    if "msgid_plural" in entry:
        return [(entry["msgid"], entry["msgstr[0]"]), (entry["msgid_plural"], entry["msgstr[1]"])]
    return [(entry["msgid"], entry["msgstr"])]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_text_is_there_with_its_placeholders(language: str) -> None:
    wrong = [
        source
        for entry in catalogue(language).values()
        for source, translation in texts(entry)
        if not translation or sorted(PLACEHOLDER.findall(source)) != sorted(PLACEHOLDER.findall(translation))
    ]
    assert wrong == []
    assert len(catalogue(language)) > 1000


def test_french_is_itself() -> None:
    assert [pair for entry in catalogue("fr").values() for pair in texts(entry) if pair[0] != pair[1]] == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_compiled_catalogue_is_the_readable_one(language: str) -> None:
    with (LOCALES / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in catalogue(language).values():
        if "msgid_plural" in entry:
            for count, form in ((1, 0), (2, 1)):
                said = compiled.ngettext(entry["msgid"], entry["msgid_plural"], count)
                assert said == entry[f"msgstr[{form}]"]
        else:
            assert compiled.gettext(entry["msgid"]) == entry["msgstr"]


def test_zero_is_singular_in_french_and_plural_in_english() -> None:
    for language, form in (("fr", "msgstr[0]"), ("en", "msgstr[1]")):
        entry = next(entry for entry in catalogue(language).values() if "msgid_plural" in entry)
        with (LOCALES / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
            assert gettext.GNUTranslations(file).ngettext(entry["msgid"], entry["msgid_plural"], 0) == entry[form]


def test_no_text_of_the_code_is_missing(tmp_path: Path) -> None:
    """Extract the texts afresh: what `make messages` would add has been added."""
    left_out = shutil.ignore_patterns("__pycache__", "static", "locale")
    shutil.copytree(ROOT / "cadran", tmp_path / "cadran", ignore=left_out)
    (tmp_path / "cadran" / "locale").mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "django", "makemessages", "--locale", "en", "--no-location", "--no-wrap"),
            *("--ignore", "migrations/*"),
        ],
        cwd=tmp_path / "cadran",
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr
    found = {entry["msgid"] for entry in read(tmp_path / "cadran" / "locale" / "en" / "LC_MESSAGES" / "django.po")}
    assert sorted(found - set(catalogue("en"))) == []
    assert sorted(set(catalogue("en")) - found) == []
