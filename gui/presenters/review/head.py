"""What stands above a recording: which it is, and what a reader must know first. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from analysis.review import Recording
from analysis.subject_words import weight_text
from gui.presenters.text import NS_PER_S, duration, plain

SIMULATED = "SIMULATED · nothing in this recording was measured"
IMPORTED = "IMPORTED · not recorded by this program"


@dataclass(frozen=True)
class Head:
    """The top of the window."""

    name: str
    about: str
    not_measured: str
    """That nothing was measured, or not by this program; empty where it was."""
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
        f"{subject['subject_id']}, {subject['species']}, {weight_text(subject)}", f"{started:%Y-%m-%d %H:%M}",
        f"{duration(end_s)} long", outcome, header.session_id,
    )  # fmt: skip
    name = plain(str(plan["name"]))
    marks = [SIMULATED] if recording.simulated else []
    marks += [f"{IMPORTED}: {plain(recording.imported.partition(' (')[0])}"] if recording.imported else []
    mark = "".join(f"{word} · " for word in header.mark.split())
    return Head(
        name=name,
        about="  ·  ".join(plain(part) for part in about),
        not_measured="   ".join(marks),
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
