"""The page about blinded studies works as it is written."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from amperfuse.cli import app
from analysis.study import study_book
from analysis.study.study_file import load_study
from tests.study.kit import EXAMPLE, WALL_NS

PAGE = EXAMPLE.parents[1] / "docs/how-to/run-a-blinded-study.md"
BLOCK = re.compile(r"<!-- (run|shown|locked)(?:: (\d+))? -->\n```console\n(.*?)```", re.DOTALL)


def test_the_page_runs_from_power_to_unblinding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EXAMPLE, tmp_path / "examples/study")
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    said = []

    for how, code, body in blocks:
        if how == "locked":
            with study_book.opened(load_study(tmp_path / "study")) as book:
                book.add({"kind": "analysis_locked", "by": "E", "text": "0" * 64}, WALL_NS)
        for line in body.splitlines() if how != "shown" else []:
            program, *words = shlex.split(line)
            if program == "cp":
                shutil.copytree(words[1], words[2])
                continue
            done = CliRunner().invoke(app, words)
            assert done.exit_code == int(code or 0), f"{line}\n{done.stdout}{done.stderr}"
            said.append(done.stdout)

    assert len(said) == 11
    assert "group ketamine" in said[-1]
    assert (tmp_path / "arrive.html").exists()
    assert len(blocks) == PAGE.read_text("utf-8").count("```console")


def test_every_command_on_the_page_exists_with_its_options() -> None:
    for _how, _code, body in BLOCK.findall(PAGE.read_text("utf-8")):
        for line in body.splitlines():
            program, *words = shlex.split(line)
            if program != "amperfuse":
                continue
            command = get_command(app)
            while hasattr(command, "commands"):
                command = command.commands[words.pop(0)]
            known = {name for parameter in command.params for name in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= known, line
