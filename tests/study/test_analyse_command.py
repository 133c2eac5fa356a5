"""``study analyse`` before anything is locked, and what is refused; with a study that has no recordings yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.service.exit_codes import ExitCode
from analysis.study.gather import gather, one_session
from analysis.study.keeping import exclude
from analysis.study.locking import LockBroken, lock, locked_readings, readings_path
from analysis.study.readings import Readings, settings_of
from analysis.study.sessions import Found
from analysis.study.study_book import read_log
from analysis.study.unblinding import unblind_one
from analysis.study.words import doubts, sections
from tests.analysis.study_kit import animal_read
from tests.front_door.test_bad_input import here
from tests.study.kit import WALL_NS, drawn, give


def found(path: Path, outcome: str = "finished") -> Found:
    return Found(path, "m1", simulated=True, started_wall_ns=1, outcome=outcome, whole=True)


def test_before_the_lock_each_animal_is_shown_and_no_group_is_compared(tmp_path: Path) -> None:
    study = drawn(tmp_path / "study")
    give(study, "m1")

    done = here("study", "analyse", study.folder, "--jobs", "1")

    assert done.exit_code == ExitCode.OK, done.output
    assert "Nothing is locked" in done.stderr
    assert "group" not in done.stdout
    assert not (study.folder / "analysis").exists()


def test_nothing_is_locked_where_nothing_was_recorded_and_nobody_locks_without_a_name(tmp_path: Path) -> None:
    study = drawn(tmp_path / "study")
    give(study, "m1")

    done = here("study", "analyse", study.folder, "--jobs", "1", "--lock", "--by", "A. Example")
    assert done.exit_code == ExitCode.REFUSED_INPUT
    assert "nothing to lock" in done.stderr

    done = here("study", "analyse", study.folder, "--jobs", "1", "--lock")
    assert done.exit_code == ExitCode.REFUSED_INPUT
    assert "--by must say something" in done.stderr


def test_of_two_complete_sessions_of_an_animal_none_is_read(tmp_path: Path) -> None:
    one, other = found(tmp_path / "a"), found(tmp_path / "b")
    assert one_session([one]) == one
    assert one_session([one, other]) is None
    assert one_session([one, found(tmp_path / "c", "stopped")]) == one
    assert one_session([]) is None


def test_an_animal_that_was_unblinded_early_and_one_without_a_session_stand_above_the_result(tmp_path: Path) -> None:
    study = drawn(tmp_path / "study")
    codes = [give(study, f"m{number}").allocated.code for number in range(1, 5)]
    unblind_one(study, "m2", by="A. Vet", reason="seizure", wall_ns=WALL_NS)
    reads = tuple(animal_read(code, ratio) for code, ratio in zip(codes, (0.9, 0.8, 0.7), strict=False))
    readings = Readings(
        study=study.study_id, software="amperfuse test", settings=settings_of(study.readout), animals=reads
    )
    lock(study, readings, by="A. Example", wall_ns=WALL_NS)
    lock(study, readings.model_copy(update={"animals": reads[:1]}), by="A. Example", wall_ns=WALL_NS + 1)
    lock(study, readings, by="A. Example", wall_ns=WALL_NS + 2)
    log = read_log(study)
    assert locked_readings(study, log) == readings
    assert len(list((study.folder / "analysis").iterdir())) == 2

    late = {codes[3]: [found(tmp_path / "late")]}
    sessions = {name: late.get(one.code, []) for name, one in log.allocated.items()}
    gathered = gather(study, log, readings, sessions, None)

    told = " ".join(doubts(gathered.analysis, gathered.facts))
    assert "The group of m2 was told BEFORE the analysis was locked to A. Vet" in told
    assert f"m4 ({codes[3]}) has no number: recorded after the analysis was locked" in told
    assert "The analysis was locked 3 times" in told
    assert f"sessions/{codes[0]} is gone since it was read" in told
    assert "4 of 6 planned animals were allocated" in told
    assert set(gathered.analysis.labels) == {"group A", "group B"}
    for section in sections(gathered.analysis, gathered.facts):
        for row in section.rows:
            assert not (set(codes) & set(row) and set(gathered.analysis.labels) & set(row)), section.title


def test_an_exclusion_after_the_lock_is_too_late_also_while_the_study_is_blind(tmp_path: Path) -> None:
    study = drawn(tmp_path / "study")
    codes = [give(study, f"m{number}").allocated.code for number in range(1, 3)]
    readings = Readings(
        study=study.study_id, software="amperfuse test", settings=settings_of(study.readout),
        animals=tuple(animal_read(code, 0.9) for code in codes),
    )  # fmt: skip
    exclude(study, "m1", "no-baseline", by="A. Example", wall_ns=WALL_NS - 1)
    lock(study, readings, by="A. Example", wall_ns=WALL_NS)
    exclude(study, "m2", "other: it was the odd one", by="A. Example", wall_ns=WALL_NS + 1)
    log = read_log(study)

    members = gather(study, log, readings, dict.fromkeys(log.allocated, ()), None).analysis.members

    assert [(one.excluded_late, one.is_counted) for one in members] == [(False, False), (True, True)]
    assert members[1].excluded == "it was the odd one (no criterion foresaw it)"


def test_locked_readings_that_were_changed_or_are_gone_are_no_readings(tmp_path: Path) -> None:
    study = drawn(tmp_path / "study")
    readings = Readings(
        study=study.study_id, software="amperfuse test", settings=settings_of(study.readout),
        animals=(animal_read("K7Q", 0.9),),
    )  # fmt: skip
    digest = lock(study, readings, by="A. Example", wall_ns=WALL_NS).text
    path = readings_path(study, digest)

    path.write_bytes(readings.model_copy(update={"animals": (animal_read("K7Q", 0.5),)}).as_bytes())
    with pytest.raises(LockBroken, match="was changed after the analysis was locked"):
        locked_readings(study, read_log(study))
    path.unlink()
    with pytest.raises(LockBroken, match="cannot be read"):
        locked_readings(study, read_log(study))
