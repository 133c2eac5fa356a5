"""An hour of the whole engine leaves it as large as it was; for days: ``python -m tests.engine.long_run``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.long_run import Look, growth, run


def test_R58_an_hour_of_the_engine_grows_nothing(tmp_path: Path) -> None:
    assert growth(run(tmp_path, 1.0, 2.0, 4)) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"objects": 120_000}, "objects"),  # a few for every question to the pump in an hour
        ({"threads": 2}, "threads"),
        ({"files": 9}, "open files"),
        ({"journal_bytes": 900}, "journal per part of the plan"),
    ],
)
def test_R58_what_grows_is_found(change: dict[str, int], found: str) -> None:
    first = Look(part=0.2, objects=100_000, rss_bytes=0, threads=1, files=8, journal_bytes=200)
    same = replace(first, part=0.8, journal_bytes=800)
    assert growth([first, same]) == []
    assert [text.partition(":")[0] for text in growth([first, replace(same, **change)])] == [found]
