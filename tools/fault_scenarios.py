"""Makes the page of the fault matrix: what is done in each row, what must be seen, and which test shows it.

``python -m tools.fault_scenarios`` writes ``docs/reference/fault-scenarios.md`` from the matrix and from the scenarios
that the tests run. Knows how a row looks; runs nothing.
"""

# ruff: noqa: INP001 - a script of the project, not a package
from __future__ import annotations

from pathlib import Path

from acquisition.campaign.scenarios import ELSEWHERE, SCENARIOS, Scenario
from acquisition.engine.fault_matrix import MATRIX, Fault

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "fault-scenarios.md"
_HEAD = """\
# Faults, made to happen

Every row of the fault matrix, what is done to the simulated bench, the computer or the person, and what must be seen.
Made by `python -m tools.fault_scenarios` from `acquisition/engine/fault_matrix.py` and
`acquisition/campaign/scenarios.py`: do not edit it by hand. `pytest tests/campaign/test_scenarios.py` runs every row
with the real engine and drivers on simulated bytes, in virtual time, in a few seconds. Beside what stands here, all
rules of `amperfuse campaign` hold in each: never more than was planned, stopped stays stopped, the ledger and the dose
book never below what really left the syringe, no RUN without an intent on the disk, no sample missing without a gap.

The infusion takes 30 s at 3 \u00b5L/min unless another time is named, on a New Era pump with a watchdog of 5 s unless
another is. How a fault is written: [commands](commands.md#faults). What an alarm says: [alarms](alarms.md).

| row | fault | what is done | alarm | the animal gets |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the whole page."""
    scenarios = {scenario.row: scenario for scenario in SCENARIOS}
    return _HEAD + "".join(_line(row, fault, scenarios.get(row)) for row, fault in MATRIX.items())


def _line(row: str, fault: Fault, scenario: Scenario | None) -> str:
    alarm = f"`{fault.alarm}`" if fault.alarm else f"none: {fault.silent}"
    if scenario is None:
        file, name = ELSEWHERE[row]
        return f"| {row} | {fault.what} | shown by `{file}`, `{name}...` | {alarm} | |\n"
    special = [
        *([scenario.family] if scenario.family != "new-era" else []),
        *(["with a potentiostat"] if scenario.sensor else []),
        *([f"infusion of {scenario.lasting_s:g} s"] if scenario.lasting_s != 30.0 else []),
    ]
    done = scenario.done + (f" ({', '.join(special)})" if special else "")
    more = "".join(f", `{kind}`" for kind in scenario.alarms)
    gets = {"at target": "all of it", "short": "part of it", "nothing given": "nothing"}[scenario.ends]
    return f"| {row} | {fault.what} | {done} | {alarm}{more} | {gets} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
