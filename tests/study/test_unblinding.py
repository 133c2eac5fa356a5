"""What is sealed is told to those who ask by name, after the book has it; nothing else of a study tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.books import seals
from acquisition.books.chain import Book, BookUnwritable
from acquisition.books.places import seal_key_place
from acquisition.books.unblindings import Unblinding, note_unblinding
from analysis.study import pharmacy, sealed, study_book
from analysis.study.allocating import StudyRefused
from analysis.study.keeping import exclude, include
from analysis.study.sessions import sessions_of
from analysis.study.status import sections, status_of
from analysis.study.study_book import read_log
from analysis.study.study_file import Study
from analysis.study.unblinding import groups_of, take_sheet, unblind_all, unblind_one
from tests.study.kit import WALL_NS, drawn, entry, give

TELLING = [b"ketamine", b"vehicle", b"saline", b"hydrochloride", b"mg/mL"]


def lock(study: Study) -> None:
    with study_book.opened(study) as book:
        book.add({"kind": "analysis_locked", "by": "F", "text": "0" * 64}, WALL_NS)


def test_no_file_beside_the_sealed_folder_says_what_a_code_is(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s", 1, ('name = "ketamine and evoked', 'name = "evoked'))
    text = study.template.read_text("utf-8")
    assert not any(word in text.replace("ketamine study", "").encode() for word in TELLING)
    for n in range(1, 7):
        give(study, f"M{n}")
    exclude(study, "M1", "no-baseline", by="C", wall_ns=WALL_NS)
    unblind_one(study, "M2", by="D", reason="seizure", wall_ns=WALL_NS)
    take_sheet(study, "sheet.html", by="D", wall_ns=WALL_NS)

    codes = [one.code.encode() for one in read_log(study).allocated.values()]
    files = [path for path in study.folder.rglob("*") if path.is_file() and "sealed" not in path.parts]
    with_codes = [path for path in files if any(code in path.read_bytes() for code in codes)]

    assert {path.name for path in with_codes} >= {"study.book"}
    assert len(with_codes) == 7
    for path in with_codes:
        told = path.read_bytes().replace(b"ketamine study", b"")  # the name of the template's protocol
        assert not any(word in told for word in TELLING), path


def test_what_stands_outside_the_sealed_folder_is_the_same_length_whatever_the_order(tmp_path: Path) -> None:
    sizes = set()
    orders = set()
    for seed in (1, 2, 4):
        study = drawn(tmp_path / f"s{seed}", seed)
        protocols = [give(study, f"M{n}").protocol for n in range(1, 4)]
        sizes.add(tuple(len(path.read_bytes()) for path in protocols))
        orders.add(tuple(slot.group for slot in sealed.open_sequence(study, entry(study.folder)).slots))

    assert len(sizes) == 1
    assert len(orders) > 1


def test_status_tells_codes_and_no_group_also_after_unblinding(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s", 1, ('name = "ketamine and evoked', 'name = "evoked'))
    give(study, "M1")
    unblind_all(study, by="D", reason="curious", wall_ns=WALL_NS)
    log = read_log(study)

    told = repr(list(sections(study, log, status_of(study, log, sessions_of(study, log)))))

    assert log.allocated["m1"].code in told
    assert not any(word.decode() in told for word in TELLING)
    assert "The group of everybody was told BEFORE the analysis was locked to D" in told


def test_an_emergency_is_told_by_name_or_code_after_the_book_has_it(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    code = give(study, "M1").allocated.code
    truth = sealed.open_sequence(study, entry(study.folder)).group_of(code)

    found = unblind_one(study, "m1", by="D", reason="seizure", wall_ns=WALL_NS)

    assert (found.animal, found.code, found.group, found.doubts) == ("M1", code, truth, ())
    assert list(found.syringes) == [code]
    assert unblind_one(study, code.lower(), by="D", reason="again", wall_ns=WALL_NS).group == truth
    told = read_log(study).unblinded
    assert [(one.animal, one.by, one.reason, one.early) for one in told] == [
        ("M1", "D", "seizure", True),
        ("M1", "D", "again", True),
    ]
    with pytest.raises(StudyRefused, match="nor has a syringe this code"):
        unblind_one(study, "M9", by="D", reason="x", wall_ns=WALL_NS)


def test_an_emergency_is_answered_though_the_book_cannot_be_written_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = drawn(tmp_path / "s")
    code = give(study, "M1").allocated.code
    truth = sealed.open_sequence(study, entry(study.folder)).group_of(code)

    def full(*_args: object) -> None:
        raise BookUnwritable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Book, "add", full)
        by_name = unblind_one(study, "M1", by="D", reason="seizure", wall_ns=WALL_NS)
    (study.folder / "study.book").write_text("not a book\n", "utf-8")
    by_code = unblind_one(study, code, by="D", reason="seizure", wall_ns=WALL_NS)

    assert (by_name.group, by_code.group) == (truth, truth)
    assert by_name.doubts == ("NOT LOGGED, write it down by hand: the disk is full",)
    assert by_code.doubts[0].startswith("NOT LOGGED, write it down by hand: ")


def test_an_emergency_is_answered_to_another_user_whose_disk_takes_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = drawn(tmp_path / "s")
    code = give(study, "M1").allocated.code
    truth = sealed.open_sequence(study, entry(study.folder)).group_of(code)
    seal_key_place(study.study_id).unlink()

    def full(*_args: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(seals, "keep_key", full)
    assert unblind_one(study, "M1", by="D", reason="seizure", wall_ns=WALL_NS).group == truth


def test_an_emergency_is_answered_though_the_sealed_folder_was_changed_and_says_so(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    code = give(study, "M1").allocated.code
    truth = sealed.open_sequence(study, entry(study.folder)).group_of(code)
    (study.folder / "sealed/solutions.json").write_text("[]", "utf-8")

    found = unblind_one(study, "M1", by="D", reason="seizure", wall_ns=WALL_NS)

    assert found.group == truth
    assert found.doubts[0].startswith("NOT PROVED: ")


def test_everybody_is_told_when_the_analysis_is_locked_and_not_before_without_a_reason(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    give(study, "M1")
    with pytest.raises(StudyRefused, match="the analysis is not locked yet"):
        unblind_all(study, by="D", reason="", wall_ns=WALL_NS)
    with pytest.raises(StudyRefused, match="this study is blind"):
        groups_of(study, read_log(study))
    lock(study)

    sequence, shown = unblind_all(study, by="D", reason="", wall_ns=WALL_NS)

    log = read_log(study)
    assert log.open_to_all is not None
    assert not log.open_to_all.early
    assert log.is_unblinded("M1")
    assert [one.code for one in shown] == [slot.code for slot in sequence.slots]
    assert [one.animal for one in shown] == ["M1", "", "", "", "", ""]
    assert groups_of(study, log) == {sequence.slots[0].code: sequence.slots[0].group}


def test_breaking_the_blind_early_is_flagged_for_ever(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    unblind_all(study, by="D", reason="a reviewer asked", wall_ns=WALL_NS)
    lock(study)
    unblind_all(study, by="E", reason="", wall_ns=WALL_NS)

    assert [one.early for one in read_log(study).unblinded] == [True, False]
    first = read_log(study).open_to_all
    assert first is not None
    assert first.early


def test_the_book_does_not_say_that_it_was_told_when_the_seal_did_not_open(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    (study.folder / "sealed/solutions.json").write_text("[]", "utf-8")

    with pytest.raises(sealed.SealBroken):
        unblind_all(study, by="D", reason="x", wall_ns=WALL_NS)
    with pytest.raises(sealed.SealBroken):
        take_sheet(study, "sheet.csv", by="D", wall_ns=WALL_NS)
    assert not read_log(study).unblinded + read_log(study).sheets


def test_the_sheet_says_what_goes_into_every_syringe_and_who_took_it(tmp_path: Path) -> None:
    study = drawn(
        tmp_path / "s", 1, ('vehicle = "saline 0.9 %" }\n\n[[groups]]', 'vehicle = "=saline" }\n\n[[groups]]')
    )

    shown = take_sheet(study, "sheet.csv", by="The pharmacist", wall_ns=WALL_NS)

    slots = sealed.open_sequence(study, entry(study.folder)).slots
    rows = pharmacy.as_csv(shown).splitlines()[1:]
    for slot, row in zip(slots, rows, strict=True):
        solution = "ketamine,hydrochloride,5.0" if slot.group == "ketamine" else "no drug: vehicle alone,,,'=saline"
        assert row.startswith(f"{slot.number},{slot.code},{solution}")
    page = pharmacy.as_html(study, shown, "The pharmacist", simulated=True)
    assert "SIMULATED" in page
    assert "This sheet breaks the blind" in page
    assert [one.by for one in read_log(study).sheets] == ["The pharmacist"]


def test_an_exclusion_needs_a_criterion_or_is_flagged_as_decided_afterwards(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    for n in range(1, 4):
        give(study, f"M{n}")

    first = exclude(study, "m1", "not-delivered: 40 % only", by="C", wall_ns=WALL_NS)
    second = exclude(study, "M2", "other: it bit me", by="C", wall_ns=WALL_NS)
    unblind_one(study, "M3", by="D", reason="seizure", wall_ns=WALL_NS)
    third = exclude(study, "M3", "no-baseline", by="C", wall_ns=WALL_NS)

    assert (first.animal, first.criterion, first.reason, first.unblinded) == ("M1", "not-delivered", "40 % only", False)
    assert (second.criterion, second.reason) == ("", "it bit me")
    assert third.unblinded
    assert third.reason == "the mean evoked response of the baseline is below three times the noise"
    for animal, reason, words in [
        ("M1", "no-baseline", "M1 is left out already, by C"),
        ("M9", "no-baseline", "no animal of this study is called"),
        ("M2", "it bit me", "begins with a criterion that was fixed before"),
        ("M2", "other:", "begins with a criterion"),
    ]:
        with pytest.raises(StudyRefused, match=words):
            exclude(study, animal, reason, by="C", wall_ns=WALL_NS)


def test_an_exclusion_can_be_taken_back_and_both_stay(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    give(study, "M1")
    exclude(study, "M1", "no-baseline", by="C", wall_ns=WALL_NS)

    include(study, "M1", "wrong animal", by="C", wall_ns=WALL_NS)

    log = read_log(study)
    assert not log.excluded
    assert [(one.animal, one.reason) for one in log.taken_back] == [("M1", "wrong animal")]
    with pytest.raises(StudyRefused, match="M1 is not left out"):
        include(study, "M1", "again", by="C", wall_ns=WALL_NS)


def test_what_was_unblinded_at_the_bench_is_told_and_counts(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    code = give(study, "M1").allocated.code
    give(study, "M2")
    note_unblinding(study.study_id, Unblinding(code, "D", "seizure", WALL_NS + 1))
    note_unblinding(study.study_id, Unblinding("ZZ9", "D", "wrong syringe", WALL_NS + 2))

    log = read_log(study)

    assert [(one.animal, one.reason, one.early) for one in log.unblinded] == [
        ("M1", "seizure", True),
        ("syringe ZZ9", "wrong syringe", True),
    ]
    assert (log.is_unblinded("m1"), log.is_unblinded("M2"), log.open_to_all) == (True, False, None)
    assert exclude(study, "M1", "no-baseline", by="C", wall_ns=WALL_NS + 3).unblinded
