"""Contrast of both themes, from the stylesheet itself: text 4.5:1, marks, borders and focus 3:1 (RGAA 3.2, 3.3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cadran.ui

TOKENS = (Path(cadran.ui.__file__).parent / "static" / "ui" / "tokens.css").read_text("utf-8")


def _declared(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))


_blocks = re.split(r"@media \(prefers-color-scheme: dark\)|:root\[data-theme=\"dark\"\]", TOKENS)
LIGHT, SYSTEM_DARK, CHOSEN_DARK = (_declared(block) for block in _blocks[:3])
THEMES = {"light": LIGHT, "dark": CHOSEN_DARK}

WORDS = ("ink", "ink-2", "action", "action-strong", "ok", "info", "risk", "late")
TEXT = [
    *[(text, ground) for text in WORDS for ground in ("paper", "surface")],
    ("on-action", "action"),
    ("on-action", "action-strong"),
    ("ink", "sunk"),
    ("ink-2", "sunk"),
    ("ink", "action-soft"),
    ("action-strong", "action-soft"),
    ("ink", "info-soft"),
    ("ink", "ok-soft"),
    ("ink", "risk-soft"),
    ("ink", "late-soft"),
    ("late", "late-soft"),
    ("late-mark", "surface"),
]
MARKS = [
    *[(mark, ground) for mark in ("border", "focus", "risk-mark", "late-mark") for ground in ("paper", "surface")],
    *[(f"series-{n}", "surface") for n in range(1, 7)],
    ("series-1", "late-soft"),
    ("home-line", "home-land"),
    ("late-mark", "late-soft"),
    ("action", "dial-track"),
    ("risk-mark", "surface"),
    ("late-mark", "dial-track"),
    ("ink", "dial-track"),
]


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_itself() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text(theme: str, text: str, ground: str) -> None:
    assert contrast(THEMES[theme][text], THEMES[theme][ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("mark", "ground"), MARKS)
def test_marks(theme: str, mark: str, ground: str) -> None:
    assert contrast(THEMES[theme][mark], THEMES[theme][ground]) >= 3


def test_the_dark_theme_is_the_same_chosen_or_asked_by_the_system() -> None:
    assert SYSTEM_DARK == CHOSEN_DARK
    assert set(LIGHT) == set(CHOSEN_DARK)
