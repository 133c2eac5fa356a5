"""``amperfuse preflight`` on an engine that waits for a person: the list, the checks, the names, the exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from acquisition.client import EngineClient
from acquisition.messages import ReportSound, Start, Stop
from acquisition.service.exit_codes import ExitCode
from amperfuse.cli import app
from amperfuse.commands.follow import waits_for_a_person
from tests.process.engine_kit import LONG, private_runtime, running_engine, write_files


@pytest.fixture
def runtime() -> Iterator[Path]:
    with private_runtime() as directory:
        yield directory


def preflight(*words: str) -> Result:
    return CliRunner().invoke(app, ["preflight", *words])


def blocking(result: Result) -> list[str]:
    return [line.split("--accept ")[1].split(" --by")[0] for line in result.stdout.splitlines() if "--accept" in line]


@pytest.mark.parametrize(
    ("simulated", "phase", "blocks", "waits"),
    [
        (False, "ready", True, True),
        (True, "ready", True, False),
        (False, "running", True, False),
        (False, "ready", False, False),
    ],
)
def test_who_follows_a_real_plan_is_told_that_its_pre_flight_waits(
    *, simulated: bool, phase: str, blocks: bool, waits: bool
) -> None:
    state: Any = SimpleNamespace(simulated=simulated, phase=phase, preflight=[SimpleNamespace(blocks=blocks)])
    assert waits_for_a_person(state) is waits


@pytest.mark.slow
def test_R21_R31_R41_a_person_passes_the_pre_flight_in_a_terminal_and_then_the_plan_starts(
    runtime: Path, tmp_path: Path
) -> None:
    assert preflight().exit_code == ExitCode.NO_ENGINE
    asked_first = LONG.replace("[[steps]]", '[[steps]]\nwait_for_operator = "Clamp open?"\n\n[[steps]]', 1)
    with running_engine(write_files(tmp_path, asked_first).options()):
        assert CliRunner().invoke(app, ["continue"]).exit_code == ExitCode.REFUSED_COMMAND
        with EngineClient.connect(operator="anna") as client:
            assert client.wait_for(lambda state: state.phase == "ready", 30.0) is not None
            refused = client.request(Start(request=0, unattended_by="anna"))
        assert not refused.ok

        first = preflight()
        assert first.exit_code == ExitCode.NO_GO
        assert "[NO] watchdog:drug: Nobody has seen the watchdog of drug expire." in first.stdout
        assert "SIMULATED" in first.output
        nobody = preflight("--accept", "clamp")
        assert nobody.exit_code == ExitCode.REFUSED_INPUT
        assert "somebody has to have looked" in nobody.output
        connected = preflight("--move", "drug", "--by", "Anna")
        assert connected.exit_code == ExitCode.REFUSED_COMMAND
        assert "take the line of drug off the animal" in connected.output
        assert preflight("--seen", "drug=3,5 uL", "--by", "Anna").exit_code == ExitCode.REFUSED_INPUT

        checked = preflight("--check")
        assert checked.exit_code == ExitCode.NO_GO
        assert "[in order] watchdog:drug" in checked.stdout, checked.output
        signed = preflight("--by", "Anna", *(word for line in blocking(checked) for word in ("--accept", line)))
        assert signed.exit_code == ExitCode.OK, signed.output
        assert "Nothing stands against a start" in signed.stdout
        assert "(ticked by Anna)" in signed.stdout

        with EngineClient.connect(operator="anna") as client:
            assert client.request(ReportSound(request=0, works=False, detail="no device")).ok
            assert client.wait_for(lambda state: bool(state.alarms), 10.0) is not None
        waits = CliRunner().invoke(app, ["acknowledge"])
        assert waits.stdout.startswith("no-sound:"), waits.output
        assert CliRunner().invoke(app, ["acknowledge", "nonsense"]).exit_code == ExitCode.REFUSED_COMMAND
        assert CliRunner().invoke(app, ["acknowledge", "no-sound", "--by", "Anna"]).exit_code == ExitCode.OK
        with EngineClient.connect(operator="anna") as client:
            assert client.wait_for(lambda state: all(a.acknowledged for a in state.alarms), 10.0) is not None
            assert client.request(Start(request=0, unattended_by="anna")).ok
            assert client.wait_for(lambda state: state.held_on == 1, 30.0), client.state
            went_on = CliRunner().invoke(app, ["continue"])
            assert went_on.exit_code == ExitCode.OK, went_on.output
            assert went_on.stdout.startswith("SIMULATED step 1, Clamp open?")
            assert client.wait_for(lambda state: state.held_on is None, 30.0), client.state
            client.request(Stop(request=0), 10.0)
        assert preflight().exit_code == ExitCode.REFUSED_COMMAND
