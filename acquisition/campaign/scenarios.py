"""The fault matrix as executable scenarios: per row, what is done to bench, computer or person, and what must be seen.

Knows what to do and what to expect; ``campaign.run`` runs it with the real engine on simulated bytes, and the judges of
the campaign judge it beside what is said here. Rows that this cannot show name the test that does, or why none can.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from acquisition.campaign.judges import judge
from acquisition.campaign.run import run
from acquisition.campaign.trial import Act, Family, Infusion, Trial
from acquisition.campaign.witness import Account
from acquisition.engine.fault_matrix import MATRIX

Ends = Literal["at target", "short", "nothing given"]
RATE_UL_PER_MIN = 3.0
_FAULT_S = 10.0
_START_S = 0.5
"""What happens before belongs to the start: connection, settings."""
_PROOF_S = 1.5
"""What the proof of a watchdog takes beside its own time."""
_AT = re.compile(r"@([\d.]+)s")
_LEAST_SHARE = 0.98
"""Of the target: what is given less was cut short."""


@dataclass(frozen=True)
class Scenario:
    """One row of the matrix, made to happen. ``faults`` and ``acts`` are those of a trial of the campaign, with times
    as if no watchdog had to be proved before the start.
    """

    row: str
    ends: Ends
    """What the animal got of the planned volume."""
    faults: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()
    alarms: tuple[str, ...] = ()
    """Which alarms are raised too, beside that of the matrix."""
    says: str = ""
    """Words that an event of the recording must contain."""
    family: Family = "new-era"
    watchdog_s: int = 5
    sensor: bool = False
    lasting_s: float = 30.0
    """How long the infusion takes; it begins about 0.6 s after the session, and after the proof of its watchdog."""
    may_break: dict[str, str] = field(default_factory=dict)
    """Rules of the campaign that this fault breaks by its nature, and why."""

    @property
    def trial(self) -> Trial:
        """Return the trial that makes it happen."""
        volume_ul = RATE_UL_PER_MIN * self.lasting_s / 60.0
        return Trial(
            seed=1,
            family=self.family,
            watchdog_s=self.watchdog_s,
            maintenance=False,
            sensor=self.sensor,
            infusions=(Infusion(volume_ul, RATE_UL_PER_MIN),),
            faults=tuple(_AT.sub(lambda found: f"@{self._later(float(found[1])):g}s", fault) for fault in self.faults),
            acts=tuple(replace(act, t_s=self._later(act.t_s)) for act in self.acts),
        )

    def _later(self, t_s: float) -> float:
        """Return when something is to happen: what is not for the very start waits until the watchdog is proved."""
        proof_s = self.watchdog_s + _PROOF_S if self.watchdog_s else 0.0
        return round(t_s + proof_s, 3) if t_s >= _START_S else t_s

    @property
    def done(self) -> str:
        """Return what is done, as the page shows it."""
        trial = self.trial
        acts = [f"{act.deed} at {act.t_s:g} s" + (f" for {act.for_s:g} s" if act.for_s else "") for act in trial.acts]
        return ", ".join([*(f"`{fault}`" for fault in trial.faults), *acts])


def drug(row: str, ends: Ends, *faults: str, alarms: tuple[str, ...] = (), says: str = "") -> Scenario:
    """Return a scenario in which something happens to the pump that gives the drug."""
    return Scenario(row, ends, tuple(f"drug:{fault}" for fault in faults), alarms=alarms, says=says)


SCENARIOS: tuple[Scenario, ...] = (
    drug("L1", "short", "drop@10s+4s"),
    drug("L2", "at target", "drop@0.58s+1.8s"),
    drug("L3", "at target", "duplicate@10s=1"),
    drug("L4", "at target", "garble@10s+2s"),
    Scenario("L5", "nothing given", ("drug:garble@0.2s+0.2s=digit",), family="harvard-ultra", watchdog_s=0),
    drug("L6", "at target", "truncate@10s+2s"),
    drug("L7", "at target", "delay@10s+1s=1500ms"),
    drug("L8", "short", "echo@10s"),
    drug("L9", "short", "babble@10s+20s"),
    drug("L10", "short", "unplug@10s", says="Lost"),
    drug("L11", "short", "unplug@10s+5s", says="Found again"),
    Scenario("L12", "short", ("drug:swap@10s+3s=stat",), alarms=("pump-lost",), sensor=True),
    Scenario("L13", "nothing given", ("drug:swap@0s+0.01s=stat",), sensor=True),
    drug("L14", "short", "foreign@10.2s", "foreign@12.2s", "foreign@14.2s"),
    drug("L15", "short", "baud@10s+15s"),
    drug("D1", "short", "power-cycle@10s", says="Reset"),
    drug("D2", "short", "brown-out@10s", says="Reset"),
    Scenario("D3", "short", ("drug:brown-out@10s=target",), lasting_s=60.0),
    drug("D4", "short", "stall@10s"),
    Scenario("D5", "at target", ("drug:runaway@5s",), (Act(10.0, "stop"),)),
    drug("D6 fast", "short", "speed@0s=150%"),
    drug("D6 slow", "short", "speed@0s=70%"),
    Scenario("D6 slightly", "at target", ("drug:speed@0s=97%",), lasting_s=60.0),
    drug("D6 not at all", "nothing given", "speed@0s=0%"),
    drug("D7 stopped", "short", "keypad@10s"),
    drug("D7 started", "short", "keypad@10s", "keypad@12s=start", alarms=("stopped-early",)),
    drug("D8", "nothing given", "refuse@0.1s"),
    drug("D9", "short", "empty@10s"),
    Scenario("H4", "short", acts=(Act(_FAULT_S, "engine-dies"),)),
    Scenario("H5", "short", acts=(Act(_FAULT_S, "machine-sleeps", 1800.0),)),
    Scenario("H6", "at target", acts=(Act(_FAULT_S, "machine-sleeps", 2.6),)),
    Scenario("H7", "short", acts=(Act(_FAULT_S, "program-error"),), may_break={"R44 no defect": "made on purpose"}),
    Scenario("R1", "short", acts=(Act(_FAULT_S, "disk-full", 30.0),)),
    Scenario("R2", "short", acts=(Act(_FAULT_S, "write-error", 30.0),), says="Input/output error"),
    Scenario("R3", "at target", acts=(Act(_FAULT_S, "disk-slow", 5.0),)),
    Scenario("R4", "short", acts=(Act(_FAULT_S, "file-locked", 30.0),), says="locked"),
    Scenario("S1", "short", ("stat:unplug@10s",), sensor=True),
    Scenario("S1 silent", "at target", ("stat:cut@10s+8s",), sensor=True),
    Scenario("S2", "at target", ("stat:drop@10s+1s",), sensor=True),
    Scenario("T1", "at target", acts=(Act(8.0, "clock-forward", 3600.0), Act(16.0, "clock-back", 3600.0)),
             says="was set back by 3600.0 s"),
    Scenario("T2", "at target", acts=(Act(_FAULT_S, "clock-back", 3600.0),)),
    Scenario("U1", "at target", acts=(Act(5.0, "start"), Act(5.0, "start")), says="Start the plan"),
    Scenario("U2", "short", acts=(Act(_FAULT_S, "stop"),), says="STOP confirmed"),
)  # fmt: skip


def shortcomings(scenario: Scenario) -> list[str]:
    """Run a scenario; return everything that is not as it must be."""
    account = run(scenario.trial)
    found = [f"{v.rule}: {v.text}" for v in judge(scenario.trial, account) if v.rule not in scenario.may_break]
    return [*found, *_alarms(scenario, account), *_given(scenario, account), *_recorded(scenario, account)]


def _alarms(scenario: Scenario, account: Account) -> list[str]:
    raised, fault = account.alarms(), MATRIX[scenario.row]
    if fault.silent and not scenario.alarms:
        return [f"raised {sorted(raised)}, and nothing was to be"] if raised else []
    wanted = {*scenario.alarms, *([fault.alarm] if fault.alarm else [])}
    return [f"{alarm} was not raised, but {sorted(raised)}" for alarm in sorted(wanted - raised)]


def _given(scenario: Scenario, account: Account) -> list[str]:
    share = account.true_ul / scenario.trial.planned_ul
    ends: Ends = "at target" if share >= _LEAST_SHARE else "short" if share > 0 else "nothing given"
    return [] if ends == scenario.ends else [f"{share:.1%} of the plan were given: {ends}, not {scenario.ends}"]


def _recorded(scenario: Scenario, account: Account) -> list[str]:
    """The recording goes on to the end of the session, whatever befell, and says what happened."""
    events, found = account.witness.events, []
    if not any(scenario.says in event.text for event in events):
        found.append(f"nothing says {scenario.says!r}")
    alive = not any(act.deed == "engine-dies" for act in scenario.acts)
    if alive and not any(event.text.startswith("Session closed") for event in events):
        found.append(f"the recording ends with {events[-1].text!r}")
    return found


ELSEWHERE: dict[str, tuple[str, str]] = {
    "C1": ("tests/experiment/test_gatekeeper.py", "test_R11_a_plan_that_was_changed"),
    "C2": ("tests/experiment/test_problems.py", "test_lines_are_found"),
    "C3": ("tests/engine/test_fault_matrix.py", "test_C3_"),
    "H1": ("tests/engine/test_fault_matrix.py", "test_H1_H2_"),
    "H2": ("tests/engine/test_fault_matrix.py", "test_H1_H2_"),
    "H3": ("tests/gui/test_alarm_sound.py", "test_H3_"),
    "R5": ("tests/recording/test_kills.py", "test_R53_a_killed_engine"),
    "S3": ("tests/engine/test_fault_matrix.py", "test_S3_"),
    "S3 flat": ("tests/engine/test_fault_matrix.py", "test_S3_"),
    "S4": ("tests/recording/test_device_clock.py", "test_S4_"),
    "T3": ("tests/engine/test_clocks.py", "test_T3_"),
    "U3": ("tests/process/test_engine.py", "test_R56_"),
}
"""Rows that need more than one engine in lockstep, and which tests show them: file, and how their names begin."""
