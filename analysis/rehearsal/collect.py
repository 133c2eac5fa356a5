"""From a rehearsal and its recording to the facts of its report. Pure: reads no file, no clock, no disk.

Knows which parts make up a report. What each part means is known where it is counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from acquisition.engine.gate_rules import DISK_FACTOR
from acquisition.experiment.limits import Limits
from acquisition.host.rehearsal import RehearsalResult, on_twins
from acquisition.plan import Plan
from acquisition.recording.session_data import SessionData
from analysis.rehearsal.course import Course, course_of, level_facts
from analysis.rehearsal.facts import DiskFact, RehearsalReport
from analysis.rehearsal.given import blinded_codes, dose_facts, limit_facts, pump_facts, sealed_reasons
from analysis.rehearsal.happened import alarm_facts, channel_facts, plan_began_ns, step_facts
from analysis.rehearsal.verdict import no_go_reasons, over_the_limit
from drivers.clock import NS_PER_S


@dataclass(frozen=True)
class Rehearsed:
    """Everything that a report is made of."""

    plan: Plan
    limits: Limits
    result: RehearsalResult
    data: SessionData
    seed: int
    faults: tuple[str, ...]
    presets: tuple[str, ...]
    fingerprint: str
    measured_bytes: int
    """Of the session's files."""
    free_bytes: int
    """Of the disk that sessions go to."""


def course_in(rehearsed: Rehearsed) -> Course:
    """Return the predicted levels on the plan's clock; on that of the recording where the plan was never started."""
    data, result = rehearsed.data, rehearsed.result
    began_ns = plan_began_ns(data)
    zero_ns = data.header.started_ns if began_ns is None else began_ns
    return course_of(result.truth, (zero_ns - result.began_ns) / NS_PER_S)


def report_of(rehearsed: Rehearsed) -> RehearsalReport:
    """Return the facts of one rehearsal."""
    plan, result, data = rehearsed.plan, rehearsed.result, rehearsed.data
    began_ns, course = plan_began_ns(data), course_in(rehearsed)
    steps = step_facts(plan, data, result.infusions, course)
    infused_s = [step.started_s for step in steps if step.kind == "infuse" and step.confirmed_ul and step.started_s]
    ended_s = [step.ended_s for step in steps if step.ended_s is not None]
    held = limit_facts(plan, rehearsed.limits, result.infusions, began_ns)
    sealed = sealed_reasons(plan, rehearsed.limits, result.infusions, began_ns)
    reasons = [*no_go_reasons(result), *over_the_limit(held), *sealed]
    return RehearsalReport(
        go=not reasons,
        reasons=tuple(reasons),
        outcome=result.outcome,
        protocol=plan.name,
        animal=plan.subject.subject_id,
        species=plan.subject.species,
        weight_g=plan.subject.weight_g,
        seed=rehearsed.seed,
        faults=rehearsed.faults,
        presets=rehearsed.presets,
        software=data.header.software,
        session_dir=str(result.session_dir),
        fingerprint=rehearsed.fingerprint,
        plan_sha256=data.header.plan_sha256,
        planned_s=plan.duration_s,
        ran_s=max(ended_s, default=None),
        recorded_s=_recorded_s(data),
        warnings=on_twins(plan).warnings,
        steps=steps,
        pumps=pump_facts(plan, result),
        doses=dose_facts(plan, result),
        limits=held,
        levels=level_facts(course, min(infused_s, default=math.inf)),
        alarms=alarm_facts(data),
        channels=channel_facts(data),
        disk=_disk(rehearsed),
        blinded=blinded_codes(plan),
    )


def _recorded_s(data: SessionData) -> float:
    return (data.close.t_ns - data.header.started_ns) / NS_PER_S if data.close else 0.0


def _disk(rehearsed: Rehearsed) -> DiskFact:
    measured_s = max(_recorded_s(rehearsed.data), 1.0)
    per_s = rehearsed.measured_bytes / measured_s
    need = math.ceil(per_s * max(rehearsed.plan.duration_s + rehearsed.plan.patience_s, measured_s))
    return DiskFact(
        measured_bytes=rehearsed.measured_bytes,
        measured_s=measured_s,
        bytes_per_h=per_s * 3600.0,
        planned_need_bytes=need,
        free_bytes=rehearsed.free_bytes,
        enough=rehearsed.free_bytes >= DISK_FACTOR * need,
    )
