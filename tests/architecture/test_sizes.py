"""Size budgets and docstrings: a file is read in one sitting, a function on one screen."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for path in (ROOT / "cadran").rglob("*.py") if "0001_initial" not in path.name)
MOST_LINES, MOST_FUNCTION_LINES = 400, 50
DOCUMENTED = {"services", "selectors", "rules"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_fits(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= MOST_LINES
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            assert length <= MOST_FUNCTION_LINES, f"{node.name} has {length} lines"
    in_room = path.relative_to(ROOT / "cadran").parts
    if len(in_room) > 1 and (path.stem in DOCUMENTED or in_room[1] in DOCUMENTED):
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{node.name} says nothing of itself"


def test_files_are_found() -> None:
    assert len(FILES) > 50
