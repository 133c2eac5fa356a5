"""What a person does, as commands to the engine. Sends and remembers; whether it is done the engine says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from acquisition.messages import (
    ATTEND_S,
    AUDIO_PAUSE_S,
    MAX_SAID,
    Accept,
    Acknowledge,
    Answer,
    Continue,
    EngineState,
    Finish,
    Mark,
    MoveIntoWaste,
    Note,
    PauseAudio,
    ReadScale,
    ReportSound,
    RunChecks,
    Start,
    Stop,
)
from gui.link import EngineLink
from gui.mirror import Questions
from gui.presenters.stop import StopPress


@dataclass
class Operator:
    """The person at the window. ``show_answer`` gets the engine's answers to everything but STOP."""

    link: EngineLink
    questions: Questions
    ticks_ns: Callable[[], int]
    show_answer: Callable[[Answer], None]
    state: Callable[[], EngineState | None]
    """The newest state."""
    press: StopPress | None = None
    """The last press of STOP."""
    _attended_ns: int | None = None

    def stop(self) -> None:
        """Send STOP, whatever the state, the focus or the connection."""
        request = self.questions.number(self._stop_answered)
        self.press = StopPress(request, self.ticks_ns())
        self.link.send(Stop(request=request, reason="STOP pressed in the window"))

    def _stop_answered(self, answer: Answer) -> None:
        if self.press is not None and self.press.request == answer.request:
            self.press = StopPress(self.press.request, self.press.pressed_ns, answer, self.state())

    def start(self, unattended_by: str) -> None:
        """Start the plan; a name decides that infusions start also when nobody watches."""
        self.press = None
        self.link.send(Start(request=self._number(), unattended_by=unattended_by[:MAX_SAID]))

    def go_on(self, step: int, *, skip: bool = False) -> None:
        """Go on from the step that waits; ``skip`` leaves out an infusion that has not begun."""
        self.link.send(Continue(request=self._number(), step=step, skip=skip))

    def attend(self) -> None:
        """Say, from the loop that draws the window, that it lives: every ATTEND_S."""
        ticks_ns = self.ticks_ns()
        if self._attended_ns is None or ticks_ns - self._attended_ns >= ATTEND_S * 1e9:
            self._attended_ns = ticks_ns
            self.link.attend()

    def finish(self) -> None:
        """End the session."""
        self.link.send(Finish(request=self._number()))

    def run_checks(self) -> None:
        """Have every pump tested and its watchdog expire."""
        self.link.send(RunChecks(request=self._number()))

    def accept(self, item_id: str, by: str) -> None:
        """Tick or accept a line of the pre-flight."""
        self.link.send(Accept(request=self._number(), item_id=item_id, by=by[:MAX_SAID]))

    def move_into_waste(self, pump: str, by: str) -> None:
        """Have two millimetres moved; the button said that the line is off the animal."""
        self.link.send(MoveIntoWaste(request=self._number(), pump=pump, by=by[:MAX_SAID], line_is_off=True))

    def read_scale(self, pump: str, seen_ul: float, by: str) -> None:
        """Say what the scale showed of it."""
        self.link.send(ReadScale(request=self._number(), pump=pump, by=by[:MAX_SAID], seen_ul=seen_ul))

    def mark(self) -> None:
        """Write a mark."""
        self.link.send(Mark(request=self._number(), label="operator mark"))

    def acknowledge(self, alarm_id: str) -> None:
        """Say that a person has seen this alarm."""
        self.link.send(Acknowledge(request=self._number(), alarm_id=alarm_id, by=self.link.operator))

    def pause_sound(self, *, end: bool) -> None:
        """Pause the sound of alarms in every window, or end the pause."""
        self.link.send(PauseAudio(request=self._number(), seconds=0.0 if end else AUDIO_PAUSE_S))

    def report_sound(self, trouble: str) -> None:
        """Tell whether this window's alarms can be heard; nobody waits for the answer."""
        request = self.questions.number(lambda _answer: None)
        self.link.send(ReportSound(request=request, works=not trouble, detail=trouble[:500]))

    def note(self, text: str, opened_ns: int) -> None:
        """Keep a note for the moment at which its box was opened."""
        self.link.send(Note(request=self._number(), text=text, opened_ns=opened_ns))

    def _number(self) -> int:
        return self.questions.number(self.show_answer)
