"""The plan as a strip: where each step lies, what has become of it, where now is.

Steps that have started lie where they really started; those to come are pushed along by what took longer. Steps
without a length (marks, questions to the operator) get a few pixels all the same. Knows pixels, no painter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from acquisition.messages import EngineState, StepState, StepView
from gui.presenters.text import NS_PER_S, duration, plain

LEAST_PX = {"infuse": 6.0, "wait": 3.0, "stable": 16.0, "operator": 16.0, "mark": 12.0}
_WORDS: dict[StepState, str] = {
    "pending": "to come",
    "running": "running",
    "done": "done",
    "aborted": "ABORTED",
    "missed": "MISSED",
}


@dataclass(frozen=True)
class Block:
    """One step on the strip."""

    number: int
    kind: str
    label: str
    state: StepState
    pump: str
    left_px: float
    width_px: float
    start_s: float
    """Seconds after the start of the plan, as it is or as it is expected."""
    end_s: float
    tooltip: str


@dataclass(frozen=True)
class Timeline:
    """The whole strip."""

    blocks: tuple[Block, ...]
    now_px: float | None
    headline: str
    clock: str
    """How far, of how long."""


def timeline(state: EngineState, now_ns: int, width_px: float) -> Timeline:
    """Lay the plan out over ``width_px``; ``now_ns`` is engine time."""
    started = state.plan_started_ns
    now_s = None if started is None else (now_ns - started) / NS_PER_S
    times = _times(state.steps, started, now_s)
    edges = _edges(state.steps, times, width_px)
    blocks = tuple(
        Block(
            number=step.number,
            kind=step.kind,
            label=plain(step.label),
            state=step.state,
            pump=step.pump or "",
            left_px=left,
            width_px=right - left,
            start_s=start,
            end_s=end,
            tooltip=_tooltip(step, start, end),
        )
        for step, (start, end), (left, right) in zip(state.steps, times, pairwise(edges), strict=True)
    )
    return Timeline(blocks, _now_px(blocks, now_s), _headline(state, now_s, times), _clock(state, now_s, times))


def _times(steps: Sequence[StepView], started: int | None, now_s: float | None) -> list[tuple[float, float]]:
    times: list[tuple[float, float]] = []
    previous_end = 0.0
    for step in steps:
        start = previous_end
        if started is not None and step.started_ns is not None:
            start = (step.started_ns - started) / NS_PER_S
        end = start + step.duration_s
        if started is not None and step.ended_ns is not None:
            end = (step.ended_ns - started) / NS_PER_S
        elif step.state == "running" and now_s is not None:
            end = max(end, now_s)
        end = max(start, end)
        times.append((start, end))
        previous_end = end
    return times


def _edges(steps: Sequence[StepView], times: Sequence[tuple[float, float]], width_px: float) -> list[float]:
    least = [LEAST_PX.get(step.kind, 3.0) for step in steps]
    squeeze = min(1.0, 0.5 * width_px / sum(least)) if least else 1.0
    least = [px * squeeze for px in least]
    seconds = sum(end - start for start, end in times)
    per_s = (width_px - sum(least)) / seconds if seconds > 1e-3 else 0.0
    edges = [0.0]
    for px, (start, end) in zip(least, times, strict=True):
        edges.append(edges[-1] + px + (end - start) * per_s)
    return edges


def _now_px(blocks: Sequence[Block], now_s: float | None) -> float | None:
    if now_s is None or not blocks:
        return None
    block = next((b for b in blocks if b.state == "running"), None)
    if block is None:
        block = next((b for b in blocks if now_s < b.end_s), blocks[-1])
    length = block.end_s - block.start_s
    share = 1.0 if length <= 0 else min(max((now_s - block.start_s) / length, 0.0), 1.0)
    return round(2 * (block.left_px + share * block.width_px)) / 2


def _headline(state: EngineState, now_s: float | None, times: Sequence[tuple[float, float]]) -> str:
    total = len(state.steps)
    if not total:
        return "No plan: recording only"
    for step, (_start, end) in zip(state.steps, times, strict=True):
        if step.state == "running":
            left = (
                ""
                if now_s is None or step.kind in ("operator", "stable")
                else f" · {duration(max(end - now_s, 0.0))} left"
            )
            return f"Step {step.number} of {total} · {plain(step.label)}{left}"
    if any(step.state == "aborted" for step in state.steps):
        return "Plan aborted"
    if all(step.state in {"done", "missed"} for step in state.steps):
        return "Plan finished"
    return f"{total} step{'s' if total > 1 else ''}, not started" if now_s is None else "Between steps"


def _clock(state: EngineState, now_s: float | None, times: Sequence[tuple[float, float]]) -> str:
    if not state.steps:
        return ""
    whole = duration(times[-1][1])
    return f"plan of {whole}" if now_s is None else f"{duration(min(now_s, times[-1][1]))} of {whole}"


def _tooltip(step: StepView, start_s: float, end_s: float) -> str:
    parts = [f"Step {step.number}: {plain(step.label)}", _WORDS[step.state]]
    if step.pump:
        parts.append(f"pump {plain(step.pump)}")
    parts.append(f"{duration(start_s)} to {duration(end_s)} after the start of the plan")
    return " · ".join(parts)
