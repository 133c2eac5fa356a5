"""The conductor: takes reports and commands, lets the parts decide, hands work to the lanes. The heart of the engine.

Knows the order of things within one step and the phases of a session. Does not know bytes, threads or files. Its
``step`` never waits but for one thing, an intent on its way to the disk. A STOP does not need it: ``emergency_stop``
reaches the lanes from any thread while the conductor is busy, frozen or dead.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Sequence

from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.engine import snapshots, step_log
from acquisition.engine.attendance import Attendance
from acquisition.engine.clock_check import WallWatch
from acquisition.engine.commands import CommandDesk, Reply
from acquisition.engine.gatekeeper import Intent, Permit, Refusal, Snapshot, decide
from acquisition.engine.infusion_start import InfusionStart
from acquisition.engine.lane_messages import Close, Closed, Connect, Verify
from acquisition.engine.parts import Desk, Inbox
from acquisition.engine.preflight_desk import PreflightDesk
from acquisition.engine.pump_desk import PumpDesk
from acquisition.engine.recorder_watch import RecorderWatch
from acquisition.engine.reminders import Reminders
from acquisition.engine.schedule import LATE_NS, Action, Infuse, Schedule
from acquisition.engine.sensor_desk import SensorDesk
from acquisition.engine.signal_watch import SignalHold
from acquisition.events import EventKind, Scalar
from acquisition.messages import Command, EngineState, Phase, Stop
from acquisition.plan import StableStep
from drivers.clock import NS_PER_S

STEP_PERIOD_NS = NS_PER_S // 10
ROW_PERIOD_NS = NS_PER_S // 2
ROW_STEPS_AT_REST = 2
"""So many steps at rest from one row of resting pumps to the next, where that is longer."""
STATE_PERIOD_NS = NS_PER_S // 4
VERIFY_PERIOD_NS = 30 * NS_PER_S
"""Read-back of a running pump's settings (fault D3)."""
DEFAULT_WATCHDOG_S = 5
"""Judges the engine's own stand-stills where no pump has a watchdog (R41: n <= 5 s)."""
DEFECT_STOP_PERIOD_NS = 2 * NS_PER_S
"""While a defect persists, all pumps are told to stop again so often."""
CLOSE_TIMEOUT_NS = 15 * NS_PER_S


class Conductor:
    """One session from connecting to closed. ``step`` is for the host; what other threads may call stands first."""

    def __init__(
        self,
        desk: Desk,
        pumps: Sequence[PumpDesk],
        sensors: Sequence[SensorDesk],
        inbox: Inbox,
        *,
        simulated: bool,
        session_id: str,
        session_dir: str,
        started_ns: int,
        rate: float = 1.0,
        period_ns: int = STEP_PERIOD_NS,
        rest_period_ns: int = STEP_PERIOD_NS,
    ) -> None:
        self.desk = desk
        self.pumps = {pump.name: pump for pump in pumps}
        self.sensors = {sensor.name: sensor for sensor in sensors}
        self.simulated = simulated
        self.session_id = session_id
        self.session_dir = session_dir
        self.session_started_ns = started_ns
        self.accepted_sha256 = desk.plan.sha256
        self.attendance = Attendance(desk)
        self.signal_hold = SignalHold(self.attendance, [signal for sensor in sensors for _, signal in sensor.watched])
        self.schedule = Schedule(
            desk.plan, round(LATE_NS * desk.slack), self.signal_hold.way, self.attendance.passes, self._is_steady
        )
        self.recorder_watch = RecorderWatch(desk)
        self._reminders = Reminders(desk)
        self._wall_watch = WallWatch(desk)
        self.outcome = ""
        """How the session ended, once ``over``."""
        self.over = False
        self.unsafe = False
        """It is over, and a pump is not confirmed to stand still."""
        self.units: tuple[PumpDesk | SensorDesk, ...] = (*pumps, *sensors)
        armed = [pump.setup.watchdog_s for pump in pumps if pump.setup.watchdog_s > 0]
        self._stand_still_s = min(armed, default=DEFAULT_WATCHDOG_S) * desk.slack
        """So long may the engine stand still: not longer than the most impatient watchdog."""
        self._rate = rate
        self._period_ns = self._next_period_ns = period_ns
        patience_ns = round(self._stand_still_s * NS_PER_S / 2)  # a longer pause would be a lag
        self._rest_period_ns = max(period_ns, min(rest_period_ns, patience_ns))
        self._inbox = inbox
        self._commands: deque[tuple[Command, Reply]] = deque()
        self._stops: deque[str] = deque()
        self._command_desk = CommandDesk(self)
        self._starter = InfusionStart(desk, self.snapshot)
        self.preflight = PreflightDesk(self)
        self._base: Phase = "connecting"
        self._begun = False
        self._defects = 0
        self._next_defect_stop_ns = started_ns
        self._not_before_ns = started_ns
        self._last_step_ns: int | None = None
        self._last_row_ns = started_ns - ROW_PERIOD_NS
        self._at_rest = False
        self._next_state_ns = started_ns
        self._next_verify_ns = 0
        self._close_deadline_ns = 0
        self._state: EngineState | None = None

    # ---- from any thread --------------------------------------------------------------------------------------------

    def submit(self, command: Command, reply: Reply) -> None:
        """Take a command; ``reply`` is called once with the answer, from the conductor's thread."""
        if isinstance(command, Stop):
            self.emergency_stop(command.reason or "an operator pressed STOP")
        self._commands.append((command, reply))

    def emergency_stop(self, reason: str) -> None:
        """Put a STOP into every pump's slot, at once and without the conductor's help."""
        for pump in self.pumps.values():
            pump.lane.slot.request()
        self._stops.append(reason)

    def stop_confirmed(self) -> bool:
        """Tell whether every pump has confirmed the last STOP, and every closed one that it stands still."""
        return not any(pump.stop_confirmed is False for pump in self.pumps.values())

    def state(self) -> EngineState:
        """Return the newest state."""
        if self._state is None or self.desk.publisher is None:
            return snapshots.engine_state(self, self.desk.clock.now_ns(), self._rate)
        return self._state

    # ---- for the host -----------------------------------------------------------------------------------------------

    def next_due_ns(self) -> int:
        """Return when ``step`` has something to do; in the past means now."""
        if self._last_step_ns is None or self._commands or self._stops or self._inbox.urgent:
            return self._not_before_ns
        due_ns = self._last_step_ns + self._next_period_ns
        wait_ends_ns = self.schedule.next_due_ns()
        return due_ns if wait_ends_ns is None else min(due_ns, max(wait_ends_ns, self._last_step_ns + 1))

    def step(self, now_ns: int) -> None:
        """Do everything that is due. Never raises: after a defect the pumps are stopped first (R44)."""
        try:
            self._step(now_ns)
        except Exception:  # noqa: BLE001 - R44: whatever it was, the pumps are stopped before anyone is told
            if now_ns >= self._next_defect_stop_ns:
                self._next_defect_stop_ns = now_ns + DEFECT_STOP_PERIOD_NS
                self.emergency_stop("a defect of the program")
            self._defects += 1
            self._not_before_ns = now_ns + self._period_ns
            trace = traceback.format_exc()
            self.desk.alarms.on("program-defect", now_ns, detail=trace.strip().splitlines()[-1])
            if self._defects <= 3:
                self.desk.say(EventKind.SYSTEM, now_ns, "conductor", trace[-4000:])
        self._last_step_ns = now_ns

    def _step(self, now_ns: int) -> None:
        if not self._begun:
            self._begin()
        self._watch_time(now_ns)
        for report in self._inbox.take():
            (self.pumps.get(report.lane) or self.sensors[report.lane]).take(report)
        self._take_stops(now_ns)
        while self._commands:
            command, reply = self._commands.popleft()
            self._command_desk.carry_out(command, reply, now_ns)
        for unit in self.units:
            unit.tick(now_ns)
        self._keep_books(now_ns)
        self._guard_recording(now_ns)
        self.preflight.tick(now_ns)
        self._advance_plan(now_ns)
        self._advance_phase(now_ns)
        self.attendance.look(self.schedule.upcoming, now_ns)
        self._reminders.look(self.phase_text if self.phase == "holding" else "", now_ns)
        self.desk.alarms.tick(now_ns)
        self._grant(now_ns)
        self._verify(now_ns)
        self._command_desk.tick(now_ns)
        self._at_rest = all(pump.idle for pump in self.pumps.values())
        self._next_period_ns = self._rest_period_ns if self._at_rest else self._period_ns  # what is news comes at once
        self._write_rows(now_ns)
        self._publish(now_ns)

    def _begin(self) -> None:
        self._begun = True
        for unit in self.units:
            unit.lane.request(Connect())

    # ---- phases -----------------------------------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        """Return the phase of the session."""
        return "holding" if self._base == "running" and self.schedule.held_on is not None else self._base

    @property
    def phase_text(self) -> str:
        """Return what the engine does or waits for, for people."""
        return snapshots.phase_text(self)

    def _enter(self, phase: Phase, now_ns: int) -> None:
        if phase != self._base:
            self._base = phase
            self.desk.say(EventKind.SESSION, now_ns, "conductor", self.phase_text or phase, {"phase": phase})

    def _advance_phase(self, now_ns: int) -> None:
        if self._base == "connecting":
            if all(unit.ready for unit in self.units):
                self._enter("ready", now_ns)
        elif self._base == "stopping":
            if self.stop_confirmed():
                self._enter("stopped", now_ns)
        elif self._base == "closing" and not self.over:
            self._watch_closing(now_ns)

    def begin_closing(self, now_ns: int) -> None:
        """Stop sampling, switch the cells off, disarm the watchdogs, release the ports."""
        self.outcome = {"finished": "finished", "stopped": "stopped"}.get(self._base, "ended early")
        self._stop_plan(now_ns)
        self._enter("closing", now_ns)
        self._close_deadline_ns = now_ns + round(CLOSE_TIMEOUT_NS * self.desk.slack)
        for pump in self.pumps.values():
            pump.abort()  # an infusion that is still being programmed is not started any more
        for unit in self.units:
            unit.close()
            unit.lane.request(Close())

    def _watch_closing(self, now_ns: int) -> None:
        open_units = [unit for unit in self.units if unit.closed is None]
        if open_units and now_ns < self._close_deadline_ns:
            return
        for unit in open_units:
            unit.closed = Closed(safe=False, why="its lane does not answer")
            self.desk.say(EventKind.CONNECTION, now_ns, unit.name, "Port not closed: its lane does not answer")
        unsafe = [unit.name for unit in self.units if unit.closed is None or not unit.closed.safe]
        self.unsafe = any(name in self.pumps for name in unsafe)
        for pump in self.pumps.values():
            pump.ledger.end(now_ns, confirmed=False, may_go_on=True)
        self._keep_books(now_ns)
        self._write_rows(now_ns, at_once=True)
        text = f"Session closed: {self.outcome}" + (f"; NOT CONFIRMED SAFE: {', '.join(unsafe)}" if unsafe else "")
        self.over = True
        data: dict[str, Scalar] = {"outcome": self.outcome, "safe": not unsafe, "dose_book": self.desk.books.head}
        self.desk.say(EventKind.SESSION, now_ns, "conductor", text, data)

    # ---- the plan ---------------------------------------------------------------------------------------------------

    def decide(self, intent: Intent, now_ns: int) -> Permit | Refusal:
        """Ask the gatekeeper about this moment."""
        return decide(intent, self.snapshot(now_ns), self.desk.plan, self.desk.limits)

    def snapshot(self, now_ns: int) -> Snapshot:
        """Return the facts of this moment."""
        return snapshots.gate_snapshot(self, now_ns)

    def take_token(self) -> int:
        """Return a number that no other arming of a pump has."""
        return self._starter.take_token()

    def start_plan(self, now_ns: int) -> None:
        """Begin with the first step; the gatekeeper has been asked."""
        self._enter("running", now_ns)
        try:
            self.desk.books.note_start(now_ns + self.desk.clock.wall_ns() - self.desk.clock.now_ns())
        except (
            BookUnwritable,
            BookBroken,
        ) as error:  # only what the next start is compared with: no reason to hold this
            self.desk.say(EventKind.SYSTEM, now_ns, "conductor", f"The book of this protocol was not written: {error}")
        self._act(self.schedule.start(now_ns), now_ns)

    def go_on(self, step: int, now_ns: int, *, skip: bool = False) -> None:
        """Go on after the step that waits; an infusion that waits to begin begins, or with ``skip`` is left out."""
        if self.schedule.held_before:
            self.signal_hold.release()
        self._act(self.schedule.go_on(step, now_ns, skip=skip) or [], now_ns)

    def _advance_plan(self, now_ns: int) -> None:
        self._starter.go_on(now_ns)
        self._settle_infusion(now_ns)
        self._act(self.schedule.step(now_ns), now_ns)
        if self.schedule.through and self._base == "running":
            self._enter("finished", now_ns)

    def _settle_infusion(self, now_ns: int) -> None:
        """Tell the schedule how the running infusion ended, or try once more where the pump never ran."""
        step = self.schedule.infusing
        if step is None:
            return
        pump = self.pumps[step.pump]
        if pump.outcome is None or self._starter.step is not None:
            return
        outcome, pump.outcome = pump.outcome, None
        if outcome == "not-run" and self._starter.may_repeat:
            self._starter.begin(step, pump, now_ns, attempt=2)
            return
        if outcome == "not-run":
            self.desk.alarms.flash("start-failed", now_ns, detail=f"{pump.name} did not carry out RUN twice")
        self._act(self.schedule.infusion_ended(step.number, "done" if outcome == "done" else "aborted", now_ns), now_ns)

    def _act(self, actions: Sequence[Action], now_ns: int) -> None:
        for action in actions:
            step_log.tell(self.desk, action, now_ns, held_by=self.signal_hold.by)
            if isinstance(action, Infuse):
                self._starter.begin(action.step, self.pumps[action.step.pump], now_ns)

    def _is_steady(self, step: StableStep, now_ns: int) -> bool:
        return self.sensors[step.channel.partition(".")[0]].is_steady(step, now_ns)

    def _stop_plan(self, now_ns: int) -> None:
        for action in self.schedule.stop(now_ns):
            step_log.tell(self.desk, action, now_ns)

    # ---- safety -----------------------------------------------------------------------------------------------------

    def _take_stops(self, now_ns: int) -> None:
        while self._stops:
            reason = self._stops.popleft()
            self.desk.say(EventKind.OPERATOR, now_ns, "conductor", f"STOP of all pumps: {reason}", {"what": "stop"})
            for pump in self.pumps.values():
                pump.abort()
            self._stop_plan(now_ns)
            if self._base != "closing":
                self._enter("stopping", now_ns)

    def _watch_time(self, now_ns: int) -> None:
        """Notice that the engine stood still: a lag is an alarm, more than a watchdog's time is a jump (H5, H6)."""
        self._wall_watch.look(now_ns)
        if self._last_step_ns is None:
            return
        gap_s = (now_ns - self._last_step_ns) / NS_PER_S
        limit_s = self._stand_still_s
        if gap_s > limit_s:
            self.desk.alarms.flash("clock-jump", now_ns, detail=f"for {gap_s:.1f} s")
            for pump in self.pumps.values():
                pump.stop(f"the engine stood still for {gap_s:.1f} s", now_ns)
        elif gap_s > limit_s / 2:
            self.desk.alarms.flash("lag", now_ns, detail=f"for {gap_s:.1f} s")

    def _keep_books(self, now_ns: int) -> None:
        wall_ns = now_ns + self.desk.clock.wall_ns() - self.desk.clock.now_ns()
        try:
            self.desk.books.settle((pump.ledger for pump in self.pumps.values()), wall_ns)
        except BookUnwritable as error:
            self.desk.alarms.on("dose-book", now_ns, detail=str(error))
        else:
            self.desk.alarms.off("dose-book")

    def _guard_recording(self, now_ns: int) -> None:
        """Stop experimental infusions that are no longer recorded; an animal's anaesthesia goes on (R1, S1)."""
        self.recorder_watch.look(now_ns)
        lost = [sensor.name for sensor in self.sensors.values() if sensor.link == "lost"]
        reason = "the recording fails" if self.recorder_watch.failing else f"{lost[0]} is lost" if lost else ""
        if reason:
            for pump in self.pumps.values():
                if pump.infusing and pump.experimental and not pump.lane.slot.pending:
                    pump.stop(reason, now_ns)

    def _grant(self, now_ns: int) -> None:
        """Allow questions to pumps: earned by the schedule and, while an experiment infuses, by the recorder (R42)."""
        schedule_ns = self.schedule.progress_ns if self.schedule.progress_ns is not None else now_ns
        for pump in self.pumps.values():
            counts = pump.infusing and pump.experimental
            pump.lane.grant(self.recorder_watch.earned_until_ns(schedule_ns, recorder_counts=counts))

    def _verify(self, now_ns: int) -> None:
        if now_ns < self._next_verify_ns:
            return
        self._next_verify_ns = now_ns + VERIFY_PERIOD_NS
        for pump in self.pumps.values():
            # a question feeds the watchdog too: it must be earned like any other (R42)
            earned_ns = self.recorder_watch.earned_until_ns(now_ns, recorder_counts=pump.experimental)
            if pump.infusing and pump.link == "online" and not pump.lane.slot.pending and now_ns <= earned_ns:
                pump.lane.request(Verify(0))

    # ---- out --------------------------------------------------------------------------------------------------------

    def _write_rows(self, now_ns: int, *, at_once: bool = False) -> None:
        period_ns = max(ROW_PERIOD_NS, ROW_STEPS_AT_REST * self._rest_period_ns) if self._at_rest else ROW_PERIOD_NS
        if self.over or (now_ns < self._last_row_ns + period_ns and not at_once):
            return
        self._last_row_ns = now_ns
        for pump in self.pumps.values():
            self.desk.row(pump.ledger.row(now_ns))

    def _publish(self, now_ns: int) -> None:
        if self.desk.publisher is not None and (now_ns >= self._next_state_ns or self.over):
            self._next_state_ns = now_ns + round(STATE_PERIOD_NS * self.desk.slack)
            self._state = snapshots.engine_state(self, now_ns, self._rate)
            self.desk.publisher.state(self._state)
