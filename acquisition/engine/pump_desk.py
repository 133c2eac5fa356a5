"""What each report of one pump's lane means: for the facts, the ledger, the alarms and the infusion under way.

Knows the rules for one pump: identity, reset, stop, deviation, end of an infusion. Asks its lane for nothing but a
STOP. Does not know the plan's order, other pumps or the recording's files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from acquisition.engine import pump_log
from acquisition.engine.delivery_watch import Finding
from acquisition.engine.gatekeeper import same_program
from acquisition.engine.lane_messages import (
    Closed,
    Connect,
    Connected,
    Crashed,
    Failed,
    LaneReport,
    Lost,
    Polled,
    PollFailed,
    Program,
    Programmed,
    ProveWatchdog,
    Run,
    SelfTest,
    SelfTested,
    Sending,
    Started,
    StartUnclear,
    StopConfirmed,
    StopFailed,
    Strayed,
    Verified,
    WasReset,
    WatchdogTried,
    Wire,
)
from acquisition.engine.pump_facts import PumpFacts
from acquisition.events import EventKind, Scalar
from drivers.capabilities import Motion, PumpAlarm, PumpStatus
from drivers.clock import NS_PER_S

RETRY_SELF_TEST_NS = 2 * NS_PER_S
STRAYS, STRAYS_WITHIN_NS = 3, 10 * NS_PER_S
"""So often within this time is no noise [P]: the engine asks twice a second."""
SELF_TEST_ATTEMPTS = 2
"""One lost reply is no failed self-test; two failures in a row are an alarm."""

_ALARMS = {
    PumpAlarm.STALL: "pump-stall",
    PumpAlarm.WATCHDOG: "pump-watchdog",
    PumpAlarm.PROGRAM: "pump-alarm",
    PumpAlarm.PHASE: "pump-alarm",
}


@dataclass
class PumpDesk(PumpFacts):
    """Takes the reports of one pump's lane."""

    _strays_ns: deque[int] = field(default_factory=lambda: deque(maxlen=STRAYS), init=False, repr=False)
    """When the last of what answered nothing came."""
    _next_foreign_ns: int = field(default=0, init=False, repr=False)
    _handlers: dict[type, Callable[[Any, int], None]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._handlers = {
            Connected: self._connected,
            SelfTested: self._self_tested,
            WatchdogTried: self._watchdog_tried,
            Programmed: self._programmed,
            Verified: self._verified,
            Sending: self._sending,
            Started: self._started,
            StartUnclear: self._unclear,
            Polled: lambda what, now_ns: self._fresh(what.status, now_ns),
            PollFailed: self._poll_failed,
            StopConfirmed: self._stop_confirmed,
            StopFailed: self._stop_failed,
            Lost: self._lost,
            WasReset: lambda what, now_ns: self._was_reset(what.why, now_ns),
            Failed: self._failed,
            Closed: self._closed,
            Crashed: self._crashed,
            Wire: lambda what, now_ns: pump_log.wire(self.desk, self.name, what, now_ns),
            Strayed: self._strayed,
        }

    def take(self, report: LaneReport) -> None:
        """Take a report of the lane."""
        self._handlers[type(report.what)](report.what, report.t_ns)

    # ---- connection -------------------------------------------------------------------------------------------------

    def _connected(self, what: Connected, now_ns: int) -> None:
        self.link, self.identity = "online", what.identity
        self.self_tested, self._self_test_asked, self.read_back = False, False, None
        self.self_tested_ns, self.watchdog_proof = None, "untried"
        self._next_self_test_ns = now_ns
        self.desk.alarms.off("not-connected", self.name)
        self.desk.alarms.off("pump-lost", self.name)
        pump_log.connected(self.desk, self.name, what, now_ns)

    def _self_tested(self, what: SelfTested, now_ns: int) -> None:
        first = not self.self_tested
        self.self_tested, self._self_test_asked, self._self_test_failures = True, False, 0
        self.self_tested_ns = now_ns
        self.holds_watchdog = what.watchdog if self.setup.watchdog_s > 0 else None
        self.watchdog = what.watchdog if self.setup.watchdog_s > 0 else None
        self.ledger.watchdog_armed = what.watchdog
        self.desk.alarms.off("self-test", self.name)
        self.desk.alarms.off("pump-reset", self.name)
        if self.setup.watchdog_s > 0 and not what.watchdog:
            self.desk.alarms.on("no-watchdog", now_ns, self.name)
            self.watchdog = None
        if not first:  # every few minutes: the raw bytes are in the recording, a line of the log each time is too much
            self._fresh(what.status, now_ns)
            return
        pump_log.self_tested(self.desk, self.name, what, self.setup.watchdog_s, now_ns)
        self._fresh(what.status, now_ns)

    def _watchdog_tried(self, what: WatchdogTried, now_ns: int) -> None:
        self.watchdog_proof = "proved" if what.expired else "failed"
        self.watchdog_why = "" if what.expired else "it heard nothing for longer than it waits, and raised no alarm"
        pump_log.watchdog_tried(self.desk, self.name, what, now_ns)

    def _lost(self, what: Lost, now_ns: int) -> None:
        self.link, self.read_back, self.self_tested, self._self_test_asked = "lost", None, False, False
        self.self_tested_ns, self.watchdog_proof = None, "untried"
        self.desk.say(EventKind.CONNECTION, now_ns, self.name, f"Lost: {what.why}")
        self.desk.alarms.on("pump-lost", now_ns, self.name, what.why)
        if self.status is not None and self.unknown_since_ns is None:
            self.unknown_since_ns = self.status.received_ns
        if self.infusing:
            self._lost_while_open = True
            self.ledger.heard(now_ns)
            self.stop("the line is lost", now_ns)
        else:
            self.abort()

    def _closed(self, what: Closed, now_ns: int) -> None:
        self.closed = what
        self.ledger.end(now_ns, confirmed=what.safe, may_go_on=not what.safe)
        text = "Port closed, pump confirmed stopped" if what.safe else f"Port closed, NOT CONFIRMED STOPPED: {what.why}"
        if not what.safe:
            self.desk.alarms.on("not-confirmed-stopped", now_ns, self.name, what.why)
        self.desk.say(EventKind.CONNECTION, now_ns, self.name, text, {"safe": what.safe})

    def _crashed(self, what: Crashed, now_ns: int) -> None:
        last_line = what.trace.strip().splitlines()[-1]
        self.desk.alarms.on("program-defect", now_ns, self.name, f"in the lane of {self.name}: {last_line}")
        self.desk.say(EventKind.SYSTEM, now_ns, self.name, what.trace)
        if self._self_test_asked:  # it may have died of the defect: its answer would be waited for for ever
            self._self_test_asked, self._next_self_test_ns = False, now_ns + RETRY_SELF_TEST_NS
        if self.watchdog_proof == "trying":
            self.watchdog_proof, self.watchdog_why = "untried", ""
        self.abort()

    # ---- settings and start -----------------------------------------------------------------------------------------

    def _programmed(self, what: Programmed, now_ns: int) -> None:
        self.read_back, self.armed_token, self.preparing = what.readback, what.token, False
        pump_log.programmed(self.desk, self.name, what, now_ns)

    def _verified(self, what: Verified, now_ns: int) -> None:
        """Compare the periodic read-back of a running infusion (fault D3)."""
        infusion = self.ledger.current
        if infusion is not None and not same_program(what.readback, infusion.program):
            self._settings_differ(f"{what.readback} instead of {infusion.program}", now_ns)

    def _settings_differ(self, detail: str, now_ns: int) -> None:
        self.desk.alarms.on("settings-differ", now_ns, self.name, detail)
        self.stop("its settings differ from what was sent", now_ns)

    def _sending(self, what: Sending, now_ns: int) -> None:
        self._run_went_out = True
        self.ledger.sending(now_ns)
        self.desk.say(EventKind.PUMP, now_ns, self.name, "RUN goes out", {"what": "run", "token": what.token})

    def _started(self, what: Started, now_ns: int) -> None:
        self.desk.say(EventKind.PUMP, now_ns, self.name, f"Started: {what.status.motion.value}", {"what": "started"})
        self._fresh(what.status, now_ns)

    def _unclear(self, what: StartUnclear, now_ns: int) -> None:
        self._start_unclear = True
        self.ledger.heard(now_ns)
        self.desk.alarms.on("start-unclear", now_ns, self.name, what.why)
        self.desk.say(EventKind.PUMP, now_ns, self.name, f"No answer to RUN: {what.why}", {"what": "start unclear"})
        if what.foreign:
            self._foreign(what.why, now_ns)

    def _failed(self, what: Failed, now_ns: int) -> None:
        request = what.request
        nothing_sent = isinstance(request, Run) and what.kind == "Overtaken"
        data = {"what": "not sent" if nothing_sent else "failed"}
        self.desk.say(EventKind.PUMP, now_ns, self.name, f"Not done: {what.error}", data)
        if isinstance(request, Connect):
            if self.link == "connecting" or what.kind == "WrongInstrument":
                self.desk.alarms.on("not-connected", now_ns, self.name, what.error)
            return
        called_off = what.kind in ("Overtaken", "Interrupted")
        if isinstance(request, ProveWatchdog):
            self.watchdog_proof, self.watchdog_why = ("untried", "") if called_off else ("failed", what.error)
        elif isinstance(request, SelfTest):
            self._self_test_failed(what, now_ns, called_off=called_off)
        elif isinstance(request, Program):
            self._program_failed(what, now_ns, called_off=called_off)
        elif isinstance(request, Run):
            self._run_went_out = True
            if nothing_sent:
                self.abort()
                self.ledger.never_ran()
            else:  # one that says no may move all the same, by its own key; the STOP's reply closes the account
                self.desk.alarms.flash("start-failed", now_ns, detail=what.error)
                self.stop("its start failed", now_ns)
        if what.kind == "ForeignTraffic":
            self._foreign(what.error, now_ns)

    def _self_test_failed(self, what: Failed, now_ns: int, *, called_off: bool) -> None:
        self._self_test_asked = False
        self._next_self_test_ns = now_ns + RETRY_SELF_TEST_NS
        if not called_off:
            self._self_test_failures += 1
        if self._self_test_failures >= SELF_TEST_ATTEMPTS:
            self.desk.alarms.on("self-test", now_ns, self.name, what.error)

    def _program_failed(self, what: Failed, now_ns: int, *, called_off: bool) -> None:
        self.abort()
        if what.kind == "ReadbackMismatch":
            self._settings_differ(what.error, now_ns)
        elif not called_off:
            self.desk.alarms.flash("start-failed", now_ns, detail=what.error)

    # ---- fresh looks ------------------------------------------------------------------------------------------------

    def _poll_failed(self, what: PollFailed, now_ns: int) -> None:
        self._missed += 1
        self.ledger.heard(now_ns)
        self.desk.alarms.on("line-quality", now_ns, self.name, what.why)
        if what.foreign:
            self._foreign(what.why, now_ns)

    def _strayed(self, what: Strayed, now_ns: int) -> None:
        """Write down what answered nothing. Once it is noise; again and again it is somebody else (L8, L14)."""
        for stray in what.strays:
            self._strays_ns.append(now_ns)
            text = f"Bytes came that answer nothing: {stray[:64]!r}"
            self.desk.say(EventKind.CONNECTION, now_ns, self.name, text, {"what": "stray", "bytes": len(stray)})
        often = len(self._strays_ns) == STRAYS and now_ns - self._strays_ns[0] <= STRAYS_WITHIN_NS
        if (
            often and now_ns >= self._next_foreign_ns
        ):  # the STOP's own exchanges have strays too: it must not feed itself
            self._next_foreign_ns = now_ns + STRAYS_WITHIN_NS
            self._foreign(
                f"{STRAYS} times within {STRAYS_WITHIN_NS // NS_PER_S} s bytes came that answer nothing", now_ns
            )

    def _foreign(self, why: str, now_ns: int) -> None:
        """R39: who else speaks on this line may also command the pump."""
        self.desk.alarms.flash("foreign-traffic", now_ns, self.name, why)
        self.stop("foreign traffic on its line", now_ns)

    def _stop_confirmed(self, what: StopConfirmed, now_ns: int) -> None:
        self.desk.say(
            EventKind.PUMP,
            now_ns,
            self.name,
            f"STOP confirmed, counter {what.status.infused_ul:.6g} uL",
            {"what": "stop confirmed", "infused_ul": what.status.infused_ul},
        )
        self.outcome = self.outcome or "aborted"
        self._fresh(what.status, now_ns)

    def _stop_failed(self, what: StopFailed, now_ns: int) -> None:
        self.ledger.heard(now_ns)
        if self._stop_since_ns is None or not self.desk.alarms.active("not-confirmed-stopped", self.name):
            self.desk.say(EventKind.PUMP, now_ns, self.name, f"STOP not confirmed: {what.why}", {"what": "stop failed"})

    def _was_reset(self, why: str, now_ns: int) -> None:
        """R38: the counter before the reset stays in the ledger, what followed is uncertain; nothing is resumed."""
        self.desk.alarms.on("pump-reset", now_ns, self.name, why)
        self.desk.say(EventKind.PUMP, now_ns, self.name, f"Reset: {why}", {"what": "reset"})
        self.ledger.heard(now_ns)
        self.ledger.end(now_ns, confirmed=False)
        self.self_tested, self._self_test_asked, self.watchdog = False, False, None
        self.self_tested_ns, self.watchdog_proof = None, "untried"
        self.ledger.watchdog_armed = False
        self.stop("it was reset", now_ns)

    def _fresh(self, status: PumpStatus, now_ns: int) -> None:
        """Take a reply: counters first, then what is wrong, then whether the infusion is over."""
        self._missed = 0
        self.desk.alarms.off("line-quality", self.name)
        if self.unknown_since_ns is not None:
            self.unknown_since_ns = None
            self.desk.alarms.off("pump-unknown", self.name)
            self.desk.say(EventKind.PUMP, now_ns, self.name, f"Answers again: {status.motion.value}")
        self.status = status
        if status.alarm is PumpAlarm.RESET:  # its counter began anew: this is no look at the infusion under way
            self._was_reset("it reports a reset", now_ns)
            return
        if self._counter_went_back(status):
            return
        doubtful = self._zero_is_doubtful(status)
        if not doubtful:
            self.ledger.confirm(status)
        self._seen_moving |= status.motion is Motion.INFUSING
        self._own_alarm(status.alarm, now_ns)
        self._act_on(self.watch.judge(self.ledger, status), now_ns)
        if self.infusing and self._run_went_out and status.motion.is_still:
            self._infusion_over(status, now_ns, doubtful=doubtful)

    def _zero_is_doubtful(self, status: PumpStatus) -> bool:
        """Tell whether a pump that stands at zero may have given something: it was seen to move, or was stopped unseen.

        It may have been switched off and on, and the answer that told of it may be lost: drivers repeat questions. Then
        the account stays at its worst case. A pump whose RUN was plainly not carried out is no such case (L2).
        """
        stands_at_zero = status.motion.is_still and status.infused_ul == 0 and status.alarm is None
        return (
            stands_at_zero and self.infusing and self._run_went_out and (self._seen_moving or self.outcome is not None)
        )

    def _counter_went_back(self, status: PumpStatus) -> bool:
        infusion = self.ledger.current
        if infusion is None:
            return False
        # A zero after a lost line may be a pump that never moved or one that was switched off and on: count the worst.
        doubtful = self._lost_while_open and status.infused_ul == 0
        if not doubtful and status.infused_ul >= infusion.counter_ul - status.counter_step_ul:
            return False
        self._was_reset(
            f"its counter went back from {infusion.counter_ul:.4g} to {status.infused_ul:.4g} uL", status.received_ns
        )
        return True

    def _own_alarm(self, alarm: PumpAlarm | None, now_ns: int) -> None:
        for kind in ("pump-stall", "pump-watchdog", "pump-alarm"):
            if alarm is None or _ALARMS.get(alarm) != kind:
                self.desk.alarms.off(kind, self.name)
        if alarm is not None:
            self.desk.alarms.on(_ALARMS[alarm], now_ns, self.name, alarm.value)
            if self.infusing:
                self.stop(f"it reports {alarm.value}", now_ns)

    def _act_on(self, findings: list[Finding], now_ns: int) -> None:
        found = {finding.alarm for finding in findings}
        for kind in ("unexpected-motion", "over-delivery", "delivery-wrong", "delivery-deviates", "not-infusing"):
            if kind not in found:
                self.desk.alarms.off(kind, self.name)
        for finding in findings:
            self.desk.alarms.on(finding.alarm, now_ns, self.name, finding.detail)
            if finding.stop == "any" or (finding.stop == "experimental" and self.experimental):
                self.stop(finding.detail, now_ns)

    def _infusion_over(self, status: PumpStatus, now_ns: int, *, doubtful: bool) -> None:
        infusion = self.ledger.current
        if infusion is None:
            return
        self.desk.alarms.off("start-unclear", self.name)
        if self._start_unclear and not self._seen_moving and status.infused_ul == 0 and self.outcome is None:
            self.ledger.never_ran()
            self.outcome, self.read_back = "not-run", None
            text = "RUN was not carried out: it stands, its counter is zero"
            self.desk.say(EventKind.PUMP, now_ns, self.name, text, {"what": "not run"})
            return
        unseen_ul = max(status.counter_step_ul, 0.005 * infusion.target_ul)
        # where one digit of the counter is the whole target, a pump that gave nothing has not reached it
        seen = infusion.counter_ul >= infusion.target_ul - min(unseen_ul, 0.5 * infusion.target_ul)
        reached = seen and not doubtful  # one that was seen to move and stands at zero may have lost its power
        self.ledger.end(now_ns, confirmed=not doubtful)
        self.desk.row(self.ledger.row(now_ns))  # before what settles the intent: a crash in between must not lose it
        self.read_back, self.armed_token = None, None
        amount = f"{infusion.counter_ul:.6g} of {infusion.target_ul:.6g} uL"
        ended = "target reached" if reached else "ended early"
        # what went into waste settles no intent: nobody was to get it
        data: dict[str, Scalar] = {
            "what": "waste over" if infusion.into_waste else ended,
            "infused_ul": infusion.counter_ul,
        }
        self.desk.say(EventKind.PUMP, now_ns, self.name, f"Infusion over: {amount}", data)
        if reached:
            self.outcome = "done" if self.outcome is None else self.outcome
        elif self.outcome is None:
            self.outcome = "aborted"
            self.desk.alarms.flash("stopped-early", now_ns, self.name, amount)
