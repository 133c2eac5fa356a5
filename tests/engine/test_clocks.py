"""The computer's clocks: what is believed of them, and what their steps change (T1 to T3)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.engine.clock_check import PROGRAM_WALL_NS, clock_doubt
from acquisition.messages import Start
from acquisition.plan import WaitStep
from drivers.clock import NS_PER_S
from tests.engine.kit import INFUSION, Lab, make_plan

HOUR_NS = 3600 * NS_PER_S
NOW_NS = PROGRAM_WALL_NS + 1000 * HOUR_NS


@pytest.mark.parametrize(
    ("wall_ns", "newest_ns", "says"),
    [
        (0, None, "1970-01-01 00:00 UTC, before this program"),
        (PROGRAM_WALL_NS - 1, None, "before this program"),
        (NOW_NS, NOW_NS + HOUR_NS, "would not count in the limits"),
    ],
)
def test_T3_a_clock_that_cannot_be_true_is_named(wall_ns: int, newest_ns: int | None, says: str) -> None:
    doubt = clock_doubt(wall_ns, newest_ns)
    assert says in doubt


@pytest.mark.parametrize(("wall_ns", "newest_ns"), [
    (PROGRAM_WALL_NS, None), (NOW_NS, NOW_NS), (NOW_NS, NOW_NS + 59 * NS_PER_S), (NOW_NS, NOW_NS - HOUR_NS),
])  # fmt: skip
def test_T3_nothing_is_said_of_a_clock_that_can_be_true(wall_ns: int, newest_ns: int | None) -> None:
    assert clock_doubt(wall_ns, newest_ns) == ""


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
