"""Stands in for the person where none is there: rehearsals and headless runs.

Knows when such a person would press Start, Continue and End, and gives up on a plan that a fault has brought to a
halt: it never overrules one. Works through the same commands as everybody else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from acquisition.engine.conductor import Conductor
from acquisition.host.preflight_stand_in import commands
from acquisition.messages import Answer, Command, Continue, Finish, Start, Stop
from acquisition.plan import OperatorStep
from drivers.clock import NS_PER_S

LOOK_PERIOD_NS = NS_PER_S // 4
BUSY_PERIOD_NS = NS_PER_S
"""While a plan runs and waits for nobody."""
RETRY_NS = NS_PER_S


@dataclass
class AutoOperator:
    """Starts the plan when it can be started, goes on after operator steps, ends when it is through or stuck."""

    conductor: Conductor
    continue_after_s: float = 5.0
    """How long the stand-in takes to answer an operator step."""
    ready_within_s: float = 60.0
    """Gives up when the instruments are not ready by then."""
    record_before_s: float = 0.0
    """Records so long before the start."""
    record_after_s: float = 0.0
    """Records so long after the plan is through."""
    stuck_after_s: float = 30.0
    """How long a plan may hold for another reason than an operator step before it is ended."""
    answers: list[str] = field(default_factory=list)
    """What the engine answered, refusals included."""
    gave_up: str = ""
    """Why it was ended early; empty if it was not."""
    _next_ns: int = 0
    _since_ns: int = 0
    _seen: tuple[str, int | None] = ("", None)
    _asked_in: tuple[str, int | None] | None = None
    _request: int = 0

    def __post_init__(self) -> None:
        self.conductor.attendance.stand_in()

    def next_due_ns(self) -> int | None:
        """Return when it looks again."""
        return None if self.conductor.over else self._next_ns

    def step(self, now_ns: int) -> None:
        """Look, and do what a person would."""
        situation = (self.conductor.phase, self.conductor.schedule.held_on)
        self._next_ns = now_ns + (BUSY_PERIOD_NS if situation == ("running", None) else LOOK_PERIOD_NS)
        if situation != self._seen:
            self._seen, self._since_ns, self._asked_in = situation, now_ns, None
        if self._asked_in != situation:
            self._look((now_ns - self._since_ns) / NS_PER_S)

    def _look(self, for_s: float) -> None:
        phase, held_on = self._seen
        stuck = for_s >= self.stuck_after_s
        if phase == "connecting" and for_s >= self.ready_within_s:
            self._end(f"the instruments were not ready within {self.ready_within_s:g} s: {self.conductor.phase_text}")
        elif phase == "ready" and stuck and for_s >= self.record_before_s + self.stuck_after_s:
            self._end(f"the plan could not be started: {self.answers[-1] if self.answers else 'no answer'}")
        elif phase == "ready" and for_s >= self.record_before_s:
            self._start()
        elif phase == "holding" and held_on is not None:
            self._held(held_on, for_s)
        elif phase == "finished" and for_s >= self.record_after_s:
            self._tell(Finish(request=self._number()))
        elif phase == "stopped" or (phase == "stopping" and stuck):
            self.gave_up = self.gave_up or "STOP"
            self._tell(Finish(request=self._number()))

    def _start(self) -> None:
        if any(pump.watchdog_proof == "trying" for pump in self.conductor.pumps.values()):
            return  # they are left alone, and a start would be refused; look again
        items = self.conductor.preflight.items(self.conductor.desk.clock.now_ns())
        for command in commands(items, self._number):
            self.conductor.submit(command, lambda answer: self.answers.append(answer.text))
        if any(item.item_id.startswith("watchdog:") and item.level in ("refused", "wait") for item in items):
            return  # they are being proved; look again
        self._tell(Start(request=self._number()))

    def _held(self, held_on: int, for_s: float) -> None:
        if isinstance(self.conductor.schedule.current, OperatorStep):
            if for_s >= self.continue_after_s:
                self._tell(Continue(request=self._number(), step=held_on))
        elif for_s >= self.stuck_after_s:
            self._end(f"the plan was held at step {held_on}")

    def _end(self, why: str) -> None:
        self.gave_up = why
        self._tell(Stop(request=self._number(), reason=why))

    def _number(self) -> int:
        self._request += 1
        return self._request

    def _tell(self, command: Command) -> None:
        self._asked_in = self._seen
        self.conductor.submit(command, self._answered)

    def _answered(self, answer: Answer) -> None:
        self.answers.append(answer.text)
        if not answer.ok:
            self._asked_in = None  # ask again: what stood in the way may go away
            self._next_ns = self.conductor.desk.clock.now_ns() + RETRY_NS
