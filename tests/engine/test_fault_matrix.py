"""R45: every row of the fault matrix has its one alarm, or a reason; most rows happen in test_scenarios."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.engine.alarms import TABLE
from acquisition.engine.fault_matrix import MATRIX
from acquisition.messages import Attend, Start
from acquisition.plan import Step, WaitStep
from tests.engine.kit import INFUSION, Lab, make_plan

ROWS = [
    *(f"L{n}" for n in range(1, 16)), *(f"D{n}" for n in range(1, 10)), *(f"H{n}" for n in range(1, 8)),
    *(f"R{n}" for n in range(1, 6)), *(f"S{n}" for n in range(1, 5)), *(f"T{n}" for n in range(1, 4)),
    *(f"U{n}" for n in range(1, 4)), *(f"C{n}" for n in range(1, 4)),
]  # fmt: skip


def raised(lab: Lab) -> set[str]:
    return {alarm.partition(":")[0] for alarm in lab.alarm_ids()}


def test_R45_no_row_of_the_matrix_is_missing() -> None:
    assert {row.split()[0] for row in MATRIX} == set(ROWS)
    assert len(ROWS) == 49


def test_R45_every_row_has_one_alarm_of_the_table_or_a_reason_for_none() -> None:
    for row, fault in MATRIX.items():
        assert bool(fault.alarm) != bool(fault.silent), row
        assert not fault.alarm or fault.alarm in TABLE, row


def test_the_page_of_alarms_is_the_table_and_the_matrix() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/reference/alarms.md").read_text(encoding="utf-8")
    shown = [f"| `{kind}` | {row.what} | {row.so_what} | {row.do_what} |" for kind, row in TABLE.items()]
    for row, fault in MATRIX.items():
        hears = f"`{fault.alarm}`" if fault.alarm else f"none: {fault.silent}"
        shown.append(f"| {row} | {fault.what} | {hears} |")

    assert [line for line in shown if line not in page] == []
    others = [line for line in page.splitlines() if line.startswith("| `") and line not in shown]
    assert others == [], "nothing is there that the code has not"


@pytest.mark.parametrize("row", ["H1", "H2"])
def test_H1_H2_a_window_that_is_not_heard_any_more_raises_the_alarm_and_starts_nothing(
    tmp_path: Path, row: str
) -> None:
    steps: list[Step] = [WaitStep(1, "baseline", 90.0), replace(INFUSION, number=2)]
    lab = Lab(tmp_path, make_plan(steps), operator=False, watched=False)
    lab.send(Attend(operator="anna"))
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.run(120)

    assert MATRIX[row].alarm in raised(lab)
    assert lab.fake.count("start") == 0


@pytest.mark.parametrize(("quality", "row"), [("overloaded", "S3"), ("dead", "S3 flat")])
def test_S3_a_channel_that_saturates_or_is_flat_raises_its_alarm(tmp_path: Path, quality: str, row: str) -> None:
    lab = Lab(tmp_path, make_plan([WaitStep(1, "baseline", 90.0)]))
    lab.until(lambda: lab.now_s > 10)
    setattr(lab.sensors["sensor"], quality, True)
    lab.run(lab.now_s + 60)

    assert MATRIX[row].alarm in raised(lab)


def test_C3_an_instrument_package_that_raises_stops_the_pumps_and_is_called_a_defect(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.fake.raises["status"] = [None, None, ZeroDivisionError("a defect of a driver")]
    lab.run(10)

    assert MATRIX["C3"].alarm in raised(lab)
    assert not lab.fake.moving


def test_U1_a_second_start_is_refused_and_infuses_nothing_twice(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    for request in (1, 2):
        lab.send(Start(request=request))

    lab.run(120)

    assert [answer.ok for answer in lab.answers] == [True, False]
    assert lab.fake.count("start") == 1
    assert lab.alarm_ids() == set()
