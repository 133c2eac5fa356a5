"""Holds a pump's counter against the host's own integral of the ordered rate: the third independent limit.

Knows R23, R26 and R27: too little, too much, nothing at all, and motion nobody ordered. Pure judgement over one pump;
says what is wrong and whether the pump must be stopped, does neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acquisition.engine.ledger import Infusion, PumpLedger
from drivers.capabilities import Motion, PumpStatus
from drivers.clock import NS_PER_S

DEVIATION = 0.02
STOP_DEVIATION = 0.05
DEVIATION_STEPS = 3
"""R26 [P]: medium above max(2 %, 3 counter steps) for more than 10 s; stop above 5 % (and those steps)."""
DEVIATION_FOR_NS = 10 * NS_PER_S
POLLS_WITHOUT_ADVANCE = 2
"""R23: after so many polls without advance, once one counter step should have been delivered twice over."""
STUCK_S = 20.0
"""So long after it was an alarm that nothing advances, an experimental infusion is given up [P]: the plan waits for a
person. Maintained anaesthesia is not: the line may open again (R28)."""
LATENCY_S = 1.0
"""Time that a pump needs to get going and to count: no deviation is made of one second of flow either way. [A]
How late the computer was is in the bounds instead: between them lies what a pump in order has given."""


@dataclass(frozen=True)
class Finding:
    """An alarm of the table that applies now, in numbers, and which pumps must not go on with it."""

    alarm: str
    detail: str
    stop: Literal["none", "experimental", "any"]


class DeliveryWatch:
    """Judges each fresh status of one pump. ``judge`` returns all that applies now: what is missing has cleared."""

    def __init__(self) -> None:
        self._deviates_since_ns: int | None = None
        self._last_counter_ul = -1.0
        self._advanced_ns = 0
        self._idle_polls = 0

    def begin(self) -> None:
        """Forget the last infusion."""
        self._deviates_since_ns = None
        self._last_counter_ul = -1.0
        self._idle_polls = 0

    def judge(self, ledger: PumpLedger, status: PumpStatus) -> list[Finding]:
        """Return what is wrong, from the ledger after it took ``status``."""
        if status.motion in (Motion.WITHDRAWING, Motion.PURGING):
            return [Finding("unexpected-motion", f"it is {status.motion.value}", stop="any")]
        infusion = ledger.current
        if infusion is None:
            if status.motion is Motion.INFUSING:
                return [Finding("unexpected-motion", "it is infusing", stop="any")]
            return []
        findings = [*self._too_much(infusion, status)]
        if not findings and status.motion is Motion.INFUSING:
            findings += [*self._nothing(infusion, status), *self._deviation(infusion, status)]
        return findings

    def _too_much(self, infusion: Infusion, status: PumpStatus) -> list[Finding]:
        slack_ul = max(DEVIATION_STEPS * status.counter_step_ul, 1e-9)
        over_target_ul = infusion.counter_ul - infusion.target_ul
        if over_target_ul > slack_ul:
            detail = f"its counter says {infusion.counter_ul:.4g} uL of {infusion.target_ul:.4g} uL"
            return [Finding("over-delivery", detail, stop="any")]
        ordered_ul = infusion.ordered_ul(status.received_ns)
        slack_ul += infusion.program.rate_ul_per_min * LATENCY_S / 60
        if infusion.counter_ul - ordered_ul > max(STOP_DEVIATION * ordered_ul, slack_ul):
            detail = f"{infusion.counter_ul:.4g} uL by its counter, {ordered_ul:.4g} uL by rate and time"
            return [Finding("over-delivery", detail, stop="any")]
        return []

    def _nothing(self, infusion: Infusion, status: PumpStatus) -> list[Finding]:
        """R23, with the patience that a slow rate and a coarse counter need."""
        if infusion.counter_ul > self._last_counter_ul:
            self._last_counter_ul = infusion.counter_ul
            self._advanced_ns = status.received_ns
            self._idle_polls = 0
            return []
        self._idle_polls += 1
        step_s = status.counter_step_ul / infusion.program.rate_ul_per_min * 60
        idle_s = (status.asked_ns - self._advanced_ns) / NS_PER_S
        if self._idle_polls < POLLS_WITHOUT_ADVANCE or idle_s < 2 * step_s + LATENCY_S:
            return []
        # a pump that does not notice its own stall would stand there for ever, short of a target it never reaches
        stuck = idle_s >= 2 * step_s + LATENCY_S + STUCK_S
        detail = f"no advance for {idle_s:.0f} s at {infusion.counter_ul:.4g} uL"
        return [Finding("not-infusing", detail, stop="experimental" if stuck else "none")]

    def _deviation(self, infusion: Infusion, status: PumpStatus) -> list[Finding]:
        least_ul, most_ul = infusion.surely_ordered_ul(status.asked_ns), infusion.ordered_ul(status.received_ns)
        too_little = infusion.counter_ul < least_ul
        ordered_ul = least_ul if too_little else most_ul
        differ_ul = least_ul - infusion.counter_ul if too_little else max(0.0, infusion.counter_ul - most_ul)
        slack_ul = DEVIATION_STEPS * status.counter_step_ul + infusion.program.rate_ul_per_min * LATENCY_S / 60
        if differ_ul <= max(DEVIATION * ordered_ul, slack_ul):
            self._deviates_since_ns = None
            return []
        if self._deviates_since_ns is None:
            self._deviates_since_ns = status.asked_ns
        if status.asked_ns - self._deviates_since_ns <= DEVIATION_FOR_NS:
            return []
        detail = f"{infusion.counter_ul:.4g} uL by its counter, {ordered_ul:.4g} uL by rate and time"
        if differ_ul > max(STOP_DEVIATION * ordered_ul, slack_ul):
            # Too much was judged before: this is too little, and no reason to wake an animal under anaesthesia (R28).
            return [Finding("delivery-wrong", detail, stop="experimental")]
        return [Finding("delivery-deviates", detail, stop="none")]
