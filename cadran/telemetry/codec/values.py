"""From a codec's free-form ``data`` to the fixed row of numbers that is stored."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


class MalformedMeasurement(ValueError):
    """A codec's answer that holds none of its profile's quantities."""


def values_in_order(data: Mapping[str, Any], keys: Sequence[str]) -> tuple[float | None, ...]:
    """Return one value per key, in the profile's order.

    A key is a name in ``data``, or a dotted path (``air.temperature``) when no such name exists. Booleans become 0
    and 1; a number written as text (``"21.50"``, as codecs that call ``toFixed`` give) is read. A value that is
    missing, null, not finite or not a number is ``None``: SQL's NULL, which averages skip, where a NaN would spread.

    Raises:
        MalformedMeasurement: not one of the keys gave a number: the frame and its profile do not fit.
    """
    values = tuple(_number(_find(data, key)) for key in keys)
    if all(value is None for value in values):
        found = ", ".join(sorted(data)[:8]) or "rien"
        raise MalformedMeasurement(
            f"Aucune des grandeurs attendues ({', '.join(keys)}) n’est dans la réponse du codec, qui donne : {found}. "
            "Vérifiez le profil de l’équipement."
        )
    return values


def _find(data: Mapping[str, Any], key: str) -> Any:
    if key in data:
        return data[key]
    value: Any = data
    for step in key.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return None
        value = value[step]
    return value


def _number(value: Any) -> float | None:
    if isinstance(value, str) and len(value) < 64 and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) < float("inf") else None
