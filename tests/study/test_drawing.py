"""The draw: sealed, committed to, made once, and a change of it is noticed."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.books.chain import Book, BookBroken, BookUnwritable
from acquisition.books.places import seal_key_place
from acquisition.books.seals import new_key
from acquisition.experiment.problems import RefusedInput
from analysis.study import sealed
from analysis.study.allocating import StudyRefused
from analysis.study.drawing import DRAFT, draw_study, write_draft
from analysis.study.sealed import SealBroken
from analysis.study.study_book import Drawn, read_log
from analysis.study.study_file import load_study
from analysis.study.trial import Known
from tests.study.kit import SALT, TEXT, WALL_NS, chance, drawn, entry, undrawn


def test_a_draw_is_balanced_sealed_and_in_the_book(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")

    found = sealed.open_sequence(study, entry(study.folder))

    assert Counter(slot.group for slot in found.slots) == {"vehicle": 3, "ketamine": 3}
    assert [slot.code for slot in found.slots] == [slot.code for slot in sealed.slots_of(study, entry(study.folder))]
    assert (found.seed, study.study_id, entry(study.folder).by) == (1, "testing001", "A. Example")
    assert TEXT.count("\n") + 1 == (study.folder / "study.toml").read_text("utf-8").count("\n")


@settings(max_examples=25)
@given(
    st.integers(2, 4), st.tuples(st.integers(1, 5), st.integers(1, 3)), st.integers(0, 2**128 - 1), st.booleans()
)  # fmt: skip
def test_whatever_was_drawn_opens_as_it_was_sealed(
    tmp_path_factory: pytest.TempPathFactory, groups: int, animals: tuple[int, int], seed: int, two_pumps: bool
) -> None:
    each, block = animals
    head, tail = TEXT.split("[[groups]]", 1)[0], TEXT[TEXT.index("[readout]") :]
    pumps = ["treatment", "before"] if two_pumps else ["treatment"]
    for pump in pumps[1:]:
        head += f'[[blinded]]\npump = "{pump}"\n\n'
    for n in range(groups):
        syringes = "".join(
            f'syringes.{p} = {{ drug = "d{n}", concentration = "1 mg/mL", vehicle = "x" }}\n' for p in pumps
        )
        head += f'[[groups]]\nname = "g{n}"\n{syringes}\n'
    folder = tmp_path_factory.mktemp("study")
    text = (
        (head + tail).replace('control = "vehicle"', 'control = "g0"').replace("[study]", '[study]\nid = "abcdefgh01"')
    )
    text = text.replace("animals_per_group = 6", f"animals_per_group = {each}")
    (folder / "study.toml").write_text(text.replace("groups_per_block = 1", f"groups_per_block = {block}"), "utf-8")
    study = load_study(folder)

    facts = sealed.draw(study, seed, new_key(), SALT)
    candidate = Drawn(
        "", 0, "", "", "", facts["commitment"], facts["sequence_sha256"], facts["solutions_sha256"], 0, ""
    )
    shutil.rmtree(seal_key_place(study.study_id).parent, ignore_errors=True)  # of the example before
    found = sealed.open_sequence(study, candidate)

    assert found.seed == seed
    assert set(Counter(slot.group for slot in found.slots).values()) == {each}


def test_a_study_is_drawn_once(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    before = {path: path.read_bytes() for path in study.folder.rglob("*") if path.is_file()}

    with pytest.raises(StudyRefused, match=r"drawn by A. Example; it is drawn once"):
        draw_study(study.folder, chance(2), by="X", known=Known(), wall_ns=WALL_NS)

    assert {path: path.read_bytes() for path in study.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["sequence.sealed", "solutions.json"])
def test_a_changed_sealed_file_is_noticed(tmp_path: Path, name: str) -> None:
    study = drawn(tmp_path / "s")
    path = study.folder / "sealed" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    with pytest.raises(SealBroken, match=r"not as it was sealed when the study was drawn. Restore it"):
        sealed.open_sequence(study, entry(study.folder))


def test_another_sequence_in_the_sealed_folder_is_noticed_though_the_key_opens_it(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    key = sealed.key_of(study)
    shutil.rmtree(study.folder / "sealed")
    sealed.draw(study, 2, key, SALT)

    with pytest.raises(SealBroken, match=r"sequence.sealed is not as it was sealed"):
        sealed.open_sequence(study, entry(study.folder))


def test_a_sequence_that_was_not_committed_to_is_noticed_though_every_file_has_its_hash(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    key = sealed.key_of(study)
    shutil.rmtree(study.folder / "sealed")
    facts = sealed.draw(study, 2, key, SALT)
    sequence, solutions = facts["sequence_sha256"], facts["solutions_sha256"]
    found = replace(entry(study.folder), sequence_sha256=sequence, solutions_sha256=solutions)

    with pytest.raises(SealBroken, match="not as it was sealed"):
        sealed.open_sequence(study, found)


def test_solutions_that_are_no_longer_those_that_were_sealed_are_noticed(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    path = study.folder / "study.toml"
    path.write_text(path.read_text("utf-8").replace('"5 mg/mL"', '"6 mg/mL"'), "utf-8")

    with pytest.raises(SealBroken, match="sealed with another solution than the study file has"):
        sealed.open_sequence(load_study(study.folder), entry(study.folder))


def test_a_changed_or_cut_book_is_noticed(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    path = study.folder / "study.book"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace("A. Example", "A. Nother"), "utf-8")
    with pytest.raises(BookBroken):
        read_log(study)

    path.write_text("", "utf-8")
    with pytest.raises(BookBroken, match="is cut off"):
        read_log(study)


def test_the_key_comes_back_from_the_sealed_folder_on_another_computer(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    place = seal_key_place(study.study_id)
    key = place.read_bytes()
    place.unlink()

    assert sealed.key_of(study) == key
    assert place.read_bytes() == key


def test_a_key_that_opens_nothing_is_not_kept(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    place = seal_key_place(study.study_id)
    place.unlink()
    (study.folder / "sealed/study.key").write_bytes(new_key())

    with pytest.raises(SealBroken):
        sealed.key_of(study)
    assert not place.exists()


def test_a_draw_that_was_cut_before_its_entry_is_taken_up_not_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = undrawn(tmp_path / "s")

    def full(*_args: object) -> None:
        raise BookUnwritable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Book, "add", full)
        with pytest.raises(BookUnwritable):
            draw_study(folder, chance(1), by="A", known=Known(), wall_ns=WALL_NS)
    sealed_before = (folder / "sealed/sequence.sealed").read_bytes()

    study, _ = draw_study(folder, chance(2), by="A", known=Known(), wall_ns=WALL_NS)

    assert (study.study_id, (folder / "sealed/sequence.sealed").read_bytes()) == ("testing001", sealed_before)
    assert sealed.open_sequence(study, entry(folder)).seed == 1


def test_a_cut_draw_of_another_study_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = undrawn(tmp_path / "s")
    with monkeypatch.context() as patch:
        patch.setattr(Book, "add", lambda *_args: (_ for _ in ()).throw(BookUnwritable("cut")))
        with pytest.raises(BookUnwritable):
            draw_study(folder, chance(1), by="A", known=Known(), wall_ns=WALL_NS)
    path = folder / "study.toml"
    path.write_text(path.read_text("utf-8").replace("animals_per_group = 3", "animals_per_group = 4"), "utf-8")

    with pytest.raises(StudyRefused, match="delete that folder and draw again"):
        draw_study(folder, chance(2), by="A", known=Known(), wall_ns=WALL_NS)


def test_the_study_file_of_another_study_is_no_new_study(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    other = undrawn(tmp_path / "other")
    shutil.copy(study.folder / "study.toml", other / "study.toml")

    with pytest.raises(StudyRefused, match=r"the id in study.toml is that of another study"):
        draw_study(other, chance(2), by="A", known=Known(), wall_ns=WALL_NS)


def test_a_solution_that_the_limits_refuse_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    folder = undrawn(tmp_path / "s", ('"5 mg/mL"', '"50 mg/mL"'))

    with pytest.raises(RefusedInput, match="one of the study's groups at least would get is refused") as refused:
        draw_study(folder, chance(), by="A", known=Known(), wall_ns=WALL_NS)

    assert str(folder / "protocol.toml") in str(refused.value)
    assert not (folder / "sealed").exists()
    assert not read_log(load_study(folder)).entries


def test_an_outcome_that_the_rig_does_not_have_is_refused(tmp_path: Path) -> None:
    folder = undrawn(tmp_path / "s", ('"array.sentinel"', '"array.sentinell"'))

    with pytest.raises(RefusedInput, match=r'readout.sentinel: there is no channel "array.sentinell"'):
        draw_study(folder, chance(), by="A", known=Known(), wall_ns=WALL_NS)


def test_the_draft_asks_for_all_that_must_be_said_and_its_protocol_has_every_blank(tmp_path: Path) -> None:
    assert [path.name for path in write_draft(tmp_path / "new")] == list(DRAFT)
    with pytest.raises(RefusedInput) as refused:
        load_study(tmp_path / "new")
    asked = {problem.field for problem in refused.value.problems}
    assert {"study.licence", "study.question", "outcome.primary", "blinding.analysis", "animals.strain"} <= asked
    assert all("this is" in p.sentence or "read" in p.sentence for p in refused.value.problems)  # nothing is unknown

    with pytest.raises(FileExistsError):
        write_draft(tmp_path / "new")
