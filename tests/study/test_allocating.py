"""An animal gets the next code, once, and a protocol that says nothing of what is in its syringe."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.books.places import same_name
from acquisition.experiment.compile import load_experiment
from acquisition.experiment.problems import RefusedInput
from acquisition.plan import InfuseStep
from analysis.study import allocating, sealed
from analysis.study.allocating import StudyRefused
from analysis.study.keeping import amend
from analysis.study.study_book import read_log
from analysis.study.study_file import Study, load_study
from analysis.study.trial import Known
from tests.study.kit import WALL_NS, drawn, entry, give


def codes(study: Study) -> list[str]:
    return [slot.code for slot in sealed.slots_of(study, entry(study.folder))]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def weigh(study: Study, animal: str, weight: str) -> allocating.Given:
    blanks = {"@weight": weight, "@weighed": "2026-11-28", "@age": ""}
    return allocating.weigh_again(study, animal, blanks, by="B", known=Known(), wall_ns=WALL_NS)


def test_animals_get_codes_in_the_order_of_the_sequence_and_protocols_that_run(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")

    given = [give(study, f"M{n}") for n in range(1, 4)]

    assert [one.allocated.code for one in given] == codes(study)[:3]
    plan = load_experiment(given[1].protocol, study.rig).plan
    assert (plan.subject.subject_id, plan.subject.weight_g, plan.subject.age) == ("M2", 25.0, "P11W")
    assert (plan.pumps[0].code, plan.pumps[0].drug) == (codes(study)[1], f"blinded {codes(study)[1]}")
    assert "# What every animal of the study goes through" in given[1].protocol.read_text("utf-8")


@pytest.mark.parametrize("again", ["M 1", "m 1", " M  1 ", "Ｍ 1"])
def test_no_animal_gets_two_codes_however_its_name_is_written(tmp_path: Path, again: str) -> None:
    study = drawn(tmp_path / "s")
    code = give(study, "M 1").allocated.code

    with pytest.raises(StudyRefused, match=f"M 1 has code {code} already, and keeps it"):
        give(study, again)

    assert len(read_log(study).allocated) == 1


def test_there_are_no_more_places_than_wereentry(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s", 1, ("animals_per_group = 3", "animals_per_group = 1"))
    give(study, "M1")
    give(study, "M2")

    with pytest.raises(StudyRefused, match="all 2 places of this study are given"):
        give(study, "M3")


def test_a_protocol_that_a_crash_left_out_is_written_by_the_next_call_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, twin = drawn(tmp_path / "s"), tmp_path / "twin"
    give(study, "M1").protocol.replace(twin)

    def power_cut(*_args: object) -> Path:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(allocating, "_write", power_cut)
        with pytest.raises(OSError, match="power cut"):
            give(study, "M2")
    assert len(read_log(study).allocated) == 1  # the mending of M1 was cut, before M2 was anywhere

    third = give(study, "M2")

    assert [path.name for path in third.mended] == [read_log(study).allocated["m1"].protocol]
    assert third.mended[0].read_bytes() == twin.read_bytes()
    assert third.allocated.code == codes(study)[1]


def test_an_animal_whose_protocol_a_crash_left_out_keeps_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = drawn(tmp_path / "s")
    with monkeypatch.context() as patch:
        patch.setattr(allocating, "_write", lambda *_args: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(OSError, match="power cut"):
            give(study, "M1")

    with pytest.raises(StudyRefused, match=f"M1 has code {codes(study)[0]} already"):
        give(study, "M1")

    plan = load_experiment(study.folder / "protocols" / read_log(study).allocated["m1"].protocol, study.rig).plan
    assert (plan.subject.subject_id, plan.pumps[0].code) == ("M1", codes(study)[0])


def test_a_protocol_that_somebody_changed_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    first = give(study, "M1")
    edit(first.protocol, "25 g", "26 g")

    give(study, "M2")

    assert allocating.protocol_state(study, first.allocated) == "changed by hand"
    assert "26 g" in first.protocol.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("study.toml", 'until = "44 min"', 'until = "45 min"'), ("protocol.toml", "30 min", "31 min")],
)
def test_what_was_fixed_and_is_changed_stops_allocation_until_somebody_says_why(
    tmp_path: Path, name: str, old: str, new: str
) -> None:
    study = drawn(tmp_path / "s")
    give(study, "M1")
    edit(study.folder / name, old, new)

    with pytest.raises(StudyRefused, match=f"{name} was changed since the study was drawn"):
        give(study, "M2")

    found = amend(load_study(study.folder), "the sensor settles later", by="B", wall_ns=WALL_NS)
    assert (found.animals_before, found.by) == (1, "B")
    assert give(study, "M2").allocated.number == 2


def test_a_lost_protocol_of_a_template_before_it_was_amended_is_not_written_from_the_new_one(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    first = give(study, "M1")
    edit(study.template, "30 min", "31 min")
    amend(study, "settles later", by="B", wall_ns=WALL_NS)
    first.protocol.unlink()

    assert not give(study, "M2").mended
    assert not first.protocol.exists()
    assert allocating.protocol_state(study, first.allocated) == "missing"


def test_what_was_drawn_for_cannot_be_amended(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    edit(study.folder / "study.toml", '"5 mg/mL"', '"6 mg/mL"')

    with pytest.raises(StudyRefused, match="are not those that were drawn for"):
        give(study, "M1")
    with pytest.raises(StudyRefused, match="cannot be amended"):
        amend(load_study(study.folder), "stronger", by="B", wall_ns=WALL_NS)


def test_a_refusal_by_the_limits_says_the_same_whatever_the_animal_would_have_got(tmp_path: Path) -> None:
    said = set()
    for seed in range(1, 5):
        study = drawn(tmp_path / f"s{seed}", seed)
        edit(study.folder / "limits.toml", 'soft = "30 mg/kg"\nhard = "50 mg/kg"', 'soft = "5 mg/kg"\nhard = "6 mg/kg"')
        with pytest.raises(RefusedInput) as refused:
            give(study, "M1")
        said.add(str(refused.value).replace(str(study.folder), "").replace(codes(study)[0], "CODE"))
        assert not read_log(study).allocated

    groups = {
        sealed.open_sequence(load_study(tmp_path / f"s{n}"), entry(tmp_path / f"s{n}")).slots[0].group
        for n in range(1, 5)
    }
    assert groups == {"vehicle", "ketamine"}  # else the test shows nothing
    assert len(said) == 1


def test_an_animal_that_is_weighed_again_keeps_its_code_and_gets_its_protocol_anew(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    first = give(study, "M1")

    again = weigh(study, "m1", "27 g")

    assert (again.protocol, again.allocated.code) == (first.protocol, first.allocated.code)
    plan = load_experiment(again.protocol, study.rig).plan
    assert (plan.subject.weight_g, plan.subject.weighed_on, plan.subject.age) == (27.0, "2026-11-28", "P11W")
    (volume_ul,) = [step.volume_ul for step in plan.steps if isinstance(step, InfuseStep)]
    assert volume_ul == pytest.approx(54.0, rel=0.001)
    assert allocating.protocol_state(study, again.allocated) == "as written"
    assert give(study, "M2").allocated.number == 2
    with pytest.raises(StudyRefused, match="no animal of this study"):
        weigh(study, "M9", "27 g")
    with pytest.raises(RefusedInput, match="no weight of a mouse"):
        weigh(study, "M1", "27 kg")


def test_a_crash_while_an_animal_is_weighed_again_leaves_no_old_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = drawn(tmp_path / "s")
    first = give(study, "M1")
    with monkeypatch.context() as patch:
        patch.setattr(allocating, "_write", lambda *_args: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(OSError, match="power cut"):
            weigh(study, "M1", "27 g")
    assert allocating.protocol_state(study, read_log(study).allocated["m1"]) == "out of date"

    assert give(study, "M2").mended == (first.protocol,)

    assert load_experiment(first.protocol, study.rig).plan.subject.weight_g == 27.0


def test_a_protocol_that_somebody_changed_is_not_overwritten_by_a_weight(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    edit(give(study, "M1").protocol, "25 g", "26 g")

    with pytest.raises(StudyRefused, match="changed by hand and is not overwritten"):
        weigh(study, "M1", "27 g")


@pytest.mark.parametrize("name", ["../../out", "/etc/passwd", "CON", "a\\b", 'M"1', "@code", "Maus ä", "-"])
def test_a_hostile_name_stays_a_name(tmp_path: Path, name: str) -> None:
    study = drawn(tmp_path / "s")

    given = give(study, name)

    assert given.protocol.parent == study.folder / "protocols"
    assert load_experiment(given.protocol, study.rig).plan.subject.subject_id == name
    assert read_log(study).allocated[same_name(name)].animal == name


@pytest.mark.parametrize(
    ("blanks", "words"),
    [
        ({"age": ""}, "the template asks for @age: give --age"),
        ({"sex": "F"}, "the template has no blank @sex: leave out --sex"),
        ({"weight": "25"}, "the unit is missing"),
        ({"weighed": "yesterday"}, "--weight or --weighed"),
    ],
)
def test_what_the_template_asks_for_must_be_given_and_nothing_else(
    tmp_path: Path, blanks: dict[str, str], words: str
) -> None:
    study = drawn(tmp_path / "s")

    with pytest.raises(StudyRefused, match=words):
        give(study, "M1", **blanks)


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ('id = "@animal"', 'id = "M1"', "subject.id", 'write id = "@animal" here'),
        ('code = "@treatment.code" ', 'code = "K7Q" ', "pumps.treatment.code", 'write code = "@treatment.code" here'),
        ('weight = "@weight"', 'weight = "@weighed"', "subject.weight", "is no blank that stands here"),
        ('label = "settling"', 'label = "@code"', "steps[1].label", "is no blank that stands here"),
    ],
)
def test_a_template_without_its_blanks_is_refused_with_line_and_field(
    tmp_path: Path, old: str, new: str, field: str, words: str
) -> None:
    study = drawn(tmp_path / "s")
    edit(study.template, old, new)

    with pytest.raises(RefusedInput) as refused:
        give(study, "M1")

    assert any(p.field == field and p.line and words in p.sentence for p in refused.value.problems), str(refused.value)
