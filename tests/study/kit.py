"""A drawn study in a folder, from the example, with everything random given. No tests in here."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

from acquisition.books.seals import new_key
from acquisition.events import Event, EventKind
from acquisition.experiment.compile import load_experiment
from acquisition.recording.manifest import MANIFEST_NAME
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.records import InfusionRow, SessionHeader
from analysis.study.allocating import Given, allocate
from analysis.study.drawing import Chance, draw_study
from analysis.study.study_book import Drawn, read_log
from analysis.study.study_file import Study, load_study
from analysis.study.trial import Known
from drivers.clock import NS_PER_S, VirtualClock

EXAMPLE = Path(__file__).parents[2] / "examples/study"
TEXT = (EXAMPLE / "study.toml").read_text("utf-8")
WALL_NS = 1_795_734_000_000_000_000
SALT = bytes(range(32))
OF_AN_ANIMAL = {"@weight": "25 g", "@weighed": "2026-11-26", "@age": "P11W"}


def chance(seed: int = 1) -> Chance:
    return Chance(f"testing{seed:03d}", seed, new_key(), SALT)


def undrawn(folder: Path, *changes: tuple[str, str]) -> Path:
    """Copy the example, with changes of its study file; six animals of two groups become three of each."""
    shutil.copytree(EXAMPLE, folder)
    text = TEXT.replace("animals_per_group = 6", "animals_per_group = 3")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "study.toml").write_text(text, "utf-8")
    return folder


def drawn(folder: Path, seed: int = 1, *changes: tuple[str, str]) -> Study:
    undrawn(folder, *changes)
    study, _ = draw_study(folder, chance(seed), by="A. Example", known=Known(), wall_ns=WALL_NS)
    return study


def entry(folder: Path) -> Drawn:
    found = read_log(load_study(folder)).drawn
    assert found is not None
    return found


def give(study: Study, animal: str, **blanks: str) -> Given:
    given = OF_AN_ANIMAL | {f"@{key}": text for key, text in blanks.items()}
    return allocate(load_study(study.folder), animal, given, by="B. Example", known=Known(), wall_ns=WALL_NS)


def record(
    study: Study,
    given: Given,
    name: str = "one",
    *,
    outcome: str = "finished",
    whole: bool = True,
    given_ul: float = 50.0,
    code: str = "",
) -> Path:
    """Write the recording of an animal: its plan, a note, what the blinded pump gave. No ``outcome``: not closed."""
    plan = load_experiment(given.protocol, study.rig).plan
    if code:
        plan = replace(plan, pumps=tuple(replace(pump, code=code) for pump in plan.pumps))
    session, clock = study.sessions / name, VirtualClock()
    session.mkdir(parents=True)
    pumps = tuple(pump.name for pump in plan.pumps)
    rest = (0, clock.wall_ns(), "amperfuse test", plan.sha256, asdict(plan), (), pumps, 1)
    header = SessionHeader(name, plan.simulated, *rest)
    recorder = InlineRecorder.create(session, header, clock)
    recorder.event(Event(EventKind.NOTE, 0, clock.wall_ns(), "operator", "ataxia, 5 min"))
    for pump in pumps:
        recorder.infusion(InfusionRow(pump, NS_PER_S, 0.0, 0.0, 0.0, 50.0, given_ul, 0.0, given_ul))
    if outcome:
        recorder.close(outcome)
    if whole:
        (session / MANIFEST_NAME).write_text("", "utf-8")
    return session
