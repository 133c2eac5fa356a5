"""``amperfuse study``: from an empty folder to unblinding, in sentences and exit codes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from acquisition.service import unblinding
from acquisition.service.discovery import RUNTIME_DIR_VARIABLE
from amperfuse.cli import app
from analysis.study.study_book import read_log
from analysis.study.study_file import load_study
from tests.study.kit import drawn, undrawn


@pytest.fixture(autouse=True)
def _no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell nobody's running engine anything."""
    monkeypatch.setenv(RUNTIME_DIR_VARIABLE, str(tmp_path / "run"))


ANIMAL = ("--weight", "25 g", "--weighed", "2026-11-26", "--age", "P11W", "--by", "B")


def study(*args: object) -> Result:
    return CliRunner().invoke(app, ["study", *map(str, args)])


def test_a_new_folder_is_a_draft_then_a_refusal_with_lines_then_a_study(tmp_path: Path) -> None:
    begun = study("new", tmp_path / "draft")
    assert (begun.exit_code, begun.stdout.splitlines()) == (
        0,
        [str(tmp_path / "draft/study.toml"), str(tmp_path / "draft/protocol.toml")],
    )
    refused = study("new", tmp_path / "draft", "--by", "A")
    assert refused.exit_code == 2
    assert "study.toml, line 9: study.licence: this is empty and must say something." in refused.stderr

    folder = undrawn(tmp_path / "s")
    nobody = study("new", folder)
    assert (nobody.exit_code, nobody.stderr.split(" must")[0]) == (2, "--by")
    done = study("new", folder, "--by", "A. Example")
    assert done.exit_code == 0
    assert "is drawn: 6 animals in 2 groups. Nobody has seen who gets what." in done.stdout
    log = read_log(load_study(folder))
    assert log.drawn is not None
    assert log.drawn.commitment in done.stdout
    again = study("new", folder, "--by", "B")
    assert (again.exit_code, again.stderr) == (2, "this study was drawn by A. Example; it is drawn once.\n")


def test_two_studies_from_one_file_have_ids_and_sequences_of_their_own(tmp_path: Path) -> None:
    folders = [undrawn(tmp_path / name) for name in ("a", "b")]
    assert [study("new", folder, "--by", "A").exit_code for folder in folders] == [0, 0]

    ids = {load_study(folder).study_id for folder in folders}
    commitments = {getattr(read_log(load_study(folder)).drawn, "commitment", "") for folder in folders}
    assert len(ids) == len(commitments) == 2
    assert all(len(one) == 10 for one in ids)


def test_nothing_that_is_said_at_the_bench_tells_a_group(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "s", 1, ('name = "ketamine and evoked', 'name = "evoked')).folder
    said = [study("allocate", folder, f"M{n}", *ANIMAL) for n in range(1, 7)]
    said.append(study("allocate", folder, "M7", *ANIMAL))
    said.append(study("exclude", folder, "M1", "--reason", "no-baseline", "--by", "C"))
    said.append(study("status", folder))

    assert [one.exit_code for one in said] == [0] * 6 + [2, 0, 15]
    told = "".join(one.stdout + one.stderr for one in said)
    assert told.count(": code ") == 6
    assert not [word for word in ("ketamine", "vehicle", "saline", "hydrochloride") if word in told.lower()]


@pytest.mark.parametrize("name", ["solutions.json", "sequence.sealed"])
def test_a_study_that_was_tampered_with_ends_with_5(tmp_path: Path, name: str) -> None:
    folder = drawn(tmp_path / "s").folder
    path = folder / "sealed" / name
    path.write_bytes(path.read_bytes().replace(b"gAAAA", b"gAAAB", 1))

    for command in (("status",), ("allocate", "M1", *ANIMAL), ("sheet", "--to", tmp_path / "x.csv", "--by", "D")):
        found = study(command[0], folder, *command[1:])
        assert (found.exit_code, "not as it was sealed" in found.stderr) == (5, True), command[0]
    book = folder / "study.book"
    book.write_text(book.read_text("utf-8").replace("A. Example", "A. Another"), "utf-8")
    assert study("status", folder).exit_code == 5


def test_the_sheet_goes_outside_of_the_study_to_its_owner_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "s").folder
    inside = study("sheet", folder, "--to", folder / "x.csv", "--by", "D")
    assert (inside.exit_code, "must be outside of the study's folder" in inside.stderr) == (2, True)
    assert study("sheet", folder, "--to", tmp_path / "x.txt", "--by", "D").exit_code == 2
    assert not read_log(load_study(folder)).sheets

    for name in ("x.csv", "x.html"):
        assert study("sheet", folder, "--to", tmp_path / name, "--by", "D").exit_code == 0
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert "hydrochloride" in (tmp_path / name).read_text("utf-8")
    assert study("sheet", folder, "--to", tmp_path / "x.csv", "--by", "D").exit_code != 0
    assert [one.text for one in read_log(load_study(folder)).sheets] == ["x.csv", "x.html"]


def test_unblinding_asks_who_and_why_and_tells_one_or_all(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "s").folder
    study("allocate", folder, "M1", *ANIMAL)
    assert study("unblind", folder, "M1", "--by", "D").exit_code == 2
    assert study("unblind", folder, "--by", "D", "--reason", "x").exit_code == 2
    assert "Give one ANIMAL, or --all." in study("unblind", folder, "M1", "--all", "--by", "D").stderr

    one = study("unblind", folder, "M1", "--by", "D", "--reason", "seizure")
    assert one.exit_code == 0
    assert one.stdout.startswith("M1, code ")
    early = study("unblind", folder, "--all", "--by", "D")
    assert (early.exit_code, "the analysis is not locked yet" in early.stderr) == (2, True)
    everybody = study("unblind", folder, "--all", "--by", "D", "--reason", "the study is abandoned")
    assert everybody.exit_code == 0
    assert everybody.stdout.count("group ketamine") == everybody.stdout.count("group vehicle") == 3
    assert "seed of the sequence: 1\n" in everybody.stdout
    assert "told BEFORE the analysis was locked to D" in study("status", folder).stdout


def test_a_session_that_runs_notes_who_was_told_of_which_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []

    def note(text: str) -> str:
        notes.append(text)
        return "it hung up"

    monkeypatch.setattr(unblinding, "note_in_session", note)
    folder = drawn(tmp_path / "s").folder
    study("allocate", folder, "M1", *ANIMAL)
    code = read_log(load_study(folder)).allocated["m1"].code
    one = study("unblind", folder, "M1", "--by", "D", "--reason", "seizure")
    assert notes == [f"UNBLINDED {code} by D: seizure"]
    assert (one.exit_code, "The running session has not noted it (it hung up)" in one.stderr) == (0, True)


def test_an_emergency_without_a_book_is_answered_and_ends_with_5(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "s").folder
    study("allocate", folder, "M1", *ANIMAL)
    code = read_log(load_study(folder)).allocated["m1"].code
    (folder / "study.book").write_text("gone\n", "utf-8")

    found = study("unblind", folder, code, "--by", "D", "--reason", "seizure")

    assert (found.exit_code, f"code {code}: group" in found.stdout) == (5, True)
    assert "NOT LOGGED, write it down by hand" in found.stderr


def test_the_checklist_is_printed_and_written_as_a_page(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "s").folder

    found = study("status", folder, "--arrive", "--page", tmp_path / "arrive.html")

    assert found.exit_code == 15
    assert "ARRIVE 2.0: " in found.stdout
    assert "Registered is not written in study.toml." in found.stdout
    assert "<h1>ARRIVE 2.0 checklist" in (tmp_path / "arrive.html").read_text("utf-8")
    assert study("status", folder, "--page", tmp_path / "other.html").exit_code == 2


def test_excluding_is_told_and_can_be_taken_back(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "s").folder
    study("allocate", folder, "M1", *ANIMAL)

    out = study("exclude", folder, "M1", "--reason", "other: escaped", "--by", "C")
    assert (out.exit_code, out.stdout) == (0, "M1 is left out: escaped\n")
    assert "flagged as decided afterwards" in out.stderr
    back = study("exclude", folder, "M1", "--reason", "found again", "--by", "C", "--withdraw")
    assert (back.exit_code, back.stdout) == (0, "M1 counts again.\n")
    assert "M1 was left out, and counts again, says C" in study("status", folder).stdout


@pytest.mark.parametrize("command", [("status",), ("allocate", "M1", *ANIMAL), ("unblind", "--all", "--by", "D")])
def test_a_study_that_is_not_drawn_says_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    folder = undrawn(tmp_path / "s")

    found = study(command[0], folder, *command[1:])

    assert (found.exit_code, found.stderr) == (
        2,
        "nothing is drawn yet in this study; do 'amperfuse study new' first.\n",
    )


def test_power_needs_an_effect_to_look_for(tmp_path: Path) -> None:
    folder = undrawn(tmp_path / "s")
    assert "animals a group, as planned: power" in study("power", folder).stdout
    text = (folder / "study.toml").read_text("utf-8")
    (folder / "study.toml").write_text(text[: text.rindex("[power]")], "utf-8")

    assert study("power", folder).exit_code == 2
    assert "ratio of 0.5 to vehicle" in study("power", folder, "--ratio", "0.5").stdout
