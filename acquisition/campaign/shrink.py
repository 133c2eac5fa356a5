"""Makes a failing trial small: leaves out whatever is not needed to break the same rule.

Knows nothing of what is wrong; asks whether it still is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from acquisition.campaign.trial import Trial


def shrink(trial: Trial, still_fails: Callable[[Trial], bool]) -> Trial:
    """Return the smallest trial that still fails, leaving out one thing at a time until nothing can be left out."""
    while (smaller := next((less for less in _less(trial) if still_fails(less)), None)) is not None:
        trial = smaller
    return trial


def _less(trial: Trial) -> Iterator[Trial]:
    for at in range(len(trial.faults)):
        yield replace(trial, faults=(*trial.faults[:at], *trial.faults[at + 1 :]))
    for at in range(len(trial.acts)):
        yield replace(trial, acts=(*trial.acts[:at], *trial.acts[at + 1 :]))
    if len(trial.infusions) > 1:
        yield from (replace(trial, infusions=(infusion,)) for infusion in trial.infusions)
    if trial.sensor and not any(fault.startswith("stat:") for fault in trial.faults):
        yield replace(trial, sensor=False)
