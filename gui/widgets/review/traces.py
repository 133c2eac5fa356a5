"""All lines of a recording on one axis of time, what happened below them, and the glass over both."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QPoint, QTimer
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QFrame, QVBoxLayout, QWidget

from acquisition.signal.filters import FILTERS, NONE, FilterSpec
from gui.layout import scrolled
from gui.palette import Palette
from gui.presenters.review.lines import ChannelLine, Lines
from gui.presenters.review.shown import channel_texts, flag_bars, pump_texts
from gui.presenters.review.tracks import AddedBar, Moment, Tracks, next_moment
from gui.presenters.review.view import ReviewView, fine_ticks, settled, whole_view
from gui.presenters.traces import AxisUnit, Scale, axis_unit, fitted, value_range
from gui.widgets.channel_row import bare_plot, style_axis
from gui.widgets.plain import row
from gui.widgets.review.overlay import Hand, Overlay
from gui.widgets.review.overview import Overview
from gui.widgets.review.rows import ReviewChannel, ReviewPump
from gui.widgets.review.toolbar import ReviewToolbar, ToolbarActions
from gui.widgets.review.track import BESIDE_PX, EventTrack, Shown

TICK_EVERY_PX = 95
LEAST_BAR_PX = 3
NO_TRACKS = Tracks((), ())


class ReviewTraces(QFrame):
    """Toolbar, rows, axis, tracks, overview. ``on_choose`` is told what stretch the hand chose."""

    def __init__(self, palette: Palette, on_choose: Callable[[tuple[float, float] | None], None]) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self._palette, self._on_choose = palette, on_choose
        self.view = whole_view(1.0)
        self.scale: Scale = "current"
        self.trimmed = True
        self.filter: FilterSpec = NONE
        self.chosen: tuple[float, float] | None = None
        self.tracks: Tracks = NO_TRACKS
        self.added: tuple[AddedBar, ...] = ()
        self.channels: list[ReviewChannel] = []
        self.measured: ReviewChannel | None = None
        self.pumps: list[ReviewPump] = []
        self._units: dict[str, tuple[AxisUnit, bool]] = {}
        self._pointer_s: float | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.draw)
        self.toolbar = ReviewToolbar(
            ToolbarActions(self.show_window, self.toggle_scale, self.toggle_fit, self.choose_filter, self.step_to)
        )
        self._build(palette)

    def _build(self, palette: Palette) -> None:
        self._scroll, self._rows_layout = scrolled("rows", spacing=3)
        self._scroll.setViewportMargins(0, 0, 0, 0)
        self.axis = bare_plot(palette)
        self.axis.setFixedHeight(26)
        item = self.axis.getPlotItem()
        item.getAxis("left").setWidth(BESIDE_PX)
        item.getAxis("left").setStyle(showValues=False)
        item.getAxis("bottom").setHeight(24)
        item.setYRange(0, 1, padding=0)
        self.track = EventTrack(palette)
        self.overview = Overview(palette, self.look)
        self._beside = [QWidget() for _unused in range(3)]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 8)
        layout.setSpacing(4)
        layout.addLayout(self.toolbar)
        layout.addWidget(self._scroll, 1)
        for part, beside in zip((self.axis, self.track, self.overview), self._beside, strict=True):
            beside.setFixedWidth(0)
            line = row(spacing=0)
            line.addWidget(part, 1)
            line.addWidget(beside)
            layout.addLayout(line)
        self.glass = Overlay(palette, Hand(self.look, self.choose, self.point, self._told))
        self.glass.setParent(self)

    def show_lines(self, shown: Lines, tracks: Tracks) -> None:
        """Show another recording, or the same one read again: then the view stays."""
        again = self.view.end_s > 1.0 and bool(self.channels)
        for old in (*self.channels, *self.pumps):
            self._rows_layout.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.measured = None
        self.channels = [ReviewChannel(self._palette, place, one) for place, one in enumerate(shown.channels)]
        self.pumps = [ReviewPump(self._palette, place, one) for place, one in enumerate(shown.pumps)]
        for channel in self.channels:
            self._rows_layout.addWidget(channel, 3)
        for pump in self.pumps:
            self._rows_layout.addWidget(pump, 2)
        self.tracks = tracks
        whole = whole_view(shown.end_s)
        self.view = whole.at(self.view.left_s, self.view.right_s) if again else whole
        self.overview.show_recording(self._main_channel(), tracks)
        self.draw_soon()

    def _main_channel(self) -> ChannelLine | None:
        every = [one.channel for one in self.channels]
        return next((one for one in every if one.role == "glutamate"), every[0] if every else None)

    def show_measured(self, measured: ChannelLine | None) -> None:
        """Show what was measured on as a line above all others, or take it away."""
        if self.measured is not None:
            self._rows_layout.removeWidget(self.measured)
            self.channels.remove(self.measured)
            self.measured.hide()
            self.measured.deleteLater()
            self.measured = None
        if measured is not None:
            self.measured = ReviewChannel(self._palette, len(self.channels), measured)
            self._rows_layout.insertWidget(0, self.measured, 3)
            self.channels.insert(0, self.measured)
        self.draw_soon()

    def show_added(self, added: tuple[AddedBar, ...]) -> None:
        """Show these annotations."""
        self.added = added
        self.draw_soon()

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._palette = palette
        self.axis.setBackground(palette.surface)
        for side in ("left", "bottom"):
            style_axis(self.axis.getPlotItem().getAxis(side), palette)
        self.axis.getPlotItem().getAxis("left").setPen(pg.mkPen(None))
        for line in (*self.channels, *self.pumps):
            line.set_palette(palette)
        for part in (self.track, self.overview, self.glass):
            part.set_palette(palette)
        self.draw_soon()

    # -- hand -----------------------------------------------------------------------------------------------------

    def look(self, view: ReviewView) -> None:
        """Show this stretch."""
        self.view = view
        self.draw_soon()

    def show_window(self, window_s: float | None) -> None:
        """Show so much around the middle, or around what is chosen; None is everything."""
        if window_s is None:
            self.look(self.view.whole())
            return
        middle_s = sum(self.chosen) / 2 if self.chosen else (self.view.left_s + self.view.right_s) / 2
        self.look(self.view.at(middle_s - window_s / 2, middle_s + window_s / 2))

    def choose(self, chosen: tuple[float, float] | None) -> None:
        """Take a moment or a stretch as chosen."""
        self.chosen = self.glass.chosen = chosen
        self.glass.update()
        self._on_choose(chosen)

    def zoom_to_chosen(self) -> None:
        """Show what is chosen and a little around it."""
        if self.chosen is not None and self.chosen[1] > self.chosen[0]:
            air_s = 0.1 * (self.chosen[1] - self.chosen[0])
            self.look(self.view.at(self.chosen[0] - air_s, self.chosen[1] + air_s))

    def step_to(self, *, back: bool) -> None:
        """Look at the next event, or the one before; the chosen moment moves along."""
        stands: tuple[Moment, ...] = self.tracks.moments
        at_s = self.chosen[0] if self.chosen is not None else (self.view.right_s if back else self.view.left_s)
        found = next_moment(stands, at_s, back=back)
        if found is not None:
            self.choose((found.t_s, found.t_s))
            self.look(self.view.showing(found.t_s))

    def toggle_scale(self) -> None:
        """Change between current and apparent µM."""
        self.scale = "apparent" if self.scale == "current" else "current"
        self.draw_soon()

    def toggle_fit(self) -> None:
        """Fit the y axes to everything in view, or to all but the outermost values."""
        self.trimmed = not self.trimmed
        self.draw_soon()

    def choose_filter(self, place: int) -> None:
        """Draw what this filter makes of the samples over them."""
        self.filter = list(FILTERS.values())[place]
        self.draw_soon()

    def point(self, at_s: float | None) -> None:
        """Tell in every row what stands at this moment."""
        self._pointer_s = at_s
        for channel in self.channels:
            self._show_texts(channel)
        for pump in self.pumps:
            pump.show_texts(pump_texts(pump.pump, at_s))

    def _told(self, at: QPoint) -> str:
        place = self.track.mapFrom(self, self.glass.mapToParent(at))
        return self.track.told_at(place.x(), place.y()) if place.y() >= 0 else ""

    # -- draw -----------------------------------------------------------------------------------------------------

    def draw_soon(self) -> None:
        """Draw once, however often the view changes before the next turn."""
        if not self._soon.isActive():
            self._soon.start(0)

    def draw(self) -> None:
        """Draw everything for the view as it is."""
        self._lay_glass()
        left_s, right_s = self.view.left_s, self.view.right_s
        pixels = max(self.axis.width() - BESIDE_PX, 200)
        ticks = fine_ticks(left_s, right_s, max(pixels // TICK_EVERY_PX, 2))
        for channel in self.channels:
            channel.show_span(left_s, right_s, ticks)
            self._draw_channel(channel)
        for pump in self.pumps:
            pump.show_span(left_s, right_s, ticks)
            pump.show_lines(left_s, right_s)
        item = self.axis.getPlotItem()
        item.setXRange(left_s, right_s, padding=0)
        item.getAxis("bottom").setTicks([ticks])
        self.point(self._pointer_s)
        self.track.show_all(Shown(self.view, self.tracks, self.added))
        self.overview.show_view(self.view)
        self.toolbar.show_state(self.view, self.scale, self.filter, trimmed=self.trimmed)

    def _draw_channel(self, shown: ReviewChannel) -> None:
        left_s, right_s, pixels = self.view.left_s, self.view.right_s, shown.plot_px()
        channel = shown.channel
        raw = channel.line.line(left_s, right_s, pixels)
        over = channel.smoothed(self.filter)
        smooth = None if over is None else over.line(left_s, right_s, pixels)
        fitted_to = settled(*raw, self.view) if self.trimmed else raw[1]
        finite = np.abs(fitted_to[np.isfinite(fitted_to)])
        unit = channel.fixed or axis_unit(channel, self.scale, float(finite.max()) if len(finite) else 0.0)
        low, high, cut_off = fitted(fitted_to * unit.per_a, trimmed=self.trimmed)
        shown.show_range(*value_range(low, high, unit.least_span))
        shown.show_line(raw, smooth, unit)
        cut_off = cut_off or len(fitted_to) < len(raw[1])
        shown.show_flagged(flag_bars(channel.flagged, left_s, right_s, LEAST_BAR_PX * self.view.width_s / pixels))
        self._units[channel.name] = (unit, cut_off)

    def _show_texts(self, shown: ReviewChannel) -> None:
        if shown.channel.name in self._units:
            unit, cut_off = self._units[shown.channel.name]
            fault = self.filter.fault(shown.channel.interval_s)
            shown.show_texts(channel_texts(shown.channel, unit, self._pointer_s, cut_off=cut_off, fault=fault))

    def _lay_glass(self) -> None:
        """Put the glass over the plots and the tracks, and everything below as wide as the rows."""
        viewport = self._scroll.viewport()
        beside_px = 0 if viewport is None else self._scroll.width() - viewport.width()
        for beside in self._beside:
            beside.setFixedWidth(beside_px)
        top = self._scroll.y()
        bottom = self.track.mapTo(self, QPoint(0, self.track.height())).y()
        self.glass.setGeometry(
            self._scroll.x() + BESIDE_PX, top, max(self._scroll.width() - beside_px - BESIDE_PX, 1), bottom - top
        )
        self.glass.raise_()
        bands = {one.channel.name: one for one in self.channels}
        self.glass.bands = {name: self._band(part, top) for name, part in bands.items()}
        self.glass.bands[""] = (0.0, float(self._scroll.height()))
        self.glass.view, self.glass.added = self.view, self.added
        self.glass.infusions_s = self.tracks.infusions_s
        self.glass.marks_s = tuple(one.t_s for one in self.tracks.moments if one.kind in ("mark", "note"))
        self.glass.update()

    def _band(self, part: QWidget, top: int) -> tuple[float, float]:
        first = part.mapTo(self, QPoint(0, 0)).y() - top
        return float(max(first, 0)), float(min(first + part.height(), self._scroll.height()))

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        super().resizeEvent(a0)
        self.draw_soon()
