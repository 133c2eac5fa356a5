"""What happened in a rehearsal, told from its recording: steps, alarms, samples.

Knows the events of a recording. Knows no truth and no plan but the steps' order and length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from acquisition.engine.alarm_table import TABLE
from acquisition.engine.gate_facts import PastInfusion
from acquisition.events import EventKind
from acquisition.plan import InfuseStep, Plan, WaitStep
from acquisition.recording.session_data import SessionData, StreamData
from analysis.rehearsal.course import Course
from analysis.rehearsal.facts import AlarmFact, ChannelFact, StepFact
from analysis.steps import StepSpan, step_spans
from drivers.clock import NS_PER_S

TAIL_S = 5.0
"""What was measured last may still be on its way when the session is closed: so much is no loss."""
_WORST_FIRST = {"high": 0, "medium": 1, "low": 2}


def plan_began_ns(data: SessionData) -> int | None:
    """Return when the plan was started; None if it never was."""
    return next((event.t_ns for event in data.events if event.kind is EventKind.STEP), None)


def step_facts(
    plan: Plan, data: SessionData, infusions: Sequence[PastInfusion], course: Course
) -> tuple[StepFact, ...]:
    """Return every step as planned and as run."""
    began_ns = plan_began_ns(data) or 0
    spans = {span.number: span for span in step_spans(data)}
    given = {i.step: i for i in infusions}
    facts, start_s = [], 0.0
    for step in plan.steps:
        length_s = step.duration_s if isinstance(step, InfuseStep | WaitStep) else 0.0
        span, infusion = spans.get(step.number), given.get(step.number)
        started_s, ended_s = _times(span, began_ns)
        facts.append(
            StepFact(
                number=step.number,
                kind=step.kind,
                label=step.label or step.kind,
                pump=step.pump if isinstance(step, InfuseStep) else "",
                planned_start_s=start_s,
                planned_end_s=start_s + length_s,
                started_s=started_s,
                ended_s=ended_s,
                state="not begun" if span is None else span.state,
                planned_ul=step.volume_ul if isinstance(step, InfuseStep) else None,
                confirmed_ul=infusion.confirmed_ul if infusion else None,
                uncertain_ul=infusion.uncertain_ul if infusion else None,
                at_end=course.at(ended_s),
            )
        )
        start_s += length_s
    return tuple(facts)


def _times(span: StepSpan | None, began_ns: int) -> tuple[float | None, float | None]:
    if span is None:
        return None, None
    ended_s = None if span.end_ns is None else (span.end_ns - began_ns) / NS_PER_S
    return (span.start_ns - began_ns) / NS_PER_S, ended_s


def alarm_facts(data: SessionData) -> tuple[AlarmFact, ...]:
    """Return every alarm that sounded, the worst first, then the oldest; what it means and what to do stand with it."""
    began_ns, spans = plan_began_ns(data) or data.header.started_ns, step_spans(data)
    found: dict[str, AlarmFact] = {}
    on: dict[str, bool] = {}
    for event in data.events:
        change = event.data.get("change")
        if event.kind is not EventKind.ALARM or change not in ("raised", "repeated", "cleared"):
            continue
        alarm_id = str(event.data.get("alarm"))
        on[alarm_id] = change != "cleared"
        if change == "cleared":
            continue
        known = found.get(alarm_id)
        kind, _, instrument = alarm_id.partition(":")
        row = TABLE.get(kind)
        found[alarm_id] = AlarmFact(
            alarm_id=alarm_id,
            priority=str(event.data.get("priority")),
            instrument=instrument,
            what=event.text.partition(": ")[2],
            so_what=row.so_what if row else "",
            do_what=row.do_what if row else "",
            first_s=known.first_s if known else (event.t_ns - began_ns) / NS_PER_S,
            step=known.step if known else _step_at(spans, event.t_ns),
            times=known.times + 1 if known else 1,
            on_at_end=False,
        )
    facts = [replace(fact, on_at_end=on[fact.alarm_id]) for fact in found.values()]
    return tuple(sorted(facts, key=lambda fact: (_WORST_FIRST.get(fact.priority, 3), fact.first_s)))


def _step_at(spans: Sequence[StepSpan], t_ns: int) -> int | None:
    running = [s.number for s in spans if s.start_ns <= t_ns and (s.end_ns is None or t_ns <= s.end_ns)]
    return running[-1] if running else None


def channel_facts(data: SessionData) -> tuple[ChannelFact, ...]:
    """Return what was recorded of every channel and what is missing."""
    return tuple(
        _channel(name, number, stream, data)
        for stream in data.streams.values()
        for number, name in enumerate(stream.spec.channels)
    )


def _channel(name: str, number: int, stream: StreamData, data: SessionData) -> ChannelFact:
    lost = np.isnan(stream.current_a[:, number])
    return ChannelFact(
        channel=name,
        instrument=stream.spec.instrument,
        samples=len(stream.index),
        missing=missing_samples(stream, data) + int(np.count_nonzero(lost)),
        flagged=int(np.count_nonzero(stream.flags[~lost, number])),
    )


def missing_samples(stream: StreamData, data: SessionData) -> int:
    """Return how many samples of all channels are missing from the first one to the end of the recording.

    Told by time and not by the device's counter: a measurement that was started anew begins to count anew.
    """
    interval_ns = stream.spec.interval_s * NS_PER_S
    if not len(stream.t_ns):
        last_ns = data.close.t_ns if data.close else data.header.started_ns
        return round((last_ns - data.header.started_ns) / interval_ns)
    steps = np.diff(stream.t_ns) / interval_ns
    holes = int(np.sum(np.round(steps[steps > 1.5] - 1.0)))
    end_ns = data.close.t_ns if data.close else int(stream.t_ns[-1])
    tail = (end_ns - int(stream.t_ns[-1])) / interval_ns
    return holes + (int(tail) if tail > TAIL_S / stream.spec.interval_s else 0)
