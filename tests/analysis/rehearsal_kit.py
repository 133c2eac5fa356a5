"""A short plan, rehearsed, and its report: for the tests of what a rehearsal tells. No tests in here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from acquisition.experiment.presets import read_presets
from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.plan import InfuseStep, MarkStep, OperatorStep, Plan, WaitStep
from acquisition.recording.session_data import read_session
from analysis.rehearsal.collect import Rehearsed, report_of
from analysis.rehearsal.facts import RehearsalReport
from tests.engine.kit import LIMITS, PUMP, make_plan

STEPS = (
    OperatorStep(1, "ready?"),
    WaitStep(2, "baseline", 30.0),
    InfuseStep(3, "ketamine", "drug", volume_ul=4.0, rate_ul_per_min=2.0, dose_mg_per_kg=0.8),
    MarkStep(4, "given"),
    WaitStep(5, "effect", 120.0),
)
KETAMINE = replace(PUMP, drug_form="hydrochloride", concentration_mg_per_ml=5.0, line_dead_volume_ul=1.0)


def a_plan(*, primed: bool = True) -> Plan:
    """Return 4 µL of ketamine within four and a half minutes."""
    return make_plan(STEPS, [replace(KETAMINE, primed=primed)])


def rehearsed(folder: Path, plan: Plan, *faults: str, seed: int = 3) -> RehearsalResult:
    """Rehearse a plan on the mean mouse."""
    presets = read_presets(("mean-mouse",))
    return rehearse(plan, LIMITS, out_dir=folder, files={}, software="test", faults=faults, presets=presets, seed=seed)


def report(folder: Path, *faults: str, primed: bool = True, seed: int = 3, free_bytes: int = 10**12) -> RehearsalReport:
    """Rehearse and report."""
    return report_of(everything(folder, a_plan(primed=primed), *faults, seed=seed, free_bytes=free_bytes))


def everything(folder: Path, plan: Plan, *faults: str, seed: int = 3, free_bytes: int = 10**12) -> Rehearsed:
    """Rehearse, with a disk of which so much is free and a session of a million bytes."""
    result = rehearsed(folder, plan, *faults, seed=seed)
    data = read_session(result.session_dir)
    return Rehearsed(plan, LIMITS, result, data, seed, faults, ("mean-mouse",), "f" * 64, 10**6, free_bytes)
