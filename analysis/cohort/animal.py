"""One animal of a cohort with what its recording says."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.evoked import Reading


@dataclass(frozen=True)
class AnimalReading:
    """One animal with what its recording says."""

    name: str
    group: str
    treatment: str
    seed: int
    session: str
    """Folder of the recording, relative to the cohort's."""
    outcome: str
    reading: Reading
