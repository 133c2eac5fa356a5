"""The files that come with the program do what their comments say."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from acquisition.experiment.compile import Experiment, check_run_allowed, load_experiment
from acquisition.plan import InfuseStep

PROJECT = Path(__file__).parents[2]


def demo() -> Experiment:
    data = Path(str(files("amperfuse").joinpath("data")))
    return load_experiment(data / "demo-protocol.toml", data / "demo-rig.toml")


def test_the_demo_is_two_hours_with_four_channels_and_ten_mg_per_kg_in_two_infusions() -> None:
    e = demo()
    infusions = [step for step in e.plan.steps if isinstance(step, InfuseStep)]
    assert e.plan.duration_s == 7200.0
    assert [step.dose_mg_per_kg for step in infusions] == [8.0, 2.0]
    assert {step.rate_ul_per_min for step in infusions} == {1.25}
    assert [c.role for p in e.plan.potentiostats for c in p.channels] == ["glutamate", "sentinel"] * 2


def test_the_demo_keeps_every_soft_limit_and_may_run_on_any_day() -> None:
    e = demo()
    assert e.protocol.overrides == ()
    assert e.plan.simulated
    assert check_run_allowed(e.plan, e.rig, e.limits, "run", date(2030, 1, 1)) == e.plan


def test_the_example_for_a_real_bench_compiles_and_is_real() -> None:
    e = load_experiment(PROJECT / "examples/real-protocol.toml", PROJECT / "examples/real-rig.toml")
    assert e.rig.simulated == "none"
    assert e.plan.pump("tail-vein").watchdog_s == 5
    (infusion,) = [step for step in e.plan.steps if isinstance(step, InfuseStep)]
    assert infusion.dose_mg_per_kg == pytest.approx(10.0, rel=0.005)


def test_the_examples_in_the_documentation_are_accepted(tmp_path: Path) -> None:
    rig, protocol, limits = (
        next(iter(_toml_blocks(PROJECT / "docs/reference" / f"{name}-file.md")))
        for name in ("rig", "protocol", "limits")
    )
    (tmp_path / "rig.toml").write_text(rig, "utf-8")
    (tmp_path / "protocol.toml").write_text(protocol, "utf-8")
    (tmp_path / "my-limits.toml").write_text(limits, "utf-8")
    e = load_experiment(tmp_path / "protocol.toml", tmp_path / "rig.toml")
    assert not e.limits.shipped


def _toml_blocks(path: Path) -> list[str]:
    return [part.partition("```")[0] for part in path.read_text("utf-8").split("```toml\n")[1:]]
