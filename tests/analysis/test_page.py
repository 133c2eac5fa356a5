"""A page is one file that nothing runs in, that loads nothing, and that no text of a device or file can change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import page
from analysis.rehearsal.collect import course_in, report_of
from analysis.rehearsal.course import Course
from analysis.rehearsal.facts import RehearsalReport
from analysis.rehearsal.page import as_page
from analysis.sections import Section, columns
from tests.analysis.rehearsal_kit import a_plan, everything

EVIL = "<img src=//evil/x onerror=alert(1)><script>alert(2)</script>\"'&\x1b[2J\u202e$x_1$"
LOADS = {"src", "href", "xlink:href", "action", "data", "srcset", "poster", "background", "formaction"}


class Reader(HTMLParser):
    """Keeps tags, attributes and the text that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.seen: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> tuple[RehearsalReport, Course]:
    found = everything(tmp_path_factory.mktemp("page"), a_plan(), "drug:stall@90s")
    return report_of(found), course_in(found)


def hostile(report: RehearsalReport) -> RehearsalReport:
    """Return the report with hostile text wherever a file, a device or a person has a say."""
    return replace(
        report,
        protocol=EVIL,
        animal=EVIL,
        reasons=(EVIL,),
        outcome=EVIL,
        faults=(EVIL,),
        warnings=(EVIL,),
        steps=tuple(replace(step, label=EVIL, pump=EVIL and step.pump and EVIL) for step in report.steps),
        pumps=tuple(replace(pump, pump=EVIL, solution=EVIL) for pump in report.pumps),
        doses=tuple(replace(dose, drug=EVIL, animal=EVIL) for dose in report.doses),
        alarms=tuple(replace(alarm, what=EVIL, do_what=EVIL) for alarm in report.alarms),
        channels=tuple(replace(channel, channel=EVIL) for channel in report.channels),
        session_dir=EVIL,
    )


def test_X7_nothing_on_the_page_runs_or_is_loaded_and_foreign_text_stays_text(
    rehearsal: tuple[RehearsalReport, Course],
) -> None:
    report, course = rehearsal
    shown = as_page(hostile(report), course, b"\x89PNG")
    read, harmless = Reader(shown), Reader(as_page(report, course, b"\x89PNG"))

    assert sorted(set(read.tags)) == sorted(set(harmless.tags)), "no tag came in with the text"
    assert "script" not in read.tags
    loaded = [value for name, value in read.attributes if name in LOADS]
    assert loaded, "the picture and the marks of the figure"
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in loaded), loaded
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert "url(http" not in shown
    assert "@import" not in shown
    assert ("http-equiv", "Content-Security-Policy") in read.attributes
    assert ("content", page.POLICY) in read.attributes
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert any("<script>alert(2)</script>" in text for text in read.seen), "it is shown as it is"


def test_the_page_says_simulated_in_its_title_on_its_top_and_in_its_verdict(
    rehearsal: tuple[RehearsalReport, Course],
) -> None:
    shown = as_page(*rehearsal)
    assert "<title>SIMULATED: Rehearsal: test</title>" in shown
    assert '<div class="simulated">SIMULATED' in shown
    assert "NO GO (SIMULATED)" in shown
    assert 'class="verdict bad"' in shown
    real = page.page("A session", [], simulated=False)
    assert "SIMULATED" not in real


def test_the_page_holds_what_the_terminal_says_and_the_same_facts_give_the_same_bytes(
    rehearsal: tuple[RehearsalReport, Course],
) -> None:
    report, course = rehearsal
    shown = as_page(report, course)
    assert shown == as_page(report, course)
    seen = " ".join(Reader(shown).seen)
    for word in (*report.reasons, "drug reports a stall", "ketamine-total-dose", "Take the line off the animal"):
        assert word in seen
    ids = re.findall(r'\bid="([^"]+)"', shown)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', shown))
    assert used <= set(ids)


def test_without_an_animal_the_page_has_the_plan_and_no_levels(rehearsal: tuple[RehearsalReport, Course]) -> None:
    report, course = rehearsal
    nothing = Course(course.t_s[:0], {})
    shown = as_page(replace(report, levels=(), steps=tuple(replace(s, at_end=None) for s in report.steps)), nothing)
    assert "Predicted" not in shown
    assert "tonic glutamate" not in shown
    assert "<svg" in shown


def test_a_step_of_any_kind_is_drawn(rehearsal: tuple[RehearsalReport, Course]) -> None:
    report, course = rehearsal
    kinds = ("infuse", "wait", "stable", "operator", "mark")
    steps = tuple(replace(report.steps[1], number=at, kind=kind) for at, kind in enumerate(kinds))
    assert "<svg" in as_page(replace(report, steps=steps), course)


def test_a_share_is_drawn_and_a_share_above_the_whole_stands_out() -> None:
    shown = page.section(Section("Limits", columns("limit | #share"), (("a", "42 %"), ("b", "91 %"), ("c", "130 %"))))
    assert re.findall(r'<i class="(\w*)" style="width:(\d+)%">', shown) == [("", "42"), ("near", "91"), ("over", "100")]
    assert page.section(Section("Nothing")) == ""


@settings(max_examples=50)
@given(st.text())
def test_any_text_is_shown_and_none_of_it_is_markup(foreign: str) -> None:
    shown = page.text(foreign)
    assert not set(shown) & set("<>\"'")
    assert shown.isprintable()
    assert not Reader(shown).tags
