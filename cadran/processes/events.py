"""``cadran events``: who reacts to what."""

from __future__ import annotations

SUMMARY = "dit qui réagit à quel événement"


def main(argv: list[str]) -> int:
    """Print every declared event with its fields and its handlers."""
    from cadran.processes.startup import setup_django

    setup_django()
    from cadran.kernel import events, outbox

    for name, kind in events.declared().items():
        fields = ", ".join(kind.__struct_fields__)
        print(f"{name}({fields})")
        handlers = [outbox.handler_name(handler) for handler in outbox.handlers_of(name)]
        for handler in handlers:
            print(f"    → {handler}")
        if not handlers:
            print("    (aucune réaction)")
    return 0
