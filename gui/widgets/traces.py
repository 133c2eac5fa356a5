"""The traces: one row per channel on one time axis, with windows from seconds to the whole session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QButtonGroup, QFrame, QPushButton, QScrollBar, QVBoxLayout, QWidget

from acquisition.messages import ChannelView, EngineState
from gui.layout import scrolled
from gui.looks import Looks, ViewChoice
from gui.palette import Palette
from gui.presenters.displays import band_um, filter_text
from gui.presenters.heads import channel_head
from gui.presenters.moments import Moments
from gui.presenters.text import NS_PER_S
from gui.presenters.traces import WINDOWS, TimeView, axis_unit, time_ticks
from gui.store import Key, TraceStore
from gui.theme import font
from gui.widgets.channel_row import AXIS_PX, HEAD_PX, ChannelRow, bare_plot, style_axis
from gui.widgets.filter_box import FilterBox
from gui.widgets.plain import ElidedLabel, button, row, wide_enough

LABELS = 14
EVERY_FRAME_UP_TO_S = 60.0
FRESH_S = 3.0
"""A derived value that lies further than this behind the newest sample, in real time, is not the present one [A]."""
FRAMES_LEFT_OUT = 5
"""In longer windows a pixel is a good part of a second: six drawings a second show all there is to see."""


@dataclass(frozen=True)
class TraceFrame:
    """Everything one drawing needs."""

    state: EngineState
    store: TraceStore
    moments: Moments
    now_s: float
    old: bool


class TraceArea(QFrame):
    """Toolbar, rows, time axis, scroll bar."""

    def __init__(self, palette: Palette, remember: Callable[[ViewChoice], None]) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self._palette, self._remember = palette, remember
        self.view = TimeView()
        self.looks = Looks()
        self.trimmed = False
        self.rows: dict[Key, ChannelRow] = {}
        self._now_s = 0.0
        self._left_out = FRAMES_LEFT_OUT
        self._moving_bar = False
        self.hint = ElidedLabel(tone="dim")
        self._build_toolbar()
        self._build_axis()
        self._rows_scroll, self._rows_layout = scrolled("rows", spacing=3)
        self._beside_axis = QWidget()
        self._beside_axis.setFixedWidth(0)
        self.bar = QScrollBar(Qt.Orientation.Horizontal)
        self.bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.bar.valueChanged.connect(self._scrolled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 6)
        layout.setSpacing(4)
        layout.addLayout(self._toolbar)
        layout.addWidget(self._rows_scroll, 1)
        axis_row = row(spacing=0)
        axis_row.addWidget(self.axis, 1)
        axis_row.addWidget(self._beside_axis)
        layout.addLayout(axis_row)
        layout.addWidget(self.bar)

    def _build_toolbar(self) -> None:
        self.windows = QButtonGroup(self)
        buttons: list[QPushButton] = []
        for place, (name, _length) in enumerate(WINDOWS):
            part = button(name, f"Show {'the whole session' if name == 'All' else name}. Key: {place + 1}")
            part.setCheckable(True)
            self.windows.addButton(part, place)
            buttons.append(part)
        self.windows.idClicked.connect(self.choose_window)
        self.live = button("● Live", "Follow the present. Key: F. Arrow keys look back.")
        self.live.setCheckable(True)
        self.live.clicked.connect(self.toggle_live)
        self.unit = button("Scale: current", "")
        self.unit.setToolTip(
            "<span>Current, or apparent µM: current divided by the sensitivity in the rig file.<br>"
            "No baseline is subtracted, so the background current counts as concentration. Key: U</span>"
        )
        self.unit.clicked.connect(self.toggle_scale)
        self.fit = button(
            "Fit: all",
            "All: the y axis holds everything in view. Trimmed: it leaves out the outermost hundredth at either end, "
            "so that an artefact does not flatten the rest; the trace then says that it was cut off. Key: Y",
        )
        self.fit.clicked.connect(self.toggle_fit)
        wide_enough(self.live, "❙❙ Back")
        wide_enough(self.unit, "Scale: apparent µM")
        wide_enough(self.fit, "Fit: trimmed")
        self._toolbar = row(*buttons, spacing=4)
        self._toolbar.addSpacing(12)
        for part in (self.live, self.unit, self.fit):
            self._toolbar.addWidget(part)
        self._toolbar.addSpacing(12)
        self._toolbar.addWidget(self.hint, 1)

    def _build_axis(self) -> None:
        self.axis = bare_plot(self._palette)
        self.axis.setFixedHeight(44)
        self.axis.setContentsMargins(0, 0, 0, 0)
        self.filter = FilterBox(self.next_filter)
        self.filter.setParent(self.axis)
        self.filter.setGeometry(0, 0, HEAD_PX, self.axis.height())
        item = self.axis.getPlotItem()
        item.getAxis("left").setWidth(HEAD_PX + AXIS_PX)
        item.getAxis("left").setStyle(showValues=False)
        item.getAxis("bottom").setHeight(24)
        item.setYRange(0, 1, padding=0)
        self._labels = [pg.TextItem("", anchor=(0, 0.5)) for _unused in range(LABELS)]
        for label in self._labels:
            label.setFont(font(12))
            item.addItem(label, ignoreBounds=True)

    def restore(self, choice: ViewChoice) -> None:
        """Take up a remembered view."""
        self.view, self.looks.choice = TimeView(choice.window_s), choice

    @property
    def choice(self) -> ViewChoice:
        """Return what was chosen."""
        return self.looks.choice

    def _choose(self, choice: ViewChoice) -> None:
        self.looks.choice = choice
        self._remember(choice)
        self._draw_soon()

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._draw_soon()
        self._palette = palette
        self.axis.setBackground(palette.surface)
        for side in ("left", "bottom"):
            style_axis(self.axis.getPlotItem().getAxis(side), palette)
        self.axis.getPlotItem().getAxis("left").setPen(pg.mkPen(None))
        for label in self._labels:
            label.setColor(palette.text)
        for channel_row in self.rows.values():
            channel_row.set_palette(palette)

    def choose_window(self, place: int) -> None:
        """Show the window at this place of the toolbar."""
        self.view = replace(self.view, window_s=WINDOWS[place][1])
        if self.view.window_s is None:
            self.view = replace(self.view, right_s=None)
        self._choose(replace(self.choice, window_s=self.view.window_s))

    def toggle_live(self) -> None:
        """Stand still, or follow the present again."""
        self.view = self.view.frozen(self._now_s) if self.view.live else replace(self.view, right_s=None)
        self._draw_soon()

    def toggle_scale(self) -> None:
        """Change between current and apparent µM."""
        self._choose(replace(self.choice, scale="apparent" if self.choice.scale == "current" else "current"))

    def next_filter(self) -> None:
        """Draw every trace through the next filter."""
        self._choose(self.looks.with_next_filter())

    def next_look(self, key: Key) -> None:
        """Show one channel in the next way that it has."""
        self._choose(self.looks.with_next_look(key))
        self.rows[key].forget_range()

    def toggle_fit(self) -> None:
        """Fit the y axis to everything in view, or to all but the outermost values."""
        self.trimmed = not self.trimmed
        for channel_row in self.rows.values():
            channel_row.forget_range()
        self._draw_soon()

    def look(self, windows: float) -> None:
        """Look back or ahead by a part of the window."""
        self.view = self.view.moved(windows, self._now_s)
        self._draw_soon()

    def _draw_soon(self) -> None:
        self._left_out = FRAMES_LEFT_OUT

    def show_frame(self, frame: TraceFrame) -> None:
        """Draw everything; in a long window not every time, unless somebody changed the view."""
        self._now_s = frame.now_s
        self.looks.follow(frame.state.channels, frame.store)
        self._end_axis_where_rows_end()
        long = self.view.window_s is None or self.view.window_s > EVERY_FRAME_UP_TO_S
        if long and self._left_out < FRAMES_LEFT_OUT:
            self._left_out += 1
            return
        self._left_out = 0
        self._match_rows(frame.state.channels)
        span = self._steady_span(frame.now_s)
        ticks = time_ticks(*span, most=max(self._plot_px() // 95, 2))
        for channel in frame.state.channels:
            self._draw(channel, frame, span, ticks)
        item = self.axis.getPlotItem()
        item.setXRange(*span, padding=0)
        item.getAxis("bottom").setTicks([ticks])
        self._show_labels(frame.moments.labels, span)
        self._show_toolbar(frame)
        self._show_bar(span, frame.now_s)

    def _steady_span(self, now_s: float) -> tuple[float, float]:
        """Return the span, moved in whole pixels only, so that lines do not shimmer."""
        start, end = self.view.span(now_s)
        pixel = (end - start) / self._plot_px()
        end = np.ceil(end / pixel) * pixel
        return float(end - (self.view.span(now_s)[1] - start)), float(end)

    def _plot_px(self) -> int:
        return max(int(self.axis.width()) - HEAD_PX - AXIS_PX, 200)

    def _draw(
        self, channel: ChannelView, frame: TraceFrame, span: tuple[float, float], ticks: list[tuple[float, str]]
    ) -> None:
        key = (channel.instrument, channel.name)
        shown, looked_at = self.rows[key], self.looks.displays[key]
        pixels = max(shown.plot.width() - AXIS_PX, 200)
        t_s, current_a = frame.store.line(key, *span, pixels)
        finite = np.abs(current_a[np.isfinite(current_a)])
        largest = float(finite.max()) if len(finite) else abs(channel.last_current_a or 0.0)
        unit = axis_unit(channel, self.choice.scale, largest, delta=looked_at.delta)
        cut_off = shown.show_line(t_s, current_a, span, unit, trimmed=self.trimmed)
        in_um = unit.text.endswith("µM") and len(t_s) > 1
        shown.ribbon.show_band(t_s[:-1], band_um(current_a, channel) if in_um else None)
        newest_s = ((channel.last_t_ns or 0) - frame.state.session_started_ns) / NS_PER_S
        fresh_s = newest_s - FRESH_S * max(frame.state.rate, 1.0)
        shown.show_head(
            channel_head(
                channel,
                unit,
                self.choice.scale,
                old=frame.old,
                cut_off=cut_off,
                display=looked_at,
                present=frame.store.present(key, fresh_s),
            )
        )
        shown.show_time_grid(ticks)
        seen = [t for t in frame.moments.marks_s if span[0] <= t <= span[1]]
        shades = [i for i in frame.moments.infusions_s if i[1] >= span[0] and i[0] <= span[1]]
        shown.show_moments(seen, shades)

    def _match_rows(self, channels: Sequence[ChannelView]) -> None:
        wanted = [(channel.instrument, channel.name) for channel in channels]
        if wanted == list(self.rows):
            return
        for old in self.rows.values():
            self._rows_layout.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.rows = {
            key: ChannelRow(self._palette, place, partial(self.next_look, key)) for place, key in enumerate(wanted)
        }
        for new in self.rows.values():
            self._rows_layout.addWidget(new, 1)

    def _end_axis_where_rows_end(self) -> None:
        """Keep the time axis as wide as the plots above it, beside which a scroll bar may stand."""
        viewport = self._rows_scroll.viewport()
        beside = 0 if viewport is None else self._rows_scroll.width() - viewport.width()
        if beside != self._beside_axis.width():
            self._beside_axis.setFixedWidth(beside)

    def _show_labels(self, labels: Sequence[tuple[float, str]], span: tuple[float, float]) -> None:
        inside = [(t, text) for t, text in labels if span[0] <= t <= span[1]][-LABELS:]
        per_px = (span[1] - span[0]) / self._plot_px()
        metrics = self.axis.fontMetrics()
        for place, label in enumerate(self._labels):
            label.setVisible(place < len(inside))
            if place >= len(inside):
                continue
            t, text = inside[place]
            right = inside[place + 1][0] if place + 1 < len(inside) else span[1]
            room = int((right - t) / per_px) - 10
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, min(room, 200)) if room > 24 else ""
            label.setPlainText(shown)
            label.setPos(t, 0.5)

    def _show_toolbar(self, frame: TraceFrame) -> None:
        place = next(k for k, (_name, length) in enumerate(WINDOWS) if length == self.view.window_s)
        chosen = self.windows.button(place)
        if chosen is not None and not chosen.isChecked():
            chosen.setChecked(True)
        self.live.setChecked(self.view.live)
        self.live.setText("● Live" if self.view.live else "❙❙ Back")
        self.unit.setText("Scale: current" if self.choice.scale == "current" else "Scale: apparent µM")
        self.fit.setText("Fit: trimmed" if self.trimmed else "Fit: all")
        hint = "reading the recording so far …" if frame.store.loading and not frame.old else ""
        displays = list(self.looks.displays.values())
        if not hint and self.choice.scale == "apparent" and not all(one.delta for one in displays):
            hint = "apparent: no baseline subtracted"
        self.filter.show_filter(self.choice.filter, filter_text(self.choice.filter, displays))
        self.hint.show_text(hint)

    def _show_bar(self, span: tuple[float, float], now_s: float) -> None:
        self._moving_bar = True
        length = max(round((span[1] - span[0]) * 10), 1)
        self.bar.setPageStep(length)
        self.bar.setSingleStep(max(length // 10, 1))
        self.bar.setRange(0, max(round(now_s * 10) - length, 0))
        self.bar.setValue(round(span[0] * 10))
        self._moving_bar = False

    def _scrolled(self, value: int) -> None:
        if self._moving_bar or self.view.window_s is None:
            return
        right = value / 10 + self.view.window_s
        self.view = replace(self.view, right_s=None if value >= self.bar.maximum() else right)
        self._draw_soon()
