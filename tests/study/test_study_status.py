"""Where a study stands, from its book and its recordings; and what the ARRIVE items still lack."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from analysis.study.arrive import Item, as_html, checklist, section
from analysis.study.keeping import amend, exclude
from analysis.study.sessions import Found, sessions_of
from analysis.study.status import Status, status_of
from analysis.study.study_book import StudyLog, read_log
from analysis.study.study_file import Study, load_study
from analysis.study.unblinding import unblind_all
from tests.study.kit import WALL_NS, drawn, give, record

ONE_EACH = ("animals_per_group = 3", "animals_per_group = 1")


def now(study: Study) -> tuple[StudyLog, Mapping[str, Sequence[Found]], Status]:
    log = read_log(study)
    found = sessions_of(study, log)
    return log, found, status_of(study, log, found)


def items(study: Study) -> dict[str, Item]:
    log, found, _ = now(study)
    return {item.number: item for item in checklist(study, log, found)}


def test_a_study_is_complete_when_every_place_is_given_and_every_animal_done_or_left_out(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s", 1, ONE_EACH)
    first, second = give(study, "M1"), give(study, "M2")
    assert [one.state for one in now(study)[2].animals] == ["no session", "no session"]

    record(study, first)
    assert not now(study)[2].is_complete
    exclude(study, "M2", "other: escaped", by="C", wall_ns=WALL_NS)

    status = now(study)[2]
    assert [one.state for one in status.animals] == ["done", "left out"]
    assert status.is_complete
    assert "decided afterwards: no criterion foresaw it" in " ".join(status.animals[1].notes)
    assert second.protocol.exists()


def test_what_a_killed_import_left_behind_is_no_session(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s", 1, ONE_EACH)
    record(study, give(study, "M1"))
    (folder,) = (path for path in study.sessions.iterdir() if path.is_dir())
    folder.rename(folder.with_name(f".{folder.name}-x1"))
    assert now(study)[2].animals[0].state == "no session"


@pytest.mark.parametrize(
    ("recorded", "state"),
    [
        ({"outcome": ""}, "not closed: runs, or 'amperfuse recover'"),
        ({"outcome": "ended early"}, "ended early"),
        ({"whole": False}, "files not finished: 'amperfuse recover'"),
        ({"code": "ZZZ"}, "wrong syringe"),
    ],
)
def test_an_animal_is_not_done_by_less_than_a_whole_session_of_its_own_syringe(
    tmp_path: Path, recorded: dict[str, str], state: str
) -> None:
    study = drawn(tmp_path / "s")
    given = give(study, "M1")
    record(study, given, **recorded)  # type: ignore[arg-type]

    status = now(study)[2]

    assert status.animals[0].state == state
    assert not status.animals[0].sessions[0].is_complete
    wrong = [f"M1: one: pump treatment had syringe ZZZ, this animal's is {given.allocated.code}."]
    assert list(status.alarms) == (wrong if "code" in recorded else [])


def test_a_second_try_counts_and_two_complete_sessions_do_not(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    given = give(study, "M1")
    record(study, given, "first", outcome="ended early")
    record(study, given, "second")
    assert now(study)[2].animals[0].state == "done"

    record(study, given, "third")
    assert now(study)[2].animals[0].state == "2 complete sessions: leave all but one out of the folder"


def test_a_rehearsal_is_no_session_of_a_study_with_a_real_rig(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    given = give(study, "M1")
    record(study, given)
    rig = study.rig.read_text("utf-8")
    rig = rig.replace("sim://new-era?seed=1", "/dev/pump").replace("sim://emstat/array.1?model=mes4lr", "/dev/a")
    study.rig.write_text(rig.replace("sim://emstat/array.2?model=mes4lr", "/dev/b"), "utf-8")

    assert now(study)[2].animals[0].state == "no session"
    assert not now(study)[1]["m1"]


def test_other_folders_among_the_sessions_are_passed_over(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    record(study, give(study, "M1"))
    (study.sessions / "notes").mkdir()
    (study.sessions / "damaged").mkdir()
    (study.sessions / "damaged/session.journal").write_bytes(b"\0" * 100)

    assert now(study)[2].animals[0].state == "done"


def test_what_readers_must_know_is_told(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    give(study, "M1")
    path = study.folder / "study.toml"
    path.write_text(path.read_text("utf-8") + "# later\n", "utf-8")
    study = load_study(study.folder)
    assert now(study)[2].alarms == ("study.toml was changed since the study was drawn.",)
    amend(study, "a remark", by="B", wall_ns=WALL_NS)
    unblind_all(study, by="D", reason="curious", wall_ns=WALL_NS)

    assert now(study)[2].alarms == (
        "The group of everybody was told BEFORE the analysis was locked to D, 2026-11-26 23:00 UTC: curious.",
        "The plan was amended by B, 2026-11-26 23:00 UTC, after 1 animals: a remark.",
    )


def test_a_sealed_folder_that_somebody_else_keeps_is_told(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    give(study, "M1")
    shutil.move(study.folder / "sealed", tmp_path / "at the pharmacist's")

    assert now(study)[2].alarms[0].startswith("The folder sealed is not here")


def test_arrive_repeats_what_is_written_and_names_what_is_missing(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s", 1, ('sample_size = "Power', 'sample_size = ""  # "'))

    found = items(study)

    assert found["2b"].state == "MISSING"
    assert found["2b"].missing == ("Why so many is not written in study.toml.",)
    assert found["19"].state == "MISSING"
    assert found["14"].captured[0] == "Licence or IACUC number: none: simulated animals."
    assert found["16c"].captured[0] == "Signs: seizure longer than 30 s; laboured breathing."
    assert "permuted blocks, numpy PCG64" in found["4a"].captured[0]
    assert found["9"].missing == ("Animals without a complete recording: all.",)
    assert found["7"].missing == ("The analysis is not locked yet.",)


def test_arrive_fills_procedures_from_the_recordings_and_numbers_from_the_book(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s", 1, ONE_EACH)
    first, second = give(study, "M1"), give(study, "M2", weight="24 g")
    record(study, first, "one", given_ul=49.5)
    record(study, second, "two")
    exclude(study, "M2", "not-delivered", by="C", wall_ns=WALL_NS)

    found = items(study)

    told = found["9"].captured[1]
    assert told == f"M1 (one): blinded {first.allocated.code} 49.5 µL at 50 µL/min, ip."
    assert found["8"].captured[1].startswith("Weighed 24 to 25 g")
    assert found["9, 16a"].captured[0] == "array.glutamate (glutamate): 7 pA/µM, sessions: 2."
    assert found["16b"].captured[1] == "In 2 complete recordings, notes: 2, alarms of high priority: 0."
    assert found["3b"].captured[0].endswith("by C: the blinded pump delivered less than 90 % of the planned volume.")
    assert found["3c"].captured == ("Complete and not left out: 1.",)
    assert found["3c"].missing == ("How many of each group is told when the study is unblinded.",)

    _, shown = unblind_all(study, by="D", reason="x", wall_ns=WALL_NS)
    groups = {one.animal: one.group for one in shown}
    other = groups["M2"]
    assert items(study)["3c"].captured[1] in (f"{groups['M1']} 1, {other} 0.", f"{other} 0, {groups['M1']} 1.")


def test_the_checklist_is_a_page_that_says_simulated_and_no_code_beside_a_drug(tmp_path: Path) -> None:
    study = drawn(tmp_path / "s")
    record(study, give(study, "M<1>"))
    log, found, _ = now(study)

    page = as_html(study, log, found)

    assert "SIMULATED" in page
    assert "M&lt;1&gt;" in page
    shown = section(checklist(study, log, found))
    codes = [one.code for one in log.allocated.values()]
    for row in shown.rows:
        text = " ".join(row)
        assert not (any(code in text for code in codes) and any(word in text for word in ("saline", "ketamine")))
