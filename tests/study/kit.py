"""A drawn study in a folder, from the example, with everything random given. No tests in here."""

from __future__ import annotations

import shutil
from pathlib import Path

from acquisition.books.seals import new_key
from analysis.study.allocating import Given, allocate
from analysis.study.drawing import Chance, draw_study
from analysis.study.study_book import Drawn, read_log
from analysis.study.study_file import Study, load_study
from analysis.study.trial import Known

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
