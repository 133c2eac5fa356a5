"""What a person noticed and did in a session, and when: alarms, deeds, confirmations, told from its recording.

Knows which events tell of a person or call for one. Judges nothing: what should have been noticed stands in the lesson.
"""

from __future__ import annotations

from collections.abc import Iterator

from acquisition.events import Event, EventKind
from acquisition.recording.session_data import SessionData

_DEEDS = (EventKind.OPERATOR, EventKind.NOTE)
_STEPS = ("aborted", "missed")
CALLING = ("high", "medium")
LONGEST = 140


def debrief_lines(data: SessionData) -> list[str]:
    """Return one line for each thing that called for a person and each that a person did, then what was given."""
    lines = [f"{_clock(event, data)}  {_who(event)}: {_short(event.text)}" for event in data.events if _matters(event)]
    return [*lines, *_given(data)]


def _matters(event: Event) -> bool:
    if event.kind is EventKind.ALARM:
        return event.data.get("priority") in CALLING and event.data.get("change") in ("raised", "acknowledged")
    if event.kind is EventKind.MARK:
        return True
    return event.kind in _DEEDS or (event.kind is EventKind.STEP and event.data.get("state") in _STEPS)


def _who(event: Event) -> str:
    if event.kind is EventKind.ALARM:
        return "ALARM" if event.data.get("change") == "raised" else "acknowledged"
    return {EventKind.OPERATOR: "person", EventKind.NOTE: "note", EventKind.STEP: "plan"}.get(event.kind, "mark")


def _given(data: SessionData) -> Iterator[str]:
    for pump, infusion in data.infusions.items():
        if len(infusion.t_ns):
            yield (
                f"{pump}: ordered {infusion.commanded_ul[-1]:.2f} µL, confirmed {infusion.confirmed_ul[-1]:.2f} µL, "
                f"may be more by {infusion.uncertain_ul[-1]:.2f} µL"
            )


def _clock(event: Event, data: SessionData) -> str:
    minutes, seconds = divmod(max(0, event.t_ns - data.header.started_ns) // 1_000_000_000, 60)
    return f"{minutes:3d}:{seconds:02d}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
