"""The accessibility gate: what every page must pass, as one call on a Playwright page.

    with browser() as launch, launch.page() as page:
        page.goto(address)
        check_page(page)          # raises InaccessiblePage with everything found

The two tools are injected through the DevTools protocol (``Runtime.evaluate``), which the page's security policy does
not govern; the policy itself stays in force, so that a page that violates it is caught here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

HERE: Final = Path(__file__).resolve().parent
AXE: Final = HERE / "vendor" / "axe-core" / "axe.min.js"
AXE_FRENCH: Final = HERE / "vendor" / "axe-core" / "fr.json"
HTMLCS: Final = HERE / "vendor" / "html_codesniffer" / "HTMLCS.js"
CHROMIUM: Final = "/usr/bin/chromium"
ARGUMENTS: Final = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
FOCUSED: Final = (HERE / "focused.js").read_text("utf-8")
TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "RGAAv4"]


@dataclass(slots=True)
class Found:
    """What is wrong with a page (``errors``) and what could be better (``notes``)."""

    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class InaccessiblePage(AssertionError):
    """A page that does not pass; the message lists everything found."""

    def __init__(self, address: str, errors: list[str]) -> None:
        super().__init__(f"{address}: {len(errors)} accessibility errors\n  - " + "\n  - ".join(errors))


class Watch:
    """Listens to a page from before its first request: other origins, console errors, policy violations."""

    def __init__(self, page: Page) -> None:
        self.foreign: list[str] = []
        self.console: list[str] = []
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        page = urlsplit(request.frame.url)
        if parts.scheme in ("http", "https", "ws", "wss") and page.netloc and parts.netloc != page.netloc:
            self.foreign.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        expected = "Failed to load resource" in message.text  # an error page asked for on purpose
        if message.type == "error" and not expected:
            self.console.append(message.text)


@dataclass(slots=True)
class Launch:
    """A browser that opens watched pages."""

    browser: Browser

    @contextmanager
    def page(
        self, *, width: int = 1280, height: int = 800, dark: bool = False, base_url: str | None = None, **options: Any
    ) -> Iterator[Page]:
        """Open a page of that size and theme; ``watch_of(page)`` tells what it did."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale="fr-FR",
            timezone_id="Europe/Paris",
            base_url=base_url,
            **options,
        )
        page = context.new_page()
        watch_of(page)
        try:
            yield page
        finally:
            context.close()


_watches: WeakKeyDictionary[Page, Watch] = WeakKeyDictionary()


def watch_of(page: Page) -> Watch:
    """Return what was heard of a page since it was opened; pages opened elsewhere are watched from now on."""
    if page not in _watches:
        _watches[page] = Watch(page)
    return _watches[page]


@contextmanager
def browser() -> Iterator[Launch]:
    """Start Debian's Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield Launch(started)
        finally:
            started.close()


def check_page(page: Page, *, tab_stops: int = 60, reflow: bool = True) -> Found:
    """Run both tools and our own checks on the page as it stands.

    Args:
        tab_stops: how many stops of the Tab key are walked at most.
        reflow: also narrow the window to 320 px and look for a horizontal scroll.
    Raises:
        InaccessiblePage: at least one error.
    """
    found = inspect_page(page, tab_stops=tab_stops, reflow=reflow)
    if found.errors:
        raise InaccessiblePage(page.url, found.errors)
    return found


def inspect_page(page: Page, *, tab_stops: int = 60, reflow: bool = True) -> Found:
    """Return everything found, without raising."""
    page.wait_for_load_state("networkidle" if not page.locator("[data-live-bar]").count() else "load")
    found = Found()
    _axe(page, found)
    _codesniffer(page, found)
    _structure(page, found)
    _tab_walk(page, found, tab_stops)
    if reflow:
        _reflow(page, found)
    watch = watch_of(page)
    found.errors += [f"requête hors de notre origine : {url}" for url in watch.foreign]
    found.errors += [f"console : {text}" for text in watch.console]
    return found


def evaluate_unpoliced(page: Page, source: str, *, wait: bool = False) -> Any:
    """Evaluate a script through the protocol, outside the page's policy; the policy itself is not switched off."""
    session = page.context.new_cdp_session(page)
    try:
        answer = session.send("Runtime.evaluate", {"expression": source, "awaitPromise": wait, "returnByValue": wait})
    finally:
        session.detach()
    if "exceptionDetails" in answer:
        raise RuntimeError(json.dumps(answer["exceptionDetails"])[:800])
    return answer["result"].get("value")


def _axe(page: Page, found: Found) -> None:
    evaluate_unpoliced(page, AXE.read_text("utf-8") + "\n;0")
    french = AXE_FRENCH.read_text("utf-8")
    script = f"""(async () => {{
      axe.configure({{ locale: {french} }});
      const run = await axe.run(document, {{
        runOnly: {{ type: "tag", values: {json.dumps([*TAGS, "best-practice"])} }}, resultTypes: ["violations"] }});
      return run.violations.map(v => ({{ id: v.id, help: v.help, tags: v.tags,
        nodes: v.nodes.map(n => [n.target.join(" "), n.failureSummary]) }}));
    }})()"""
    for violation in evaluate_unpoliced(page, script, wait=True):
        wanted = set(TAGS) & set(violation["tags"])
        criteria = ", ".join(tag for tag in violation["tags"] if tag.startswith("RGAA-"))
        for target, summary in violation["nodes"]:
            text = f"axe {violation['id']} ({criteria or 'bonne pratique'}) : {violation['help']} [{target}] {summary}"
            (found.errors if wanted else found.notes).append(" ".join(text.split()))


def _codesniffer(page: Page, found: Found) -> None:
    evaluate_unpoliced(page, HTMLCS.read_text("utf-8") + "\n;0")
    script = """new Promise((done, fail) => HTMLCS.process("WCAG2AA", document, () => done(
      HTMLCS.getMessages().filter(m => m.type === HTMLCS.ERROR)
        .map(m => [m.code, m.msg, (m.element.outerHTML || "").slice(0, 160)])),
      () => fail(new Error("HTML_CodeSniffer did not start")), "en"))"""
    for code, message, element in evaluate_unpoliced(page, script, wait=True):
        found.errors.append(f"HTML_CodeSniffer {code} : {message} [{element}]")


def _structure(page: Page, found: Found) -> None:
    found.errors += page.evaluate((HERE / "structure.js").read_text("utf-8"))


def _tab_walk(page: Page, found: Found, most: int) -> None:
    """Walk with the Tab key: the first stop skips to the content, each stop is seen, none is a trap."""
    page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); getSelection().removeAllRanges(); }")
    page.keyboard.press("Tab")
    first = page.evaluate("() => document.activeElement?.className ?? ''")
    autofocused = page.locator("[autofocus]").count() > 0  # the walk then begins at the error summary, on purpose
    if "skip" not in first and not autofocused:
        found.errors.append(f"la première tabulation n'atteint pas le lien d'évitement mais « {first} »")
    seen: dict[str, str] = {}
    previous = ""
    for _stop in range(most):
        stop = page.evaluate(FOCUSED)
        if stop is None or (stop["key"] in seen and stop["key"] != previous):
            return  # left the document, or came back to the start
        if stop["key"] == previous:
            found.errors.append(f"piège au clavier : {stop['name']}")
            return
        if not (stop["outlined"] and stop["seen"]):
            found.errors.append(f"focus invisible : {stop['name']}")
        seen[stop["key"]] = stop["name"]
        previous = stop["key"]
        page.keyboard.press("Tab")


def _reflow(page: Page, found: Found) -> None:
    """At 320 px nothing scrolls sideways except inside a region of its own."""
    size = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 800})
    page.wait_for_timeout(150)
    width = page.evaluate("() => document.documentElement.scrollWidth")
    if width > 320:
        widest = page.evaluate(
            "() => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 321)"
            ".map(e => e.outerHTML.slice(0, 90)).slice(0, 3)"
        )
        found.errors.append(f"défilement horizontal à 320 px ({width} px) : {widest}")
    if size:
        page.set_viewport_size(size)
