"""No blinded label leaks: drug and vehicle, rehearsed whole, are looked for in every byte and every word of their runs.

Three runs of one protocol: a drug and a vehicle blinded, and the drug in the open. The open one proves that the search
finds; files that are the same byte for byte in both blinded runs tell nothing and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acquisition.books.places import BOOKS_DIR_VARIABLE
from acquisition.events import Event, EventKind
from acquisition.experiment.compile import load_experiment
from acquisition.recording.session_data import read_session
from amperfuse.cli import app
from amperfuse.commands.rehearsals import report_lines
from amperfuse.rehearsing import Wanted, rehearse_with_papers
from gui.presenters.review.lines import lines as review_lines
from tests.blinded_runs import DRUG, IN_THE_OPEN, NOTHING, TELLING, blinded, write_files
from tests.experiment.blinded_kit import VEHICLE
from tests.leaks import Words, found_in, found_in_file, shape_of


@dataclass
class Run:
    """A rehearsed session with everything that can be made of it."""

    folder: Path
    session: Path
    said: str = ""
    """What the terminal said."""
    drawn: list[str] = field(default_factory=list)
    """The words in its plots: a picture cannot be searched."""

    def files(self) -> dict[str, Path]:
        """Return every file, under a name without the session's."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)).replace(self.session.name, "SESSION"): path for path in found}


def run(folder: Path, content: str, *more: str) -> Run:
    """Rehearse, report, export in every format, run ``more`` commands; keep every word."""
    experiment = load_experiment(*write_files(folder, content))
    with words_drawn() as drawn:
        done = rehearse_with_papers(Wanted(experiment, folder, seed=5), lambda _done, _text: None)
        session = done.result.session_dir
        said = [*report_lines(done), repr(experiment.plan), repr(done)]
        commands = [[command, str(session)] for command in ("report", *more)]
        commands += [["export", str(session), "--to", form] for form in ("nwb", "csv", "mat", "edf")]
        for words in commands:
            told = CliRunner().invoke(app, words)
            assert told.exit_code == 0, told.output
            said.append(told.output)
    from analysis.review import open_recording  # noqa: PLC0415 - only here

    said.append(repr(review_lines(open_recording(session))))
    return Run(folder, session, "\n".join(said), drawn)


class words_drawn:  # noqa: N801 - reads like a function
    """Keep every text that is put into a plot."""

    def __enter__(self) -> list[str]:
        from matplotlib.text import Text  # noqa: PLC0415 - takes long to load

        drawn: list[str] = []
        before: Callable[[Text, str], None] = Text.set_text

        def set_text(self: Text, s: str) -> None:
            drawn.append(str(s))
            before(self, s)

        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(Text, "set_text", set_text)
        return drawn

    def __exit__(self, *_error: object) -> None:
        self._patch.undo()


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path_factory.mktemp("keys")))
        yield {
            "open": run(tmp_path_factory.mktemp("a"), IN_THE_OPEN),
            "drug": run(tmp_path_factory.mktemp("b"), blinded(DRUG), "verify", "problem-report"),
            "vehicle": run(tmp_path_factory.mktemp("c"), blinded(VEHICLE)),
        }


def telling_files(one: Run, other: Run, words: Words) -> dict[str, set[str]]:
    """Return in which files the words stand, but for those that are the same byte for byte in both runs."""
    others = other.files()
    return {
        name: found
        for name, path in one.files().items()
        if path.read_bytes() != others[name].read_bytes() and (found := found_in_file(path, words))
    }


def test_no_file_of_a_blinded_run_tells_what_is_in_the_syringe(runs: dict[str, Run]) -> None:
    drug, vehicle = runs["drug"], runs["vehicle"]
    assert telling_files(drug, vehicle, TELLING) == {}
    assert telling_files(vehicle, drug, NOTHING) == {}
    same = {name for name, path in drug.files().items() if path.read_bytes() == vehicle.files()[name].read_bytes()}
    assert "SESSION/limits.toml" in same, "it names every drug there is a limit of, whoever gets what"


def test_the_same_search_finds_the_drug_where_it_is_not_blinded(runs: dict[str, Run]) -> None:
    told = {name: found_in_file(path, TELLING) for name, path in runs["open"].files().items()}
    for name in ("protocol.toml", "session.journal", "session.nwb", "summary.md", "rehearsal.html", "rehearsal.json",
                 "report.html", "report.pdf"):  # fmt: skip
        assert told[f"SESSION/{name}"], name
    for name in ("SESSION.nwb", "SESSION.mat"):
        assert told[name], name
    assert any(found for name, found in told.items() if "SESSION-csv" in name)
    assert {"7.31932", "2.9277272"} <= {name for found in told.values() for name in found}


def test_no_word_of_a_terminal_or_a_plot_tells_either(runs: dict[str, Run]) -> None:
    for name in ("drug", "vehicle"):
        words = "\n".join([runs[name].said, *runs[name].drawn]).encode()
        assert found_in(words, TELLING) == set()
        assert found_in(words, NOTHING) == set()
        assert b"blinded K7Q" in words
    assert found_in(runs["open"].said.encode(), TELLING)
    assert found_in("\n".join(runs["open"].drawn).encode(), TELLING)


# ---- drug and vehicle differ in nothing but what the electrodes see ------------------------------------------------


def test_a_drug_and_a_vehicle_leave_the_same_files_of_the_same_shape(runs: dict[str, Run]) -> None:
    drug, vehicle = runs["drug"].files(), runs["vehicle"].files()
    assert drug.keys() == vehicle.keys()
    for name in drug:
        if name.endswith(".nwb"):
            assert shape_of(drug[name]) == shape_of(vehicle[name])
    for name in ("SESSION/session.journal", "SESSION/protocol.toml", "SESSION/summary.md"):
        assert drug[name].stat().st_size == vehicle[name].stat().st_size, name


def test_a_drug_and_a_vehicle_are_told_in_the_same_words_and_numbers(runs: dict[str, Run]) -> None:
    drug, vehicle = (json.loads(runs[n].files()["SESSION/rehearsal.json"].read_text()) for n in ("drug", "vehicle"))
    for facts in (drug, vehicle):
        assert facts["doses"] == facts["levels"] == []
        assert all(step["at_end"] is None for step in facts["steps"])
        for key in ("session_dir", "fingerprint", "plan_sha256", "disk"):
            del facts[key]
    assert drug == vehicle


def test_a_drug_and_a_vehicle_make_the_same_events(runs: dict[str, Run]) -> None:
    assert events(runs["drug"]) == events(runs["vehicle"])


def events(of: Run) -> list[Event]:
    """Return all events of a run but for the potentiostat's bytes, and the hash of the plan, which has the seal."""

    def plain(event: Event) -> Event:
        return replace(event, data={key: value for key, value in event.data.items() if key != "plan_sha256"})

    found = read_session(of.session).events
    return [plain(event) for event in found if not (event.kind is EventKind.WIRE and event.source == "stat")]
