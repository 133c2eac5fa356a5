"""What earlier sessions gave an animal counts in every limit with a window, before anything is armed."""

from __future__ import annotations

import pytest

from acquisition.experiment.compile import load_experiment
from acquisition.experiment.exposure import Exposure, earlier, excesses
from acquisition.experiment.limits_file import load_limits
from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.plan import PastDose
from tests.engine.kit import PUMP
from tests.experiment.conftest import Bench, installed

HOUR_S = 3600.0


def dose(ago_s: float, volume_ul: float, lasting_s: float = 0.0) -> PastDose:
    return PastDose(ago_s, ago_s - lasting_s, volume_ul, "ketamine", "hydrochloride", 5.0, "iv_infusion")


def problems(bench: Bench, *history: PastDose) -> tuple[Problem, ...]:
    """Return what stands against the plan on a real rig (25 uL of 5 mg/mL, 5 mg/kg, to a mouse of 25 g)."""
    bench.rig = bench.rig.replace('"sim://emstat"', '"/dev/ttyACM0"').replace('"sim://new-era"', '"COM3"')
    (bench.folder / "rig.toml").write_text(bench.rig, encoding="utf-8")
    (bench.folder / "protocol.toml").write_text(bench.protocol, encoding="utf-8")
    asked = []

    def history_of(animal: str) -> tuple[PastDose, ...]:
        asked.append(animal)
        return history

    try:
        plan = load_experiment(bench.folder / "protocol.toml", bench.folder / "rig.toml", installed, history_of).plan
    except RefusedInput as refused:
        return refused.problems
    finally:
        assert asked == ["M1"]
    assert plan.history == history
    return ()


def test_R08_a_dose_of_an_hour_ago_and_the_plan_together_break_the_hard_limit(bench: Bench) -> None:
    assert problems(bench) == ()
    problem, _soft = problems(bench, dose(HOUR_S, 140.0))  # 28 mg/kg, and 5 to come: above 30 in 2 h
    assert "hard limit ketamine-iv-dose" in problem.sentence
    assert "33 mg/kg" in problem.sentence
    assert problem.field == "steps[2].infuse.dose"


def test_a_dose_that_has_left_the_window_counts_no_more(bench: Bench) -> None:
    assert problems(bench, dose(25 * HOUR_S, 140.0)) == ()


def test_what_was_too_much_days_ago_stands_against_nothing_today(bench: Bench) -> None:
    assert problems(bench, dose(50 * HOUR_S, 900.0), dose(49 * HOUR_S, 900.0)) == ()


def test_R08_a_lifetime_limit_sums_everything_that_is_known(bench: Bench) -> None:
    shipped = load_limits(None)
    assert shipped.source is not None
    row = (
        '\n[[rows]]\nid = "ketamine-life"\nquantity = "total_dose"\nroutes = ["iv_bolus", "iv_infusion"]\n'
        'drug = "ketamine"\nwindow = "lifetime"\nsoft = "20 mg/kg"\nhard = "40 mg/kg"\nsource = "test"\nmark = "[A]"\n'
    )
    (bench.folder / "limits.toml").write_text(shipped.source.text + row, encoding="utf-8")
    bench.edit_rig("[rig]\n", '[rig]\nlimits = "limits.toml"\n')
    old = tuple(dose(day * 24 * HOUR_S, 50.0) for day in (30, 60, 90))  # 3 times 10 mg/kg
    (problem,) = problems(bench, *old)
    assert "soft limit ketamine-life" in problem.sentence
    assert "over the animal's life, earlier sessions included" in problem.sentence
    (problem,) = problems(bench, *old, dose(120 * 24 * HOUR_S, 50.0))
    assert "hard limit ketamine-life" in problem.sentence


@pytest.mark.parametrize(("ago_h", "counts"), [(1.0, True), (23.0, True), (25.0, False)])
def test_R08_a_limit_of_the_session_does_not_begin_anew_with_the_next_session_of_the_same_day(
    ago_h: float, *, counts: bool
) -> None:
    limits = load_limits(None)
    row = next(row for row in limits.rows if row.limit_id == "ketamine-total-dose")
    assert row.window_s is None
    now = Exposure(1, PUMP, 0.0, 60.0, 1.0, 1.0)
    before = earlier([dose(ago_h * HOUR_S, 300.0, 300.0)], 0.0)  # 60 mg/kg of 50
    broken = {excess.row.limit_id for excess in excesses(limits, 25.0, [*before, now], hard=True)}
    assert (row.limit_id in broken) is counts


def test_limits_of_a_single_infusion_are_not_held_against_those_of_earlier_sessions() -> None:
    limits = load_limits(None)
    now = Exposure(1, PUMP, 0.0, 60.0, 1.0, 1.0)
    before = earlier([dose(HOUR_S, 900.0, 300.0)], 0.0)
    broken = {excess.row.quantity for excess in excesses(limits, 25.0, [*before, now], hard=True)}
    assert broken == {"total_volume", "total_dose"}


def test_only_rows_that_the_plan_adds_to_are_held_against_it() -> None:
    limits = load_limits(None)
    before = earlier([PastDose(600.0, 300.0, 100.0, "", "", None, "icv")], 0.0)
    now = Exposure(1, PUMP, 0.0, 60.0, 1.0, 1.0)
    assert excesses(limits, 25.0, [*before, now], hard=True) == []
