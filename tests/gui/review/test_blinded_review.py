"""No blinded label leaks: every text of the window of a recording, its table and its tooltips."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acquisition.books.seals import Solution
from acquisition.experiment.compile import load_experiment
from acquisition.host.rehearsal import rehearse
from tests.blinded_runs import DRUG, IN_THE_OPEN, NOTHING, TELLING, blinded, write_files
from tests.experiment.blinded_kit import VEHICLE
from tests.leaks import found_in

if TYPE_CHECKING:
    from tests.gui.review.conftest import ReviewBench


@pytest.mark.parametrize("content", [DRUG, VEHICLE])
def test_no_word_of_a_reviewed_recording_tells_what_was_in_the_syringe(
    review: ReviewBench, tmp_path: Path, content: Solution
) -> None:
    shown = texts(review, tmp_path, blinded(content))
    assert "blinded K7Q" in shown
    assert found_in(shown.encode(), TELLING) == found_in(shown.encode(), NOTHING) == set()


def test_the_window_of_a_recording_tells_it_where_it_is_not_blinded(review: ReviewBench, tmp_path: Path) -> None:
    shown = texts(review, tmp_path, IN_THE_OPEN)
    assert "ketamine (utf-8)" in found_in(shown.encode(), TELLING)
    assert re.search("mg/kg", shown)


def texts(review: ReviewBench, folder: Path, content: str) -> str:
    """Return every text of the window, looked at here and there, and the table that it saves."""
    protocol, rig = write_files(folder, content)
    experiment = load_experiment(protocol, rig)
    files = {"protocol.toml": protocol.read_bytes(), "rig.toml": rig.read_bytes()}
    run = rehearse(experiment.plan, experiment.limits, out_dir=folder, files=files, software="test", seed=1)
    window = review.open(run.session_dir)
    review.save_to = str(folder / "table.csv")
    window.desk.card.measure()
    window.desk.save()
    shown = [window.windowTitle(), Path(review.save_to).read_text(encoding="utf-8-sig")]
    for at_s in (None, 60.0, 300.0, 600.0):
        window.traces.point(at_s)
        window.traces.draw()
        shown += [*review.hands.texts(window), *review.hands.hints(window)]
    shown += [step.told for step in window.traces.tracks.steps]
    shown += [moment.told for moment in window.traces.tracks.moments]
    for box in (window.desk.card.drug, window.desk.card.stimulus):
        shown += [box.itemText(place) for place in range(box.count())]
    return "\n".join(shown)
