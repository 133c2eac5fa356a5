"""No blinded label leaks: every text of the window, and every message to it, through a whole session."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acquisition.books.seals import Solution
from acquisition.experiment.compile import load_experiment
from tests.blinded_runs import DRUG, IN_THE_OPEN, NOTHING, TELLING, blinded, write_files
from tests.engine.kit import Lab, MemoryPublisher
from tests.experiment.blinded_kit import VEHICLE
from tests.leaks import found_in

if TYPE_CHECKING:
    from tests.gui.bench import Bench


@pytest.mark.parametrize("content", [DRUG, VEHICLE])
def test_no_word_of_the_window_tells_what_is_in_the_syringe(bench: Bench, tmp_path: Path, content: Solution) -> None:
    shown = screens(bench, tmp_path, blinded(content))
    assert "blinded K7Q" in shown
    assert found_in(shown.encode(), TELLING) == found_in(shown.encode(), NOTHING) == set()


def test_the_window_tells_it_where_it_is_not_blinded(bench: Bench, tmp_path: Path) -> None:
    shown = screens(bench, tmp_path, IN_THE_OPEN)
    assert {"ketamine (utf-8)"} <= found_in(shown.encode(), TELLING)
    assert re.search("mg/kg", shown)


def screens(bench: Bench, folder: Path, content: str) -> str:
    """Return every text of the window and every message to it, at every moment of a session."""
    plan = load_experiment(*write_files(folder, content)).plan
    publisher = MemoryPublisher()
    lab = Lab(folder, replace(plan, simulated=True), faults=(), publisher=publisher)
    window = bench.open()
    shown: list[str] = []
    for part in range(1, 6):
        lab.run(150.0 * part)
        notices, publisher.notices = publisher.notices, []
        bench.hear(window, *publisher.states[-1:], *notices)
        shown += [*bench.texts(window), window.windowTitle(), *bench.hints(window)]
        shown += [report.model_dump_json() for report in (*publisher.states[-1:], *notices)]
    assert "finished" in shown[-1] or any("plan is through" in text for text in shown)
    return "\n".join(shown)
