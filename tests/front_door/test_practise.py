"""Lessons: what goes wrong goes wrong at its mark, calls for a person or does not, and is told afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from acquisition.experiment.compile import load_experiment
from acquisition.experiment.presets import read_presets
from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.recording.session_data import read_session
from acquisition.service.assembly import prepare
from acquisition.service.exit_codes import ExitCode
from acquisition.service.launch import EngineOptions
from amperfuse.commands.experiments import demo_files
from amperfuse.commands.practising import PREFIX, after_lines
from drivers import registry
from drivers.clock import VirtualClock
from sim_devices.bench import SimBench
from tests.front_door.test_bad_input import here
from tests.process.engine_kit import private_runtime

LESSONS = [name for name in registry.presets().names() if name.startswith(PREFIX)]
Practised = Callable[[str], RehearsalResult]
PRACTICE = Path(str(resources.files("amperfuse").joinpath("data", "practice-protocol.toml")))


@pytest.fixture(scope="module")
def practised(tmp_path_factory: pytest.TempPathFactory) -> Practised:
    """Return what runs a lesson up to the end of its infusion, with a person who does nothing but start it."""
    experiment = load_experiment(PRACTICE, demo_files()[1])
    plan = replace(experiment.plan, potentiostats=experiment.plan.potentiostats[:1], steps=experiment.plan.steps[:3])

    @cache
    def run(name: str) -> RehearsalResult:
        out = tmp_path_factory.mktemp(name)
        return rehearse(plan, experiment.limits, out_dir=out, files={}, software="test", presets=read_presets([name]))

    return run


@pytest.mark.parametrize(
    ("lesson", "alarm", "most_mg_per_kg"),
    [
        ("lesson-blocked-cannula", "pump-stall", 1.1),
        ("lesson-unplugged-cable", "pump-lost", 1.4),
        ("lesson-empty-syringe", "pump-stall", 1.4),
    ],
)
def test_a_lesson_with_a_fault_sounds_and_the_animal_gets_only_what_came_before_it(
    practised: Practised, lesson: str, alarm: str, most_mg_per_kg: float
) -> None:
    result = practised(lesson)
    kinds = {one.alarm_id.partition(":")[0] for one in result.alarms if one.priority == "high"}
    assert alarm in kinds
    assert 0.9 < result.truth["pumps"]["infusion"]["mg_per_kg"] < most_mg_per_kg


def test_the_lesson_of_the_line_that_was_not_filled_sounds_nothing_and_gives_less_than_is_counted(
    practised: Practised,
) -> None:
    result = practised("lesson-forgotten-priming")
    assert result.outcome == "finished"
    assert [one.what for one in result.alarms if one.priority == "high"] == []
    truth = result.truth["pumps"]["infusion"]
    assert result.confirmed_ul["infusion"] == pytest.approx(20.0, abs=0.01)
    assert truth["true_at_animal_ul"] == pytest.approx(12.0, abs=0.01)  # 8 uL stay in the line


def test_afterwards_a_person_reads_what_happened_what_was_hidden_and_what_to_do(practised: Practised) -> None:
    lesson = registry.presets().load("lesson-blocked-cannula")
    lines = after_lines(read_session(practised("lesson-blocked-cannula").session_dir), lesson)
    text = "\n".join(lines)
    assert lines[0].startswith("SIMULATED")
    assert " 14:0" in next(line for line in lines if "ALARM" in line and "stall" in line)  # 10 min and 240 s
    assert "infusion:stall@240s after the mark 'infusion begins'" in text
    assert "infusion: ordered" in text
    assert all(note in text for note in (*lesson.lesson.notice, *lesson.lesson.do))


@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson_is_listed_and_tells_before_and_after(name: str) -> None:
    lesson = registry.presets().load(name).lesson
    assert lesson.task
    assert len(lesson.notice) >= 2
    assert len(lesson.do) >= 2
    assert name.removeprefix(PREFIX) in here("practise").stdout


def test_an_unknown_lesson_is_refused_and_the_others_are_named() -> None:
    done = here("practise", "blocked-canula")
    assert done.exit_code == ExitCode.REFUSED_INPUT
    assert "blocked-cannula" in done.stderr


def test_a_real_rig_is_practised_on_twins_and_no_port_of_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_args: object, **_options: object) -> None:
        pytest.fail("a real port was opened")

    monkeypatch.setattr("serial.Serial.open", opened)
    rig = tmp_path / "rig.toml"
    text = demo_files()[1].read_text(encoding="utf-8")
    for number in (1, 2, 3):
        for name in ("new-era", "emstat"):
            text = text.replace(f'"sim://{name}?seed={number}"', f'"/dev/ttyUSB{number}"')
    rig.write_text(text, encoding="utf-8")
    options = EngineOptions(PRACTICE, rig, tmp_path, speed=20.0, presets=("lesson-blocked-cannula",), practise=True)
    with private_runtime():
        bench = prepare(options)
    assert bench.plan.simulated
    assert bench.rate == 20.0
    assert bench.simulated is not None
    assert "lesson-blocked-cannula" in bench.simulated.described() or "stall@240s" in bench.simulated.described()


WORLD = {
    "pumps": {"p": {"loaded_ul": 100.0}},
    "scenario": {
        "kind": "scenario",
        "title": "t",
        "faults_at_marks": ({"mark": "Now", "fault": "p:unplug@5s+10s"},),
    },
}


def test_a_fault_at_a_mark_counts_from_the_mark_and_happens_once() -> None:
    clock = VirtualClock()
    bench = SimBench(clock, WORLD, 1, ())
    plugged = []
    clock.sleep_until_ns(100_000_000_000)
    for mark_s in (100, 200):
        bench.mark(" now ")
        for after_s in (4, 6, 14, 16):
            clock.sleep_until_ns((mark_s + after_s) * 1_000_000_000)
            bench.advance(clock.now_ns())
            plugged.append(bench._instruments["p"].plugged)  # a host would find out by a timeout
        clock.sleep_until_ns((mark_s + 100) * 1_000_000_000)
    assert plugged == [True, False, False, True, True, True, True, True]


@pytest.mark.parametrize("fault", ["p:unplug~0.5", "q:unplug@5s", "p:unplag@5s"])
def test_a_fault_at_a_mark_that_cannot_be_is_refused(fault: str) -> None:
    world = {
        **WORLD,
        "scenario": {"kind": "scenario", "title": "t", "faults_at_marks": ({"mark": "m", "fault": fault},)},
    }
    with pytest.raises(ValueError, match="fault"):
        SimBench(VirtualClock(), world, 1, ())
