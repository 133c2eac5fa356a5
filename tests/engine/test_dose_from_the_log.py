"""R57: what a pump gave, reckoned from nothing but the recorded bytes of its line, with a reader of its own.

The reader below knows New Era's answers from the reference, not from the driver; the engine's account and the
simulated plunger are what it is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.events import EventKind
from acquisition.messages import Stop
from acquisition.plan import MarkStep
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.session_data import read_session
from acquisition.recording.wire_log import wire_records
from tests.engine.kit import INFUSION, PUMP, Lab, MemorySink, make_plan

_DISPENSED = re.compile(rb"I(\d+\.?\d*)W(\d+\.?\d*)(UL|ML)")
STEP_UL = 0.02
"""A counter of four digits shows tenths of a percent of these volumes; the last question comes just after the end."""


def counters_ul(answers: Iterator[bytes]) -> Iterator[float]:
    for answer in answers:
        for infused, _withdrawn, unit in _DISPENSED.findall(answer):
            yield float(infused) * (1000.0 if unit == b"ML" else 1.0)


def dose_ul(counters: list[float]) -> float:
    """Return what a counter that may begin anew at zero has counted in all."""
    total = before = 0.0
    for counter in counters:
        total += counter - before if counter >= before else counter
        before = counter
    return total


def recorded_dose_ul(session_dir: Path) -> float:
    events = read_session(session_dir).events
    wire = [record for event in events if event.kind is EventKind.WIRE for record in wire_records(event)]
    return dose_ul(list(counters_ul(record.data for record in wire if record.direction == "in")))


def journal_of(lab: Lab, directory: Path) -> Path:
    """Write what the session recorded through the real journal, and read it from there."""
    recorder = InlineRecorder.create(directory, lab.session.header, lab.clock)
    sink: MemorySink = lab.sink
    for event in sink.events:
        recorder.event(event)
    for row in sink.rows:
        recorder.infusion(row)
    recorder.close()
    return directory


TWO_STEPS = (INFUSION, MarkStep(2, "between"), replace(INFUSION, number=3, volume_ul=1.0, dose_mg_per_kg=0.08))


@pytest.mark.parametrize("faults", [[], ["drug:drop~0.05"], ["drug:garble~0.05"]], ids=["clean", "drops", "garbles"])
def test_R57_the_dose_from_the_recorded_bytes_is_the_ledgers_and_the_plungers(
    tmp_path: Path, faults: list[str]
) -> None:
    lab = Lab(tmp_path / "run", make_plan(TWO_STEPS), faults=faults)
    lab.run(400)
    (tmp_path / "journal").mkdir()
    found_ul = recorded_dose_ul(journal_of(lab, tmp_path / "journal"))

    if not faults:
        assert found_ul == pytest.approx(3.0, abs=STEP_UL)
    assert found_ul == pytest.approx(lab.true_ul(), abs=STEP_UL)
    assert found_ul == pytest.approx(lab.pump.ledger.confirmed_ul, abs=STEP_UL)


def test_R57_a_stop_halfway_is_in_the_bytes_as_it_is_in_the_ledger(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "run", make_plan([INFUSION], pumps=[PUMP]), faults=[])
    lab.script.at(20.0, lambda: lab.conductor.submit(Stop(request=1), lab.answers.append))
    lab.run(120)
    (tmp_path / "journal").mkdir()
    found_ul = recorded_dose_ul(journal_of(lab, tmp_path / "journal"))

    assert 0.3 < found_ul < INFUSION.volume_ul - 0.3
    assert found_ul == pytest.approx(lab.true_ul(), abs=STEP_UL)
    assert found_ul == pytest.approx(lab.pump.ledger.confirmed_ul, abs=STEP_UL)


def test_a_counter_that_begins_anew_adds_to_what_was_before() -> None:
    assert dose_ul([0.0, 1.0, 2.0, 0.0, 0.5, 0.5]) == 2.5
    assert list(counters_ul(iter([b"\x0200I1.500W0.000ML\x03", b"\x0200S\x03"]))) == [1500.0]
