"""A cohort from bytes to table: cut short and taken up again, the same from one worker and from two, either sign.

Four rehearsals of a quarter of an hour are shared by most of these tests.
"""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from filelock import FileLock

from acquisition.experiment.problems import RefusedInput
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.verify import session_fingerprint
from acquisition.service.exit_codes import ExitCode
from amperfuse.cohorts import workers
from amperfuse.cohorts.cohort_file import Animal, Cohort, load_cohort
from amperfuse.cohorts.run import run_cohort
from amperfuse.cohorts.store import LOCK, opened
from amperfuse.commands.cohorts import write_papers
from tests.cohorts.kit import write_cohort
from tests.front_door.test_bad_input import here


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def journals(out: Path) -> dict[str, tuple[int, int]]:
    """Return which recordings lie there: their animal, and which file on the disk they are."""
    found = out.glob(f"animals/*/*SIMULATED/{JOURNAL_NAME}")
    return {path.parts[-3]: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


class Cut(BaseException):
    """What Ctrl-C is to the run."""


@pytest.fixture(scope="module")
def cut_and_continued(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cohort, Path, dict[str, tuple[int, int]]]:
    """A run that was cut after two animals and continued; with what was there in between."""
    folder = tmp_path_factory.mktemp("cohort")
    cohort, out = load_cohort(write_cohort(folder / "files")), folder / "out"
    told: list[Animal] = []

    def cut(animal: Animal) -> None:
        told.append(animal)
        if len(told) == 2:
            raise Cut

    with pytest.raises(Cut), opened(out) as store:
        run_cohort(cohort, store, 1, cut)
    before = journals(out)
    torn = out / "unfinished" / "competing-vehicle-01" / "20260101T090000Z-vehicle-SIMULATED"
    torn.mkdir(parents=True)
    (torn / JOURNAL_NAME).write_bytes(b"half of an animal")
    with opened(out) as store:
        write_papers(cohort, run_cohort(cohort, store, 1), out)
    return cohort, out, before


@pytest.fixture
def recorded(cut_and_continued: tuple[Cohort, Path, dict[str, tuple[int, int]]], tmp_path: Path) -> Path:
    """Return a copy of the files and of the cohort's folder, to be spoilt."""
    _, out, _ = cut_and_continued
    shutil.copytree(out, tmp_path / "out")
    shutil.copytree(out.parent / "files", tmp_path / "files")
    return tmp_path


def test_a_run_that_was_cut_goes_on_with_the_rest_and_touches_nothing_that_is_whole(
    cut_and_continued: tuple[Cohort, Path, dict[str, tuple[int, int]]],
) -> None:
    cohort, out, before = cut_and_continued

    after = journals(out)

    assert sorted(before) == ["normal-ketamine-01", "normal-vehicle-01"]
    assert sorted(after) == sorted(animal.name for animal in cohort.animals())
    assert before.items() <= after.items()
    assert not (out / "unfinished").exists()
    assert [path.name for path in (out / "animals/competing-vehicle-01").iterdir() if path.is_dir()] == [
        "20260101T090000Z-vehicle-SIMULATED"
    ]


def test_the_effect_has_the_sign_that_the_animal_gives_it_and_vehicle_has_none(
    cut_and_continued: tuple[Cohort, Path, dict[str, tuple[int, int]]],
) -> None:
    """The same code on both: ketamine lowers release in one kind of animal, raises it in the other (science.md 4.5)."""
    _, out, _ = cut_and_continued
    ratio = {(row["group"], row["treatment"]): float(row["ratio"]) for row in rows(out / "arms.csv")}

    assert ratio["normal", "vehicle"] == pytest.approx(1.0, abs=0.06)
    assert ratio["competing", "vehicle"] == pytest.approx(1.0, abs=0.06)
    assert ratio["normal", "ketamine"] < 0.8
    assert ratio["competing", "ketamine"] > 1.25


def test_everything_that_is_left_says_simulated(
    cut_and_continued: tuple[Cohort, Path, dict[str, tuple[int, int]]],
) -> None:
    _, out, _ = cut_and_continued

    for name, many in (("arms.csv", 4), ("animals.csv", 4), ("responses.csv", 24)):
        assert [row["origin"] for row in rows(out / name)] == ["SIMULATED"] * many
    assert b"SIMULATED" in (out / "cohort.png").read_bytes()
    assert b"SIMULATED" in (out / "cohort.pdf").read_bytes()
    notes = [json.loads(path.read_text()) for path in out.glob("animals/*/animal.json")]
    assert {note["simulated"] for note in notes} == {"SIMULATED"}


def test_two_workers_that_were_cut_and_two_that_go_on_give_the_same_recordings_tables_and_figure_as_one(
    cut_and_continued: tuple[Cohort, Path, dict[str, tuple[int, int]]], recorded: Path
) -> None:
    _, one, _ = cut_and_continued
    out = recorded / "out"
    for name in ("normal-ketamine-01", "competing-ketamine-01"):
        shutil.rmtree(out / "animals" / name)
    kept, told = journals(out), list[Animal]()

    def cut(animal: Animal) -> None:
        told.append(animal)
        if animal.name == "normal-ketamine-01":
            raise Cut

    with pytest.raises(Cut), opened(out) as store:
        run_cohort(load_cohort(recorded / "files/cohort.toml"), store, 2, cut)
    done = here("rehearse-cohort", recorded / "files/cohort.toml", "--out", out, "--jobs", "2")

    assert done.exit_code == ExitCode.OK, done.stderr
    assert "normal, ketamine" in done.stdout
    assert kept.items() <= journals(out).items()
    for name in ("arms.csv", "animals.csv", "responses.csv", "cohort.pdf", "cohort.png", "cohort.toml"):
        assert (out / name).read_bytes() == (one / name).read_bytes(), name
    fingerprints = [
        {path.parts[-2]: session_fingerprint(path) for path in folder.glob("animals/*ketamine*/*SIMULATED")}
        for folder in (one, out)
    ]
    assert fingerprints[0] == fingerprints[1]
    assert len(fingerprints[0]) == 2


def test_a_worker_that_is_told_to_stop_leaves_no_animal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Event()
    stop.set()
    monkeypatch.setattr(workers, "_stop", stop)

    with opened(tmp_path / "out") as store, pytest.raises(workers.CutShort):
        run_cohort(load_cohort(write_cohort(tmp_path / "files")), store, 1)

    assert not list((tmp_path / "out").glob("animals/*"))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("ketamine.toml", "100 uL", "90 uL", "normal-ketamine-01: it was recorded with another protocol"),
        ("calm.toml", "0.02", "0.03", "it was recorded with another animal preset"),
        ("ejector.toml", '"wire"', '"array"', "it was recorded with another scenario preset"),
        ("cohort.toml", "seed = 7", "seed = 8", "it was recorded with another seed"),
    ],
)
def test_an_animal_that_was_recorded_with_other_inputs_is_refused_and_kept(
    recorded: Path, file: str, old: str, new: str, said: str
) -> None:
    changed = recorded / "files" / file
    changed.write_text(changed.read_text().replace(old, new))
    before = journals(recorded / "out")

    done = here("rehearse-cohort", recorded / "files/cohort.toml", "--out", recorded / "out", "--jobs", "1")

    assert done.exit_code == ExitCode.REFUSED_INPUT
    assert said in done.stderr
    assert "Nothing was overwritten" in done.stderr
    assert journals(recorded / "out") == before


@pytest.mark.parametrize("what", ["journal", "note"])
def test_a_recording_that_was_changed_since_is_refused(recorded: Path, what: str) -> None:
    (journal,) = (recorded / "out/animals/normal-vehicle-01").glob(f"*/{JOURNAL_NAME}")
    spoilt = journal if what == "journal" else journal.parents[1] / "animal.json"
    spoilt.write_bytes(spoilt.read_bytes()[:-9])
    cohort = load_cohort(recorded / "files/cohort.toml")

    with opened(recorded / "out") as store, pytest.raises(RefusedInput, match="normal-vehicle-01: its"):
        run_cohort(cohort, store, 1)


def test_other_windows_are_read_from_the_recordings_that_are_there(recorded: Path) -> None:
    cohort = load_cohort(recorded / "files/cohort.toml")
    wider = replace(cohort.readout, stretches=(replace(cohort.readout.stretches[0], label="all", after_s=0.0),))
    before = journals(recorded / "out")

    with opened(recorded / "out") as store:
        results = run_cohort(replace(cohort, readout=wider), store, 1)

    assert {label for result in results for label in result.animal.reading.effects} == {"all"}
    assert journals(recorded / "out") == before


def test_two_commands_do_not_record_into_one_folder(tmp_path: Path) -> None:
    with FileLock(tmp_path / LOCK), pytest.raises(RefusedInput, match="another command records"), opened(tmp_path):
        pass
