"""What a study file says, and what is refused in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.books.seals import Solution
from acquisition.experiment.fields import Table
from acquisition.experiment.problems import RefusedInput
from analysis.readout_file import ReadoutTable, StretchTable
from analysis.study.study_file import (
    AnimalsTable,
    BlindedTable,
    BlindingTable,
    DesignTable,
    ExclusionTable,
    OutcomeTable,
    PowerTable,
    StudyFile,
    StudyTable,
    SyringeTable,
    WelfareTable,
    load_study,
)

EXAMPLE = Path(__file__).parents[2] / "examples/study"
TEXT = (EXAMPLE / "study.toml").read_text("utf-8")
BAD = [
    ("animals_per_group = 6", "animals_per_group = 0", "design.animals_per_group", "greater than or equal to 1"),
    ("animals_per_group = 6", "animals_per_group = 400", "design.animals_per_group", "these are 800 animals"),
    ("animals_per_group = 6", "animals_per_group = 6\nseed = 1", "design.seed", "not known"),
    ('control = "vehicle"', 'control = "vehicel"', "design.control", 'Did you mean "vehicle"?'),
    ('name = "ketamine"', 'name = "Vehicle "', "groups[2].name", "two groups have this name"),
    ('drug = "ketamine", form', "form", "groups[2].syringes.treatment.drug", "needs the name of the drug"),
    ('concentration = "5 mg/mL", ', "", "groups[2].syringes.treatment.concentration", "needs its concentration"),
    ("syringes.treatment = { v", "syringes.teatment = { v", "groups[1].syringes", "from the blinded pump"),
    ("syringes.treatment = { v", "syringes.teatment = { v", "groups[1].syringes.teatment", 'mean "treatment"?'),
    ('pump = "treatment"', 'pump = "treatment"\n[[blinded]]\npump = "treatment"', "blinded[2].pump", "blinded twice"),
    ('id = "no-baseline"', 'id = "other"', "exclusions[1].id", "for what nobody foresaw"),
    ('id = "sensor-lost"', 'id = "no-baseline"', "exclusions[3].id", "two criteria have this id"),
    ('until = "44 min"', 'until = "4 min"', "readout.stretches[1].until", "end after it begins"),
    ('allocation = "blinded"', 'allocation = "yes"', "blinding.allocation", 'expected "blinded"'),
    ('rig = "rig.toml"', 'rig = "//host/rig.toml"', "study.rig", "relative to this file"),
    ("[study]", '[study]\nid = "No Id"', "study.id", "leave it out"),
    ("[study]", '[study]\nid = ""', "study.id", "leave it out"),
    ('licence = "none: simulated animals"', 'licence = ""', "study.licence", "must say something"),
    ("ratio = 0.6", "ratio = 0", "power.ratio", "greater than 0"),
]


def test_the_example_says_who_gets_what_and_what_was_fixed_before() -> None:
    study = load_study(EXAMPLE)

    assert [group.name for group in study.groups] == ["vehicle", "ketamine"]
    assert study.group("vehicle").solutions == {"treatment": Solution("", "", None)}
    assert study.group("ketamine").solutions == {"treatment": Solution("ketamine", "hydrochloride", 5.0)}
    assert study.control == "vehicle"
    assert [one.pump for one in study.file.blinded] == ["treatment"]
    assert study.readout.stretches[0].label == "last 30 min"
    assert study.criterion("not-delivered") == "the blinded pump delivered less than 90 % of the planned volume"
    assert study.criterion("other") is None
    assert (study.study_id, study.template, study.rig) == ("", EXAMPLE / "protocol.toml", EXAMPLE / "rig.toml")


@pytest.mark.parametrize(("old", "new", "field", "words"), BAD)
def test_a_bad_study_file_is_refused_with_line_field_and_reason(
    tmp_path: Path, old: str, new: str, field: str, words: str
) -> None:
    assert old in TEXT
    (tmp_path / "study.toml").write_text(TEXT.replace(old, new, 1), "utf-8")

    with pytest.raises(RefusedInput) as refused:
        load_study(tmp_path)

    told = [line for line in str(refused.value).splitlines() if f": {field}: " in line and words in line]
    assert len(told) == 1, str(refused.value)
    assert ", line " in told[0]


def test_the_syringes_of_one_animal_have_codes_of_their_own_where_it_has_several(tmp_path: Path) -> None:
    text = TEXT.replace("[[blinded]]", '[[blinded]]\npump = "pretreatment"\n\n[[blinded]]', 1)
    text = text.replace("syringes.treatment", 'syringes.pretreatment = { vehicle = "saline" }\nsyringes.treatment')
    (tmp_path / "study.toml").write_text(text, "utf-8")

    assert load_study(tmp_path).barrels("K7Q") == {"pretreatment": "K7QA", "treatment": "K7QB"}
    assert load_study(EXAMPLE).barrels("K7Q") == {"treatment": "K7Q"}


def test_every_key_of_the_file_is_on_its_page() -> None:
    page = (EXAMPLE.parents[1] / "docs/reference/study-file.md").read_text("utf-8")
    tables: list[type[Table]] = [
        StudyTable,
        DesignTable,
        BlindedTable,
        SyringeTable,
        ReadoutTable,
        StretchTable,
        OutcomeTable,
    ]
    tables += [ExclusionTable, BlindingTable, AnimalsTable, WelfareTable, PowerTable]

    assert [key for table in tables for key in table.model_fields if f"`{key}`" not in page] == []
    assert [name for name in StudyFile.model_fields if f"`[{name}]`" not in page and f"`[[{name}]]`" not in page] == []


def test_a_folder_without_a_study_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="there is no such file"):
        load_study(tmp_path)
