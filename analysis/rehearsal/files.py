"""A rehearsal's report as lines for a terminal and as JSON for scripts.

Knows how facts become text. Writes nothing by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from analysis.rehearsal.facts import RehearsalReport
from analysis.rehearsal.words import about, sections, verdict
from analysis.sections import text_lines


def as_lines(report: RehearsalReport) -> Iterator[str]:
    """Yield the report for a terminal: the verdict first, then what stands against it, then the rest by weight."""
    yield verdict(report)
    yield about(report)
    for section in sections(report):
        yield from text_lines(section)


def as_json(report: RehearsalReport) -> str:
    """Return every fact as JSON; its keys are the names of the fields. Numbers that are not known are null."""
    return json.dumps(asdict(report), allow_nan=False, ensure_ascii=True, indent=1) + "\n"
