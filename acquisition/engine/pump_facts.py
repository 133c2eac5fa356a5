"""The facts the engine holds about one pump, what may be asked of them, and what time alone brings.

Knows identity, last reply, pending STOP and armed settings of one pump; notices silence, a STOP without confirmation
and a self-test that is due. Does not know what a lane's report means (``pump_desk``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from acquisition.engine.delivery_watch import DeliveryWatch
from acquisition.engine.lane_messages import Closed, Program, ProveWatchdog, SelfTest
from acquisition.engine.ledger import PumpLedger
from acquisition.engine.parts import Desk
from acquisition.engine.preflight_facts import WatchdogProof
from acquisition.engine.pump_lane import PumpLane
from acquisition.events import EventKind
from acquisition.messages import Link
from acquisition.plan import PumpSetup
from drivers.capabilities import Identity, Motion, PumpProgram, PumpStatus
from drivers.clock import NS_PER_S

SILENT_NS = 3 * NS_PER_S
"""R35 [P]: after so much silence the state is unknown."""
MISSED_POLLS = 3
UNCONFIRMED_NS = 3 * NS_PER_S
"""R33 [P]: a STOP not confirmed for so long is a high alarm."""
MAX_WATCHDOG_S = 255
"""New Era ``SAF n`` [M]; pumps with another range refuse and fail the self-test."""

RETEST_NS = 300 * NS_PER_S
"""A still pump is tested anew so often [P]; a test counts for twice as long (R18)."""

Outcome = Literal["done", "aborted", "not-run"]


@dataclass
class PumpFacts:
    """One pump's facts. ``outcome`` is set when its infusion has ended or can no longer be trusted to go on."""

    setup: PumpSetup
    lane: PumpLane
    ledger: PumpLedger
    desk: Desk
    watch: DeliveryWatch = field(default_factory=DeliveryWatch)
    link: Link = "connecting"
    identity: Identity | None = None
    status: PumpStatus | None = None
    self_tested: bool = False
    self_tested_ns: int | None = None
    watchdog: bool | None = None
    holds_watchdog: bool | None = None
    """Whether it took the watchdog that the rig wants; None: not asked."""
    watchdog_proof: WatchdogProof = "untried"
    watchdog_why: str = ""
    closed: Closed | None = None
    read_back: PumpProgram | None = None
    armed_token: int | None = None
    preparing: bool = False
    """Settings are on their way into it: nothing else is asked of it."""
    outcome: Outcome | None = None
    unknown_since_ns: int | None = None
    _stop_since_ns: int | None = None
    _missed: int = 0
    _start_unclear: bool = False
    _run_went_out: bool = False
    """RUN of the open infusion was sent or refused; a reply to a question asked before that says nothing about it."""
    _seen_moving: bool = False
    _lost_while_open: bool = False
    _self_test_asked: bool = False
    _self_test_failures: int = 0
    _next_self_test_ns: int = 0
    _closing: bool = False

    @property
    def name(self) -> str:
        """Return its name in the rig."""
        return self.setup.name

    @property
    def experimental(self) -> bool:
        """Tell whether stopping it harms no animal under maintained anaesthesia."""
        return self.setup.role == "experimental"

    @property
    def stop_confirmed(self) -> bool | None:
        """None: no STOP was sent; False: NOT CONFIRMED STOPPED; True: confirmed by a reply asked after it.

        A port that is closed takes no further STOP: then it counts how it was closed.
        """
        if self.closed is not None:
            return self.closed.safe
        if self.lane.slot.pending:
            return False
        return True if self.lane.slot.generation else None

    @property
    def stop_overdue(self) -> bool:
        """Tell whether a STOP has waited for its confirmation for too long (R33)."""
        return self.desk.alarms.active("not-confirmed-stopped", self.name)

    @property
    def infusing(self) -> bool:
        """Tell whether an infusion is open: sent and not confirmed over."""
        return self.ledger.current is not None

    @property
    def motion(self) -> Motion:
        """Return what it does as far as a fresh reply says."""
        if self.status is None or self.unknown_since_ns is not None or self.link != "online":
            return Motion.UNKNOWN
        return self.status.motion

    @property
    def ready(self) -> bool:
        """Tell whether it is there, identified and self-tested."""
        return self.link == "online" and self.self_tested

    @property
    def idle(self) -> bool:
        """Tell whether it is there, still, and not being prepared for an infusion."""
        still = self.link == "online" and self.motion.is_still and not self.lane.slot.pending
        free = self.read_back is None and not self.preparing and self.watchdog_proof != "trying"
        return still and free and not self.infusing

    def ask_self_test(self) -> None:
        """Have identity, STOP and watchdog setting proved anew (R18)."""
        self._self_test_asked = True
        self.lane.request(SelfTest(self._watchdog_s, self.lane.slot.generation))

    def prepare(self, token: int, program: PumpProgram, generation: int) -> None:
        """Have settings written into it."""
        self.outcome, self.preparing = None, True
        self.lane.request(Program(token, program, generation))

    def ask_watchdog_proof(self) -> None:
        """Leave the pump alone until its watchdog expires; nothing moves (R41)."""
        if self.holds_watchdog and self.idle:
            self.watchdog_proof, self.watchdog_why = "trying", ""
            self.lane.request(ProveWatchdog(self._watchdog_s, self.lane.slot.generation))

    @property
    def _watchdog_s(self) -> int:
        return min(MAX_WATCHDOG_S, math.ceil(self.setup.watchdog_s * self.desk.slack))

    def stop(self, reason: str, now_ns: int) -> None:
        """Put a STOP into the slot; an infusion under way counts as aborted from now on."""
        if not self.lane.slot.pending:
            self.desk.say(EventKind.PUMP, now_ns, self.name, f"STOP: {reason}", {"what": "stop", "reason": reason})
            self.lane.slot.request()
        self.abort()

    def abort(self) -> None:
        """Note that the infusion under way, sent or about to be, is not to be counted on."""
        self.read_back, self.armed_token, self.preparing = None, None, False
        self.outcome = self.outcome or "aborted"

    def open_infusion(self, step: int, program: PumpProgram, now_ns: int) -> None:
        """Enter an infusion into the ledger, just before RUN goes to the lane."""
        self.ledger.begin(step, program, now_ns)
        self.watch.begin()
        self.outcome = None
        self._start_unclear = False
        self._run_went_out = False
        self._seen_moving = False
        self._lost_while_open = False

    def close(self) -> None:
        """Expect the port to be closed: silence is in order from now on."""
        self._closing = True

    def tick(self, now_ns: int) -> None:
        """Look at what time alone brings: silence, a STOP without answer, a self-test that is due."""
        self._watch_stop(now_ns)
        if self._closing:
            return
        self._watch_silence(now_ns)
        due = self.link == "online" and not self.self_tested
        due |= self.idle and self.self_test_is_old(now_ns)
        if due and not self._self_test_asked and not self.lane.slot.pending and now_ns >= self._next_self_test_ns:
            self.ask_self_test()

    def self_test_is_old(self, now_ns: int) -> bool:
        """Tell whether it should be made anew, well before it counts no longer (R18)."""
        return self.self_tested_ns is not None and now_ns - self.self_tested_ns > RETEST_NS * self.desk.slack

    def _watch_stop(self, now_ns: int) -> None:
        if self.closed is not None:
            return
        if not self.lane.slot.pending:
            self._stop_since_ns = None
            self.desk.alarms.off("not-confirmed-stopped", self.name)
            return
        if self._stop_since_ns is None:
            self._stop_since_ns = now_ns
        if now_ns - self._stop_since_ns >= UNCONFIRMED_NS * self.desk.slack:
            age_s = (now_ns - self._stop_since_ns) / NS_PER_S
            self.desk.alarms.on("not-confirmed-stopped", now_ns, self.name, f"no confirmation for {age_s:.0f} s")

    def _watch_silence(self, now_ns: int) -> None:
        if self.status is None or self.link == "connecting" or self.unknown_since_ns is not None:
            return
        if self.watchdog_proof == "trying":
            return  # it is left alone on purpose
        age_ns = now_ns - self.status.received_ns
        if age_ns > SILENT_NS * self.desk.slack or self._missed >= MISSED_POLLS:
            self._unknown(f"nothing heard for {age_ns / NS_PER_S:.1f} s", now_ns)

    def _unknown(self, why: str, now_ns: int) -> None:
        """R35: the state is unknown; an infusion under way is stopped and STOP attempts go on until confirmed."""
        if self.unknown_since_ns is None:
            self.unknown_since_ns = self.status.received_ns if self.status else now_ns
            self.desk.say(EventKind.PUMP, now_ns, self.name, f"State unknown: {why}", {"what": "unknown"})
        self.desk.alarms.on("pump-unknown", now_ns, self.name, why)
        if self.infusing:
            self.stop("its state is unknown", now_ns)
