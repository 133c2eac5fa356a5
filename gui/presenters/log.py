"""Events as lines of a log: when in the session, what kind, what happened."""

from __future__ import annotations

from dataclasses import dataclass

from acquisition.messages import EventNotice
from gui.presenters.text import NS_PER_S, Tone, plain, stamp

FILTERS: dict[str, frozenset[str]] = {
    "Experiment": frozenset(
        {"session", "pump", "step", "mark", "note", "alarm", "gap", "connection", "operator", "system"}
    ),
    "Notes and marks": frozenset({"note", "mark"}),
    "Pumps": frozenset({"intent", "pump", "step", "operator"}),
    "Trouble": frozenset({"alarm", "gap", "connection", "system"}),
    "Everything": frozenset(),
}
"""Name of a filter and the kinds it lets through; none means all, wire bytes and settings too."""
_TONES: dict[str, Tone] = {
    "alarm": "alarm",
    "gap": "warn",
    "connection": "busy",
    "pump": "good",
    "note": "normal",
    "mark": "normal",
    "operator": "busy",
    "wire": "dim",
    "setting": "dim",
    "system": "dim",
}
_OURSELVES = frozenset({"", "conductor", "operator", "recorder", "publisher", "schedule"})
"""Sources that are no instruments."""


@dataclass(frozen=True)
class LogLine:
    """One line."""

    when: str
    kind: str
    text: str
    tone: Tone


def passes(event: EventNotice, chosen: str) -> bool:
    """Tell whether the filter called ``chosen`` shows this event."""
    kinds = FILTERS[chosen]
    return not kinds or event.kind in kinds


def log_line(event: EventNotice, session_started_ns: int) -> LogLine:
    """Return the line. A note carries the time at which its box was opened, which is when it was seen."""
    t_ns = event.t_ns
    opened = event.data.get("opened_ns")
    if event.kind == "note" and isinstance(opened, int):
        t_ns = opened
    return LogLine(
        when=stamp((t_ns - session_started_ns) / NS_PER_S),
        kind=plain(event.kind),
        text=plain(_with_source(event).replace("\n", " ⏎ ")),
        tone=_TONES.get(event.kind, "normal"),
    )


def _with_source(event: EventNotice) -> str:
    """Return the text, with the instrument in front where the text does not name it."""
    text = event.text.strip()
    return text if event.source in _OURSELVES or event.source in text else f"{event.source}: {text}"
