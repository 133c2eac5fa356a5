"""When each step of the plan really began and ended, told from the events of a recording.

Knows the plan's steps and the events about them; nothing of drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from acquisition.events import EventKind
from acquisition.recording.session_data import SessionData


@dataclass(frozen=True)
class StepSpan:
    """One step as it was run. ``end_ns`` is None when it had not ended; ``state`` as in ``messages.StepState``."""

    number: int
    kind: str
    label: str
    start_ns: int
    end_ns: int | None
    state: str


def step_spans(data: SessionData) -> tuple[StepSpan, ...]:
    """Return the steps that were begun or missed, in order of the plan."""
    planned = {int(step["number"]): step for step in data.header.plan["steps"]}
    spans: dict[int, StepSpan] = {}
    for event in data.events:
        number, state = event.data.get("step"), event.data.get("state")
        if event.kind is not EventKind.STEP or not isinstance(number, int) or number not in planned:
            continue
        if number not in spans:
            step = planned[number]
            label = str(step["label"]) or str(step["kind"])
            spans[number] = StepSpan(number, str(step["kind"]), label, event.t_ns, None, "running")
        if state != "running":
            spans[number] = replace(spans[number], end_ns=event.t_ns, state=str(state))
    return tuple(spans[number] for number in sorted(spans))
