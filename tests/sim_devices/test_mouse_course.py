"""The course of the animal's levels is kept in bounded memory, and is there whoever asked for the truth, and when."""

from __future__ import annotations

import pytest

from sim_devices.mouse.course import EVERY_S, MOST, Course
from tests.sim_devices.test_world import MIN, S, infuse, world


def test_72_hours_are_kept_in_bounded_memory_evenly_and_in_order() -> None:
    course = Course()
    for second in range(1, 72 * 3600 + 1):
        if course.wants(second):
            course.note(second, {"level": float(second)})

    columns = course.columns()
    gaps = {later - sooner for sooner, later in zip(columns["t_s"], columns["t_s"][1:], strict=False)}
    assert MOST / 4 <= len(columns["t_s"]) <= MOST
    assert len(gaps) == 1
    assert columns["t_s"][-1] > 72 * 3600 - gaps.pop()
    assert columns["level"] == columns["t_s"]


def test_the_course_is_that_of_the_truth_and_does_not_depend_on_how_often_it_is_asked_for() -> None:
    often, once = world(), world()
    for bench in (often, once):
        infuse(bench, 125.0, MIN)
    asked = {second: often.truth(second * S) for second in range(0, 1801, 30)}

    course = once.truth(1800 * S)["course"]

    assert often.truth(1800 * S)["course"] == course
    assert course["t_s"][:3] == [EVERY_S, 2 * EVERY_S, 3 * EVERY_S]
    for t_s, plasma, brain in zip(course["t_s"], course["plasma_mg_per_l"], course["brain_mg_per_kg"], strict=True):
        if t_s in asked:
            assert plasma == pytest.approx(asked[t_s]["plasma_mg_per_l"])
            assert brain == pytest.approx(asked[t_s]["brain_mg_per_kg"])
    assert max(course["plasma_mg_per_l"]) > 1.0


def test_tonic_glutamate_is_what_lies_beneath_the_transients() -> None:
    bench = world()
    infuse(bench, 125.0, MIN)
    course = bench.truth(1800 * S)["course"]

    lowest = [min(bench.during(int(t_s)).glutamate_um) for t_s in course["t_s"][-20:]]

    assert min(course["release"]) < 0.8, "10 mg/kg"
    for tonic_um, least_um in zip(course["tonic_glutamate_um"][-20:], lowest, strict=True):
        assert least_um >= tonic_um - 0.02
