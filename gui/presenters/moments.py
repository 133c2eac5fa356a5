"""What is drawn across the traces: infusions as stretches, marks and notes as moments. Session seconds throughout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from acquisition.messages import EngineState, EventNotice
from gui.presenters.text import NS_PER_S, plain


@dataclass(frozen=True)
class Moments:
    """Lines and stretches of time."""

    marks_s: tuple[float, ...] = ()
    labels: tuple[tuple[float, str], ...] = ()
    """Time and text, in order of time."""
    infusions_s: tuple[tuple[float, float, int], ...] = ()
    """From, to, place of the pump in the state."""


def moments(state: EngineState, events: Iterable[EventNotice], now_ns: int) -> Moments:
    """Return what to draw; a running infusion reaches to the present and no further."""
    zero = state.session_started_ns
    found = sorted(
        (_moment_ns(event) - zero, ("♦ " if event.kind == "mark" else "✎ ") + plain(event.text))
        for event in events
        if event.kind in {"mark", "note"}
    )
    pumps = {pump.name: place for place, pump in enumerate(state.pumps)}
    infusions = tuple(
        (
            (step.started_ns - zero) / NS_PER_S,
            ((step.ended_ns or now_ns) - zero) / NS_PER_S,
            pumps.get(step.pump or "", 0),
        )
        for step in state.steps
        if step.kind == "infuse" and step.started_ns is not None and step.state in {"running", "done", "aborted"}
    )
    labels = tuple((t / NS_PER_S, text) for t, text in found)
    return Moments(tuple(t for t, _text in labels), labels, infusions)


def _moment_ns(event: EventNotice) -> int:
    opened = event.data.get("opened_ns")
    return opened if event.kind == "note" and isinstance(opened, int) else event.t_ns
