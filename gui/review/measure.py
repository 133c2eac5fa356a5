"""Measuring for the window: what a recording offers, what came of the settings, tables and reports of it.

Runs in the worker's thread. The analysis is imported here and only when it is used: it brings a second of libraries,
which a window that opens need not wait for. No Qt.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from acquisition.safe_csv import csv_text
from analysis.review import Recording
from gui.presenters.review.measuring import Chosen, Offer

if TYPE_CHECKING:
    from analysis.measuring import Measuring
    from analysis.remeasure import Measured


def offer(recording: Recording) -> Offer:
    """Return what can be chosen from, and what a report would choose."""
    from analysis.pairs import beside_of, pairs  # noqa: PLC0415 - see above
    from analysis.report.findings import stimuli, usual_drug, usual_stimulus  # noqa: PLC0415 - see above

    channels = recording.channels
    usual = [(active.name, beside.name) for active, beside in pairs(recording)]
    return Offer(
        stimuli=tuple(stimuli(recording)),
        channels=tuple(sorted(channels, key=lambda name: channels[name].role != "glutamate")),
        beside={
            name: tuple(
                other.name for other in sorted(beside_of(recording, one), key=lambda two: two.role != "sentinel")
            )
            for name, one in channels.items()
        },
        pumps=tuple(recording.infusions),
        stimulus=usual_stimulus(recording),
        drug=usual_drug(recording),
        channel=usual[0][0] if usual else "",
        sentinels=dict(usual),
    )


def measure(recording: Recording, chosen: Chosen) -> Measured:
    """Measure as chosen. Raises ValueError with a sentence on what cannot be."""
    from analysis.remeasure import remeasure  # noqa: PLC0415 - see above

    return remeasure(recording, chosen.stimulus, chosen.drug, _read(chosen))


def save_table(recording: Recording, found: Measured, path: Path) -> Path:
    """Write the responses as CSV. Raises OSError."""
    from analysis.remeasure import table  # noqa: PLC0415 - see above

    path.write_text(csv_text(table(found, recording)), encoding="utf-8-sig", newline="")
    return path


def write_page(recording: Recording, chosen: Chosen, folder: Path) -> list[Path]:
    """Write the report of the session with these settings, as ``amperfuse report`` does. Raises OSError, ValueError."""
    from analysis.report.files import write_report  # noqa: PLC0415 - see above

    return write_report(recording, folder, chosen.stimulus, chosen.drug, _read(chosen))


def _read(chosen: Chosen) -> Measuring:
    from analysis.measuring import read_measuring  # noqa: PLC0415 - see above

    return read_measuring(
        channel=chosen.channel,
        sentinel=chosen.sentinel,
        baseline=f"{chosen.baseline[0]}..{chosen.baseline[1]}",
        search=f"{chosen.search[0]}..{chosen.search[1]}",
        until=chosen.until,
        direction=chosen.direction,
        smoothing=chosen.smoothing,
        before=f"{chosen.before[0]}..{chosen.before[1]}",
        after=f"{chosen.after[0]}..{chosen.after[1]}",
    )
