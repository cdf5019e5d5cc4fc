"""A pack's mistake names its file, the exact line of the key, and what to do."""

import datetime as dt
import enum
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from cadran.kernel.packs import PackError, check_yaml, read_located, read_yaml


class Level(enum.Enum):
    HIGH = "haute"
    LOW = "basse"


class Lot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    holder: str
    level: Level = Level.LOW
    since: dt.date | None = None
    rate: Decimal | None = None

    def __post_init__(self) -> None:
        if self.number == 13:
            raise ValueError("le lot 13 n’existe pas")


class Pack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    lots: list[Lot] = []
    minutes: dict[str, Annotated[int, msgspec.Meta(gt=0)]] = {}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pack.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_becomes_typed_values(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "# a comment\nname: on\nlots:\n  - number: 0x10\n    holder: yes\n    since: 2024-01-02\n    rate: 99.85\n"
        "    level: haute\nminutes: {P1: 1_000}\n",
    )
    pack = read_yaml(path, Pack)
    assert pack.name == "on"  # YAML 1.2: a word
    assert pack.minutes == {"P1": 1000}
    assert pack.lots == [Lot(16, "yes", Level.HIGH, dt.date(2024, 1, 2), Decimal("99.85"))]


@pytest.mark.parametrize(
    ("text", "line", "problem", "remedy"),
    [
        pytest.param(
            "name: a\nlots:\n- number: 1\n  holder: x\n- holder: y\n  number: '2'\n",
            6,
            "un texte est donné",
            "un nombre entier",
            id="wrong type",
        ),
        pytest.param(
            "name: a\nlots:\n- number: 1\n\n  holder: x\n  levle: haute\n", 6, "levle", "« level »", id="unknown field"
        ),
        pytest.param(
            "name: a\nlots:\n- number: 1\n  holder: x\n- number: 2\n",
            5,
            "« holder » manque",
            "Ajoutez",
            id="missing field",
        ),
        pytest.param(
            "name: a\nlots:\n- number: 1\n  holder: x\n  level: moyenne\n", 5, "moyenne", "haute, basse", id="enum"
        ),
        pytest.param(
            "name: a\nlots:\n- holder: x\n  number: 13\n", 3, "le lot 13 n’existe pas", "Corrigez", id="own rule"
        ),
        pytest.param(
            "name: a\nminutes:\n  P1: 3\n  P2: 0\n  P3: 4\n", 4, "« minutes.P2 »", "Écrivez", id="inside a mapping"
        ),
        pytest.param("name: a\nname: b\n", 2, "deux fois", "une seule", id="twice the same key"),
        pytest.param("name: a\nlots: [\n", 3, "syntaxe YAML", "Vérifiez", id="broken syntax"),
        pytest.param("name:\n\t- b\n", 2, "syntaxe YAML", "Vérifiez", id="tabulation"),
        pytest.param("name: .nan\n", 1, "float", "Écrivez", id="not a number"),
        pytest.param("name: a\nlots: &l\n- *l\n", 2, "", "", id="an alias that contains itself"),
        pytest.param("name: a\n<<: {lots: []}\n", 2, "fusion", "Recopiez", id="merge key"),
        pytest.param("", 1, "vide", "Écrivez", id="empty"),
    ],
)
def test_a_mistake_names_its_line_and_remedy(tmp_path: Path, text: str, line: int, problem: str, remedy: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(PackError) as caught:
        read_yaml(path, Pack)
    error = caught.value
    assert (error.file, error.line) == (path, line)
    assert problem in error.problem
    assert remedy in error.remedy
    assert f"{path}, ligne {line} : " in str(error)


def test_a_missing_file_is_a_pack_error(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="n’existe pas"):
        read_yaml(tmp_path / "absent.yaml", Pack)


def test_all_mistakes_are_listed_in_line_order(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "name: 3\nlots:\n- number: 1\n  holder: x\n  extra: 1\n- number: zwei\n  holder: y\n- holder: z\n"
        "- number: 4\n  holder: [a]\n- number: 5\n  holder: ok\n",
    )
    errors = check_yaml(path, Pack)
    assert [error.line for error in errors] == [1, 5, 6, 8, 10]


def test_no_mistake_no_error(tmp_path: Path) -> None:
    assert check_yaml(written(tmp_path, "name: a\n"), Pack) == []


def test_a_located_value_keeps_its_lines(tmp_path: Path) -> None:
    pack = read_located(written(tmp_path, "name: a\nlots:\n- number: 1\n  holder: x\n"), Pack)
    assert pack.line("lots", 0, "holder") == 4
    assert pack.line("lots", 0, "level") == 3  # not written: where its parent is
    error = pack.error("lots", 0, "holder", problem="titulaire inconnu.", remedy="Déclarez-le.")
    assert str(error) == f"{pack.file}, ligne 4 : titulaire inconnu. Déclarez-le."
