"""From another room, only its doors: what import-linter's wildcards cannot say."""

from __future__ import annotations

from functools import cache

import grimp

ROOMS = {
    "parties",
    "commitments",
    "inventory",
    "telemetry",
    "messaging",
    "lorawan",
    "servicedesk",
    "portal",
}
DOORS = {"services", "selectors", "events", "rules", "packs"}
# The simulator speaks the protocol from the device's side: it shares the pure codec, never a decision.
CODEC_USERS = {"simulator"}


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("cadran", include_external_packages=False, exclude_type_checking_imports=True)


def violations() -> list[str]:
    found = []
    for module in sorted(graph().modules):
        parts = module.split(".")
        if len(parts) < 2 or parts[1] in {"processes", "__main__"}:
            continue
        for imported in sorted(graph().find_modules_directly_imported_by(module)):
            target = imported.split(".")
            if len(target) < 2 or target[1] not in ROOMS or target[1] == parts[1]:
                continue
            door = target[2] if len(target) > 2 else ""
            if door in DOORS or (door == "codec" and parts[1] in CODEC_USERS):
                continue
            found.append(f"{module} imports {imported}")
    return found


def test_rooms_are_entered_by_their_doors() -> None:
    assert violations() == []


def test_the_check_sees_the_house() -> None:
    seen = {module.split(".")[1] for module in graph().modules if module.count(".") >= 1}
    assert seen >= ROOMS
