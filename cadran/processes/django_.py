"""Django's own management commands, with Cadran's settings."""

from __future__ import annotations

import os

AS_OWNER = frozenset({"makemigrations", "migrate", "showmigrations", "sqlmigrate"})  # they speak of the owner's tables
SUMMARY = "une commande de Django (check, makemigrations, makemessages…)"


def main(argv: list[str]) -> int:
    """Pass the arguments to Django; it exits by itself with its own status on error."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "cadran.processes.settings"
    if argv and argv[0] in AS_OWNER:
        os.environ["CADRAN_ACT_AS_OWNER"] = "1"
    from django.core.management import execute_from_command_line

    execute_from_command_line(["cadran django", *argv])
    return 0
