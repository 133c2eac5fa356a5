"""Which rows of the fault matrix a trial has really reached: a campaign that never meets a fault proves nothing of it.

Knows, per row, what in a trial and in what the engine said shows that the fault came and was noticed. Judges nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from acquisition.campaign.trial import Trial
from acquisition.campaign.witness import Account
from acquisition.events import EventKind

Shows = Callable[[Trial, Account], bool]


def _fault(kind: str, *alarms: str, on: str = "drug", value: str = "") -> Shows:
    def shows(trial: Trial, account: Account) -> bool:
        there = any(f.startswith(f"{on}:{kind}") and value in f for f in trial.faults)
        return there and (not alarms or bool(account.alarms() & set(alarms)))

    return shows


def _befell(deed: str, alarm: str) -> Shows:
    return lambda trial, account: any(act.deed == deed for act in trial.acts) and alarm in account.alarms()


def _said(kind: EventKind, words: str) -> Shows:
    return lambda _trial, account: any(e.kind is kind and words in e.text for e in account.witness.events)


def _both(*shows: Shows) -> Shows:
    return lambda trial, account: all(look(trial, account) for look in shows)


def _on(*families: str) -> Shows:
    return lambda trial, _account: trial.family in families


ROWS: dict[str, Shows] = {
    "L1 reply lost": _fault("drop", value="=in"),
    "L2 command lost": _both(_fault("drop"), _said(EventKind.PUMP, "No answer to RUN")),
    "L2 RUN that never ran, tried once more": _said(EventKind.PUMP, "RUN was not carried out"),
    "L3 duplicated reply": _fault("duplicate"),
    "L4 corrupted byte, with a checksum": _both(_fault("garble"), _on("new-era")),
    "L5 corrupted byte, without a checksum": _both(_fault("garble"), _on("harvard-ultra", "chemyx")),
    "L7 late reply": _fault("delay", value="ms"),
    "L10 unplugged": _fault("unplug", "pump-lost"),
    "L11 plugged in again": _both(_fault("unplug"), _said(EventKind.CONNECTION, "Found again")),
    "L14 foreign traffic": _fault("", "foreign-traffic"),
    "D1 power-cycle": _fault("power-cycle", "pump-reset"),
    "D4 stall": _fault("stall", "pump-stall", "not-infusing", "delivery-wrong", "delivery-deviates", "stopped-early"),
    "D5 runs on after STOP": _fault("", "not-confirmed-stopped"),
    "S1 sensor unplugged": _fault("unplug", "sensor-lost", on="stat"),
    "S1 sensor silent": _fault("", "sensor-silent", on="stat"),
    "S2 samples lost": _fault("", "samples-missing", on="stat"),
    "U2 STOP at any time": lambda trial, _account: any(act.deed == "stop" for act in trial.acts),
    "U1 Start twice": lambda trial, _account: any(act.deed == "start" for act in trial.acts),
    "R1 disk full": _befell("disk-full", "recorder-failing"),
    "R3 recorder hangs": _befell("recorder-hangs", "recorder-failing"),
    "H5 machine sleeps": _befell("machine-sleeps", "clock-jump"),
    "dose book full": _befell("book-full", "dose-book"),
    "R35 state unknown": _fault("", "pump-unknown"),
    "role: maintained anaesthesia": lambda trial, _account: trial.maintenance,
}


@dataclass
class Coverage:
    """What a campaign has met so far."""

    rows: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, trial: Trial, account: Account) -> None:
        """Count what one trial met."""
        self.rows.update(row for row, shows in ROWS.items() if shows(trial, account))
        self.alarms.update(account.alarms())
        self.outcomes[account.outcome or "did not end"] += 1

    def merge(self, other: Coverage) -> None:
        """Count what another part of the campaign met."""
        self.rows.update(other.rows)
        self.alarms.update(other.alarms)
        self.outcomes.update(other.outcomes)

    @property
    def missed(self) -> list[str]:
        """Return the rows that no trial has reached."""
        return [row for row in ROWS if not self.rows[row]]
