"""What a person, or a program in a person's place, may tell the engine, and the answers.

Knows each command and its one answer. Whether something may happen is the gatekeeper's to say, and the conductor
does it. A STOP never waits for this module: it is in the pumps' slots before it gets here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acquisition.engine.gatekeeper import FinishSession, Refusal, StartPlan
from acquisition.events import EventKind, Scalar
from acquisition.messages import (
    Acknowledge,
    Answer,
    Attend,
    Command,
    Continue,
    Credit,
    Finish,
    Hello,
    Mark,
    Note,
    PauseAudio,
    Preparation,
    ReportSound,
    Start,
    Stop,
)
from acquisition.recording.records import RecordingFailed
from drivers.clock import NS_PER_S

if TYPE_CHECKING:
    from acquisition.engine.conductor import Conductor

Reply = Callable[[Answer], None]
STOP_ANSWER_NS = 3 * NS_PER_S
"""A STOP is answered when all pumps have confirmed, or after this (R33)."""


NOBODY = (
    "Nobody watches: no window and no following terminal of a person was heard lately, so no infusion starts. "
    "Open the window ('amperfuse gui') and stay, or let a named person decide that nobody has to watch."
)


@dataclass(frozen=True)
class _WaitingStop:
    request: int
    reply: Reply
    deadline_ns: int


class CommandDesk:
    """Carries out commands in the conductor's own thread."""

    def __init__(self, engine: Conductor) -> None:
        self._engine = engine
        self._waiting: list[_WaitingStop] = []

    def carry_out(self, command: Command, reply: Reply, now_ns: int) -> None:
        """Carry out one command and answer it, now or (STOP) when the pumps have."""
        if isinstance(command, Credit):
            return
        if isinstance(command, Attend):
            self._engine.attendance.heard(command.operator or "somebody", now_ns)
            return
        if isinstance(command, Stop):
            self._waiting.append(
                _WaitingStop(command.request, reply, now_ns + round(STOP_ANSWER_NS * self._engine.desk.slack))
            )
            return
        ok, text = self._do(command, now_ns)
        reply(Answer(request=command.request, ok=ok, text=text))

    def tick(self, now_ns: int) -> None:
        """Answer the STOPs that can be answered."""
        if not self._waiting:
            return
        confirmed = self._engine.stop_confirmed()
        for stop in list(self._waiting):
            if confirmed or now_ns >= stop.deadline_ns:
                self._waiting.remove(stop)
                text = (
                    "All pumps confirmed that they stand still."
                    if confirmed
                    else "NOT CONFIRMED STOPPED. Go to the pump, press STOP on it, clamp the line."
                )
                stop.reply(Answer(request=stop.request, ok=confirmed, text=text, confirmed=confirmed))

    def _do(  # noqa: PLR0911 - one return per command
        self,
        command: Hello | Start | Continue | Note | Mark | Acknowledge | PauseAudio | ReportSound | Preparation | Finish,
        now_ns: int,
    ) -> tuple[bool, str]:
        if isinstance(command, Hello):
            return True, "Amperfuse engine"
        if isinstance(command, Start):
            return self._start(command, now_ns)
        if isinstance(command, Continue):
            return self._continue(command, now_ns)
        if isinstance(command, Note):
            data = {"opened_ns": command.opened_ns}
            self._engine.desk.say(EventKind.NOTE, now_ns, "operator", command.text, data)
            return True, "Noted."
        if isinstance(command, Mark):
            self._engine.desk.say(EventKind.MARK, now_ns, "operator", command.label, {"by": "operator"})
            return True, "Marked."
        if isinstance(command, Preparation):
            return self._engine.preflight.carry_out(command, now_ns)
        if isinstance(command, Acknowledge | PauseAudio | ReportSound):
            return self._about_alarms(command, now_ns)
        return self._finish(command, now_ns)

    def _about_alarms(self, command: Acknowledge | PauseAudio | ReportSound, now_ns: int) -> tuple[bool, str]:
        alarms = self._engine.desk.alarms
        if isinstance(command, Acknowledge):
            known = alarms.acknowledge(command.alarm_id, command.by.strip())
            return known, "Acknowledged." if known else f"There is no alarm {command.alarm_id!r}."
        if isinstance(command, ReportSound):
            if command.works:
                alarms.off("no-sound")
            else:
                alarms.on("no-sound", now_ns, detail=command.detail)
            return True, "Noted."
        alarms.pause_audio(now_ns, command.seconds)
        text = f"Sound of alarms paused for {command.seconds:.0f} s" if command.seconds else "Sound of alarms on again"
        self._engine.desk.say(EventKind.OPERATOR, now_ns, "operator", text, {"seconds": command.seconds})
        return True, f"{text}."

    def _start(self, command: Start, now_ns: int) -> tuple[bool, str]:
        by = command.unattended_by.strip()
        attendance = self._engine.attendance
        decision = self._engine.decide(StartPlan(), now_ns)
        lines = [] if by or attendance.allows_start(now_ns) else [NOBODY]
        if isinstance(decision, Refusal):
            lines += [f"{cause.reason} {cause.remedy}" for cause in decision.causes]
        if lines:
            number = "one thing stands" if len(lines) == 1 else f"{len(lines)} things stand"
            return False, f"Not started, {number} in the way:\n" + "\n".join(f"- {line}" for line in lines)
        desk = self._engine.desk
        event = desk.event(
            EventKind.OPERATOR, now_ns, "operator", "Start the plan", {"plan_sha256": self._engine.accepted_sha256}
        )
        try:
            desk.commit(event, 2.0)
        except RecordingFailed as error:
            desk.recording_error = str(error)
            return False, f"Not started, the recording does not write: {error}"
        if by:
            attendance.leave_alone(by, now_ns)
        self._engine.start_plan(now_ns)
        return True, "The plan has started."

    def _continue(self, command: Continue, now_ns: int) -> tuple[bool, str]:
        waits = self._engine.schedule.held_on
        if waits is None or waits != command.step:
            return False, "Nothing waits." if waits is None else f"Step {waits} waits, not step {command.step}."
        attendance, before = self._engine.attendance, self._engine.schedule.held_before
        if before and not command.skip and not attendance.allows_start(now_ns):
            return False, NOBODY
        begins = before and not command.skip
        text = f"Begin step {command.step} now" if begins else f"Go on after step {command.step}"
        by = ", ".join(attendance.present(now_ns))
        data: dict[str, Scalar] = {"step": command.step, "by": by, "skip": before and command.skip}
        self._engine.desk.say(EventKind.OPERATOR, now_ns, "operator", text, data)
        self._engine.go_on(command.step, now_ns, skip=command.skip)
        return True, "Going on."

    def _finish(self, command: Finish, now_ns: int) -> tuple[bool, str]:
        decision = self._engine.decide(FinishSession(), now_ns)
        if isinstance(decision, Refusal):
            return False, f"{decision.reason} {decision.remedy}"
        failing = self._engine.recorder_watch.failing
        if failing and not command.discard:
            return False, (
                f"The recording does not write ({failing}); what waits in memory would be lost. Make room on the disk,"
                " then finish. To give up what waits: amperfuse finish --discard"
            )
        self._engine.desk.say(EventKind.OPERATOR, now_ns, "operator", "End the session")
        self._engine.begin_closing(now_ns)
        return True, "Closing."
