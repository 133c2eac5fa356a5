"""The command ``review``: which recording it opens, and what it says when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from acquisition.service.exit_codes import ExitCode
from amperfuse.cli import app
from amperfuse.commands.options import BEHIND_AN_ENGINE
from tests.analysis.session_kit import write_session


class Window:
    """Stands for ``gui.review.app``: nobody looks."""

    def __init__(self, chosen: Path | None = None) -> None:
        self.chosen, self.asked, self.shown = chosen, list[Path](), list[Path]()

    def ask_for_folder(self, start: Path) -> Path | None:
        self.asked.append(start)
        return self.chosen

    def main(self, session: Path, author: str) -> int:
        assert author
        self.shown.append(session)
        return 0


@pytest.fixture
def nice(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr("os.nice", found.append, raising=False)
    monkeypatch.setattr("amperfuse.commands.reviews.need_window", lambda _instead: None)
    monkeypatch.setattr("signal.signal", lambda *_words: None)
    return found


def show(window: Window, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("amperfuse.commands.reviews.import_module", lambda _name: window)
    return CliRunner().invoke(app, ["review", *words]).exit_code


def test_a_session_is_shown_by_a_process_that_takes_second_place(
    nice: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_session(tmp_path)
    window = Window()
    assert show(window, monkeypatch, str(tmp_path)) == 0
    assert (window.asked, window.shown) == ([], [tmp_path])
    assert nice == [BEHIND_AN_ENGINE]


def test_of_a_folder_of_sessions_one_is_chosen(
    nice: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_session(tmp_path / "one")
    window = Window(tmp_path / "one")
    assert show(window, monkeypatch, str(tmp_path)) == 0
    assert (window.asked, window.shown) == ([tmp_path], [tmp_path / "one"])
    assert show(Window(None), monkeypatch, str(tmp_path)) == ExitCode.REFUSED_INPUT


def test_what_is_no_session_is_refused(nice: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window = Window(tmp_path)
    assert show(window, monkeypatch, str(tmp_path / "gone")) == ExitCode.REFUSED_INPUT
    assert show(window, monkeypatch, str(tmp_path)) == ExitCode.REFUSED_INPUT
    assert window.shown == []
