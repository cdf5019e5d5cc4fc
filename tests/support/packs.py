"""Damaging a copy of an agreement's directory, to see what its reader says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import pytest

from cadran.kernel.packs import PackError
from cadran.parties.packs import Sourced

ROOT = Path(__file__).resolve().parents[2]
AGREEMENTS = ROOT / "packs" / "agreements"
IOT = AGREEMENTS / "2024_AOO_IOT"
TELECOMS = AGREEMENTS / "2024_AOO_TELECOMS"


@dataclass(frozen=True)
class Damage:
    """Replace the first ``old`` of a file by ``new``.

    The error must be on the line of ``new`` moved by ``offset``, or on the first line that contains ``at``.
    ``problem`` is a part of the message, ``remedy`` the whole of it.
    """

    file: str
    old: str
    new: str
    problem: str
    remedy: str
    offset: int = 0
    at: str = ""
    source: Path = TELECOMS


@cache
def is_good(load: Callable[[Path], object], directory: Path) -> bool:
    """Whether the undamaged agreement loads (it must: what follows is the damage's doing)."""
    load(directory)
    return True


def assert_refused(damage: Damage, tmp_path: Path, load: Callable[[Path], object]) -> None:
    """Damage a copy of the agreement and check the file, line, problem and remedy of the refusal."""
    assert is_good(load, damage.source)
    directory = tmp_path / damage.source.name
    shutil.copytree(damage.source, directory)
    file = directory / damage.file
    before, _, after = file.read_text(encoding="utf-8").partition(damage.old)
    assert after, f"{damage.old!r} is not in {damage.file}"
    damaged = before + damage.new + after
    file.write_text(damaged, encoding="utf-8")
    position = damaged.index(damage.at) if damage.at else len(before)

    with pytest.raises(PackError) as refused:
        load(directory)

    expected = (file, damaged.count("\n", 0, position) + 1 + damage.offset, damage.remedy)
    assert (refused.value.file, refused.value.line, refused.value.remedy) == expected
    assert damage.problem in refused.value.problem
    assert str(file) in str(refused.value)


def numbers_of(module: object) -> dict[str, bool]:
    """Every field of the module's structs that may hold a number, and whether its struct carries a source."""
    numbers = msgspec.inspect.IntType | msgspec.inspect.FloatType | msgspec.inspect.DecimalType
    found: dict[str, bool] = {}
    for kind in vars(module).values():
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            continue
        info = msgspec.inspect.type_info(kind)
        assert isinstance(info, msgspec.inspect.StructType)
        for field in info.fields:
            members = field.type.types if isinstance(field.type, msgspec.inspect.UnionType) else (field.type,)
            if any(isinstance(member, numbers) for member in members):
                found[f"{kind.__name__}.{field.name}"] = issubclass(kind, Sourced)
    return found
