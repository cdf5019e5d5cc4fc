"""How the suite is shared among workers: tests that share an installation or a browser run on the same one.

By file, in the order of collection (the long ones come first); the journeys together, the pages of the site by face.
xdist's own groups rename tests, which pytest no longer allows: without effect, silently, with pytest 9.2 and xdist 3.8.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

TOGETHER = "tests/journeys/"
APART = "tests/journeys/test_kills.py"  # an installation of its own, killed all the time
PAGES = "tests/a11y/test_pages.py"


class ByWhatTheyShare(LoadScopeScheduling):  # type: ignore[misc]
    """A worker takes a whole file, or a whole group of files."""

    def __init__(self, config: Any, log: Any = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)


def share_of(nodeid: str) -> str:
    """Return the name of what a test shares with others."""
    file = nodeid.split("::", 1)[0]
    if file == PAGES and nodeid.endswith("-narrow]"):
        return f"{file} narrow"
    if file.startswith(TOGETHER) and file != APART:
        return TOGETHER
    return file
