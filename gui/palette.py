"""Colours of the window, in a dark and a light edition, and a grey one for values that are old. No Qt, no state.

Channel colours follow Okabe and Ito's palette for colour-blind readers [M], lightened or darkened so that every text
reaches a contrast of 4.5:1 on its ground and every line 3:1 (WCAG 2.1 [M]); a test computes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from string import Template

from gui.presenters.text import Tone


@dataclass(frozen=True)
class Palette:
    """Every colour of the window."""

    name: str
    ground: str
    surface: str
    raised: str
    edge: str
    grid: str
    text: str
    dim: str
    accent: str
    good: str
    busy: str
    warn: str
    alarm: str
    alarm_ground: str
    warn_ground: str
    alarm_lit: str
    warn_lit: str
    """Grounds of banners in the bright half of a flash."""
    simulated_ground: str
    simulated_stripe: str
    simulated_text: str
    stop: str
    stop_down: str
    stop_text: str
    traces: tuple[str, ...]
    pumps: tuple[str, ...]

    def tone(self, tone: Tone) -> str:
        """Return the colour of a meaning."""
        return {
            "normal": self.text,
            "dim": self.dim,
            "good": self.good,
            "busy": self.busy,
            "warn": self.warn,
            "alarm": self.alarm,
        }[tone]


DARK = Palette(
    name="dark",
    ground="#0e1217",
    surface="#151b22",
    raised="#202932",
    edge="#2b3640",
    grid="#232d37",
    text="#e8edf2",
    dim="#93a1b0",
    accent="#56b4e9",
    good="#3fc9a3",
    busy="#6cbcf0",
    warn="#f0b429",
    alarm="#ff7b6b",
    alarm_ground="#3a1618",
    warn_ground="#33280f",
    alarm_lit="#64191d",
    warn_lit="#44350f",
    simulated_ground="#2a2450",
    simulated_stripe="#332c61",
    simulated_text="#cdc6ff",
    stop="#d92b2b",
    stop_down="#a81d1d",
    stop_text="#ffffff",
    traces=("#f0a830", "#56b4e9", "#3fc9a3", "#dd8fb8", "#f0e442", "#ff8a5c"),
    pumps=("#b39cf5", "#3fc9a3", "#f0a830", "#56b4e9"),
)
LIGHT = Palette(
    name="light",
    ground="#eceff2",
    surface="#ffffff",
    raised="#f2f5f7",
    edge="#d3dae0",
    grid="#e7ebee",
    text="#16202a",
    dim="#566372",
    accent="#0068a8",
    good="#00704f",
    busy="#0068a8",
    warn="#8a5a00",
    alarm="#b3261e",
    alarm_ground="#fdeceb",
    warn_ground="#fdf3dc",
    alarm_lit="#ffd5d1",
    warn_lit="#fbe3a8",
    simulated_ground="#e4e0fb",
    simulated_stripe="#dad4f8",
    simulated_text="#3d2f94",
    stop="#cc1f1f",
    stop_down="#991414",
    stop_text="#ffffff",
    traces=("#b35c00", "#0068a8", "#00704f", "#a0427b", "#7a6a00", "#b8401a"),
    pumps=("#5b45b8", "#00704f", "#b35c00", "#0068a8"),
)
EDITIONS = {"dark": DARK, "light": LIGHT}


def greyed(palette: Palette) -> Palette:
    """Return the palette for old values: all that could look alive is grey; STOP and warnings keep their colours."""
    return replace(
        palette,
        text=palette.dim,
        good=palette.dim,
        busy=palette.dim,
        traces=(palette.dim,) * len(palette.traces),
        pumps=(palette.dim,) * len(palette.pumps),
    )


def style_sheet(palette: Palette) -> str:
    """Return the style of the whole window."""
    tones: tuple[Tone, ...] = ("normal", "dim", "good", "busy", "warn", "alarm")
    toned = "\n".join(f'QLabel[tone="{tone}"] {{ color: {palette.tone(tone)}; }}' for tone in tones)
    return _SHEET.substitute({key: value for key, value in vars(palette).items() if isinstance(value, str)}) + toned


_SHEET = Template("""
QMainWindow, QWidget#body { background: $ground; }
QLabel { color: $text; background: transparent; }
QFrame[card="true"] { background: $surface; border: 1px solid $edge; border-radius: 6px; }
QFrame[rule="true"] { background: $edge; border: none; }
QFrame#alarm_high { background: $alarm_ground; border: 2px solid $alarm; border-radius: 6px; }
QFrame#alarm_medium { background: $warn_ground; border: 2px solid $warn; border-radius: 6px; }
QFrame#alarm_high[lit="true"], QFrame#lost[lit="true"] { background: $alarm_lit; border-color: $text; }
QFrame#alarm_medium[lit="true"] { background: $warn_lit; border-color: $text; }
QFrame#alarm_test { background: $raised; border: 2px solid $accent; border-radius: 6px; }
QFrame#alarm_low { background: $surface; border: 1px solid $busy; border-radius: 6px; }
QFrame#lost { background: $alarm_ground; border: 2px solid $alarm; border-radius: 6px; }
QPushButton { background: $raised; color: $text; border: 1px solid $edge; border-radius: 5px; padding: 5px 10px; }
QPushButton:hover { border-color: $accent; }
QPushButton:pressed { background: $edge; }
QPushButton:disabled { color: $dim; background: transparent; border-color: $edge; }
QPushButton:checked { background: $accent; color: $surface; border-color: $accent; }
QPushButton[quiet="true"] { background: transparent; border: none; padding: 0 3px; color: $dim; }
QPushButton[quiet="true"]:hover { color: $accent; }
QPushButton[main="true"]:enabled { background: $accent; color: $surface; border-color: $accent; }
QPushButton#stop { background: $stop; color: $stop_text; border: none; border-radius: 8px; }
QPushButton#stop:pressed { background: $stop_down; }
QPushButton#stop QLabel { color: $stop_text; }
QLineEdit { background: $ground; color: $text; border: 1px solid $edge; border-radius: 5px; padding: 5px 8px;
    selection-background-color: $accent; selection-color: $surface; }
QLineEdit { placeholder-text-color: $dim; }
QLineEdit:focus { border-color: $accent; }
QPlainTextEdit { background: $surface; color: $text; border: none; selection-background-color: $accent;
    selection-color: $surface; }
QProgressBar { background: $ground; border: 1px solid $edge; border-radius: 3px; max-height: 6px; }
QProgressBar::chunk { background: $busy; border-radius: 2px; }
QScrollBar:horizontal { background: $surface; height: 10px; margin: 0; border: none; }
QScrollBar:vertical { background: $surface; width: 10px; margin: 0; border: none; }
QScrollBar::handle { background: $edge; border-radius: 4px; min-width: 24px; min-height: 24px; margin: 1px; }
QScrollBar::handle:hover { background: $dim; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QScrollArea, QScrollArea > QWidget > QWidget#cards { background: transparent; border: none; }
QScrollArea > QWidget > QWidget#rows { background: transparent; border: none; }
QToolTip { background: $raised; color: $text; border: 1px solid $edge; padding: 4px; }
""")
