"""Thresholds and steady baselines of a protocol: what becomes of them in a plan, and what is refused where."""

from __future__ import annotations

import pytest

from acquisition.experiment.problems import RefusedInput
from acquisition.plan import Plan, SteadyRule
from tests.experiment.conftest import Bench

WATCH = """
[[watches]]
name = "far above"
channel = "left.glu"
above = "2 nA"
clear_at = "1.5 nA"
lasting = "2 s"
then = "alarm"
"""


def planned(bench: Bench, watch: str, *edits: tuple[str, str]) -> Plan:
    for old, new in edits:
        assert old in watch
        watch = watch.replace(old, new)
    bench.protocol += watch
    return bench.experiment().plan


def test_a_threshold_is_in_amperes_and_says_how_it_was_written(bench: Bench) -> None:
    (watch,) = planned(bench, WATCH).watches
    assert (watch.enter_a, watch.leave_a, watch.dwell_s, watch.baseline_s) == (2e-9, 1.5e-9, 2.0, None)
    assert watch.told == "glu above 2 nA"


def test_a_negative_level_is_written_with_a_minus(bench: Bench) -> None:
    edits = (('above = "2 nA"', 'below = "-20 pA"'), ('"1.5 nA"', '"-5 pA"'))
    (watch,) = planned(bench, WATCH, *edits).watches
    assert (watch.enter_a, watch.leave_a, watch.above) == (-20e-12, -5e-12, False)


def test_micromolars_become_amperes_by_the_calibration(bench: Bench) -> None:
    edits = (('above = "2 nA"', 'above = "5 uM"\nfrom_baseline = "10 min"'), ('"1.5 nA"', '"3 uM"'))
    plan = planned(bench, WATCH, *edits)
    slope = plan.potentiostats[0].channels[0].sensitivity_a_per_um
    assert slope is not None
    (watch,) = plan.watches
    assert watch.enter_a == pytest.approx(5 * slope)
    assert watch.leave_a == pytest.approx(3 * slope)
    assert watch.told == "glu above 5 uM from its baseline"


def test_a_watch_changes_the_hash_of_the_plan(bench: Bench) -> None:
    without = bench.experiment().plan.sha256
    assert planned(bench, WATCH).sha256 != without


def test_a_steady_baseline_is_a_rule_of_the_plan(bench: Bench) -> None:
    rule = '\n[[arming.steady]]\nchannel = "left.glu"\nslope = "2 pA/min"\nover = "5 min"\n'
    assert planned(bench, rule).must_be_steady == (SteadyRule("left.glu", 2e-12, 300.0),)


@pytest.mark.parametrize(
    ("edit", "field", "words"),
    [
        (('"left.glu"', '"left.gul"'), "watches[1].channel", 'there is no channel "left.gul"'),
        (('above = "2 nA"', ""), "watches[1].above", "either above or below"),
        (('above = "2 nA"', 'above = "2 nA"\nbelow = "1 nA"'), "watches[1].above", "either above or below"),
        (('clear_at = "1.5 nA"', ""), "watches[1].clear_at", "counts as back"),
        (('"1.5 nA"', '"3 nA"'), "watches[1].clear_at", "on the other side"),
        (('"2 nA"', '"2 nM"'), "watches[1].above", "only a change is known"),
        (('"2 nA"', '"2 mV"'), "watches[1].above", "mV"),
        (('"alarm"', '"infuse"'), "watches[1].then", "mark"),
        (('lasting = "2 s"', 'lasting = "2 s"\nstart = "drug"'), "watches[1].start", "not known"),
        (('lasting = "2 s"', 'from_baseline = "2 h"'), "watches[1].from_baseline", "more than an hour"),
    ],
)
def test_what_is_wrong_is_refused_at_its_field(bench: Bench, edit: tuple[str, str], field: str, words: str) -> None:
    with pytest.raises(RefusedInput) as refused:
        planned(bench, WATCH, edit)
    assert any(problem.field == field and words in problem.sentence for problem in refused.value.problems), (
        refused.value
    )


def test_micromolars_of_a_channel_without_a_calibration_are_refused(bench: Bench) -> None:
    edits = (('"2 nA"', '"5 uM"\nfrom_baseline = "5 min"'),)
    bench.rig = bench.rig.replace('sensitivity = "7 pA/uM"\n', "")
    with pytest.raises(RefusedInput, match="has no calibration"):
        planned(bench, WATCH, *edits)
