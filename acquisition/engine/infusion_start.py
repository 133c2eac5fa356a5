"""Takes one infuse step from its turn to RUN: permit, settings, read-back, permit again, intent on disk and in the
animal's book, RUN.

Knows the order of these and that each of them may end it. Does not know what happens after RUN (``pump_desk``) nor
which step is next (``schedule``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from acquisition.books.chain import BookUnwritable
from acquisition.engine.gatekeeper import Permit, ProgramInfusion, Refusal, Snapshot, StartInfusion, decide
from acquisition.engine.lane_messages import Run
from acquisition.engine.parts import Desk
from acquisition.engine.pump_desk import PumpDesk
from acquisition.events import EventKind
from acquisition.plan import InfuseStep
from acquisition.recording.records import RecordingFailed
from drivers.capabilities import PumpProgram
from drivers.clock import NS_PER_S

COMMIT_TIMEOUT_S = 2.0
"""How long an intent may take to the disk before the infusion is given up [P]; the pump is still then."""


RUN_VALID_S = 5.0
"""How long after its permit RUN may still be sent [P]: a slow disk takes less, a computer that slept more (R22)."""


def run_until_ns(now_ns: int, slack: float) -> int:
    """Return until when a RUN that is permitted at ``now_ns`` may be sent; ``slack``: engine seconds per real one."""
    return now_ns + round(RUN_VALID_S * slack * NS_PER_S)


@dataclass
class InfusionStart:
    """One attempt. At most one second attempt is made, where the pump proved that it never ran (fault L2)."""

    desk: Desk
    snapshot: Callable[[int], Snapshot]
    next_token: int = 1
    step: InfuseStep | None = None
    _pump: PumpDesk | None = None
    _token: int = 0
    _generation: int = 0
    _attempt: int = 0

    def begin(self, step: InfuseStep, pump: PumpDesk, now_ns: int, attempt: int = 1) -> None:
        """Have the settings written into the still pump."""
        self.step, self._pump, self._attempt = step, pump, attempt
        pump.outcome = None
        self._generation = pump.lane.slot.generation
        permit = decide(ProgramInfusion(step.number), self.snapshot(now_ns), self.desk.plan, self.desk.limits)
        program = self._allowed(permit, now_ns)
        if program is not None:
            self._token = self.take_token()
            if pump.self_test_is_old(now_ns):  # it was busy for long: STOP is proved anew before it is started (R18)
                pump.ask_self_test()
            pump.prepare(self._token, program, self._generation)

    def go_on(self, now_ns: int) -> None:
        """Start it once the settings have been read back; give it up when anything has gone wrong meanwhile."""
        step, pump = self.step, self._pump
        if step is None or pump is None:
            return
        if pump.outcome is not None:
            self.step = None
        elif pump.armed_token == self._token:
            self._run(step, pump, now_ns)
            self.step = None

    def take_token(self) -> int:
        """Return a number that no other arming of this session has."""
        token, self.next_token = self.next_token, self.next_token + 1
        return token

    @property
    def may_repeat(self) -> bool:
        """Tell whether a second attempt is allowed."""
        return self._attempt < 2

    def _run(self, step: InfuseStep, pump: PumpDesk, now_ns: int) -> None:
        permit = decide(StartInfusion(step.number), self.snapshot(now_ns), self.desk.plan, self.desk.limits)
        program = self._allowed(permit, now_ns)
        if program is None:
            return
        intent = self.desk.event(
            EventKind.INTENT,
            now_ns,
            pump.name,
            f"Infuse {program.target_ul:.6g} uL at {program.rate_ul_per_min:.6g} uL/min (step {step.number})",
            {
                "step": step.number,
                "target_ul": program.target_ul,
                "rate_ul_per_min": program.rate_ul_per_min,
                "dose_mg_per_kg": step.dose_mg_per_kg,
                "attempt": self._attempt,
                "plan_sha256": self.desk.plan.sha256,
            },
        )
        try:
            self.desk.commit(intent, COMMIT_TIMEOUT_S)
        except RecordingFailed as error:
            self.desk.recording_error = str(error)
            if pump.experimental:
                self.desk.say(EventKind.PUMP, now_ns, pump.name, "RUN was not sent", {"what": "not sent"})
                self._give_up(f"the intent could not be recorded: {error}", now_ns)
                return
            # Maintained anaesthesia must not end because a disk is full; the alarm is raised by the conductor.
        try:
            number = self.desk.books.intend(pump.setup, step.number, program, intent.wall_ns)
        except BookUnwritable as error:
            self.desk.alarms.on("dose-book", now_ns, detail=str(error))
            if pump.experimental:
                self.desk.say(EventKind.PUMP, now_ns, pump.name, "RUN was not sent", {"what": "not sent"})
                self._give_up(f"the animal's dose book could not be written: {error}", now_ns)
                return
            number = None
        pump.open_infusion(step.number, program, now_ns)
        self.desk.books.opened(number, pump.ledger)
        pump.lane.request(Run(self._token, self._generation, run_until_ns(now_ns, self.desk.slack)))

    def _allowed(self, decision: Permit | Refusal, now_ns: int) -> PumpProgram | None:
        if isinstance(decision, Permit):
            return decision.program
        self._give_up(f"{decision.reason} {decision.remedy}", now_ns)
        return None

    def _give_up(self, why: str, now_ns: int) -> None:
        if self.step is None or self._pump is None:
            return
        self.desk.alarms.flash("start-failed", now_ns, detail=f"step {self.step.number}: {why}")
        self.desk.say(EventKind.STEP, now_ns, "conductor", f"Step {self.step.number} was not started: {why}")
        self._pump.abort()
