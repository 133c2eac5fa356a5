"""The guided run on a terminal: each operator's step is asked for once, Enter continues it, Ctrl-C stops."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from acquisition.messages import StepView
from amperfuse.cli import app
from amperfuse.commands import calibrating
from amperfuse.commands.follow import operator_step

EXAMPLES = Path(__file__).parents[2] / "examples"
STEPS = (
    StepView(number=1, kind="operator", label="Take up 40 uL. Press Continue now", planned_start_s=0, duration_s=0),
    StepView(number=2, kind="infuse", label="KCl", planned_start_s=0, duration_s=1),
)  # fmt: skip


def state(held_on: int | None) -> Any:
    return SimpleNamespace(steps=STEPS, held_on=held_on)


def test_only_an_operators_step_is_asked_for_never_an_infusion_that_waits() -> None:
    assert operator_step(state(1)) == STEPS[0]
    assert operator_step(state(2)) is None
    assert operator_step(state(None)) is None


def test_the_step_is_shown_with_its_mark_and_enter_in_place_of_continue(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(typer, "prompt", lambda text, **_: shown.append(text))
    calibrating.ask_on_terminal(STEPS[0], "SIMULATED ")
    assert shown == ["SIMULATED Take up 40 uL. Press Enter now. Enter"]


def test_ctrl_c_at_the_question_is_a_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def abort(*_: object, **__: object) -> None:
        raise typer.Abort

    monkeypatch.setattr(typer, "prompt", abort)
    with pytest.raises(KeyboardInterrupt):
        calibrating.ask_on_terminal(STEPS[0], "")


def test_a_protocol_without_a_calibration_is_refused_before_anything_starts() -> None:
    arguments = ["calibrate", str(EXAMPLES / "real-protocol.toml"), "--rig", str(EXAMPLES / "real-rig.toml")]
    done = CliRunner().invoke(app, [*arguments, "--headless"])
    assert (done.exit_code, "amperfuse run" in done.output) == (2, True)
