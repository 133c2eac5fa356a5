"""From files to a plan: numbers as the pump holds them, limits held over the whole of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acquisition.experiment.compile import check_run_allowed
from acquisition.experiment.exposure import Exposure, excesses
from acquisition.experiment.problems import RefusedInput
from acquisition.plan import InfuseStep, Plan, WaitStep
from drivers.capabilities import DriverOptions, PumpProgram
from drivers.clock import Clock
from drivers.registry import DriverFactory
from drivers.transport import TransportOpener
from tests.experiment.conftest import Bench, installed

OVERRIDE = '\n[[soft_limit_overrides]]\nlimit = "{0}"\nby = "A. Vet"\nreason = "approved 12/26"\n'


def infusions(plan: Plan) -> list[InfuseStep]:
    return [step for step in plan.steps if isinstance(step, InfuseStep)]


def test_R05_R06_dose_and_duration_become_volume_and_rate(bench: Bench) -> None:
    (step,) = infusions(bench.experiment().plan)
    assert (step.number, step.volume_ul, step.rate_ul_per_min, step.dose_mg_per_kg) == (2, 25.0, 1.25, 5.0)
    assert step.duration_s == 1200.0


def test_R09_the_plan_holds_what_the_pump_will_hold_not_what_was_written(bench: Bench) -> None:
    bench.edit('dose = "5 mg/kg", duration = "20 min"', 'volume = "12.3456 uL", rate = "1.23456 uL/min"')
    (step,) = infusions(bench.experiment().plan)
    assert step.volume_ul == 12.35
    assert step.rate_ul_per_min != 1.23456
    assert step.rate_ul_per_min == pytest.approx(1.23456, rel=0.005)


def test_repeats_are_unrolled_and_numbered(bench: Bench) -> None:
    inner = "{ repeat = { times = 2, steps = [{ wait = '1 s' }] } }"
    bench.protocol += f"[[steps]]\nrepeat = {{ times = 2, steps = [{{ mark = 'a' }}, {inner}] }}\n"
    plan = bench.experiment().plan
    assert [step.number for step in plan.steps] == list(range(1, 9))
    assert [step.label for step in plan.steps[2:]] == [
        "a (1 of 2)", "wait (1 of 2) (1 of 2)", "wait (1 of 2) (2 of 2)",
        "a (2 of 2)", "wait (2 of 2) (1 of 2)", "wait (2 of 2) (2 of 2)",
    ]  # fmt: skip
    assert plan.duration_s == 600 + 1200 + 4


def test_R11_the_same_files_give_the_same_hash_and_any_number_changes_it(bench: Bench) -> None:
    first = bench.experiment().plan.sha256
    assert bench.experiment().plan.sha256 == first
    assert bench.edit('"10 min"', '"11 min"').experiment().plan.sha256 != first


def test_a_rate_outside_the_pumps_range_is_refused_with_the_range_for_that_syringe(bench: Bench) -> None:
    bench.edit('duration = "20 min"', 'rate = "2 mL/min"')
    problem = bench.problem()
    assert problem.field == "steps[2].infuse.rate"
    assert "this is 2000 uL/min; pump p1 with hamilton-1001 (4.61 mm) can do 0.0117 to 851.3 uL/min" in problem.sentence


def test_R10_a_volume_that_encodes_to_zero_is_refused(bench: Bench) -> None:
    bench.edit_rig('"hamilton-1001"', '"hamilton-7001"').edit('"600 uL"', '"1 uL"')
    bench.edit('dose = "5 mg/kg", duration = "20 min"', 'volume = "0.4 nL", rate = "0.1 nL/min"')
    found = [p for p in bench.problems() if p.field == "steps[2].infuse.volume"]
    assert "would become zero" in found[0].sentence


def test_R09_a_volume_that_would_flip_to_millilitres_is_refused(bench: Bench) -> None:
    bench.edit_rig('"hamilton-1001"', '"hamilton-1010"')  # 14.57 mm: this pump counts mL
    bench.edit('dose = "5 mg/kg", duration = "20 min"', 'volume = "0.6 uL", duration = "20 s"')
    found = [p for p in bench.problems() if p.field == "steps[2].infuse.volume"]
    assert len(found) == 1
    assert "mL" in found[0].sentence


@dataclass(frozen=True)
class _PumpThatHoldsSomethingElse:
    """Wraps the real driver and spoils what it says it would hold."""

    spoil: Callable[[PumpProgram], PumpProgram]
    kind = "pump"

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> object:
        real = installed("new-era")(opener, url, clock, options)
        real.quantised = self.spoil  # type: ignore[union-attr, method-assign]
        return real


@pytest.mark.parametrize("factor", [0.0, 0.99, 1.006, 1000.0])
def test_R09_R10_a_driver_that_would_hold_another_volume_is_not_believed(bench: Bench, factor: float) -> None:
    def drivers(name: str) -> DriverFactory:
        if name != "new-era":
            return installed(name)
        return _PumpThatHoldsSomethingElse(lambda p: replace(p, target_ul=p.target_ul * factor))  # type: ignore[return-value]

    assert "more than 0.5% off" in bench.problem(drivers).sentence


class _HalfAPump:
    kind = "pump"

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> object:
        return object()


def test_an_outside_driver_that_lacks_an_ability_is_refused(bench: Bench) -> None:
    def drivers(name: str) -> DriverFactory:
        return _HalfAPump() if name == "new-era" else installed(name)  # type: ignore[return-value]

    assert [p.field for p in bench.problems(drivers)] == ["pumps.p1.driver"]


def test_R07_a_dose_above_the_hard_limit_is_refused_and_cannot_be_overridden(bench: Bench) -> None:
    bench.edit('"5 mg/kg"', '"30.1 mg/kg"').edit('"20 min"', '"2 h"')
    bench.protocol += OVERRIDE.format("ketamine-iv-dose") + OVERRIDE.format("ketamine-total-dose")
    problem = bench.problem()
    assert problem.field == "steps[2].infuse.dose"
    assert "hard limit ketamine-iv-dose of 30 mg/kg in any 2 h, which cannot be overridden" in problem.sentence


def test_R07_a_broken_soft_limit_needs_a_name_and_a_reason_which_the_operator_sees(bench: Bench) -> None:
    bench.edit('"5 mg/kg"', '"12 mg/kg"').edit('"20 min"', '"60 min"')
    assert '[[soft_limit_overrides]] limit = "ketamine-iv-dose"' in bench.problem().sentence
    bench.protocol += OVERRIDE.format("ketamine-iv-dose")
    (warning,) = [w for w in bench.experiment().plan.warnings if "ketamine-iv-dose" in w]
    assert "overridden by A. Vet: approved 12/26 (12 mg/kg is above 10 mg/kg in any 2 h)" in warning


def test_an_override_that_is_not_needed_is_pointed_out(bench: Bench) -> None:
    bench.protocol += OVERRIDE.format("ketamine-iv-dose")
    assert any("is not needed by this plan" in warning for warning in bench.experiment().plan.warnings)


def test_R07_a_dose_of_base_counts_as_the_hydrochloride_it_equals(bench: Bench) -> None:
    bench.edit('"5 mg/kg"', '"9 mg/kg"').edit('"20 min"', '"40 min"')
    bench.experiment()
    bench.edit('"hydrochloride"', '"base"')  # 9 * 1.153 = 10.38 mg/kg
    assert "10.38 mg/kg is above 10 mg/kg" in bench.problem().sentence


def test_R07_the_flow_limit_goes_by_weight(bench: Bench) -> None:
    bench.edit('duration = "20 min"', 'rate = "2 uL/min"')  # 25 g: 4.8 mL/kg/h
    assert "2 uL/min (4.8 mL/kg/h) is above 4 mL/kg/h" in bench.problem().sentence


def test_R08_limits_hold_over_the_whole_plan_and_name_the_step_that_crosses(bench: Bench) -> None:
    bench.protocol += 2 * '[[steps]]\ninfuse = { pump = "p1", dose = "4 mg/kg", duration = "16 min" }\n'
    problem = bench.problem()
    assert problem.field == "steps[4].infuse.dose"
    assert "13 mg/kg is above 10 mg/kg in any 2 h" in problem.sentence


def test_R08_what_lies_outside_the_window_does_not_count(bench: Bench) -> None:
    bench.edit('"5 mg/kg"', '"10 mg/kg"').edit('"20 min"', '"40 min"')
    bench.protocol += (
        '[[steps]]\nwait = "80 min"\n[[steps]]\ninfuse = { pump = "p1", dose = "10 mg/kg", duration = "40 min" }\n'
    )
    bench.experiment()
    bench.edit('"80 min"', '"79 min"')  # then 41 of 80 infusing minutes fall into two hours
    assert "above 10 mg/kg in any 2 h" in bench.problem().sentence


def test_R08_waiting_for_the_operator_is_not_counted_on_to_thin_a_dose_out(bench: Bench) -> None:
    bench.edit('"5 mg/kg"', '"10 mg/kg"').edit('"20 min"', '"40 min"')
    bench.protocol += '[[steps]]\nwait_for_operator = "go?"\n'
    bench.protocol += '[[steps]]\ninfuse = { pump = "p1", dose = "2 mg/kg", duration = "8 min" }\n'
    assert "12 mg/kg" in bench.problem().sentence


def test_R17_the_line_is_filled_before_the_animal_gets_anything(bench: Bench) -> None:
    bench.edit("primed = true", "primed = false")
    problem = bench.problem()
    assert problem.field == "pumps.p1.primed"
    assert "8 uL reach the animal first (never air), the solution only after 6.4 min" in problem.sentence
    bench.protocol += OVERRIDE.format("unprimed-line")
    bench.edit('"600 uL"', '"30 uL"')
    assert "the steps need 25 uL and 8 uL to fill the line, but only 30 uL are loaded" in bench.problem().sentence


def test_a_dose_of_a_few_steps_of_the_pump_is_warned_about(bench: Bench) -> None:
    bench.edit('dose = "5 mg/kg", duration = "20 min"', 'volume = "0.015 uL", duration = "1 s"')
    assert any("a more dilute solution" in warning for warning in bench.experiment().plan.warnings)


def test_an_experimental_driver_is_warned_about_and_others_are_not(bench: Bench) -> None:
    assert not any("experimental" in warning for warning in bench.experiment().plan.warnings)
    bench.edit_rig('"new-era"', '"harvard-22"').edit_rig('"sim://new-era"', '"sim://harvard-22"')
    bench.edit_rig('line_dead_volume = "8 uL"', 'line_dead_volume = "8 uL"\nwatchdog = "0 s"')
    assert any("pump p1: the driver harvard-22 is experimental" in w for w in bench.experiment().plan.warnings)


def test_ranges_are_those_the_potentiostat_has(bench: Bench) -> None:
    bench.edit_rig('range = "100 nA"', 'range = "150 nA"')
    assert bench.experiment().plan.potentiostats[0].channels[0].range_a == 1e-6


def test_a_bench_run_needs_no_animal_and_takes_no_dose(bench: Bench) -> None:
    bench.edit('species = "mouse"', 'species = "none"').edit('"iv_infusion"', '"bench"')
    assert "needs an animal" in bench.problem().sentence
    bench.edit('dose = "5 mg/kg", duration = "20 min"', 'volume = "500 uL", rate = "100 uL/min"')
    assert infusions(bench.experiment().plan)[0].volume_ul == 500.0


TODAY = date(2026, 11, 23)


def test_R24_a_rig_that_mixes_simulated_and_real_is_refused_for_a_run_and_can_be_rehearsed(bench: Bench) -> None:
    e = bench.edit_rig('"sim://emstat"', '"/dev/ttyACM0"').experiment()
    assert e.rig.simulated == "mixed"
    with pytest.raises(RefusedInput, match=r"rig.toml, line 6: pumps.p1.url: this rig mixes simulated \(p1\)"):
        check_run_allowed(e.plan, e.rig, e.limits, "run", TODAY)
    assert check_run_allowed(e.plan, e.rig, e.limits, "rehearse", TODAY).simulated


def test_R24_a_real_rig_runs_as_real_and_rehearses_as_simulated(bench: Bench) -> None:
    bench.edit_rig('"sim://emstat"', '"/dev/ttyACM0"').edit_rig('"sim://new-era"', '"COM3"')
    e = bench.experiment()
    assert not check_run_allowed(e.plan, e.rig, e.limits, "run", TODAY).simulated
    assert check_run_allowed(e.plan, e.rig, e.limits, "rehearse", TODAY).simulated
    assert any("not those of your approved animal protocol" in warning for warning in e.plan.warnings)


@pytest.mark.parametrize(("today", "words"), [(date(2026, 11, 25), "2 days ago"), (date(2026, 11, 22), "future")])
def test_R06_an_old_weighing_is_refused_for_a_real_run_unless_somebody_stands_for_it(
    bench: Bench, today: date, words: str
) -> None:
    bench.edit_rig('"sim://emstat"', '"/dev/ttyACM0"').edit_rig('"sim://new-era"', '"/dev/ttyUSB0"')
    e = bench.experiment()
    with pytest.raises(RefusedInput, match=words):
        check_run_allowed(e.plan, e.rig, e.limits, "run", today)
    bench.protocol += OVERRIDE.format("weighing-age")
    e = bench.experiment()
    assert check_run_allowed(e.plan, e.rig, e.limits, "run", today) == e.plan


STEP = st.tuples(
    st.sampled_from(["dose", "volume"]),
    st.integers(1, 40_000),
    st.integers(50, 8_000),
    st.integers(0, 9_000),
    st.integers(1, 3),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(weight=st.integers(80, 900), steps=st.lists(STEP, min_size=1, max_size=6))
def test_R07_R08_no_plan_is_ever_above_a_hard_limit(
    bench: Bench, weight: int, steps: list[tuple[str, int, int, int, int]]
) -> None:
    fresh = Bench(bench.folder).edit('"25 g"', f'"{weight / 10} g"')
    fresh.protocol = fresh.protocol[: fresh.protocol.index("[[steps]]")]
    for kind, amount, rate, wait, times in steps:
        quantity = f"{amount / 1000:.3f} {'mg/kg' if kind == 'dose' else 'uL'}"
        fresh.protocol += (
            f"[[steps]]\nrepeat = {{ times = {times}, steps = [{{ infuse = {{ pump = 'p1', {kind} = '{quantity}', "
            f"rate = '{rate / 1000:.3f} uL/min' }} }}, {{ wait = '{wait + 1} s' }}] }}\n"
        )
    for limit in ("ketamine-iv-dose", "ketamine-iv-dose-rate", "ketamine-total-dose", "iv-infusion-rate", "iv-total",
                  "iv-infusion-volume", "all-routes-total", "weight-range"):  # fmt: skip
        fresh.protocol += OVERRIDE.format(limit)
    try:
        e = fresh.experiment()
    except RefusedInput:
        return
    given_ul = sum(step.volume_ul for step in infusions(e.plan))
    fastest = max(step.rate_ul_per_min for step in infusions(e.plan))
    weight_g = weight / 10
    assert given_ul <= 600.0 * (1 + 1e-9)
    assert given_ul * 5.0 / weight_g <= 50.0 * (1 + 1e-9)
    assert fastest * 60.0 <= 8.0 * weight_g * (1 + 1e-9)
    assert fastest * 5.0 / weight_g <= 2.0 * (1 + 1e-9)
    for start in range(0, int(e.plan.duration_s) + 1, 300):  # an independent count over sliding windows
        inside, at = 0.0, 0.0
        for step in e.plan.steps:
            length = step.duration_s if isinstance(step, InfuseStep | WaitStep) else 0.0
            if isinstance(step, InfuseStep):
                overlap = max(0.0, min(at + length, start + 7200.0) - max(at, start))
                inside += step.volume_ul * overlap / length
            at += length
        assert inside * 5.0 / weight_g <= 30.0 * (1 + 1e-6)


def test_excess_at_the_very_limit_is_none_and_just_above_is_one(bench: Bench) -> None:
    e = bench.experiment()
    setup = e.plan.pumps[0]

    def found(volume_ul: float) -> list[str]:
        one = Exposure(1, setup, 0.0, 3600.0, volume_ul, 1.0)
        return [excess.row.limit_id for excess in excesses(e.limits, 25.0, [one], hard=True)]

    assert found(150.0) == []
    assert found(150.001) == ["ketamine-iv-dose"]
    assert "ketamine-iv-dose" in found(float("nan"))


@pytest.mark.parametrize(
    ("url", "warned"),
    [("/dev/ttyUSB0", True), ("COM3", True), ("/dev/serial/by-id/usb-FTDI_A5-if00-port0", False),
     ("usb:0403:6015/A50285BI", False), ("sim://new-era", False)],
)  # fmt: skip
def test_R37_a_pump_bound_to_a_name_that_changes_is_warned_about(bench: Bench, url: str, warned: bool) -> None:
    warnings = bench.edit_rig('url = "sim://new-era"', f'url = "{url}"').experiment().plan.warnings
    assert any(f"pump p1 is bound to {url}, a name that another instrument may have" in w for w in warnings) == warned
