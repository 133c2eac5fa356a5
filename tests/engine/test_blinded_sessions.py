"""Two sessions of one animal, the first one blinded: what it truly gave stands against the second, in no word of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.books.animal import AnimalBook, history
from acquisition.books.run_books import RunBooks
from acquisition.books.seals import Solution
from acquisition.engine.book_keeper import BookKeeper
from acquisition.experiment.compile import load_experiment
from acquisition.experiment.problems import RefusedInput
from acquisition.plan import InfuseStep
from drivers.clock import NS_PER_S
from tests.engine.kit import PUMP, Lab, make_plan
from tests.experiment.blinded_kit import VEHICLE, blinded_pump, ketamine, tells
from tests.experiment.conftest import Bench, installed

STEP = InfuseStep(1, "blinded", "drug", 17.5, 1.25, None)
"""28 mg/kg of 40 mg/mL, 2 mg/kg/min: just within the hard limits."""
HOUR_NS = 3600 * NS_PER_S


def after_a_session_with(content: Solution, tmp_path: Path) -> str:
    """Run a blinded session in virtual time, and say why an open one an hour later is refused; empty if it is not."""
    lab = Lab(tmp_path, make_plan((STEP,), pumps=(blinded_pump(PUMP, content),)))
    books = RunBooks(AnimalBook.open("m1", "s1", 25.0), {})
    lab.conductor.desk.books = BookKeeper(books)
    lab.run(1200.0)
    books.close()
    assert lab.pump.ledger.confirmed_ul == pytest.approx(17.5, abs=0.01)
    assert not any(tells(text) for text in lab.texts())
    now_ns = lab.clock.wall_ns() + HOUR_NS
    bench = Bench(tmp_path)
    bench.edit_rig('"sim://emstat"', '"/dev/ttyACM0"').edit_rig('"sim://new-era"', '"COM3"')  # 5 mg/kg, in the open
    files = (bench.folder / "protocol.toml", bench.folder / "rig.toml")
    for path, text in zip(files, (bench.protocol, bench.rig), strict=True):
        path.write_text(text, encoding="utf-8")
    try:
        load_experiment(*files, installed, lambda animal: history(animal, now_ns))
    except RefusedInput as refused:
        return " ".join(problem.sentence for problem in refused.problems)
    return ""


def test_R08_R54_a_blinded_overdose_is_refused_across_sessions(tmp_path: Path) -> None:
    refusal = after_a_session_with(ketamine(40.0), tmp_path)
    assert "more of what blinded syringe K7Q holds than a limit allows. It is a hard limit" in refusal
    assert not tells(refusal)


def test_R08_after_a_blinded_vehicle_the_same_session_is_not_refused(tmp_path: Path) -> None:
    assert after_a_session_with(VEHICLE, tmp_path) == ""
