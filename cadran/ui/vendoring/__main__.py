"""Fetch, reduce and record every vendored file; see ``docs/howto/screens.md``."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cadran.ui.vendoring.outline import outline

HERE: Final = Path(__file__).resolve().parent
SERVED: Final = HERE.parent / "static" / "vendor"
TESTS: Final = HERE.parents[2] / "tests" / "a11y" / "vendor"
TOOLS: Final = ("sass@1.108.2", "terser@5.51.2")

# French needs Latin-1, Latin-9's letters, typographic punctuation, arrows and a few signs of our screens.
FONT_CHARACTERS: Final = (
    "U+0020-007E,U+00A0-00FF,U+0131,U+0152-0153,U+0160-0161,U+0178,U+017D-017E,U+02C6,U+02DA,U+02DC,U+2002-2003,U+2007,"
    "U+2009,U+2010-2015,U+2018-201A,U+201C-201E,U+2020-2022,U+2026,U+202F,U+2030,U+2032-2033,U+2039-203A,U+2044,"
    "U+20AC,U+2116,U+2122,U+2190-2193,U+2212,U+2248,U+2260,U+2264-2265"
)


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package: what is taken from it, and where to."""

    name: str
    version: str
    licence: str
    licence_file: str
    build: Callable[[Path, Path, Path], None]  # (unpacked package, our folder, folder of the tools)
    target: Path = SERVED

    @property
    def folder(self) -> Path:
        return self.target / self.name.rsplit("/", 1)[-1].removesuffix(".org")


def _run(*command: str | Path, cwd: Path | None = None) -> str:
    words = [str(part) for part in command]
    done = subprocess.run(words, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own words
    return done.stdout


def _copy(*names: str) -> Callable[[Path, Path, Path], None]:
    def build(source: Path, folder: Path, _tools: Path) -> None:
        for name in names:
            text = (source / name).read_text(encoding="utf-8")
            (folder / Path(name).name).write_text(_without_map(text), encoding="utf-8")

    return build


def _without_map(text: str) -> str:
    """Drop the source map's address: the map is not vendored and the manifest storage would look for it."""
    return re.sub(r"\n?(//[#@] sourceMappingURL=\S+|/\*[#@] sourceMappingURL=\S+ \*/)\s*", "\n", text)


def _minified(name: str, target: str) -> Callable[[Path, Path, Path], None]:
    def build(source: Path, folder: Path, tools: Path) -> None:
        terser = tools / "node_modules" / ".bin" / "terser"
        _run(terser, source / name, "--module", "-c", "-m", "--comments", "/^!|@license/", "-o", folder / target)
        (folder / target).write_text(_without_map((folder / target).read_text("utf-8")), encoding="utf-8")

    return build


def _all(*steps: Callable[[Path, Path, Path], None]) -> Callable[[Path, Path, Path], None]:
    def build(source: Path, folder: Path, tools: Path) -> None:
        for step in steps:
            step(source, folder, tools)

    return build


def _bootstrap(source: Path, folder: Path, tools: Path) -> None:
    sass = tools / "node_modules" / ".bin" / "sass"
    css = _run(
        sass,
        "--no-source-map",
        "--style=compressed",
        "--quiet-deps",
        "--quiet",
        f"--load-path={source / 'scss'}",
        HERE / "bootstrap.scss",
    )
    if "url(" in css:
        raise SystemExit("bootstrap.scss still yields url(...): the content security policy refuses data: images.")
    (folder / "bootstrap.css").write_text(css, encoding="utf-8")


def _font(source: Path, folder: Path, _tools: Path) -> None:
    """Cut Inter to French and to the weights 400-600: 22 kB instead of 344 kB for the first view."""
    with tempfile.TemporaryDirectory() as place:
        narrow = Path(place) / "narrow.ttf"
        _run("fonttools", "varLib.instancer", source / "variable" / "InterVariable.woff2",
             "wght=400:600", "opsz=14", "-o", narrow)  # fmt: skip
        _run("pyftsubset", narrow, f"--unicodes={FONT_CHARACTERS}", "--layout-features=kern,mark,mkmk,ccmp,locl,tnum",
             "--flavor=woff2", f"--output-file={folder / 'inter-cadran.woff2'}")  # fmt: skip


def _leaflet_images(source: Path, folder: Path, _tools: Path) -> None:
    """Markers and controls are ours: rules that point at the package's pictures go, the pictures too."""
    css = (source / "dist" / "leaflet.css").read_text("utf-8")
    css = re.sub(r"[^{}]+\{[^{}]*url\([^{}]*\}", "", css)
    (folder / "leaflet.css").write_text(css, encoding="utf-8")


def _outline(source: Path, folder: Path, _tools: Path) -> None:
    names = ("countries-10m.json", "countries-50m.json", "land-110m.json")
    fine, middle, coarse = (json.loads((source / name).read_text("utf-8")) for name in names)
    text = json.dumps(outline(fine, middle, coarse), separators=(",", ":"))
    (folder / "territories.json").write_text(text + "\n", encoding="utf-8")


PACKAGES: Final = (
    Package("bootstrap", "5.3.9", "MIT", "LICENSE", _bootstrap),
    Package("htmx.org", "4.0.1", "0BSD", "LICENSE", _copy("dist/htmx.esm.min.js")),
    Package(
        "uplot",
        "1.6.32",
        "MIT",
        "LICENSE",
        _all(_minified("dist/uPlot.esm.js", "uplot.js"), _copy("dist/uPlot.min.css")),
    ),
    Package(
        "leaflet",
        "1.9.4",
        "BSD-2-Clause",
        "LICENSE",
        _all(_minified("dist/leaflet-src.esm.js", "leaflet.js"), _leaflet_images),
    ),
    Package("supercluster", "9.1.0", "ISC", "LICENSE", _minified("index.js", "supercluster.js")),
    Package("kdbush", "4.1.0", "ISC", "LICENSE", _minified("index.js", "kdbush.js")),
    Package("world-atlas", "2.0.2", "ISC", "LICENSE", _outline),
    Package("inter-ui", "4.1.1", "OFL-1.1", "LICENSE.txt", _font),
    Package("axe-core", "4.14.1", "MPL-2.0", "LICENSE", _copy("axe.min.js", "locales/fr.json"), TESTS),
    Package("html_codesniffer", "2.5.1", "BSD-3-Clause", "licence.txt", _copy("build/HTMLCS.js"), TESTS),
)


def _fetch(package: Package, place: Path) -> tuple[Path, str]:
    answer = json.loads(_run("npm", "pack", f"{package.name}@{package.version}", "--json", cwd=place))[0]
    archive = place / answer["filename"]
    digest = hashlib.sha512(archive.read_bytes()).digest()
    integrity: str = answer["integrity"]
    if integrity != "sha512-" + _base64(digest):
        raise SystemExit(f"{package.name}: the archive does not have the checksum its registry announces.")
    target = place / archive.stem
    with tarfile.open(archive) as opened:
        opened.extractall(target, filter="data")
    return target / "package", integrity


def _base64(digest: bytes) -> str:
    import base64

    return base64.b64encode(digest).decode("ascii")


def main() -> int:
    """Rebuild both folders of vendored files and their ``VENDOR.json``."""
    records: dict[Path, list[dict[str, object]]] = {SERVED: [], TESTS: []}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _run("npm", "install", "--silent", "--no-save", "--prefix", place, *TOOLS)
        for package in PACKAGES:
            source, integrity = _fetch(package, place)
            shutil.rmtree(package.folder, ignore_errors=True)
            package.folder.mkdir(parents=True)
            package.build(source, package.folder, place)
            shutil.copy(source / package.licence_file, package.folder / "LICENSE")
            files = sorted(path for path in package.folder.rglob("*") if path.is_file())
            records[package.target].append(
                {
                    "name": package.name,
                    "version": package.version,
                    "integrity": integrity,
                    "licence": package.licence,
                    "files": {
                        str(path.relative_to(package.target)): hashlib.sha256(path.read_bytes()).hexdigest()
                        for path in files
                    },
                }
            )
    for target, packages in records.items():
        content = {"built_by": "python -m cadran.ui.vendoring", "tools": list(TOOLS), "packages": packages}
        (target / "VENDOR.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
