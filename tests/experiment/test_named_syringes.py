"""R13: the syringe in each pump is named for this session by a person, and compared with the rig file."""

from __future__ import annotations

import pytest

from acquisition.experiment.named_syringes import check_named, read_names
from acquisition.experiment.problems import RefusedInput
from tests.experiment.conftest import Bench

RIGHT = ["p1=hamilton-1001"]


def refusal(bench: Bench, words: list[str]) -> str:
    with pytest.raises(RefusedInput) as refused:
        check_named(bench.experiment().rig, {"p1"}, read_names(words))
    return str(refused.value)


def test_R13_the_syringe_of_the_rig_is_accepted_when_a_person_sees_it(bench: Bench) -> None:
    check_named(bench.experiment().rig, {"p1"}, read_names(RIGHT))


def test_R13_a_syringe_that_nobody_looked_at_is_refused_without_saying_what_the_rig_has(bench: Bench) -> None:
    said = refusal(bench, [])
    assert "p1: nobody has said which syringe is in it today" in said
    assert "hamilton-1001" not in said, "what is read off the screen was not read off the barrel"


@pytest.mark.parametrize("other", ["hamilton-1002", "bd-plastic-1ml", "1001", "HAMILTON-1001", "\x1b[2J"])
def test_R13_another_syringe_is_refused_with_both_names(bench: Bench, other: str) -> None:
    said = refusal(bench, [f"p1={other}"])
    assert 'the rig file says "hamilton-1001"' in said
    assert said.isprintable()


def test_R13_a_syringe_of_ones_own_is_named_by_its_diameter(bench: Bench) -> None:
    bench.edit_rig('syringe = "hamilton-1001"', 'diameter = "4.71 mm"\nsyringe_volume = "1 mL"')
    check_named(bench.experiment().rig, {"p1"}, read_names(["p1=4.71 mm"]))
    assert "4.71 mm" in refusal(bench, ["p1=4.61 mm"])


def test_R13_a_pump_that_this_protocol_does_not_use_needs_no_name(bench: Bench) -> None:
    check_named(bench.experiment().rig, set(), {})


@pytest.mark.parametrize("words", [["p1"], ["p1="], ["=x"], ["p1=a", "p1=b"], [*RIGHT, "p9=hamilton-1001"]])
def test_R13_what_names_no_pump_or_one_twice_is_refused(bench: Bench, words: list[str]) -> None:
    assert refusal(bench, words)
