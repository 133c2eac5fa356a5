"""The window: puts the parts together and lets one 30 Hz timer carry the engine's reports to them.

Knows keys and which presenter feeds which part. Decides nothing about the experiment, and closing it tells the
engine nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QSettings, Qt, QTimer
from PyQt6.QtGui import QCloseEvent, QKeySequence, QResizeEvent, QShortcut
from PyQt6.QtWidgets import QMainWindow

from acquisition.messages import Answer, EngineState
from gui.commands import Operator
from gui.feed import Feed
from gui.history import ReadHistory
from gui.layout import CARD_GAP_PX, LEAST_TRACES_PX, LOG_PX, SHORT_BELOW_PX, SHORT_LOG_PX, cards, column, whole
from gui.link import EngineLink
from gui.mirror import EngineMirror
from gui.palette import DARK, EDITIONS, Palette, greyed, style_sheet
from gui.presenters.alarms import alarm_rows
from gui.presenters.controls import controls
from gui.presenters.header import header, is_old, lost_banner, title
from gui.presenters.moments import moments
from gui.presenters.preflight import preflight_card
from gui.presenters.pumps import pump_card
from gui.presenters.rehearsal import rehearsal_card
from gui.presenters.sound import (
    Hearing,
    OwnPause,
    SoundDesk,
    engine_lost_alarm,
    is_lit,
    pause_left_s,
)
from gui.presenters.stop import stop_status
from gui.presenters.traces import WINDOWS
from gui.presenters.unfinished import LookForUnfinished
from gui.rehearser import Rehearser
from gui.sound import Player
from gui.theme import set_lit
from gui.view_settings import remember, remembered
from gui.widgets.alarms import AlarmList, AlarmTest
from gui.widgets.controls import ControlActions, ControlPanel
from gui.widgets.log import EventLog
from gui.widgets.notes import NoteBox
from gui.widgets.plain import button, row
from gui.widgets.preflight import PreflightActions, PreflightPanel
from gui.widgets.pumps import PumpWidget
from gui.widgets.rehearsal import RehearsalActions, RehearsalPart
from gui.widgets.stop import StopPanel
from gui.widgets.timeline import TimelinePanel
from gui.widgets.topbar import LostBanner, SimulatedStrip, TopBar
from gui.widgets.traces import TraceArea, TraceFrame
from gui.widgets.unfinished import UnfinishedPart

FRAME_MS = 33
SOUND_CHECK_NS = 1_000_000_000


@dataclass(frozen=True)
class WindowParts:
    """What is injected. ``ticks_ns`` is any monotonic clock, ``time_of_day(s)`` says hh:mm:ss of
    this computer, ``s`` seconds ago.
    """

    link: EngineLink
    read_history: ReadHistory
    settings: QSettings
    ticks_ns: Callable[[], int]
    time_of_day: Callable[[float], str]
    player: Player
    rehearser: Rehearser
    open_page: Callable[[str], None]
    """Shows a file on this computer in the browser."""
    copy_text: Callable[[str], None]
    """Puts a text on the clipboard."""
    open_review: Callable[[str], str]
    """Opens recordings in a window and a process of their own; this folder, or one in it. Returns why it could not."""
    unfinished: LookForUnfinished = tuple


class MainWindow(QMainWindow):
    """The whole window. ``tick`` is public so that a test can be the timer."""

    def __init__(self, parts: WindowParts) -> None:
        super().__init__()
        self._parts = parts
        self.mirror = EngineMirror(parts.ticks_ns)
        self.feed = Feed(parts.link, parts.read_history, self.mirror)
        self.operator = Operator(
            parts.link, self.feed.questions, parts.ticks_ns, self._show_answer, lambda: self.mirror.state
        )
        self._sound = SoundDesk()
        self._own_pause = OwnPause()
        self._sound_told: tuple[int, str] | None = None
        self._sound_checked_ns: int | None = None
        self._lost_since = ""
        self._greyed = False
        self._edition = EDITIONS.get(str(parts.settings.value("edition", "dark")), DARK)
        self._build()
        self._lay_out()
        self._bind_keys()
        self._restore()
        self._apply(self._edition)
        self.test_alarms()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start(FRAME_MS)

    def _build(self) -> None:
        palette, operator = self._edition, self.operator
        self.strip = SimulatedStrip(palette)
        self.topbar = TopBar()
        self.lost = LostBanner()
        self.unfinished = UnfinishedPart(self._parts.unfinished, self._parts.copy_text)
        self.alarms = AlarmList(operator.acknowledge, self.toggle_pause)
        self.alarm_test = AlarmTest()
        self.traces = TraceArea(palette, partial(remember, self._parts.settings))
        self.timeline = TimelinePanel(palette)
        self.log = EventLog(palette, lambda: self.mirror.events)
        self.note = NoteBox(self.mirror.engine_now_ns, operator.note)
        self.pumps: dict[str, PumpWidget] = {}
        self.stop = StopPanel(self.press_stop)
        self.rehearsal = RehearsalPart(
            RehearsalActions(self.rehearse, self._parts.rehearser.cancel, self._parts.open_page)
        )
        self.controls = ControlPanel(
            ControlActions(
                operator.start, operator.go_on, partial(operator.go_on, skip=True), operator.mark, operator.finish
            ),
            self.rehearsal,
        )
        self.preflight = PreflightPanel(
            PreflightActions(operator.run_checks, operator.accept, operator.move_into_waste, operator.read_scale)
        )
        self.edition = button("Light", "Dark or light. Key: T")
        self.edition.clicked.connect(self.toggle_edition)
        self.test = button("Test alarms", "Shows the three signs of alarms and sounds their three calls.")
        self.test.clicked.connect(self.test_alarms)
        self.recordings = button(
            "Recordings …", "Opens a recording in a window of its own. It is a program of its own: this one goes on."
        )
        self.recordings.clicked.connect(self.open_review)

    def _lay_out(self) -> None:
        self.log.setMaximumHeight(LOG_PX)
        # On a small screen full of alarms these two give way; STOP, pumps and alarms do not.
        self.log.setMinimumHeight(1)
        self.traces.setMinimumHeight(LEAST_TRACES_PX)
        self._card_scroll, self._cards = cards()
        left = column(
            self.preflight,
            self.traces,
            self.timeline,
            self.log,
            row(self.note, self.alarm_test, self.recordings, self.test, self.edition),
            stretched=self.traces,
        )
        right = column(self._card_scroll, self.controls, self.stop, stretched=self._card_scroll)
        self.setCentralWidget(whole(self.strip, (self.topbar, self.lost, self.unfinished, self.alarms), left, right))

    def _bind_keys(self) -> None:
        keys: dict[str, Callable[[], object]] = {
            "F": self.traces.toggle_live,
            "U": self.traces.toggle_scale,
            "Y": self.traces.toggle_fit,
            "L": self.traces.next_filter,
            "M": self.operator.mark,
            "N": self.note.setFocus,
            "S": self.toggle_pause,
            "T": self.toggle_edition,
            "Escape": self.note.drop,
            "Left": partial(self.traces.look, -0.5),
            "Right": partial(self.traces.look, 0.5),
        }
        for place in range(len(WINDOWS)):
            keys[str(place + 1)] = partial(self.traces.choose_window, place)
        for key, action in keys.items():
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setAutoRepeat(key in {"Left", "Right"})
            shortcut.activated.connect(action)

    def tick(self) -> None:
        """Take what has come, show it, and give credit for the samples that are now on the screen."""
        self.feed.take()
        state, silent_s, now_ns = self.mirror.state, self.mirror.silent_s(), self.mirror.engine_now_ns()
        old = is_old(silent_s, connected=self.mirror.connected)
        self._show_age(state, silent_s, old=old)
        head = header(state, now_ns, silent_s, connected=self.mirror.connected)
        self.topbar.show_header(head)
        self.strip.show_text(head.simulated)
        self.alarms.show_rows(alarm_rows(state))
        self._show_alarm_signals(state, old=old)
        self.controls.show_controls(controls(state, old=old))
        self._show_rehearsal(state, old=old)
        self.preflight.show_card(preflight_card(state, old=old), self.height())
        self._show_stop()
        if self._parts.link.trouble:
            self.controls.show_answer(self._parts.link.trouble, ok=False)
        self._show_events(state)
        if state is not None:
            self._show_pumps(state, silent_s, old=old)
            self.timeline.show_state(state, now_ns)
            lines = moments(state, self.mirror.events, now_ns)
            self.traces.show_frame(TraceFrame(state, self.feed.store, lines, self.mirror.session_s(), old))
        self.feed.give_credit()
        self.operator.attend()

    def press_stop(self) -> None:
        """Send STOP, and show at once that it was sent."""
        self.operator.stop()
        self._show_stop()

    def rehearse(self) -> None:
        """Rehearse what the session was loaded with, in a process of its own."""
        if self.mirror.state is not None:
            self._parts.rehearser.start(self.mirror.state.session_dir)

    def _show_rehearsal(self, state: EngineState | None, *, old: bool) -> None:
        """Show how the rehearsal stands; once a plan runs, the computer is the experiment's alone."""
        rehearser = self._parts.rehearser
        if state is not None and state.phase not in ("connecting", "ready"):
            rehearser.cancel()
        self.rehearsal.show_card(rehearsal_card(state, rehearser.run, old=old))

    def _show_alarm_signals(self, state: EngineState | None, *, old: bool) -> None:
        """Flash, sound, and count the pause down (R47, R48)."""
        ticks_ns = self._parts.ticks_ns()
        lost = engine_lost_alarm(state, old=old)
        engine_left_s = 0.0 if old else pause_left_s(state, self.mirror.engine_now_ns())
        left_s = max(engine_left_s, self._own_pause.left_s(ticks_ns, engine_gone=old))
        alarms = () if state is None or (old and not lost) else state.alarms
        call = self._sound.step(Hearing(alarms, lost, paused=left_s > 0), ticks_ns)
        if call is not None:
            self._parts.player.play(call)
        self.alarm_test.setVisible(self._sound.testing(ticks_ns))
        self.alarms.flash(ticks_ns)
        self.unfinished.flash(ticks_ns)
        set_lit(self.lost, lit=lost and is_lit("high", ticks_ns, seen=False))
        self.alarms.show_pause(left_s, offered=lost or any(not alarm.acknowledged for alarm in alarms))
        self._report_sound(ticks_ns)

    def _report_sound(self, ticks_ns: int) -> None:
        """Tell the engine, on every new line and once a second if it has changed, whether alarms can be heard here."""
        if not self.mirror.connected:
            return
        if self._sound_checked_ns is None or ticks_ns - self._sound_checked_ns >= SOUND_CHECK_NS:
            self._sound_checked_ns = ticks_ns
            told = (self._parts.link.connections, self._parts.player.trouble)
            if told != self._sound_told:
                self._sound_told = told
                self.operator.report_sound(told[1])

    def toggle_pause(self) -> None:
        """Pause the sound of alarms for two minutes, or end the pause."""
        state = self.mirror.state
        if is_old(self.mirror.silent_s(), connected=self.mirror.connected):
            self._own_pause.toggle(self._parts.ticks_ns())
        else:
            self.operator.pause_sound(end=pause_left_s(state, self.mirror.engine_now_ns()) > 0)

    def open_review(self) -> None:
        """Let a person choose a recording, in a program of its own, beside the session that runs."""
        state = self.mirror.state
        problem = self._parts.open_review("" if state is None else str(Path(state.session_dir).parent))
        if problem:
            self.controls.show_answer(problem, ok=False)

    def test_alarms(self) -> None:
        """Show and sound the three priorities."""
        self._sound.begin_test(self._parts.ticks_ns())

    def _show_stop(self) -> None:
        ticks_ns, connected = self._parts.ticks_ns(), self.mirror.connected
        self.stop.show_status(stop_status(self.operator.press, self.mirror.state, ticks_ns, connected=connected))

    def _show_age(self, state: EngineState | None, silent_s: float, *, old: bool) -> None:
        if not old or state is None:
            self._lost_since = ""
        elif not self._lost_since:
            self._lost_since = self._parts.time_of_day(silent_s)
        self.lost.show_text(lost_banner(self._lost_since) if self._lost_since else "")
        grey = bool(self._lost_since)
        if grey != self._greyed:
            self._greyed = grey
            self._apply(greyed(self._edition) if grey else self._edition)

    def _show_events(self, state: EngineState | None) -> None:
        if self.feed.rewritten and state is not None:
            self.feed.rewritten = False
            self.setWindowTitle(title(state))
            self.log.session_started_ns = state.session_started_ns
            self.log.rewrite()
            if self.feed.problem:
                self.controls.show_answer(f"The recording so far cannot be shown: {self.feed.problem}", ok=False)
        elif not self.feed.store.loading:
            self.log.append(self.mirror.new_events)
        else:
            return
        self.mirror.new_events.clear()

    def _show_pumps(self, state: EngineState, silent_s: float, *, old: bool) -> None:
        names = [pump.name for pump in state.pumps]
        if names != list(self.pumps):
            for gone in self.pumps.values():
                self._cards.removeWidget(gone)
                gone.hide()
                gone.deleteLater()
            self.pumps = {name: PumpWidget(self._edition, place) for place, name in enumerate(names)}
            for place, new in enumerate(self.pumps.values()):
                self._cards.insertWidget(place, new)
        self._fit_cards()
        for pump in state.pumps:
            self.pumps[pump.name].show_card(pump_card(pump, state, silent_s, engine_gone=old))

    def _fit_cards(self) -> None:
        """Let every pump be seen at once where that is possible: cards get smaller before they are scrolled."""
        viewport = self._card_scroll.viewport()
        if viewport is None or not self.pumps:
            return
        room_px = (viewport.height() + CARD_GAP_PX) // len(self.pumps) - CARD_GAP_PX
        for card in self.pumps.values():
            card.fit(room_px if len(self.pumps) > 1 else None)

    def _show_answer(self, answer: Answer) -> None:
        self.controls.show_answer(answer.text, ok=answer.ok)

    def toggle_edition(self) -> None:
        """Change between dark and light."""
        name = "light" if self._edition.name == "dark" else "dark"
        self._edition = EDITIONS[name]
        self._parts.settings.setValue("edition", name)
        self._apply(greyed(self._edition) if self._greyed else self._edition)

    def _apply(self, palette: Palette) -> None:
        self.setStyleSheet(style_sheet(palette))
        self.edition.setText("Light" if palette.name == "dark" else "Dark")
        self.strip.set_palette(palette)
        self.traces.set_palette(palette)
        self.timeline.strip.set_palette(palette)
        self.log.set_palette(palette)
        for pump in self.pumps.values():
            pump.set_palette(palette)

    def _restore(self) -> None:
        settings = self._parts.settings
        self.resize(1600, 1000)
        geometry = settings.value("geometry")
        if geometry is not None:
            self.restoreGeometry(geometry)
        self.traces.restore(remembered(settings))
        self.setWindowTitle(title(None))

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        super().resizeEvent(a0)
        self.log.setMaximumHeight(LOG_PX if self.height() >= SHORT_BELOW_PX else SHORT_LOG_PX)

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        self._timer.stop()
        self.feed.close()
        self._parts.rehearser.close()
        self._parts.settings.setValue("geometry", self.saveGeometry())
        super().closeEvent(a0)
