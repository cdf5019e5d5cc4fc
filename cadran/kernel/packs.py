"""Read a pack's YAML into typed values; a mistake names its file, its line and its remedy.

YAML 1.2 (``on`` and ``yes`` are words, not booleans), one document a file. Values are checked by msgspec in strict
mode: a field nobody knows is refused, a text is not a number. Dates stay text until msgspec gives them their type.
A decimal number is read as the shortest float, which a ``Decimal`` field turns back into the very digits written
(up to 15 significant ones; quote the number to carry more).
"""

import difflib
import enum
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cadran.kernel.errors import DomainError

T = TypeVar("T")
PathStep = str | int
MAX_ERRORS = 50  # a person corrects a file in passes; beyond that the list is noise
_MAX_DEPTH = 60  # also what stops an alias that contains itself


class PackError(DomainError):
    """A pack's file cannot be used; ``line`` (from 1) is where to correct it."""

    code = "kernel.pack"

    def __init__(self, *, file: Path, line: int, problem: str, remedy: str) -> None:
        super().__init__(f"{file}, ligne {line} : {problem} {remedy}")
        self.file = file
        self.line = line
        self.problem = problem
        self.remedy = remedy


@dataclass(slots=True)
class _Tree:
    """A YAML value with the line of its key (or dash), its children beside it."""

    line: int
    value: Any
    children: dict[PathStep, "_Tree"]

    def plain(self) -> Any:
        """The value without its lines, without the branches pruned meanwhile."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.children.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.children.values()]
        return self.value


@dataclass(frozen=True, slots=True)
class Located(Generic[T]):
    """A pack's value that still knows its lines, for the checks that types cannot make."""

    file: Path
    value: T
    _tree: _Tree

    def line(self, *path: PathStep) -> int:
        """The line of the key (or list item) at ``path``, or of its nearest written parent."""
        return _walk(self._tree, path).line

    def error(self, *path: PathStep, problem: str, remedy: str) -> PackError:
        """Build the error to raise about the value at ``path``."""
        return PackError(file=self.file, line=self.line(*path), problem=problem, remedy=remedy)


def read_yaml(path: Path, type_: type[T]) -> T:
    """Return the file's content as ``type_``; raise the first ``PackError``."""
    return read_located(path, type_).value


def read_located(path: Path, type_: type[T]) -> Located[T]:
    """Like ``read_yaml``, keeping the lines for later checks across fields or files."""
    tree = _load(path)
    try:
        return Located(path, msgspec.convert(tree.plain(), type_, strict=True), tree)
    except msgspec.ValidationError as error:
        raise _explain(path, tree, type_, str(error))[0] from None


def check_yaml(path: Path, type_: type[T]) -> list[PackError]:
    """Return every mistake that can be told apart in the file, in line order; none when it is good.

    After each mistake the smallest optional part around it is set aside (an unknown field, a list item, a field)
    and the rest is read again; the reading stops where nothing can be set aside, or after ``MAX_ERRORS``.
    """
    try:
        tree = _load(path)
    except PackError as error:
        return [error]
    found: list[PackError] = []
    set_aside: set[tuple[PathStep, ...]] = set()
    while len(found) < MAX_ERRORS:
        try:
            msgspec.convert(tree.plain(), type_, strict=True)
            break
        except msgspec.ValidationError as error:
            pack_error, steps = _explain(path, tree, type_, str(error))
        if steps in set_aside:  # only the echo of a field set aside: the mistake is already listed
            found.extend([] if found else [pack_error])
        else:
            found.append(pack_error)
        victim = _victim(tree, steps)
        if victim is None:
            break
        set_aside.add(victim)
        del _walk(tree, victim[:-1]).children[victim[-1]]
    return sorted(found, key=lambda error: error.line)


def _victim(tree: _Tree, steps: tuple[PathStep, ...]) -> tuple[PathStep, ...] | None:
    """The smallest part to set aside: the field itself when it is written, else the list item around it."""
    if steps and isinstance(steps[-1], str) and steps[-1] in _walk(tree, steps[:-1]).children:
        parent = _walk(tree, steps[:-1])
        if isinstance(parent.value, dict):
            return steps
    for length in range(len(steps), 0, -1):
        if isinstance(steps[length - 1], int) and steps[length - 1] in _walk(tree, steps[: length - 1]).children:
            return steps[:length]
    return None


def _walk(tree: _Tree, path: tuple[PathStep, ...]) -> _Tree:
    for step in path:
        if step not in tree.children:
            return tree
        tree = tree.children[step]
    return tree


# --- YAML ---------------------------------------------------------------------------------------------------------


def _load(path: Path) -> _Tree:
    def refuse(line: int, problem: str, remedy: str) -> PackError:
        return PackError(file=path, line=line, problem=problem, remedy=remedy)

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise refuse(
            1, "le fichier n’existe pas.", "Créez-le, ou corrigez le nom dans le fichier qui le cite."
        ) from None
    except UnicodeDecodeError:
        raise refuse(1, "le fichier n’est pas en UTF-8.", "Enregistrez-le en UTF-8.") from None
    try:
        root = YAML(typ="safe", pure=True).compose(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise refuse(line, f"syntaxe YAML : {error.problem}.", "Vérifiez l’indentation et les deux-points.") from None
    except YAMLError as error:
        raise refuse(1, f"syntaxe YAML : {error}.", "Vérifiez le fichier.") from None
    if root is None:
        raise refuse(1, "le fichier est vide.", "Écrivez-y le contenu attendu, ou supprimez-le.")
    return _tree_of(root, root.start_mark.line + 1, refuse, 0)


def _tree_of(node: Any, line: int, refuse: Callable[[int, str, str], PackError], depth: int) -> _Tree:
    if depth > _MAX_DEPTH:
        raise refuse(line, "trop de niveaux imbriqués.", "Retirez l’alias qui se contient lui-même.")
    tag = str(node.tag).removeprefix("tag:yaml.org,2002:")
    if tag == "map":
        children: dict[PathStep, _Tree] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            key = _scalar(key_node, key_line, refuse)
            if key in children:
                raise refuse(key_line, f"la clé « {key} » est écrite deux fois.", "Gardez-en une seule.")
            children[key] = _tree_of(value_node, key_line, refuse, depth + 1)
        return _Tree(line, {}, children)
    if tag == "seq":
        items: dict[PathStep, _Tree] = {
            index: _tree_of(item, item.start_mark.line + 1, refuse, depth + 1) for index, item in enumerate(node.value)
        }
        return _Tree(line, [], items)
    return _Tree(line, _scalar(node, line, refuse), {})


def _scalar(node: Any, line: int, refuse: Callable[[int, str, str], PackError]) -> Any:
    tag = str(node.tag).removeprefix("tag:yaml.org,2002:")
    text = node.value
    match tag:
        case "str" | "timestamp":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text.replace("_", ""), 0 if re.match(r"[-+]?0[xob]", text) else 10)
        case "float" if not text.lower().lstrip("+-").startswith((".inf", ".nan")):
            return float(text.replace("_", ""))
        case "merge":
            raise refuse(
                line, "la clé de fusion « << » n’est pas admise.", "Recopiez les champs : un paquet se lit seul."
            )
        case _:
            raise refuse(line, f"la valeur de type « {tag} » n’est pas admise.", "Écrivez un texte ou un nombre.")


# --- msgspec's sentence -> a line, a problem, a remedy --------------------------------------------------------------

_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at (?P<key>`key` in )?`(?P<path>\$[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])")
_TYPES = {
    "int": "un nombre entier",
    "float": "un nombre",
    "decimal": "un nombre",
    "str": "un texte",
    "bool": "true ou false",
    "null": "rien",
    "array": "une liste",
    "object": "un groupe de champs",
    "date": "une date AAAA-MM-JJ",
}


def _explain(path: Path, tree: _Tree, type_: Any, message: str) -> tuple[PackError, tuple[PathStep, ...]]:
    parts = _MESSAGE.fullmatch(message)
    what, location = (parts["what"], parts["path"] or "$") if parts else (message, "$")
    steps = _locate(tree, type_, location, message)
    problem, remedy = f"{what}.".replace("..", "."), "Corrigez la valeur."
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        problem, remedy = _unknown_field(unknown[1], _fields_at(type_, steps))
        steps = (*steps, unknown[1])
    elif missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        problem, remedy = f"le champ « {missing[1]} » manque.", f"Ajoutez « {missing[1]}: … » à cet endroit."
        steps = (*steps, missing[1])
    elif expected := re.fullmatch(r"Expected `(.+?)`(.*?)(?:, got `(.+)`)?", what):
        wanted = " ou ".join(_TYPES.get(name, name) for name in expected[1].split(" | "))
        given = f" ; {_TYPES.get(expected[3], expected[3])} est donné" if expected[3] else ""
        problem, remedy = f"{wanted}{expected[2]} est attendu{given}.", f"Écrivez {wanted}{expected[2]}."
    elif invalid := re.fullmatch(r"Invalid (?:enum )?value (.*)", what):
        allowed = ", ".join(_allowed_at(type_, steps))
        problem = f"la valeur {invalid[1]} n’est pas admise."
        remedy = f"Choisissez parmi : {allowed}." if allowed else remedy
    if named := ".".join(str(step + 1 if isinstance(step, int) else step) for step in steps):
        problem = f"« {named} » : {problem}"
    return PackError(file=path, line=_walk(tree, steps).line, problem=problem, remedy=remedy), steps


def _unknown_field(name: str, known: list[str]) -> tuple[str, str]:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        remedy = f"Vouliez-vous dire « {close[0]} » ?"
    else:
        remedy = f"Retirez-le ; les champs possibles sont : {', '.join(known)}." if known else "Retirez-le."
    return f"le champ « {name} » est inconnu.", remedy


def _locate(tree: _Tree, type_: Any, location: str, message: str) -> tuple[PathStep, ...]:
    """Turn ``$.lots[2].holder`` into steps; ``[...]`` hides a mapping's key, found again by trying each alone."""
    steps: list[PathStep] = []
    for name, index, hidden in _STEP.findall(location):
        if hidden:
            container = _walk(tree, tuple(steps))
            everything = container.children
            for key, child in list(everything.items()):
                container.children = {key: child}
                try:
                    msgspec.convert(tree.plain(), type_, strict=True)
                except msgspec.ValidationError as error:
                    if str(error) == message:
                        steps.append(key)
                        break
                finally:
                    container.children = everything
        elif index:  # a list keeps its items' first numbers when some were set aside
            steps.append([*_walk(tree, tuple(steps)).children][int(index)])
        else:
            steps.append(name)
    return tuple(steps)


def _types_at(type_: Any, steps: tuple[PathStep, ...]) -> Iterator[msgspec.inspect.Type]:
    """The types ``type_`` admits at ``steps``, unions opened."""
    current = list(_open(msgspec.inspect.type_info(type_)))
    for step in steps:
        inner: list[msgspec.inspect.Type] = []
        for kind in current:
            if isinstance(kind, msgspec.inspect.StructType):
                inner += [t for f in kind.fields if f.encode_name == step for t in _open(f.type)]
            elif isinstance(kind, msgspec.inspect.DictType):
                inner += _open(kind.value_type)
            elif isinstance(kind, msgspec.inspect.TupleType) and isinstance(step, int) and step < len(kind.item_types):
                inner += _open(kind.item_types[step])
            elif isinstance(kind, msgspec.inspect.CollectionType):
                inner += _open(kind.item_type)
        current = inner
    yield from current


def _open(kind: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    if isinstance(kind, msgspec.inspect.UnionType):
        return [inner for member in kind.types for inner in _open(member)]
    return [kind.type] if isinstance(kind, msgspec.inspect.Metadata) else [kind]


def _fields_at(type_: Any, steps: tuple[PathStep, ...]) -> list[str]:
    found = (kind for kind in _types_at(type_, steps) if isinstance(kind, msgspec.inspect.StructType))
    return [field.encode_name for kind in found for field in kind.fields]


def _allowed_at(type_: Any, steps: tuple[PathStep, ...]) -> list[str]:
    allowed: list[str] = []
    for kind in _types_at(type_, steps):
        if isinstance(kind, msgspec.inspect.EnumType):
            allowed += [str(member.value) for member in kind.cls if isinstance(member, enum.Enum)]
        elif isinstance(kind, msgspec.inspect.LiteralType):
            allowed += [str(value) for value in kind.values]
    return allowed
