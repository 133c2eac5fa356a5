"""Which buttons are offered when, and what pressing them would do, in words, before they are pressed."""

from __future__ import annotations

from dataclasses import dataclass

from acquisition.messages import EngineState, StepView
from gui.presenters.text import duration, plain

LINES_SHOWN = 6


@dataclass(frozen=True)
class Controls:
    """The control card."""

    headline: str = ""
    lines: tuple[str, ...] = ()
    can_start: bool = False
    why_not_start: str = ""
    """The button is there, and not offered."""
    can_continue: bool = False
    can_skip: bool = False
    continue_step: int = 0
    can_mark: bool = False
    can_finish: bool = False
    why_not_finish: str = ""


def controls(state: EngineState | None, *, old: bool) -> Controls:
    """Return the card; with old values nothing but STOP is offered."""
    if state is None or old:
        return Controls(lines=("Waiting for the engine.",), why_not_finish="no connection to the engine")
    waiting = next((s for s in state.steps if s.number == state.held_on), None) if state.phase == "holding" else None
    moving = [plain(p.name) for p in state.pumps if p.motion not in {"stopped", "paused"}]
    may_finish = state.phase in {"ready", "stopped", "finished"} and not moving
    headline, lines = _what_next(state, waiting)
    return Controls(
        headline=headline,
        lines=lines,
        can_start=state.phase == "ready",
        why_not_start=_against(state),
        can_continue=waiting is not None,
        can_skip=waiting is not None and state.held_before,
        continue_step=waiting.number if waiting else 0,
        can_mark=state.phase not in {"connecting", "closing"},
        can_finish=may_finish,
        why_not_finish="" if may_finish else _why_not(moving),
    )


def _against(state: EngineState) -> str:
    blocking = [plain(item.what) for item in state.preflight if item.blocks]
    return f"See the pre-flight first: {' '.join(blocking)}" if blocking else ""


def _what_next(state: EngineState, waiting: StepView | None) -> tuple[str, tuple[str, ...]]:
    if state.phase == "ready":
        return "Start would infuse", infusion_summary(state)
    if waiting is not None:
        return _your_turn(state, waiting)
    if state.phase == "stopped":
        return "Stopped", ("The plan has ended, recording goes on.", "Finish closes the files and ends the session.")
    if state.phase == "finished":
        return "Plan finished", ("Recording goes on.", "Finish closes the files and ends the session.")
    running = next((s for s in state.steps if s.state == "running"), None)
    following = next((s for s in state.steps if s.state == "pending"), None)
    lines = [] if following is None else [f"Next: {plain(following.label)}"]
    return ("" if running is None else plain(running.label)), tuple(lines)


def _your_turn(state: EngineState, waiting: StepView) -> tuple[str, tuple[str, ...]]:
    label = plain(waiting.label)
    if state.held_before:
        return "Begin this infusion now?", (
            f"{plain(state.phase_text)}.",  # why it waits: nobody watched, or which signal holds it
            f"{label} ({duration(waiting.duration_s)}, {plain(waiting.pump or '')})",
            "Check the animal first. Continue begins it now; everything after it comes as much later.",
        )
    if waiting.kind == "operator":
        return "Your turn", (label,)
    following = next((plain(s.label) for s in state.steps if s.state == "pending"), "the end of the plan")
    if waiting.kind == "stable":
        return "The baseline is not steady", (label, f"Continue goes on all the same, with: {following}.")
    return f"Step {waiting.state}: your turn", (label, f"Continue goes on with: {following}. It is not repeated.")


def infusion_summary(state: EngineState) -> tuple[str, ...]:
    """Return one line for every infusion of the plan, the first few in full."""
    drugs = {pump.name: pump.drug for pump in state.pumps}
    infusions = [step for step in state.steps if step.kind == "infuse"]
    if not infusions:
        return ("No infusion in this plan.",)
    lines = [
        f"{plain(drugs.get(s.pump or '', '')) or 'no drug'}: {plain(s.label)} ({duration(s.duration_s)}, "
        f"{plain(s.pump or '')})"
        for s in infusions[:LINES_SHOWN]
    ]
    if len(infusions) > LINES_SHOWN:
        lines.append(f"and {len(infusions) - LINES_SHOWN} more infusions")
    return tuple(lines)


def _why_not(moving: list[str]) -> str:
    if moving:
        return f"{', '.join(moving)} is not known to stand still"
    return "the plan is not over: press STOP first, or wait"
