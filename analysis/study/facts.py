"""What the report of a study tells beside its numbers, in words and rows that are ready to be shown.

Knows the shape of these facts. Where they come from (study file, book, sealed folder, recordings) is known to who makes
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from analysis.sections import Section

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Facts:
    """Everything about a study that is no measurement."""

    title: str
    study_id: str
    simulated: bool
    blind: bool
    """Groups bear masks: nobody was told which they are."""
    question: Rows
    """What was fixed before any animal: question, outcomes, analysis."""
    allocation: Rows
    """How animals came into groups, and who has known what since."""
    warnings: tuple[str, ...]
    """What a reader must know before any number."""
    animals: Mapping[str, str]
    """Name of each animal by its code."""
    arrive: Section | None
    proof: Rows
    """Hashes and versions."""
    made: datetime
    """The date that the papers bear."""
