"""Which rows of the fault matrix a campaign has really reached: what it never met, it proves nothing of.

Knows, per row, what in a trial and in what the engine said shows that the fault came and was noticed: the kinds of
fault and the deeds of the row's scenario, and the alarm of the matrix. Judges nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from acquisition.campaign.scenarios import ELSEWHERE, SCENARIOS, Scenario
from acquisition.campaign.trial import Trial
from acquisition.campaign.witness import Account
from acquisition.engine.fault_matrix import MATRIX
from acquisition.events import EventKind

Shows = Callable[[Trial, Account], bool]
_FAULT = re.compile(r"(?P<what>[a-z]+:[a-z-]+)[@~][^=]*(?:=(?P<value>.*))?")
_MEANS_MORE = ("garble", "brown-out", "keypad", "swap")
"""Faults of which the value says what kind they are; of others it says how much."""


def kind_of(fault: str) -> str:
    """Return instrument and kind of a fault, with its value where that is a kind of its own."""
    found = _FAULT.fullmatch(fault)
    if found is None:
        return fault
    what, value = found["what"], found["value"] or ""
    with_value = what.partition(":")[2] in _MEANS_MORE and not value.isdigit()
    return f"{what}={value}" if with_value and value else what


def _row(scenario: Scenario) -> Shows:
    """Return what shows that a row was reached: all its scenario does was done, and its alarm was raised."""
    faults = {kind_of(fault) for fault in scenario.faults}
    deeds = {act.deed for act in scenario.acts}
    alarm, says = MATRIX[scenario.row].alarm, scenario.says

    def shows(trial: Trial, account: Account) -> bool:
        return (
            faults <= {kind_of(fault) for fault in trial.faults}
            and deeds <= {act.deed for act in trial.acts}
            and (not alarm or alarm in account.alarms())
            and (not says or any(says in event.text for event in account.witness.events))
            and (scenario.row not in _ONLY_ON or _ONLY_ON[scenario.row](trial))
        )

    return shows


_ONLY_ON: dict[str, Callable[[Trial], bool]] = {
    "L4": lambda trial: trial.family == "new-era" and trial.watchdog_s > 0,
    "L5": lambda trial: not (trial.family == "new-era" and trial.watchdog_s > 0),
}
"""Rows that are about lines with, or without, a checksum."""


def _said(kind: EventKind, words: str) -> Shows:
    return lambda _trial, account: any(e.kind is kind and words in e.text for e in account.witness.events)


def _raised(alarm: str) -> Shows:
    return lambda _trial, account: alarm in account.alarms()


ROWS: dict[str, Shows] = {scenario.row: _row(scenario) for scenario in SCENARIOS}
"""Rows of the matrix that a campaign can reach."""
BESIDE: dict[str, Shows] = {
    "RUN that never ran, tried once more": _said(EventKind.PUMP, "RUN was not carried out"),
    "dose book full": _raised("dose-book"),
    "state unknown": _raised("pump-unknown"),
    "maintained anaesthesia": lambda trial, _account: trial.maintenance,
}
"""What the matrix has no row for."""
NOT_HERE: dict[str, str] = {row: f"shown by {file}, {name}..." for row, (file, name) in ELSEWHERE.items()}
"""Rows that a campaign in one thread of virtual time cannot show, and what does."""


@dataclass
class Coverage:
    """What a campaign has met so far."""

    rows: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)

    def add(self, trial: Trial, account: Account) -> None:
        """Count what one trial met."""
        self.rows.update(row for row, shows in (ROWS | BESIDE).items() if shows(trial, account))
        self.alarms.update(account.alarms())
        waited = " once somebody came" if account.fetched else ""
        self.outcomes[f"{account.outcome}{waited}" if account.outcome else "did not end"] += 1
        self.families[trial.family] += 1
        if trial.sensor:
            self.families[trial.sensor_family] += 1

    def merge(self, other: Coverage) -> None:
        """Count what another part of the campaign met."""
        self.rows.update(other.rows)
        self.alarms.update(other.alarms)
        self.outcomes.update(other.outcomes)
        self.families.update(other.families)

    @property
    def missed(self) -> list[str]:
        """Return the rows that no trial has reached, though one could."""
        return [row for row in (*ROWS, *BESIDE) if not self.rows[row]]
