"""Go or no go: everything that stands against running a plan for real, after a rehearsal of it.

The one place that judges a rehearsal. Knows the rules, not how they are told.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquisition.experiment.exposure import exceeds
from acquisition.host.rehearsal import RehearsalResult
from analysis.rehearsal.facts import LimitFact

VOLUME_TOLERANCE = 0.01
"""How far the pump's counter may be from the simulated truth before a rehearsal is a no-go: 1 %."""


def no_go_reasons(result: RehearsalResult) -> list[str]:
    """Return everything that stands against running this plan for real; empty for a go."""
    reasons = [] if result.outcome == "finished" else [f"the plan did not run through: {result.outcome}"]
    reasons += [
        f"{alarm.priority} alarm: {alarm.what}. {alarm.do_what}"
        for alarm in result.alarms
        if alarm.priority in ("high", "medium")
    ]
    for pump, confirmed_ul in result.confirmed_ul.items():
        truth = result.truth["pumps"].get(pump)  # none of a recording, which does nothing
        true_ul = confirmed_ul if truth is None else float(truth["true_delivered_ul"])
        if abs(true_ul - confirmed_ul) > VOLUME_TOLERANCE * max(true_ul, confirmed_ul) + 0.01:
            reasons.append(f"{pump} counted {confirmed_ul:.2f} µL but {true_ul:.2f} µL left the syringe")
        if result.uncertain_ul[pump] > 0:
            reasons.append(f"{pump} may have given {result.uncertain_ul[pump]:.2f} µL more than is confirmed")
    return reasons


def over_the_limit(limits: Sequence[LimitFact]) -> list[str]:
    """Return every hard limit that what was given at worst exceeds: a plan is held against its own numbers only."""
    return [
        f"the animal may have got {limit.given:.4g} {limit.unit}, more than the hard limit {limit.limit_id} of "
        f"{limit.hard:.4g} {limit.unit} ({limit.window})"
        for limit in limits
        if limit.given is not None and exceeds(limit.given, limit.hard)
    ]
