"""The computer's clocks: what is believed of them, and what their steps change (T1 to T3)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.books import sessions
from acquisition.books.animal import AnimalBook, history
from acquisition.books.places import BOOKS_DIR_VARIABLE
from acquisition.engine.clock_check import PROGRAM_WALL_NS, clock_doubt
from acquisition.experiment.doubts import clock_behind
from acquisition.messages import Start
from acquisition.plan import WaitStep
from acquisition.service.assembly import doubts_of
from drivers.capabilities import PumpProgram
from drivers.clock import NS_PER_S
from tests.engine.kit import INFUSION, PUMP, Lab, make_plan

HOUR_NS = 3600 * NS_PER_S
NOW_NS = PROGRAM_WALL_NS + 1000 * HOUR_NS


@pytest.fixture(autouse=True)
def _own_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path))


@pytest.mark.parametrize("wall_ns", [0, PROGRAM_WALL_NS - 1])
def test_T3_a_clock_that_cannot_be_true_is_named(wall_ns: int) -> None:
    assert "before this program" in clock_doubt(wall_ns)
    assert clock_doubt(PROGRAM_WALL_NS) == ""


@pytest.mark.parametrize("newest_ns", [None, NOW_NS, NOW_NS + 59 * NS_PER_S, NOW_NS - HOUR_NS])
def test_T3_nothing_is_said_of_a_clock_that_can_be_true(newest_ns: int | None) -> None:
    assert clock_behind(NOW_NS, newest_ns) == ()


@pytest.mark.parametrize("where", ["register", "dose book"])
def test_T3_a_clock_behind_the_books_is_a_doubt_for_a_person_and_what_was_given_counts(where: str) -> None:
    plan = make_plan()
    if where == "register":
        sessions.opened("earlier", Path("earlier"), "m2", (PUMP,), NOW_NS + HOUR_NS)
    else:
        book = AnimalBook.open("m1", "earlier", 25.0)
        book.intend(PUMP, 1, PumpProgram(PUMP.diameter_mm, 3.0, 2.0), NOW_NS + HOUR_NS)
        book.close()

    (doubt,) = (d for d in doubts_of(plan, NOW_NS) if d.item_id == "clock-behind")

    assert "has not come that far" in doubt.what
    assert [d for d in doubts_of(plan, NOW_NS + 2 * HOUR_NS) if d.item_id == "clock-behind"] == []
    assert doubts_of(plan, NOW_NS + NS_PER_S)[0] == doubt, "a name given for the sentence must hold a second later"
    if where == "dose book":
        ((ago_s, volume_ul),) = ((d.started_ago_s, d.volume_ul) for d in history("m1", NOW_NS))
        assert (ago_s, volume_ul) == (0.0, 2.0)


def test_T3_nothing_starts_while_the_computer_believes_in_1970(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.clock.start_wall_ns = 0
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.run(60)

    assert not lab.answers[0].ok
    assert "before this program was written" in lab.answers[0].text
    assert lab.fake.count("start") == 0


def test_T1_a_clock_that_is_set_to_1970_in_mid_plan_holds_up_no_infusion(tmp_path: Path) -> None:
    later = replace(INFUSION, number=3)
    lab = Lab(tmp_path, make_plan((INFUSION, WaitStep(2, "washout", 10.0), later)), operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.until(lambda: lab.conductor.phase == "running")

    lab.clock.start_wall_ns = 0
    lab.run(lab.now_s + 120)

    assert lab.conductor.snapshot(lab.clock.now_ns()).clock_doubt
    assert lab.fake.count("start") == 2
    assert lab.conductor.phase == "finished"
