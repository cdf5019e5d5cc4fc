"""``cadran clock``: contract deadlines from the command line, one or a whole file. Reads no setting, no database.

A batch answers every line, in order, and keeps going after a bad one: the bad line comes back with an ``error``
instead of a ``deadline``, the count of errors goes to the error output, and the exit code is 1. Blank lines are
skipped. Exit codes: 0 all answered, 1 some lines of a batch refused, 2 the command itself could not be understood.
"""

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, BinaryIO, NoReturn, TextIO

import orjson

from cadran.kernel.calendars import (
    Calendar,
    CalendarError,
    Hours,
    Pause,
    Segment,
    Territory,
    deadline,
    explain,
    name_of,
)

SUMMARY = "Calcule une échéance de contrat (GTI, GTR), seule ou par fichier."

USAGE = """\
Utilisation :
  cadran clock deadline --start ISO --minutes N --hours HO|24/7|8-18-6/7 --territory CODE
                        [--pause DEBUT/FIN ...] [--explain]
  cadran clock deadline --batch FICHIER.jsonl     (« - » : entrée standard)

  --start      date et heure avec décalage, par exemple 2026-06-05T17:30+02:00
  --minutes    durée à compter, en minutes ouvrées (entier)
  --hours      HO : lundi-vendredi 8 h-18 h hors fériés ; 24/7 : sans interruption ;
               8-18-6/7 : lundi-samedi 8 h-18 h hors fériés
  --territory  FR, AM (Alsace-Moselle), GP, MQ, GF, RE, YT, BL, MF, PM, PF, NC, WF
  --pause      temps non compté, début inclus, fin exclue ; l'option se répète
  --explain    montre pourquoi : chaque période, le calendrier, les jours fériés, les pauses
  --batch      une ligne JSON par demande :
               {"start": …, "minutes": …, "hours": …, "territory": …, "pauses": [[début, fin], …]}
               ; la même ligne revient avec "deadline", ou avec "error" si elle est refusée (code de sortie 1)

L'échéance est écrite à l'heure locale du site.
"""

LABELS = {
    "open": "compté",
    "closed.outside_hours": "hors plage horaire",
    "closed.day_off": "jour non ouvré",
    "holiday": "jour férié",
    "pause": "pause",
}
CHUNK_LINES = 2000


class ClockUsageError(ValueError):
    """Something in the request cannot be understood; the message says what, where and what to do."""


class _Parser(argparse.ArgumentParser):
    """argparse speaks English: its refusals are put into French here."""

    def error(self, message: str) -> NoReturn:
        valueless = re.match(r"argument (--\w+): expected", message)
        if valueless:
            raise ClockUsageError(f"L’option {valueless[1]} attend une valeur. Exemple : cadran clock --help.")
        unwanted = re.match(r"argument (--\w+): ignored explicit argument", message)
        if unwanted:
            raise ClockUsageError(f"L’option {unwanted[1]} ne prend pas de valeur. Retirez ce qui suit le signe =.")
        raise ClockUsageError(f"Arguments incompris ({message}). Voir : cadran clock --help.")


def main(argv: list[str]) -> int:
    """Run ``cadran clock ARGV``; return the exit code described above."""
    try:
        if not argv or argv[0] in ("-h", "--help") or "--help" in argv or "-h" in argv:
            print(USAGE, end="")
            return 0 if argv else 2
        if argv[0] != "deadline":
            raise ClockUsageError(f"Action {argv[0]!r} inconnue. Écrivez : cadran clock deadline …")
        options = _parse(argv[1:])
        if options.batch is not None:
            return _batch(options)
        return _single(options)
    except (ClockUsageError, CalendarError) as error:
        print(f"cadran clock : {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader has gone (« | head »): leave quietly, and keep Python from flushing into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="cadran clock deadline", add_help=False, allow_abbrev=False)
    for name in ("start", "minutes", "hours", "territory", "batch"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--pause", nargs="+", action="extend", default=[])
    parser.add_argument("--explain", action="store_true")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise ClockUsageError(f"Argument {unknown[0]!r} inconnu. Voir : cadran clock --help.")
    return options


def _single(options: argparse.Namespace) -> int:
    for name in ("start", "minutes", "hours", "territory"):
        if getattr(options, name) is None:
            raise ClockUsageError(f"Il manque l’option --{name}. Voir : cadran clock --help.")
    if not re.fullmatch(r"[+-]?\d{1,18}", options.minutes.strip(), re.ASCII):
        raise ClockUsageError(f"--minutes {options.minutes!r} n’est pas un entier. Donnez des minutes ouvrées.")
    start = _moment(options.start, "--start")
    calendar = _calendar(options.hours, options.territory)
    pauses = [_pause(text) for text in options.pause]
    due = deadline(start, int(options.minutes), calendar, pauses)
    print(calendar.local(due).isoformat())
    if options.explain:
        _print_why(start, int(options.minutes), calendar, pauses)
    return 0


def _pause(text: str) -> Pause:
    parts = text.split("/")
    if len(parts) != 2:
        raise ClockUsageError(f"--pause {text!r} illisible. Écrivez DEBUT/FIN, deux dates ISO séparées par une barre.")
    return Pause(_moment(parts[0], "--pause (début)"), _moment(parts[1], "--pause (fin)"))


def _moment(value: object, where: str) -> datetime:
    if not isinstance(value, str):
        raise ClockUsageError(f"{where} : une date ISO entre guillemets est attendue, pas {_shown(value)}.")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ClockUsageError(
            f"{where} : {value!r} n’est pas une date ISO. Écrivez par exemple 2026-06-05T17:30+02:00."
        ) from None
    if moment.utcoffset() is None:
        raise ClockUsageError(
            f"{where} : {value!r} est sans décalage horaire, l’instant est ambigu. Ajoutez-le, par exemple +02:00 ou Z."
        )
    return moment


@cache
def _calendar(hours: str, territory: str) -> Calendar:
    return Calendar.of(Hours.parse(hours), Territory.parse(territory))


def _shown(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else text[:57] + "…"


def _batch(options: argparse.Namespace) -> int:
    if options.explain or options.pause or options.start or options.minutes:
        raise ClockUsageError(
            "--batch prend tout dans le fichier : retirez --start, --minutes, --pause et --explain."
            " (--hours et --territory servent aux lignes qui n’en ont pas.)"
        )
    defaults = {name: value for name in ("hours", "territory") if (value := getattr(options, name)) is not None}
    with contextlib.ExitStack() as stack:
        if options.batch == "-":
            lines: BinaryIO = sys.stdin.buffer
        else:
            try:
                lines = stack.enter_context(open(options.batch, "rb"))
            except OSError as error:
                raise ClockUsageError(
                    f"Fichier {options.batch!r} illisible ({error.strerror}). Vérifiez le chemin et les droits."
                ) from None
        refused = answer_all(lines, sys.stdout, defaults)
    if refused:
        print(f"cadran clock : {refused} ligne(s) refusée(s), voir « error » dans la sortie.", file=sys.stderr)
    return 1 if refused else 0


def answer_all(lines: Iterable[bytes], out: TextIO, defaults: dict[str, str]) -> int:
    """Write one answer per non-blank line to ``out``, in order; return how many lines were refused."""
    refused = 0
    pending: list[str] = []
    for number, line in enumerate(lines, start=1):
        line = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
        if not line:
            continue
        answer = _answer(line, number, defaults)
        refused += "error" in answer
        pending.append(orjson.dumps(answer).decode())
        if len(pending) >= CHUNK_LINES:
            out.write("\n".join(pending) + "\n")
            pending.clear()
    if pending:
        out.write("\n".join(pending) + "\n")
    out.flush()
    return refused


def _answer(line: bytes, number: int, defaults: dict[str, str]) -> dict[str, Any]:
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return {
            "line": number,
            "error": f"Ligne {number} : JSON illisible (colonne {error.colno}). Un objet par ligne.",
        }
    if not isinstance(request, dict):
        return {"line": number, "error": f"Ligne {number} : un objet JSON est attendu, entre accolades."}
    # A file already answered once may come back in: yesterday's answer must not survive in today's.
    answer = {name: value for name, value in request.items() if name not in ("deadline", "error")}
    try:
        answer["deadline"] = _deadline_of({**defaults, **request})
    except (ClockUsageError, CalendarError) as error:
        answer["error"] = f"Ligne {number} : {error}"
    return answer


def _deadline_of(request: dict[str, Any]) -> str:
    for name in ("start", "minutes", "hours", "territory"):
        if name not in request:
            raise ClockUsageError(f"il manque « {name} ». Ajoutez ce champ.")
    minutes = request["minutes"]
    if isinstance(minutes, bool) or not isinstance(minutes, int):
        raise ClockUsageError(f"minutes : un entier est attendu, pas {_shown(minutes)}.")
    for name in ("hours", "territory"):
        if not isinstance(request[name], str):
            raise ClockUsageError(f"{name} : un texte est attendu, pas {_shown(request[name])}.")
    start = _moment(request["start"], "start")
    calendar = _calendar(request["hours"], request["territory"])
    return calendar.local(deadline(start, minutes, calendar, _pauses_of(request))).isoformat()


def _pauses_of(request: dict[str, Any]) -> list[tuple[datetime, datetime]]:
    given = request.get("pauses")
    if not given and (given is None or given == []):
        return []
    if not isinstance(given, list):
        raise ClockUsageError(f"pauses : une liste de [début, fin] est attendue, pas {_shown(given)}.")
    pauses = []
    for position, pair in enumerate(given, start=1):
        if not isinstance(pair, list) or len(pair) != 2:
            raise ClockUsageError(f"pauses, n° {position} : [début, fin] est attendu, pas {_shown(pair)}.")
        pauses.append(
            (_moment(pair[0], f"pauses, n° {position}, début"), _moment(pair[1], f"pauses, n° {position}, fin"))
        )
    return pauses


def _print_why(start: datetime, minutes: int, calendar: Calendar, pauses: list[Pause]) -> None:
    print(f"Calendrier : {calendar.hours.code}, {name_of(calendar.territory)} ({calendar.zone.key})")
    print(f"Jours fériés : version {calendar.holidays.version}")
    total = timedelta(0)
    for segment in explain(start, minutes, calendar, pauses):
        total += segment.counted
        print(_line(segment, calendar))
    print(f"Total compté : {_duration(total)}")


def _line(segment: Segment, calendar: Calendar) -> str:
    first, last = (calendar.local(moment).isoformat(sep=" ") for moment in (segment.start, segment.end))
    reason = LABELS[segment.label] + (f" : {segment.name}" if segment.name else "")
    if segment.paused and segment.label != "pause":
        reason += " (pause sans effet)"
    return f"  {first} → {last}  {_duration(segment.counted):>10}  {reason}"


def _duration(length: timedelta) -> str:
    seconds = length // timedelta(seconds=1)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours} h {minutes:02} min" + (f" {seconds:02} s" if seconds else "")
