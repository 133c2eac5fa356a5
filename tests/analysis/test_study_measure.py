"""One session of a study, measured in every way: what the recording says, and what it would say otherwise."""

from __future__ import annotations

from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import pytest

from acquisition.books.annotations import annotate
from acquisition.recording.journal import JOURNAL_NAME
from analysis.review import Recording
from analysis.study.measure import (
    FIT,
    HALF,
    NO_SENTINEL,
    PICKED,
    RAW,
    SMOOTH,
    WHOLE,
    read_animal,
    unread_animal,
    windows,
)
from analysis.study.readings import AnimalRead, Settings
from tests.analysis.halved_kit import recording

SETTINGS = Settings(
    channel="stat.glu", sentinel="stat.null", stimulus="KCl", drug="drug", baseline_s=2400.0,
    stretches=(("late", 600.0, 1800.0), ("all", 0.0, 2700.0)),
)  # fmt: skip


def read(made: Recording) -> AnimalRead:
    (made.path / JOURNAL_NAME).write_bytes(b"journal")
    return read_animal(made, "K7Q", "sessions/K7Q", SETTINGS)


def chosen(found: AnimalRead, stretch: str = "late") -> dict[tuple[str, str], float]:
    return {(c.measured, c.baseline): c.log_ratio or 0.0 for c in found.choices if c.stretch == stretch}


def with_gain(made: Recording, gain: float) -> Recording:
    """Return the recording with a calibrated gain of the sentinel."""
    plan: dict[str, Any] = dict(made.data.header.plan)
    plan["potentiostats"] = [
        {"name": "stat", "channels": [{"name": "glu", "sentinel": "null", "sentinel_gain": gain}, {"name": "null"}]}
    ]
    return Recording(made.path, replace(made.data, header=replace(made.data.header, plan=plan)))


def test_the_effect_is_read_in_every_stretch_and_every_way(tmp_path: Path) -> None:
    found = read(recording(tmp_path))

    assert found.problem == ""
    assert found.effects["late"].value == pytest.approx(0.5, abs=0.03)
    assert (found.effects["late"].n_before, found.effects["late"].n_after) == (8, 4)
    for stretch in ("late", "all"):
        ways = chosen(found, stretch)
        assert set(ways) == {(way, base) for way in (FIT, PICKED, SMOOTH, NO_SENTINEL) for base in (WHOLE, HALF)}
        assert ways[FIT, WHOLE] == pytest.approx(log(0.5), abs=0.06)
        assert ways[SMOOTH, HALF] == pytest.approx(log(0.5), abs=0.1)
    assert found.tonic is not None
    assert abs(found.tonic.value or 9) < 0.3


def test_windows_are_parted_by_the_first_infusion_and_the_drug_and_half_of_the_baseline_is_its_later_half() -> None:
    """The pretreatment arrives 900 s before the drug: what is between them is in neither window."""
    whole, half = (windows(SETTINGS, 3000.0, 3900.0, "late", half=which) for which in (False, True))
    assert (whole.before_s, whole.after_s) == ((-3300.0, -900.0), (600.0, 1800.0))
    assert (half.before_s, half.after_s) == ((-2100.0, -900.0), (600.0, 1800.0))


def test_the_raw_difference_stands_beside_a_calibrated_gain_and_shows_what_it_left(tmp_path: Path) -> None:
    """With a sentinel that sees 0.7 of what both sense, gain 1 leaves a step; the calibrated 1 / 0.7 does not."""
    found = read(with_gain(recording(tmp_path, sentinel_of_active=0.7), 1 / 0.7))

    assert RAW in {choice.measured for choice in found.choices}
    assert "gain 1.429" in found.calibration
    assert abs(found.tonic.value or 9) < 0.3 if found.tonic else False
    raw = read(recording(tmp_path, sentinel_of_active=0.7))
    assert raw.tonic is not None
    assert abs(raw.tonic.value or 0) > 1.0
    assert "gain 1, raw difference" in raw.calibration


def test_what_a_person_blanked_is_in_no_way_of_measuring(tmp_path: Path) -> None:
    before = read(recording(tmp_path))
    annotate(tmp_path, "cable", "Ada", 1, start_s=3740.0, end_s=3775.0, channel="stat.null", blank=True)

    after = read(recording(tmp_path))

    assert (before.annotations, after.annotations) == (0, 1)
    assert [value is None for value in after.amplitude_um].count(True) == 1
    assert after.effects["late"].n_after == before.effects["late"].n_after - 1
    assert all(chosen(after)[way, WHOLE] != chosen(before)[way, WHOLE] for way in (FIT, PICKED, SMOOTH, NO_SENTINEL))


def test_a_session_that_was_not_closed_or_lacks_a_channel_has_a_reason_and_no_number(tmp_path: Path) -> None:
    made = recording(tmp_path, closed=False)
    assert "not closed" in read(made).problem
    with pytest.raises(ValueError, match="has no channel"):
        read_animal(made, "K7Q", "s", SETTINGS.model_copy(update={"channel": "stat.other"}))
    unread = unread_animal(made, "K7Q", "s", "it has no channel")
    assert (unread.problem, unread.effects, unread.choices) == ("it has no channel", {}, ())
