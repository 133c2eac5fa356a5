"""The pre-flight as a person reads it: what stands in the way, each with what to do; the rest in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from acquisition.messages import EngineState, Level, PreflightItem
from gui.presenters.text import Tone, plain

_LOOK: Mapping[Level, tuple[str, Tone]] = {
    "refused": ("✕ Not in order", "alarm"),
    "wait": ("… Under way", "busy"),
    "warning": ("▲ Accept?", "warn"),
    "tick": ("☐ Look", "normal"),
    "ok": ("✓", "good"),
}
_BUTTONS: Mapping[Level, str] = {"warning": "Accept", "tick": "Tick"}
_VOLUME = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?", re.ASCII)
FINE_SHOWN = 400
"""Characters of the line of what is in order."""


@dataclass(frozen=True)
class PreflightRow:
    """One line that stands in the way. ``button`` is empty where nobody can sign it."""

    item_id: str
    mark: str
    tone: Tone
    what: str
    so_what: str
    do_what: str
    button: str
    scale_pump: str
    """The pump whose scale check this line is about; empty for every other line."""


@dataclass(frozen=True)
class PreflightCard:
    """The whole list."""

    headline: str
    rows: tuple[PreflightRow, ...]
    fine: str


def preflight_card(state: EngineState | None, *, old: bool) -> PreflightCard | None:
    """Return the list; None where there is nothing to do about it: no engine, old values, or the plan was started."""
    if state is None or old or state.phase != "ready" or not state.preflight:
        return None
    rows = tuple(_row(item) for item in state.preflight if item.blocks)
    fine = [item for item in state.preflight if not item.blocks]
    signed = [f"{plain(item.what)} ({plain(item.by)})" for item in fine if item.by]
    in_order = f"✓ {len(fine)} in order" + (f": {' '.join(signed)}" if signed else "")
    stand = "1 thing stands" if len(rows) == 1 else f"{len(rows)} things stand"
    headline = f"Pre-flight: {stand} against a start" if rows else "Pre-flight: nothing stands against a start"
    return PreflightCard(headline, rows, in_order[:FINE_SHOWN])


def _row(item: PreflightItem) -> PreflightRow:
    mark, tone = _LOOK[item.level]
    kind, _, about = item.item_id.partition(":")
    scale = about if kind == "scale" and item.level != "wait" else ""
    return PreflightRow(
        item_id=item.item_id,
        mark=mark,
        tone=tone,
        what=plain(item.what),
        so_what=plain(item.so_what),
        do_what=plain(item.do_what),
        button=_BUTTONS.get(item.level, ""),
        scale_pump=scale,
    )


def volume_ul(text: str) -> float | None:
    """Return a typed volume in uL; None for what is not exactly one number with at most one point (R01)."""
    return float(text) if _VOLUME.fullmatch(text.strip()) else None
