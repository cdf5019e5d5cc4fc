"""Start a program that never outlives its parent, under another account when asked.

Run as a script by an isolated interpreter (``python -I -S launch.py PARENT SIGNAL UID GID PROGRAM ARGUMENT…``), so it
imports nothing of the house. The order matters: Linux forgets the parent-death signal when the account changes.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: int, *, parent: int) -> None:
    """Ask the kernel to send this signal to the calling process when the thread that started it ends.

    Ends the process now when ``parent`` is already dead: the kernel would never tell.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def command(
    arguments: list[str],
    *,
    stop: int = signal.SIGTERM,
    account: tuple[int, int] | None = None,
    parent: int | None = None,
) -> list[str]:
    """Return the command line that runs ``arguments`` bound to the life of its parent.

    Args:
        arguments: the program's absolute path, then its own arguments.
        stop: the signal the program gets when its parent dies.
        account: user and group numbers to take; only root can.
        parent: the process number of the parent, when it will not be this process.
    """
    uid, gid = (str(account[0]), str(account[1])) if account else ("-", "-")
    here = [sys.executable, "-I", "-S", __file__, str(parent or os.getpid()), str(int(stop)), uid, gid]
    return [*here, *arguments]


def main(arguments: list[str]) -> None:
    """Drop rights, bind to the parent's life, become the program."""
    parent, stop, uid, gid, *program = arguments
    if uid != "-":
        os.setgroups([int(gid)])
        os.setgid(int(gid))
        os.setuid(int(uid))
    die_with_parent(int(stop), parent=int(parent))
    os.execv(program[0], program)  # noqa: S606 no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
