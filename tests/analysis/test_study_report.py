"""The report of a study: page, paper and JSON that say the same, keep a blind study blind, and stay the same bytes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pypdf

from analysis.study.analyse import Analysis, Member, analyse
from analysis.study.report import as_json, as_page, write_study_report
from analysis.study.words import doubts, result_sentences, sections
from tests.analysis.study_kit import SETTINGS, a_study, facts

NAMED = ("vehicle", "ketamine", "ketamine + A1 antagonist", "ketamine + AMPA block")
TRUTH = dict(zip(NAMED, (0.95, 0.55, 1.25, 0.95), strict=True))
MASKED = ("group A", "group B", "group C", "group D")
MASKS = dict(zip(NAMED, ("group C", "group A", "group D", "group B"), strict=True))
EVIL = "<script>x</script>\x1b[2J"


def a_whole_study() -> list[Member]:
    return a_study(3, TRUTH, mice=5, spread=0.3)


@cache
def named() -> Analysis:
    return analyse(a_whole_study(), NAMED, SETTINGS, "vehicle")


@cache
def masked() -> Analysis:
    return analyse([replace(one, label=MASKS[one.label]) for one in a_whole_study()], MASKED, SETTINGS)


def test_page_paper_and_json_hold_every_section_and_say_simulated(tmp_path: Path) -> None:
    analysis, told = named(), facts()
    page, paper, numbers = write_study_report(analysis, told, tmp_path)
    html = page.read_text("utf-8")
    pdf = pypdf.PdfReader(paper)
    text = " ".join("\n".join(sheet.extract_text() for sheet in pdf.pages).split())
    for section in sections(analysis, told):
        if not section.is_empty:
            assert section.title in html
            assert section.title in text
    for sentence in result_sentences(analysis):
        assert sentence.replace("<", "&lt;") in html
        assert sentence in text
    assert html.count("<svg") == 1
    assert html.count("SIMULATED") > 2  # title, band, and on the figure
    assert "SIMULATED" in html.split("<h1>")[0]
    assert all("SIMULATED" in sheet.extract_text() for sheet in pdf.pages)
    found = json.loads(numbers.read_text("utf-8"))
    assert found["simulated"] is True
    assert [one["group"] for one in found["primary"]["contrasts"]] == list(NAMED[1:])
    assert {one["group"] for one in found["animals"]} == set(NAMED)


def test_a_report_of_real_animals_says_nowhere_simulated(tmp_path: Path) -> None:
    for path in write_study_report(named(), facts(simulated=False), tmp_path)[:1]:
        assert "SIMULATED" not in path.read_text("utf-8")


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_study_report(named(), facts(), tmp_path)]
    again = [path.read_bytes() for path in write_study_report(named(), facts(), tmp_path)]
    assert first == again


def test_a_blind_report_names_no_group_and_puts_no_mask_beside_an_animal(tmp_path: Path) -> None:
    analysis, told = masked(), facts(blind=True)
    for path in write_study_report(analysis, told, tmp_path):
        text = path.read_bytes() if path.suffix != ".pdf" else _text(path)
        for name in ("vehicle", "AMPA", "antagonist"):
            assert name.encode() not in text, path
    codes = {one.code for one in analysis.members}
    for section in sections(analysis, told):
        for row in section.rows:
            assert not (codes & set(row) and set(MASKED) & set(row)), section.title
    found = json.loads(as_json(analysis, told))
    assert {one["group"] for one in found["animals"]} == {None}
    assert "Blind: which group is which is not known" in as_page(analysis, told)


def _text(path: Path) -> bytes:
    return "\n".join(sheet.extract_text() for sheet in pypdf.PdfReader(path).pages).encode()


def test_the_direction_is_said_of_each_contrast_and_a_null_is_called_none() -> None:
    fall, rise, none = result_sentences(named())
    assert fall.startswith("ketamine over vehicle: 0.6")
    assert fall.endswith(": lower")
    assert rise.endswith(": higher")
    assert none.endswith(": no difference shown")


def test_every_animal_that_is_not_compared_is_told_with_its_reason() -> None:
    members = a_whole_study()
    members[0] = replace(members[0], read=None)
    members[7] = replace(members[7], excluded="the pump gave half of it")
    members[8] = replace(members[8], excluded="looked odd", excluded_late=True)
    analysis = analyse(members, NAMED, SETTINGS, "vehicle")

    shown = {section.title: section for section in sections(analysis, facts(animals={"M01": "mouse-1"}))}

    assert shown["Flow of animals"].rows[0] == ("vehicle", "5", "4", "0", "1", "4")
    assert shown["Flow of animals"].rows[1] == ("ketamine", "5", "5", "1", "0", "4")
    assert shown["Flow of animals"].rows[-1] == ("all", "20", "19", "1", "1", "18")
    left_out = shown["Animals that are not compared, or might not be"].rows
    assert [row[:2] for row in left_out] == [("mouse-1", "M01"), ("", "M08"), ("", "M09")]
    assert [row[3] for row in left_out] == [
        "no session",
        "excluded: the pump gave half of it",
        "excluded TOO LATE to count: looked odd",
    ]
    assert "M09; they stay in the primary result" in doubts(analysis, facts())[0]
    assert "mouse-1 (M01) has no number: no session" in doubts(analysis, facts(animals={"M01": "mouse-1"}))
    assert len(shown["With and without the excluded animals"].rows) == 9


def test_a_study_without_any_session_has_a_report(tmp_path: Path) -> None:
    analysis = analyse([Member("K7Q", "group A"), Member("B3D", "group B")], MASKED[:2], SETTINGS)
    page, *_ = write_study_report(analysis, facts(blind=True), tmp_path)
    assert "K7Q has no number: no session" in page.read_text("utf-8")


def test_X9_text_of_others_cannot_change_page_or_paper(tmp_path: Path) -> None:
    members = [Member("K7Q", EVIL, excluded=EVIL), Member("B3D", "vehicle")]
    told = replace(facts(), title=EVIL, question=((EVIL, EVIL),), warnings=(EVIL,))
    page, paper, _ = write_study_report(analyse(members, (EVIL, "vehicle"), SETTINGS), told, tmp_path)
    html = page.read_text("utf-8")
    assert "<script" not in html
    assert "\x1b" not in html
    assert not re.search(r'(?:src|href)="(?!data:|#)', html)
    assert b"/JavaScript" not in paper.read_bytes()
