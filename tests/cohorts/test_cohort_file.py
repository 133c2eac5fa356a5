"""What is refused in a cohort file, and which seed an animal has."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.experiment.problems import RefusedInput
from acquisition.plan import without_rounds
from amperfuse.cohorts.cohort_file import animal_seed, load_cohort
from tests.cohorts.kit import COHORT, write_cohort

EXAMPLE = Path(__file__).parents[2] / "examples/cohort/cohort.toml"
BAD = [
    ("animals_per_arm = 1", "animals_per_arm = 0", "cohort.animals_per_arm", "greater than or equal to 1"),
    ("seed = 7", "seed = -1", "cohort.seed", "greater than or equal to 0"),
    ("seed = 7", 'seed = "7"', "cohort.seed", "valid integer"),
    ('name = "short"', 'name = "short"\nanimal = "x"', "cohort.animal", "not known"),
    ('control = "vehicle"', 'control = "vehicel"', "cohort.control", 'Did you mean "vehicle"?'),
    ('"ejector.toml"', '"calm.toml"', "cohort.scenario", "the preset of a animal"),
    ('"ejector.toml"', '"hand-injection"', "cohort.scenario", 'Did you mean "hand-injections"?'),
    ('until = "12 min"', 'until = "7 min"', "readout.stretches[1].until", "end after it begins"),
    ('until = "12 min"', 'until = "12"', "readout.stretches[1].until", "the unit is missing"),
    ('"array.glutamate"', '"array.glutamat"', "readout.channel", 'Did you mean "array.glutamate"?'),
    ('"array.sentinel"', '"left.sentinel"', "readout.sentinel", "of one instrument"),
    ('drug = "drug"', 'drug = "other"', "arms[1].protocol", 'infuses from "other"'),
    ('stimulus = "KCl"', 'stimulus = "pinch"', "arms[1].protocol", 'is the mark "pinch"'),
    ('animal = "calm.toml"', 'animal = "awake-mose"', "arms[1].animal", 'Did you mean "awake-mouse"?'),
    ('animal = "calm.toml"', 'animal = "wire"', "arms[1].animal", "no animal preset"),
    ('animal = "calm.toml"', 'animal = "/etc/calm.toml"', "arms[1].animal", "relative to this file"),
    ('rig = "rig.toml"', 'rig = "C:\\\\rig.toml"', "arms[1].rig", "relative to this file"),
    ('treatment = "ketamine"', 'treatment = "vehicle"', "arms[2].treatment", "same group and treatment"),
]


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(RefusedInput) as refused:
        load_cohort(write_cohort(folder, text))
    return str(refused.value)


@pytest.mark.parametrize(("old", "new", "field", "words"), BAD)
def test_a_bad_cohort_file_is_refused_with_line_field_and_reason(
    tmp_path: Path, old: str, new: str, field: str, words: str
) -> None:
    assert old in COHORT
    text = COHORT.replace(old, new, 1)

    said = refusal(tmp_path, text)

    told = [line for line in said.splitlines() if f": {field}: " in line and words in line]
    assert len(told) == (2 if field == "cohort.control" else 1)  # a control is missed by each group
    assert all(", line " in line for line in told)


def test_everything_that_is_wrong_is_told_at_once_and_a_shared_file_once(tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    text = COHORT.replace('control = "vehicle"', 'control = "saline"')
    path = write_cohort(folder, text)
    rig = folder / "rig.toml"
    rig.write_text(rig.read_text().replace("hamilton-1001", "hamiton-1001"))

    with pytest.raises(RefusedInput) as refused:
        load_cohort(path)

    said = str(refused.value).splitlines()
    assert sum("cohort.control" in line for line in said) == 2  # of each group
    assert sum("hamiton" in line for line in said) == 1  # of four arms


def test_the_example_is_the_study_ten_arms_of_six_animals_and_two_and_a_half_hours() -> None:
    cohort = load_cohort(EXAMPLE)

    assert len(cohort.animals()) == 60
    assert {arm.experiment.plan.duration_s for arm in cohort.arms} == {9000.0}
    assert {arm.group for arm in cohort.arms} == {"normal", "depression-like"}
    assert len({animal.name for animal in cohort.animals()}) == len({a.seed for a in cohort.animals()}) == 60
    assert {arm.experiment.plan.warnings for arm in cohort.arms} == {()}


def test_an_animal_keeps_its_seed_whatever_other_arms_and_animals_there_are(tmp_path: Path) -> None:
    one = load_cohort(write_cohort(tmp_path / "one"))
    half = COHORT.partition('[[arms]]\ngroup = "competing"')[0].replace("per_arm = 1", "per_arm = 3")
    other = load_cohort(write_cohort(tmp_path / "other", half))

    seeds = {animal.name: animal.seed for animal in one.animals()}
    assert {animal.name: animal.seed for animal in other.animals() if animal.number == 1}.items() <= seeds.items()
    assert animal_seed(7, "vehicle, normal", 1) != animal_seed(8, "vehicle, normal", 1)
    assert animal_seed(7, "vehicle, normal", 1) == seeds["normal-vehicle-01"] == 4035229179


@pytest.mark.parametrize(
    ("label", "text"),
    [("KCl (2 of 6)", "KCl"), ("a (1 of 2) (3 of 4)", "a"), ("KCl", "KCl"), ("(1 of 2) KCl", "(1 of 2) KCl")],
)
def test_a_mark_in_a_repeat_is_known_by_the_text_that_the_protocol_gives_it(label: str, text: str) -> None:
    assert without_rounds(label) == text
