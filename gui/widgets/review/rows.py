"""One channel, or one pump, of a recording: what it is at the left, its line at the right."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from acquisition.signal.pyramid import Floats
from gui.palette import Palette
from gui.presenters.review.lines import ChannelLine, PumpLine
from gui.presenters.review.shown import ChannelTexts, PumpTexts
from gui.presenters.traces import AxisUnit, value_ticks
from gui.widgets.channel_row import AXIS_PX, HEAD_PX, bare_plot, style_axis
from gui.widgets.plain import ElidedLabel, PlainLabel, row

LEAST_PX = 58
ROLE_FROM_PX, LEGEND_FROM_PX = 76, 92
"""Lower rows leave out what is not needed at a glance; the tooltip has it."""
TICK_PX = 18
FLAG_AT = 0.97
"""Height of the bar over flagged samples, of the plot's own."""
FADED = 90


class LineRow(QWidget):
    """Head and plot."""

    def __init__(self, palette: Palette, name: str) -> None:
        super().__init__()
        self.palette_, self.range = palette, (0.0, 1.0)
        self.setAccessibleName(name)
        self.setMinimumHeight(LEAST_PX)
        self.plot = bare_plot(palette)
        self.item = self.plot.getPlotItem()
        self.item.getAxis("bottom").setHeight(0)
        self.item.getAxis("bottom").setStyle(showValues=False)
        self.item.getAxis("left").setWidth(AXIS_PX)
        self.item.showGrid(x=True, y=True, alpha=0.5)
        self.name = ElidedLabel(pixels=15, weight=700)
        self.what = ElidedLabel(pixels=12, tone="dim")
        self.value = PlainLabel(pixels=18, weight=600)
        self.unit = PlainLabel(pixels=12, tone="dim")
        self.remark = ElidedLabel(pixels=12)
        self.legend = ElidedLabel(pixels=11, tone="dim")
        self.legend.hide()
        head = QWidget()
        head.setFixedWidth(HEAD_PX)
        head.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        texts = QVBoxLayout(head)
        texts.setContentsMargins(0, 0, 8, 0)
        texts.setSpacing(0)
        texts.addWidget(self.name)
        texts.addWidget(self.what)
        number = row(self.value, spacing=4)
        number.addWidget(self.unit, 0, Qt.AlignmentFlag.AlignBottom)
        number.addStretch(1)
        texts.addLayout(number)
        texts.addWidget(self.remark)
        texts.addWidget(self.legend)
        texts.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(head)
        layout.addWidget(self.plot, 1)

    def show_value(self, value: str, unit: str) -> None:
        """Show what stands under the pointer; without one only the unit."""
        self.value.show_text(value)
        self.value.setVisible(bool(value))
        self.unit.show_text(unit)

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        super().resizeEvent(a0)
        self.what.setVisible(self.height() >= ROLE_FROM_PX)
        self.legend.setVisible(self.height() >= LEGEND_FROM_PX and bool(self.legend.text()))

    def plot_px(self) -> int:
        """Return the width of the line's own place."""
        return max(int(self.plot.width()) - AXIS_PX, 200)

    def show_span(self, left_s: float, right_s: float, ticks: list[tuple[float, str]]) -> None:
        """Show this stretch, and grid lines where the time axis has its labels."""
        self.item.setXRange(left_s, right_s, padding=0)
        self.item.getAxis("bottom").setTicks([[(at, "") for at, _label in ticks]])

    def show_range(self, low: float, high: float) -> None:
        """Show this range of values."""
        self.range = (low, high)
        self.item.setYRange(low, high, padding=0)
        most = min(max(int(self.plot.height()) // TICK_PX, 1), 7)
        self.item.getAxis("left").setTicks([value_ticks(low, high, most=most)])

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self.palette_ = palette
        self.plot.setBackground(palette.surface)
        for side in ("left", "bottom"):
            style_axis(self.item.getAxis(side), palette)
        for label in (self.name, self.value):
            label.setStyleSheet(f"color: {self.color};")

    @property
    def color(self) -> str:
        """Return the colour of this row."""
        raise NotImplementedError


class ReviewChannel(LineRow):
    """One electrode: every sample, and over it, when wanted, a smoother line for the eye."""

    def __init__(self, palette: Palette, place: int, channel: ChannelLine) -> None:
        self.channel, self._place = channel, place
        super().__init__(palette, f"channel {channel.name}")
        self.curve = pg.PlotDataItem(connect="finite", skipFiniteCheck=False)
        self.smooth = pg.PlotDataItem(connect="finite", skipFiniteCheck=False)
        self.flagged = {tone: pg.PlotDataItem(connect="pairs") for tone in ("warn", "alarm", "dim")}
        for part in (self.curve, self.smooth, *self.flagged.values()):
            self.item.addItem(part, ignoreBounds=True)
        self.set_palette(palette)

    @property
    def color(self) -> str:
        return self.palette_.traces[self._place % len(self.palette_.traces)]

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        self.smooth.setPen(pg.mkPen(self.color, width=1))
        for tone, item in self.flagged.items():
            item.setPen(pg.mkPen({"warn": palette.warn, "alarm": palette.alarm, "dim": palette.dim}[tone], width=4))
        self._ink_curve(faded=False)

    def _ink_curve(self, *, faded: bool) -> None:
        ink = QColor(self.color)
        ink.setAlpha(FADED if faded else 255)
        self.curve.setPen(pg.mkPen(ink, width=1))

    def show_texts(self, texts: ChannelTexts) -> None:
        """Show what stands at the left."""
        self.name.show_text(texts.name)
        self.what.show_text(texts.role)
        self.show_value(texts.value, texts.unit)
        self.remark.show_text(texts.remark, texts.tone)

    def show_line(self, raw: tuple[Floats, Floats], smooth: tuple[Floats, Floats] | None, unit: AxisUnit) -> None:
        """Draw lines, amperes in."""
        self.curve.setData(raw[0], raw[1] * unit.per_a)
        self._ink_curve(faded=smooth is not None)
        none = (np.empty(0), np.empty(0))
        self.smooth.setData(*(none if smooth is None else (smooth[0], smooth[1] * unit.per_a)))

    def show_flagged(self, bars: dict[str, list[float]]) -> None:
        """Draw bars over flagged samples: by tone, times in pairs."""
        low, high = self.range
        at = low + FLAG_AT * (high - low)
        for tone, item in self.flagged.items():
            t_s = np.asarray(bars.get(tone, []), np.float64)
            item.setData(t_s, np.full(len(t_s), at))


class ReviewPump(LineRow):
    """One pump: what it was told, what it confirmed, what is estimated at the animal."""

    def __init__(self, palette: Palette, place: int, pump: PumpLine) -> None:
        self.pump, self._place = pump, place
        super().__init__(palette, f"pump {pump.name}")
        self.confirmed = pg.PlotDataItem(connect="finite", fillLevel=0.0)
        self.commanded = pg.PlotDataItem(connect="finite")
        self.at_animal = pg.PlotDataItem(connect="finite")
        self.legend.show_text("━ arrives  ┄ told  ▇ confirmed")
        for part in (self.confirmed, self.commanded, self.at_animal):
            self.item.addItem(part, ignoreBounds=True)
        self.set_palette(palette)

    @property
    def color(self) -> str:
        return self.palette_.pumps[self._place % len(self.palette_.pumps)]

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        fill = QColor(self.color)
        fill.setAlpha(70)
        self.confirmed.setPen(pg.mkPen(None))
        self.confirmed.setBrush(fill)
        self.commanded.setPen(pg.mkPen(palette.text, width=1, style=Qt.PenStyle.DashLine))
        self.at_animal.setPen(pg.mkPen(self.color, width=2))

    def show_texts(self, texts: PumpTexts) -> None:
        """Show what stands at the left."""
        self.name.show_text(texts.name)
        self.what.show_text(texts.solution)
        self.show_value(texts.rate, texts.unit)
        self.remark.show_text(texts.given, "dim")

    def show_lines(self, left_s: float, right_s: float) -> None:
        """Draw the three rates."""
        pixels = self.plot_px()
        for item, line in (
            (self.confirmed, self.pump.confirmed),
            (self.commanded, self.pump.commanded),
            (self.at_animal, self.pump.at_animal),
        ):
            item.setData(*line.line(left_s, right_s, pixels))
        self.show_range(0.0, 1.25 * max(self.pump.most_ul_per_min, 1e-3))
