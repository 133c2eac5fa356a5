"""The window of a recording: puts the parts together and lets a worker read, write and compute.

Knows where the parts lie and which presenter feeds which. Speaks to no engine: a running experiment cannot notice it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QSettings, Qt, QTimer
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import QButtonGroup, QMainWindow, QSplitter, QStackedWidget, QWidget

from gui.layout import column
from gui.palette import DARK, EDITIONS, Palette
from gui.presenters.review.head import head
from gui.presenters.review.lines import ChannelLine
from gui.presenters.text import plain
from gui.review.book import AnnotationDesk, BookParts
from gui.review.desk import DeskParts, MeasuringDesk
from gui.review.keys import bind_keys
from gui.review.session import Opened, open_session
from gui.review.work import Worker
from gui.widgets.plain import button, row
from gui.widgets.review.head import HeadBar
from gui.widgets.review.results import ResultsCard, tab
from gui.widgets.review.style import review_sheet
from gui.widgets.review.toolbar import reachable
from gui.widgets.review.traces import ReviewTraces
from gui.widgets.topbar import SimulatedStrip

if TYPE_CHECKING:
    from analysis.remeasure import Measured

POLL_MS = 30
LOOK_AGAIN_MS = 1000
"""So often the book of annotations is looked at: another program may add to it."""
SIDE_PX = 384
RESULTS_PX, RESULTS_PART = 330, 0.42


@dataclass(frozen=True)
class ReviewParts:
    """What is injected."""

    session: Path
    worker: Worker
    book_worker: Worker
    """Reads and writes annotations, which must not wait for a report."""
    settings: QSettings
    wall_ns: Callable[[], int]
    ask_save: Callable[[str], str]
    """Asks where a file is to go, "" for nowhere; its argument is a proposal."""
    open_page: Callable[[str], None]
    """Shows a file on this computer in the browser."""
    author: str
    """Stands in the box for the name; whoever sits there may be somebody else."""


class ReviewWindow(QMainWindow):
    """The whole window. ``tick`` and ``look_again`` are public so that a test can be the timers."""

    def __init__(self, parts: ReviewParts) -> None:
        super().__init__()
        self._parts = parts
        self.opened: Opened | None = None
        self._edition = EDITIONS.get(str(parts.settings.value("edition", "dark")), DARK)
        self._build()
        self._lay_out()
        bind_keys(self)
        self.resize(1600, 1000)
        geometry = parts.settings.value("review-geometry")
        if geometry is not None:
            self.restoreGeometry(geometry)
        self._apply(self._edition)
        self.card.by.setText(parts.author)
        self._timers = [self._timer(POLL_MS, self.tick), self._timer(LOOK_AGAIN_MS, self.look_again)]
        self.traces.glass.setFocus()
        self.read()

    def _timer(self, every_ms: int, action: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.timeout.connect(action)
        timer.start(every_ms)
        return timer

    def _build(self) -> None:
        self.strip = SimulatedStrip(self._edition)
        self.head = HeadBar()
        parts = self._parts
        self.traces = ReviewTraces(self._edition, self._chosen)
        self.desk = MeasuringDesk(
            DeskParts(parts.session, parts.worker, parts.ask_save, parts.open_page, self._show_found)
        )
        book = BookParts(parts.session, parts.book_worker, parts.wall_ns, self.desk.blanks_changed)
        self.book = AnnotationDesk(book, self._edition, self.traces)
        self.card = self.book.card
        self.results = ResultsCard(self._edition, self._show_response)
        self.results.hide()
        self.again = reachable(button("Read again", "Reads the recording anew. Key: F5"), "read the recording again")
        self.again.clicked.connect(self.read)
        self.edition = reachable(button("Light", "Dark or light. Key: T"), "dark or light")
        self.edition.clicked.connect(self.toggle_edition)

    def _lay_out(self) -> None:
        side = QWidget()
        side.setFixedWidth(SIDE_PX)
        self.cards = QStackedWidget()
        self.tabs = QButtonGroup(self)
        tabs = row(spacing=2)
        for place, (name, card) in enumerate((("Annotate", self.card), ("Measure", self.desk.card))):
            self.cards.addWidget(card)
            part = tab(name)
            part.clicked.connect(partial(self.show_card, place))
            self.tabs.addButton(part, place)
            tabs.addWidget(part)
        tabs.addStretch(1)
        self.show_card(0)
        side.setLayout(column(tabs, self.cards, row(1, self.again, self.edition), stretched=self.cards))
        self.left = QSplitter(Qt.Orientation.Vertical)
        self.left.setChildrenCollapsible(False)
        self.left.addWidget(self.traces)
        self.left.addWidget(self.results)
        self.left.setStretchFactor(0, 1)
        middle = row()
        middle.addWidget(self.left, 1)
        middle.addWidget(side)
        body = QWidget()
        body.setObjectName("body")
        inside = column(self.head)
        inside.setContentsMargins(10, 10, 10, 10)
        inside.addLayout(middle, 1)
        body.setLayout(inside)
        outer = QWidget()
        outer.setLayout(column(self.strip, body, stretched=body, spacing=0))
        self.setCentralWidget(outer)

    # -- recording ------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Read the recording, or read it again."""
        self.head.show_reading(str(self._parts.session))
        self._parts.worker.submit(partial(open_session, self._parts.session), self._show, self._not_read)

    def _not_read(self, why: str) -> None:
        self.head.show_problem(f"The recording cannot be read: {plain(why)}")

    def _show(self, opened: Opened) -> None:
        self.opened = opened
        shown = head(opened.recording, opened.lines.end_s)
        self.head.show_head(shown)
        self.strip.show_text(shown.not_measured)
        self.setWindowTitle(shown.window)
        self.card.show_channels(list(opened.recording.channels))
        self.traces.show_lines(opened.lines, opened.tracks)
        self.desk.take(opened.recording, opened.lines)
        self.look_again()

    def tick(self) -> None:
        """Take what the worker has done."""
        self._parts.worker.poll()
        self._parts.book_worker.poll()

    def look_again(self) -> None:
        """Look whether somebody added an annotation, here or elsewhere."""
        if self.opened is not None:
            self.book.look_again()

    def _chosen(self, chosen: tuple[float, float] | None) -> None:
        self.card.show_chosen(chosen)

    # -- cards and results ----------------------------------------------------------------------------------------

    def show_card(self, place: int, _checked: bool = True) -> None:
        """Show the card for annotations, or for measuring."""
        self.cards.setCurrentIndex(place)
        part = self.tabs.button(place)
        if part is not None:
            part.setChecked(True)

    def annotate(self) -> None:
        """Begin to write an annotation."""
        self.show_card(0)
        self.card.text.setFocus()

    def _show_found(self, found: Measured, line: ChannelLine) -> None:
        self.traces.show_measured(line)
        if not self.results.isVisible():
            self.results.show()
            results_px = min(RESULTS_PX, round(RESULTS_PART * self.left.height()))
            self.left.setSizes([self.left.height() - results_px, results_px])
        self.results.show_found(found)

    def _show_response(self, place: int) -> None:
        """Look at one response: its search window chosen, its baseline and its end in view."""
        found = self.results.found
        if found is None:
            return
        onset_s, window = float(found.responses.onset_s[place]), found.measuring.window
        self.traces.choose((onset_s + window.search_s[0], onset_s + window.search_s[1]))
        length_s = window.until_s - window.baseline_s[0]
        view = self.traces.view
        self.traces.look(view.at(onset_s + window.baseline_s[0] - length_s, onset_s + window.until_s + length_s))

    # -- window ---------------------------------------------------------------------------------------------------

    def let_go(self) -> None:
        """Choose nothing, leave the boxes."""
        self.traces.choose(None)
        focus = self.focusWidget()
        if focus is not None:
            focus.clearFocus()

    def toggle_edition(self) -> None:
        """Change between dark and light."""
        self._edition = EDITIONS["light" if self._edition.name == "dark" else "dark"]
        self._parts.settings.setValue("edition", self._edition.name)
        self._apply(self._edition)

    def _apply(self, palette: Palette) -> None:
        self.setStyleSheet(review_sheet(palette))
        self.edition.setText("Light" if palette.name == "dark" else "Dark")
        self.strip.set_palette(palette)
        self.traces.set_palette(palette)
        self.card.set_palette(palette)
        self.results.set_palette(palette)

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        for timer in self._timers:
            timer.stop()
        self._parts.book_worker.close()
        self._parts.worker.close()
        self._parts.settings.setValue("review-geometry", self.saveGeometry())
        super().closeEvent(a0)
