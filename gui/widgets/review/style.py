"""What the window of a recording adds to the house's style: tables, lists, choices, tabs. Knows colours only."""

from __future__ import annotations

from string import Template

from gui.palette import Palette, style_sheet


def review_sheet(palette: Palette) -> str:
    """Return the style of the window of a recording."""
    return style_sheet(palette) + _SHEET.substitute(
        {key: value for key, value in vars(palette).items() if isinstance(value, str)}
    )


_SHEET = Template("""
QDialog { background: $ground; }
QPushButton:focus, QCheckBox:focus, QComboBox:focus { border-color: $accent; }
QComboBox { background: $ground; color: $text; border: 1px solid $edge; border-radius: 5px; padding: 4px 8px; }
QComboBox:disabled { color: $dim; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: none; width: 0; height: 0; }
QComboBox QAbstractItemView { background: $raised; color: $text; border: 1px solid $edge;
    selection-background-color: $accent; selection-color: $surface; }
QCheckBox { color: $text; spacing: 8px; border: 1px solid transparent; border-radius: 4px; padding: 2px; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid $dim; border-radius: 3px; background: $ground; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; }
QListWidget, QTableWidget { background: $surface; color: $text; border: none; gridline-color: $grid;
    alternate-background-color: $raised; selection-background-color: $accent; selection-color: $surface; }
QListWidget::item { padding: 5px 4px; border-bottom: 1px solid $grid; }
QListWidget::item:selected, QTableWidget::item:selected { background: $accent; color: $surface; }
QTableWidget QTableCornerButton::section { background: $surface; border: none; }
QHeaderView { background: $surface; border: none; }
QHeaderView::section { background: $surface; color: $dim; border: none; border-bottom: 1px solid $edge;
    padding: 4px 5px; }
QPushButton[tab="true"] { background: transparent; border: none; border-bottom: 2px solid transparent;
    border-radius: 0; padding: 6px 10px; color: $dim; }
QPushButton[tab="true"]:hover { color: $text; }
QPushButton[tab="true"]:checked { color: $text; border-bottom-color: $accent; background: transparent; }
QSplitter::handle { background: transparent; height: 8px; }
""")
