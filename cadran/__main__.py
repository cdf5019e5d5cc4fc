"""The command ``cadran``: each file of ``cadran/processes`` that has a ``SUMMARY`` is one subcommand."""

from __future__ import annotations

import ast
import difflib
import importlib
import os
import sys
from pathlib import Path

from cadran import __version__
from cadran.kernel.errors import DomainError

PROCESSES = Path(__file__).parent / "processes"
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


def commands() -> dict[str, tuple[str, str]]:
    """Return, by command name, the module to run and its one-line summary, without importing any of them."""
    found = {}
    for path in sorted(PROCESSES.glob("*.py")):
        summary = _summary(path)
        if summary is not None:
            found[command_name(path.stem)] = (f"cadran.processes.{path.stem}", summary)
    return found


def command_name(name: str) -> str:
    """Return the one spelling of a command: ``lorawan_server`` as ``lorawan-server``, ``import_`` as ``import``."""
    return name.rstrip("_").replace("_", "-")


def _summary(path: Path) -> str | None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="SUMMARY")], value=ast.Constant(value=str(text)))
                | ast.AnnAssign(target=ast.Name(id="SUMMARY"), value=ast.Constant(value=str(text)))
            ):
                return text
    return None


def usage(known: dict[str, tuple[str, str]]) -> str:
    """Return the help text."""
    width = max(map(len, known), default=0)
    lines = [
        f"  {name:<{width}}  {summary[0].upper()}{summary[1:].rstrip('.')}" for name, (_, summary) in known.items()
    ]
    return "\n".join(
        [
            f"Cadran {__version__}",
            "Usage : cadran COMMANDE [OPTIONS]   (cadran COMMANDE --help pour le détail)",
            "",
            "Commandes :",
            *lines,
        ]
    )


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand; return the exit status (1: refused or failed, 2: not understood, 78: settings to mend)."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        return dispatch(arguments)
    except DomainError as error:
        print(f"cadran {arguments[0]} : {error.message}", file=sys.stderr)
        return int(getattr(error, "exit_status", 1))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # « cadran … | head » : the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE


def dispatch(arguments: list[str]) -> int:
    """Find the subcommand and run it, or print the help."""
    known = commands()
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage(known), flush=True)
        return 0 if arguments else EXIT_USAGE
    if arguments[0] == "--version":
        print(f"cadran {__version__}")
        return 0
    name = command_name(arguments[0])
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Vouliez-vous dire « {near[0]} » ?" if near else ""
        print(f"cadran : la commande « {arguments[0]} » n'existe pas.{hint} Voir : cadran --help", file=sys.stderr)
        return EXIT_USAGE
    status = importlib.import_module(known[name][0]).main(arguments[1:]) or 0
    sys.stdout.flush()
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
