"""One trace: its name and present value in letters that carry, and its plot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QResizeEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from acquisition.signal.pyramid import Floats
from gui.palette import Palette
from gui.presenters.heads import ChannelHead
from gui.presenters.traces import AxisUnit, fitted, steadied, value_range, value_ticks
from gui.theme import font
from gui.widgets.plain import ElidedLabel, PlainLabel, quiet_button, row, set_tooltip
from gui.widgets.ribbon import Ribbon

AXIS_PX = 58
HEAD_PX = 208
SMALL_BELOW_PX = 104
"""A lower row has smaller figures, and what is not needed at a glance in its tooltip."""
LEAST_ROW_PX = 42
"""Two lines of text. More channels than this leaves room for are scrolled."""
TICK_PX = 18
MOST_SHADES = 40


def bare_plot(palette: Palette) -> Any:
    """Return a plot without mouse, menu or automatic ranges: the window says what is seen."""
    plot = pg.PlotWidget(background=palette.surface, enableMenu=False)
    item = plot.getPlotItem()
    item.setMouseEnabled(x=False, y=False)
    item.hideButtons()
    item.setMenuEnabled(False)
    plot.setMinimumSize(120, 24)
    plot.setFrameShape(QFrame.Shape.NoFrame)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.viewport().setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    item.getViewBox().setDefaultPadding(0.0)
    item.disableAutoRange()
    return plot


def style_axis(axis: Any, palette: Palette) -> None:
    """Give an axis the window's type and colours."""
    axis.setTickFont(font(12))
    axis.setPen(pg.mkPen(palette.edge))
    axis.setTextPen(pg.mkPen(palette.dim))
    axis.setStyle(tickLength=0, tickTextOffset=6)


class ChannelRow(QWidget):
    """Name, role, value, flags at the left; the line at the right. Pen width 1: wider costs several times as much."""

    def __init__(self, palette: Palette, place: int, next_look: Callable[[], None]) -> None:
        super().__init__()
        self._palette, self._place = palette, place
        self._range: tuple[float, float] | None = None
        self._unit: AxisUnit | None = None
        self._head: ChannelHead | None = None
        self._small = False
        self.name = ElidedLabel(pixels=15, weight=700)
        self.role = ElidedLabel(pixels=12, tone="dim")
        self.value = PlainLabel(pixels=30, weight=600)
        self.unit = PlainLabel(pixels=17, tone="dim")
        self.remark = ElidedLabel(pixels=12, tone="dim")
        self.flag = ElidedLabel(pixels=13, weight=700)
        self.gaps = PlainLabel(pixels=12, tone="warn")
        self.look = quiet_button(
            "measured",
            "What is drawn: as measured, Δ from the running baseline, or less the sentinel of the same instrument. "
            "What is recorded stays the same.",
        )
        self.look.clicked.connect(next_look)
        self.head = self._lay_out_head()
        self.plot = bare_plot(palette)
        item = self.plot.getPlotItem()
        item.getAxis("bottom").setHeight(0)
        item.getAxis("bottom").setStyle(showValues=False)
        item.getAxis("left").setWidth(AXIS_PX)
        item.showGrid(x=True, y=True, alpha=0.5)
        self.curve = pg.PlotDataItem(connect="finite", skipFiniteCheck=False)
        self.marks = pg.PlotDataItem(connect="pairs")
        self.shades = [pg.LinearRegionItem(movable=False, pen=pg.mkPen(None)) for _unused in range(MOST_SHADES)]
        self.ribbon = Ribbon()
        for part in (*self.shades, self.ribbon, self.marks, self.curve):
            item.addItem(part, ignoreBounds=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.head)
        layout.addWidget(self.plot, 1)
        self.setMinimumHeight(LEAST_ROW_PX)
        self.set_palette(palette)

    def _lay_out_head(self) -> QWidget:
        head = QWidget()
        head.setFixedWidth(HEAD_PX)
        head.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        texts = QVBoxLayout(head)
        texts.setContentsMargins(0, 0, 8, 0)
        texts.setSpacing(0)
        self._title = row(spacing=4)
        self._title.addWidget(self.name, 1)
        self._title.addWidget(self.look)
        self.unit.setContentsMargins(0, 0, 0, 4)
        self._number = row(self.value, spacing=6)
        self._number.addWidget(self.unit, 0, Qt.AlignmentFlag.AlignBottom)
        self._number.addStretch(1)
        self._last = row(spacing=4)
        self._last.addWidget(self.flag, 1)
        self._last.addWidget(self.gaps)
        texts.addLayout(self._title)
        texts.addWidget(self.role)
        texts.addLayout(self._number)
        texts.addWidget(self.remark)
        texts.addLayout(self._last)
        texts.addStretch(1)
        return head

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        super().resizeEvent(a0)
        self._be_small(small=self.height() < SMALL_BELOW_PX)

    def _be_small(self, *, small: bool) -> None:
        """Put name and gaps into one line, value and flag into the other; or take the room that there is."""
        if small == self._small:
            return
        self._small = small
        self.value.setFont(font(18 if small else 30, 600))
        self.unit.setFont(font(13 if small else 17))
        self.unit.setContentsMargins(0, 0, 0, 1 if small else 4)
        self.flag.setFont(font(11 if small else 13, 700))
        self.role.setVisible(not small)
        self._number.setSpacing(4 if small else 6)
        if small:
            self._title.addWidget(self.gaps)
            self._number.addWidget(self.flag, 100)
        else:
            self._last.addWidget(self.flag, 1)
            self._last.addWidget(self.gaps)
        if self._head is not None:
            self.show_head(self._head)

    @property
    def color(self) -> str:
        """Return the colour of this channel."""
        return self._palette.traces[self._place % len(self._palette.traces)]

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._palette = palette
        self.plot.setBackground(palette.surface)
        self.curve.setPen(pg.mkPen(self.color, width=1))
        self.ribbon.set_color(self.color)
        self.marks.setPen(pg.mkPen(palette.dim, width=1, style=Qt.PenStyle.DashLine))
        for side in ("left", "bottom"):
            style_axis(self.plot.getPlotItem().getAxis(side), palette)
        for label in (self.name, self.value):
            label.setStyleSheet(f"color: {self.color};")

    def forget_range(self) -> None:
        """Fit the y axis anew at the next drawing."""
        self._range = None

    def show_head(self, head: ChannelHead) -> None:
        """Show the texts; in a small row a remark takes the place of a flag that is not up."""
        self._head = head
        self.name.show_text(head.name)
        self.role.show_text(head.role)
        self.value.show_text(head.value)
        self.unit.show_text(head.unit)
        self.remark.show_text(head.remark)
        self.remark.setVisible(bool(head.remark) and not self._small)
        if self._small and not head.flag:
            self.flag.show_text(head.remark, "dim")
        else:
            self.flag.show_text(head.flag, head.flag_tone)
        self._set_weight(quiet=self.flag.property("tone") == "dim")
        self.gaps.show_text(head.gaps)
        self.look.setText(head.look)
        facts = " · ".join(part for part in (head.name, head.role, head.remark) if part)
        set_tooltip(self.head, " ".join(part for part in (f"{facts}." if head.detail else facts, head.detail) if part))

    def _set_weight(self, *, quiet: bool) -> None:
        """Set a flag that says nothing urgent in ordinary type."""
        weight = 400 if quiet else 700
        if self.flag.font().weight() != weight:
            self.flag.setFont(font(self.flag.font().pixelSize(), weight))

    def show_line(
        self, t_s: Floats, current_a: Floats, span: tuple[float, float], unit: AxisUnit, *, trimmed: bool
    ) -> bool:
        """Draw a line, amperes in, axis units on the screen; NaN stays a hole. Tell whether some lies off the axis."""
        values = current_a * unit.per_a
        if unit != self._unit:
            self._unit, self._range = unit, None
        low, high, cut_off = fitted(values, trimmed=trimmed)
        self._range = steadied(self._range, value_range(low, high, unit.least_span))
        self.curve.setData(t_s, values)
        item = self.plot.getPlotItem()
        item.setXRange(*span, padding=0)
        item.setYRange(*self._range, padding=0)
        item.getAxis("left").setTicks([value_ticks(*self._range, most=self._most_ticks())])
        return cut_off

    def _most_ticks(self) -> int:
        return min(max(int(self.plot.height()) // TICK_PX, 1), 7)

    def show_time_grid(self, ticks: list[tuple[float, str]]) -> None:
        """Put the vertical grid lines where the time axis has its labels."""
        self.plot.getPlotItem().getAxis("bottom").setTicks([[(at, "") for at, _label in ticks]])

    def show_moments(self, marks_s: Sequence[float], infusions_s: Sequence[tuple[float, float, int]]) -> None:
        """Draw marks and notes as lines, infusions (from, to, place of the pump) as shading."""
        low, high = self._range or (0.0, 1.0)
        x = np.repeat(np.asarray(marks_s, dtype=np.float64), 2)
        self.marks.setData(x, np.tile((low - (high - low), high + (high - low)), len(marks_s)))
        for shade, infusion in zip(self.shades, infusions_s, strict=False):
            start, end, pump = infusion
            color = QColor(self._palette.pumps[pump % len(self._palette.pumps)])
            color.setAlpha(38)
            shade.setBrush(color)
            if tuple(shade.getRegion()) != (start, end):
                shade.setRegion((start, end))
            shade.setVisible(True)
        for shade in self.shades[len(infusions_s) :]:
            shade.setVisible(False)
