"""What stands above a recording: which it is, and what a reader must know first. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from analysis.review import Recording
from gui.presenters.text import NS_PER_S, duration, plain

SIMULATED = "SIMULATED · nothing in this recording was measured"


@dataclass(frozen=True)
class Head:
    """The top of the window."""

    name: str
    about: str
    simulated: str
    problem: str
    """Empty for a recording that is closed and undamaged."""
    window: str
    """Title of the window."""


def head(recording: Recording, end_s: float) -> Head:
    """Return the top of the window for a recording."""
    header, plan = recording.data.header, recording.plan
    subject: Any = plan["subject"]
    started = datetime.fromtimestamp(header.started_wall_ns / NS_PER_S, UTC).astimezone()
    outcome = recording.data.close.outcome if recording.data.close else "NOT CLOSED"
    about = (
        f"{subject['subject_id']}, {subject['species']}, {subject['weight_g']:g} g", f"{started:%Y-%m-%d %H:%M}",
        f"{duration(end_s)} long", outcome, header.session_id,
    )  # fmt: skip
    name = plain(str(plan["name"]))
    mark = "SIMULATED · " if recording.simulated else ""
    return Head(
        name=name,
        about="  ·  ".join(plain(part) for part in about),
        simulated=SIMULATED if recording.simulated else "",
        problem=_problem(recording),
        window=f"{mark}{name} · {header.session_id} · Amperfuse review",
    )


def _problem(recording: Recording) -> str:
    if not recording.problem:
        return ""
    said = plain(recording.problem)
    if recording.data.problem:
        return f"This recording is damaged: {said}. What stands before that is shown; the rest is missing."
    return f"Not whole: {said}. While its session runs, that is as it should be: read it again with F5."
