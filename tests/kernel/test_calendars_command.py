"""The command ``cadran clock``: answers, refusals, batches."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cadran.processes import clock

ROOT = Path(__file__).parents[2]
FRIDAY = {"start": "2026-06-05T17:30+02:00", "minutes": 60, "hours": "HO", "territory": "FR"}


def options(**changes: str) -> list[str]:
    given = {"start": "2026-06-05T17:30+02:00", "minutes": "60", "hours": "HO", "territory": "FR"} | changes
    return ["deadline", *(part for name, value in given.items() for part in (f"--{name}", value) if value)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "2026-06-08T08:30:00+02:00"),
        ({"hours": "24/7"}, "2026-06-05T18:30:00+02:00"),
        ({"hours": "8-18-6/7"}, "2026-06-06T08:30:00+02:00"),
        ({"territory": "re"}, "2026-06-08T09:00:00+04:00"),
        ({"territory": "AM", "start": "2026-04-02T17:30+02"}, "2026-04-07T08:30:00+02:00"),
        ({"start": "2026-06-05T15:30:00Z"}, "2026-06-08T08:30:00+02:00"),
        ({"start": "2026-06-05 17:30:15.5+02:00"}, "2026-06-08T08:30:15.500000+02:00"),
        ({"minutes": "0"}, "2026-06-05T17:30:00+02:00"),
    ],
)
def test_deadline_in_the_zone_of_the_site(
    capsys: pytest.CaptureFixture[str], changes: dict[str, str], expected: str
) -> None:
    assert clock.main(options(**changes)) == 0
    assert capsys.readouterr().out == f"{expected}\n"


def test_pauses_may_be_repeated_or_listed(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = "2026-06-08T10:00+02/2026-06-08T12:00+02", "2026-06-08T11:00+02/2026-06-08T13:00+02"
    asked = options(start="2026-06-08T09:00+02", minutes="240")
    assert clock.main([*asked, "--pause", first, "--pause", second]) == 0
    assert clock.main([*asked, "--pause", first, second]) == 0
    assert capsys.readouterr().out == "2026-06-08T16:00:00+02:00\n" * 2


def test_explain_shows_calendar_holiday_pause_and_total(capsys: pytest.CaptureFixture[str]) -> None:
    pause = "2026-05-14T10:00+02/2026-05-15T09:00+02"
    asked = options(start="2026-05-13T17:30+02", minutes="240")
    assert clock.main([*asked, "--pause", pause, "--explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2026-05-15T12:30:00+02:00"
    assert lines[1] == "Calendrier : HO, France métropolitaine (Europe/Paris)"
    assert any("jour férié : Ascension (pause sans effet)" in line for line in lines)
    assert any(line.endswith("pause") and "0 h 00 min" in line for line in lines)
    assert lines[-1] == "Total compté : 4 h 00 min"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (options(start="2026-06-05T17:30"), "sans décalage horaire"),
        (options(start="5 juin"), "n’est pas une date ISO"),
        (options(minutes="1h"), "n’est pas un entier"),
        (options(minutes="-5"), "-5 minutes impossible"),
        (options(hours="H24"), "HO, 24/7, 8-18-6/7"),
        (options(territory="ZZ"), "FR, AM, GP"),
        (options(territory=""), "--territory"),
        ([*options(), "--pause", "2026-06-05T17:30+02"], "DEBUT/FIN"),
        ([*options(), "--pause", "2026-06-06T10:00+02/2026-06-06T09:00+02"], "la fin précède"),
        ([*options(), "--pause", "2026-06-06T10:00/2026-06-06T11:00"], "--pause (début)"),
        ([*options(), "--frobnicate"], "'--frobnicate' inconnu"),
        (["deadline", "--start"], "--start attend une valeur"),
        (["deadline", "--explain=oui"], "ne prend pas de valeur"),
        (["elapsed"], "'elapsed' inconnue"),
        (["deadline", "--batch", "/nulle/part.jsonl"], "illisible"),
        (["deadline", "--batch", "-", "--explain"], "--batch prend tout"),
    ],
)
def test_bad_input_says_what_and_exits_2(capsys: pytest.CaptureFixture[str], argv: list[str], said: str) -> None:
    assert clock.main(argv) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("cadran clock : ")
    assert said in printed.err


def test_help_is_french_and_no_argument_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert clock.main(["--help"]) == 0
    assert clock.main(["deadline", "--help"]) == 0
    assert clock.main([]) == 2
    assert capsys.readouterr().out == clock.USAGE * 3


def answers(lines: list[object], **defaults: str) -> tuple[list[dict[str, object]], int]:
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines]
    out = io.StringIO()
    refused = clock.answer_all(raw, out, defaults)
    return [json.loads(line) for line in out.getvalue().splitlines()], refused


def test_batch_answers_in_order_and_keeps_every_field() -> None:
    asked = [{**FRIDAY, "id": n, "minutes": 60 * n} for n in range(5)]
    found, refused = answers([*asked])
    assert refused == 0
    assert [{k: v for k, v in line.items() if k != "deadline"} for line in found] == asked
    assert found[1]["deadline"] == "2026-06-08T08:30:00+02:00"


def test_batch_counts_pauses_once() -> None:
    pauses = [
        ["2026-06-08T11:00+02:00", "2026-06-08T13:00+02:00"],
        ["2026-06-08T10:00+02:00", "2026-06-08T12:00+02:00"],
    ]
    found, _ = answers([{**FRIDAY, "start": "2026-06-08T09:00+02:00", "minutes": 240, "pauses": pauses}])
    assert found[0]["deadline"] == "2026-06-08T16:00:00+02:00"


def test_batch_goes_on_after_a_bad_line_and_names_its_line() -> None:
    bad: list[tuple[object, str]] = [
        (b"{oops\n", "JSON illisible"),
        (b'"text"\n', "un objet JSON"),
        (b'{"start": "\xff"}\n', "JSON illisible"),
        ({**FRIDAY, "start": "2026-06-05T17:30"}, "sans décalage"),
        ({**FRIDAY, "start": 5}, "une date ISO"),
        ({**FRIDAY, "minutes": 1.5}, "un entier est attendu"),
        ({**FRIDAY, "minutes": True}, "un entier est attendu"),
        ({**FRIDAY, "minutes": -1}, "impossible"),
        ({**FRIDAY, "hours": "9-5"}, "inconnus"),
        ({**FRIDAY, "territory": None}, "un texte est attendu"),
        ({k: v for k, v in FRIDAY.items() if k != "minutes"}, "il manque « minutes »"),
        ({**FRIDAY, "pauses": "non"}, "une liste"),
        ({**FRIDAY, "pauses": [["2026-06-05T17:30+02:00"]]}, "n° 1"),
        ({**FRIDAY, "pauses": [["2026-06-05T17:30+02:00", None]]}, "n° 1, fin"),
    ]
    found, refused = answers([*(line for line, _ in bad), FRIDAY])
    assert refused == len(bad)
    assert len(found) == len(bad) + 1
    for number, ((_, said), answer) in enumerate(zip(bad, found, strict=False), start=1):
        assert str(answer["error"]).startswith(f"Ligne {number} : ")
        assert said in str(answer["error"])
        assert "deadline" not in answer
    assert found[-1]["deadline"] == "2026-06-08T08:30:00+02:00"


def test_batch_skips_blank_lines_but_counts_them_and_forgets_old_answers() -> None:
    stale = {**FRIDAY, "deadline": "1999-01-01", "error": "vieux", "minutes": "x"}
    found, refused = answers([b"\xef\xbb\xbf\n", b"\n", stale])
    assert refused == 1
    assert str(found[0]["error"]).startswith("Ligne 3")
    assert "deadline" not in found[0]


def test_hours_and_territory_of_the_command_serve_the_lines_without() -> None:
    line = {"start": "2026-06-05T17:30+02:00", "minutes": 60}
    found, refused = answers([line, {**line, "territory": "RE"}], hours="HO", territory="FR")
    assert refused == 0
    assert [answer["deadline"] for answer in found] == ["2026-06-08T08:30:00+02:00", "2026-06-08T09:00:00+04:00"]


@pytest.mark.parametrize(("lines", "status"), [([FRIDAY], 0), ([FRIDAY, {}], 1)])
def test_a_file_through_the_real_command(tmp_path: Path, lines: list[object], status: int) -> None:
    path = tmp_path / "demandes.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    for source, given in ((str(path), b""), ("-", path.read_bytes())):
        run = subprocess.run(
            [sys.executable, "-m", "cadran", "clock", "deadline", "--batch", source],
            input=given, cwd=ROOT, capture_output=True, check=False,
        )  # fmt: skip
        assert run.returncode == status, run.stderr
        assert len(run.stdout.splitlines()) == len(lines)
        assert (b"1 ligne(s)" in run.stderr) == bool(status)


def test_the_command_never_loads_django() -> None:
    script = "import sys, cadran.processes.clock; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_a_reader_that_leaves_is_not_an_error(tmp_path: Path) -> None:
    path = tmp_path / "demandes.jsonl"
    path.write_text((json.dumps(FRIDAY) + "\n") * 50_000, encoding="utf-8")
    command = [sys.executable, "-m", "cadran", "clock", "deadline", "--batch", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout
        assert run.stderr
        run.stdout.readline()
        run.stdout.close()
        assert run.stderr.read() == b""
        assert run.wait() == 0
