"""A blind study of simulated animals from one command: direction and block come out, and nothing tells them before.

Eight animals of a quarter of an hour are shared by these tests, in the order of a study's life: each test leaves the
study as the next one finds it.
"""

from __future__ import annotations

import json
from math import exp
from pathlib import Path
from typing import Any

import pytest

from acquisition.books.places import BOOKS_DIR_VARIABLE
from acquisition.host.rehearsal import SIMULATED_FILE
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.service.exit_codes import ExitCode
from analysis.study.locking import readings_path
from analysis.study.readings import parsed
from analysis.study.sessions import sessions_of
from analysis.study.study_book import read_log
from analysis.study.study_file import load_study
from tests.front_door.test_bad_input import here
from tests.study.short_study import write_short_study

DRUGS = (b"ketamine", b'"dpcpx', b'"nbqx')
"""With a quote where the name is short: four letters are found in any sealed text, sooner or later."""


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study that one command drew, recorded, locked, compared blind and unblinded."""
    folder = tmp_path_factory.mktemp("blind")
    source = write_short_study(folder / "source")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BOOKS_DIR_VARIABLE, str(folder / "books"))
        done = here("study", "rehearse", source, "--out", folder / "study", "--jobs", "1")
    assert done.exit_code == ExitCode.OK, done.output
    (folder / "told.txt").write_text(done.stdout, "utf-8")
    return folder / "study"


@pytest.fixture(autouse=True)
def _books(rehearsed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all tests in here use the books that the study was begun with."""
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(rehearsed.parent / "books"))


def result(study: Path, name: str = "result.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((study / "analysis" / name).read_text("utf-8"))
    return found


def ratios(found: dict[str, Any]) -> dict[str, float]:
    return {one["group"]: one["ratio"] for one in found["primary"]["groups"]}


def test_direction_and_block_come_out_of_a_blind_study_by_one_command(rehearsed: Path) -> None:
    found = ratios(result(rehearsed))

    assert found["vehicle"] == pytest.approx(1.0, abs=0.08)
    assert found["ketamine"] < 0.85 * found["vehicle"]
    assert found["ketamine + A1 antagonist"] > 0.95 * found["vehicle"]
    assert found["ketamine + AMPA block"] == pytest.approx(found["vehicle"], rel=0.1)
    told = (rehearsed.parent / "told.txt").read_text("utf-8")
    blind, named = told.split("Unblinded.")
    assert "ketamine over vehicle: " in named
    assert "ketamine" not in blind.replace("ketamine, its blockers", "")


def test_the_blind_result_is_the_named_one_up_to_labels_and_links_no_animal_to_a_group(rehearsed: Path) -> None:
    blind, named = result(rehearsed, "blind-result.json"), result(rehearsed)

    assert (blind["blind"], named["blind"]) == (True, False)
    assert sorted(ratios(blind)) == ["group A", "group B", "group C", "group D"]
    assert sorted(ratios(blind).values()) == sorted(ratios(named).values())
    assert {one["group"] for one in blind["animals"]} == {None}
    assert [one["log_ratio"] for one in blind["animals"]] == [one["log_ratio"] for one in named["animals"]]


def test_no_recording_and_no_reading_names_what_a_syringe_held(rehearsed: Path) -> None:
    study = load_study(rehearsed)
    kept = [*rehearsed.glob("sessions/*/*"), *rehearsed.glob("protocols/*"),
            readings_path(study, read_log(study).locked[-1].text)]  # fmt: skip
    of_all = ("limits.toml", SIMULATED_FILE)  # what any animal may get, and what one is like: not what it got
    texts = [path.read_bytes().lower() for path in kept if path.is_file() and path.name not in of_all]

    assert len(texts) > 8 * 4
    assert not [drug for drug in DRUGS for text in texts if drug in text]
    said = [[line for line in path.read_bytes().lower().splitlines() if any(drug in line for drug in DRUGS)]
            for path in rehearsed.glob(f"sessions/*/{SIMULATED_FILE}")]  # fmt: skip
    assert said == [said[0]] * 8


def test_what_was_read_was_locked_before_any_group_was_told(rehearsed: Path) -> None:
    log = read_log(load_study(rehearsed))

    assert log.open_to_all is not None
    assert not log.open_to_all.early
    assert len(log.locked) == 1
    sessions = sessions_of(load_study(rehearsed), log)
    assert [[one.is_complete and one.simulated for one in them] for them in sessions.values()] == [[True]] * 8
    assert not (rehearsed / "unfinished").exists()
    content = readings_path(load_study(rehearsed), log.locked[0].text).read_bytes()
    assert len(parsed(content).animals) == 8
    assert {one.log_ratio is None for read in parsed(content).animals for one in read.choices} == {False}


def test_the_same_command_again_records_nothing_and_gives_the_same_report(rehearsed: Path) -> None:
    def kept() -> dict[str, tuple[int, int]]:
        paths = [
            *rehearsed.glob(f"sessions/*/{JOURNAL_NAME}"),
            *rehearsed.glob("protocols/*"),
            rehearsed / "study.book",
        ]
        return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}

    before, report = kept(), (rehearsed / "analysis/report.html").read_bytes()
    paper = (rehearsed / "analysis/report.pdf").read_bytes()

    again = here("study", "rehearse", rehearsed.parent / "source", "--out", rehearsed, "--jobs", "1")

    assert again.exit_code == ExitCode.OK, again.output
    assert kept() == before
    assert (rehearsed / "analysis/report.html").read_bytes() == report
    assert (rehearsed / "analysis/report.pdf").read_bytes() == paper


def test_a_study_is_not_gone_on_with_by_other_animals_or_files(rehearsed: Path) -> None:
    source = rehearsed.parent / "source"
    for options in (["--preset", source / "competing.toml"], ["--seed", "8"]):
        done = here("study", "rehearse", source, "--out", rehearsed, "--jobs", "1", *options)
        assert done.exit_code == ExitCode.REFUSED_INPUT
        assert "nothing was overwritten" in done.stderr


def test_an_animal_left_out_and_a_recording_changed_after_the_lock_are_told_and_change_no_number(
    rehearsed: Path,
) -> None:
    before = result(rehearsed)["primary"]
    journal = next(rehearsed.glob(f"sessions/S02*/{JOURNAL_NAME}"))
    kept = journal.read_bytes()
    done = here("study", "exclude", rehearsed, "S01", "--reason", "other: it looked odd", "--by", "A. Example")
    assert done.exit_code == ExitCode.OK, done.output
    journal.write_bytes(kept[:-200])

    done = here("study", "analyse", rehearsed, "--jobs", "1")
    journal.write_bytes(kept)

    assert done.exit_code == ExitCode.OK, done.output
    assert "was changed since it was read; the result is that of the locked readings" in done.stdout
    assert "! excluded after the analysis was locked or a group was told: S01" in done.stdout
    assert result(rehearsed)["primary"]["groups"] == before["groups"]
    assert [one["who"] for one in result(rehearsed)["beside"]] == [
        "nobody left out",
        "animals excluded too late left out, too",
    ]


def test_readings_that_were_changed_after_the_lock_are_refused(rehearsed: Path) -> None:
    study = load_study(rehearsed)
    path = readings_path(study, read_log(study).locked[-1].text)
    kept = path.read_bytes()
    number = parsed(kept).animals[0].effects["late"].value
    path.write_bytes(kept.replace(f'"value": {number}'.encode(), b'"value": 0.5', 1))
    assert path.read_bytes() != kept

    done = here("study", "analyse", rehearsed, "--jobs", "1")
    path.write_bytes(kept)

    assert done.exit_code == ExitCode.VERIFICATION_FAILED
    assert "was changed after the analysis was locked" in done.stderr


def test_an_animal_in_which_ketamine_raises_glutamate_gives_the_other_sign_by_the_same_command(tmp_path: Path) -> None:
    source = write_short_study(tmp_path / "source", per_group=1, groups=2)

    done = here("study", "rehearse", source, "--out", tmp_path / "study", "--jobs", "1",
                "--preset", source / "competing.toml")  # fmt: skip

    assert done.exit_code == ExitCode.OK, done.output
    assert ratios(result(tmp_path / "study"))["ketamine"] > 1.2
    effects = [exp(one["log_ratio"]) for one in result(tmp_path / "study")["animals"]]
    assert max(effects) > 1.2
    assert result(tmp_path / "study")["primary"]["contrasts"] == []
