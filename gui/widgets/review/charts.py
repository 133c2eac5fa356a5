"""Two small charts of what was measured: responses on top of each other, and how large each was when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from gui.palette import Palette
from gui.presenters.traces import value_ticks
from gui.theme import font
from gui.widgets.channel_row import bare_plot, style_axis
from gui.widgets.plain import ElidedLabel, PlainLabel, row

if TYPE_CHECKING:
    from analysis.remeasure import Measured

LEFT_PX, BOTTOM_PX = 44, 20
SPREAD_ALPHA = 60


class Chart(QWidget):
    """Title, legend, plot. Colours: before is the second trace colour, after the first."""

    def __init__(self, palette: Palette, name: str) -> None:
        super().__init__()
        self._palette = palette
        self.found: Measured | None = None
        self.setAccessibleName(name)
        self.setMinimumSize(160, 110)
        self.title = ElidedLabel(pixels=12, tone="dim")
        self.legend = [PlainLabel(pixels=12, weight=600) for _unused in range(3)]
        self.plot: Any = bare_plot(palette)
        self.item = self.plot.getPlotItem()
        self.item.getAxis("left").setWidth(LEFT_PX)
        self.item.getAxis("bottom").setHeight(BOTTOM_PX)
        self.item.showGrid(x=True, y=True, alpha=0.4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.title)
        layout.addLayout(row(*self.legend, 1, spacing=10))
        layout.addWidget(self.plot, 1)

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._palette = palette
        self.plot.setBackground(palette.surface)
        for side in ("left", "bottom"):
            axis = self.item.getAxis(side)
            style_axis(axis, palette)
            axis.setTickFont(font(11))
        if self.found is not None:
            self.show_found(self.found)

    def show_found(self, found: Measured) -> None:
        """Show what was measured."""
        self.found = found
        self.item.clear()

    def _show_legend(self, *texts: tuple[str, str]) -> None:
        shown = (*texts, *[("", self._palette.dim)] * len(self.legend))
        for part, (text, color) in zip(self.legend, shown, strict=False):
            part.show_text(text)
            part.setStyleSheet(f"color: {color};")
            part.setVisible(bool(text))

    def _show_range(self, x: tuple[float, float], values: list[Any], most_x: int) -> None:
        finite = [part[np.isfinite(part)] for part in values]
        low = min((float(part.min()) for part in finite if len(part)), default=0.0)
        high = max((float(part.max()) for part in finite if len(part)), default=1.0)
        low, high = min(low, 0.0), max(high, low + 1e-3)
        air = 0.08 * (high - low)
        self.item.setXRange(*x, padding=0)
        self.item.setYRange(low - air, high + air, padding=0)
        self.item.getAxis("left").setTicks([value_ticks(low - air, high + air, most=5)])
        self.item.getAxis("bottom").setTicks([value_ticks(*x, most=most_x)])

    def _line(self, x: float, color: str) -> None:
        self.item.addItem(pg.InfiniteLine(x, pen=pg.mkPen(color, width=1, style=Qt.PenStyle.DashLine)))

    @property
    def before(self) -> str:
        """Return the colour of what came before the drug."""
        return self._palette.traces[1]

    @property
    def after(self) -> str:
        """Return the colour of what came after."""
        return self._palette.traces[0]


class AverageChart(Chart):
    """Mean and standard deviation of the aligned responses, before and after the drug arrived."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, "average of the responses, before and after")

    def show_found(self, found: Measured) -> None:
        super().show_found(found)
        self.title.show_text(f"mean ± SD, {found.unit}; s after the stimulus")
        drawn: list[Any] = []
        told = []
        is_after = found.is_after
        for which, color, name in ((~is_after, self.before, "before"), (is_after, self.after, "after")):
            if not which.any():
                continue
            mean, spread = found.mean_and_sd(which)
            self._band(found.relative_s, mean - spread, mean + spread, color)
            self.item.addItem(pg.PlotDataItem(found.relative_s, mean, pen=pg.mkPen(color, width=2), connect="finite"))
            drawn += [mean, mean - spread, mean + spread]
            told.append((f"{name} n={int(which.sum())}" if is_after.any() else f"all n={int(which.sum())}", color))
        self._line(0.0, self._palette.dim)
        self._show_legend(*told)
        self._show_range((float(found.relative_s[0]), float(found.relative_s[-1])), drawn, 7)

    def _band(self, x: Any, low: Any, high: Any, color: str) -> None:
        there = np.isfinite(low) & np.isfinite(high)
        if not there.any():
            return
        fill = QColor(color)
        fill.setAlpha(SPREAD_ALPHA)
        edges = [pg.PlotCurveItem(x[there], edge[there], pen=None) for edge in (low, high)]
        self.item.addItem(pg.FillBetweenItem(*edges, brush=fill))


class SizesChart(Chart):
    """Size of each response by the template fit, over the session, and the blank beside it."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, "size of each response over the session")

    def show_found(self, found: Measured) -> None:
        super().show_found(found)
        self.title.show_text(f"size, {found.unit}; minute of the session")
        got, minutes = found.responses, found.responses.onset_s / 60.0
        for values, symbol, color in ((got.blank_um, "x", self._palette.dim),):
            self._points(minutes, values, symbol, color)
        self._points(minutes[~found.is_after], got.amplitude_um[~found.is_after], "o", self.before)
        self._points(minutes[found.is_after], got.amplitude_um[found.is_after], "o", self.after)
        self._line_at_zero()
        if np.isfinite(found.arrived_s):
            self._line(found.arrived_s / 60.0, self._palette.text)
        self._show_legend(
            ("● fit", self.before), ("✕ blank", self._palette.dim),
            ("┆ drug arrives", self._palette.text) if np.isfinite(found.arrived_s) else ("", self._palette.dim),
        )  # fmt: skip
        air = 0.04 * max(float(np.ptp(minutes)), 1.0)
        span = (float(minutes.min()) - air, float(minutes.max()) + air)
        self._show_range(span, [got.amplitude_um, got.blank_um], 6)

    def _line_at_zero(self) -> None:
        self.item.addItem(pg.InfiniteLine(0.0, angle=0, pen=pg.mkPen(self._palette.dim, width=1)))

    def _points(self, x: Any, y: Any, symbol: str, color: str) -> None:
        there = np.isfinite(y)
        self.item.addItem(
            pg.ScatterPlotItem(x[there], y[there], symbol=symbol, size=7, pen=pg.mkPen(color), brush=pg.mkBrush(color))
        )
