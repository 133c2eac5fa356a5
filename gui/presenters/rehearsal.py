"""A rehearsal of the loaded plan, as the control card shows it: the button, how far it is, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acquisition.messages import EngineState
from gui.presenters.text import Tone, plain

Stage = Literal["none", "running", "cancelling", "done", "failed", "cancelled"]
REASONS_SHOWN = 2
OFFER = "Not rehearsed here"
REASON_SHOWN = 120
"""Characters of one reason; the report has it whole."""


@dataclass(frozen=True)
class RehearsalRun:
    """The last rehearsal that this window started."""

    stage: Stage = "none"
    session_dir: str = ""
    """The session whose plan was rehearsed."""
    progress: float = 0.0
    text: str = ""
    """What it is doing, or why it failed."""
    go: bool = False
    reasons: tuple[str, ...] = ()
    page: str = ""
    """Path of the report's page; empty until there is one."""


@dataclass(frozen=True)
class RehearsalCard:
    """What the control card shows of it."""

    button: str
    running: bool
    progress: float
    headline: str
    tone: Tone
    lines: tuple[str, ...] = ()
    page: str = ""


def rehearsal_card(state: EngineState | None, run: RehearsalRun, *, old: bool) -> RehearsalCard | None:
    """Return the card; None where nothing can be rehearsed before a start: no engine, old values, the plan started."""
    if state is None or old or state.phase != "ready":
        return None
    if run.stage == "none" or run.session_dir != state.session_dir:
        return RehearsalCard("Rehearse", running=False, progress=0.0, headline=OFFER, tone="dim")
    if run.stage in ("running", "cancelling"):
        doing = (
            f"SIMULATED rehearsal, {run.progress:.0%}: {plain(run.text)}" if run.stage == "running" else "Cancelling"
        )
        return RehearsalCard("Cancel", running=True, progress=run.progress, headline=doing, tone="busy")
    if run.stage == "cancelled":
        return RehearsalCard("Rehearse", running=False, progress=0.0, headline="Rehearsal cancelled.", tone="dim")
    if run.stage == "failed":
        text = f"✕ The rehearsal failed: {plain(run.text)}"
        return RehearsalCard("Rehearse again", running=False, progress=0.0, headline=text, tone="warn")
    more = len(run.reasons) - REASONS_SHOWN
    lines = tuple(_short(plain(reason)) for reason in run.reasons[:REASONS_SHOWN])
    return RehearsalCard(
        "Rehearse again",
        running=False,
        progress=1.0,
        headline="✓ GO (SIMULATED): nothing stood against it" if run.go else "✕ NO GO (SIMULATED)",
        tone="good" if run.go else "alarm",
        lines=(*lines, f"and {more} more in the report") if more > 0 else lines,
        page=run.page,
    )


def _short(text: str) -> str:
    return text if len(text) <= REASON_SHOWN else f"{text[: REASON_SHOWN - 1]}…"
