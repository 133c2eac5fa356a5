"""start.py: what it says when it cannot work, and that it installs again only when something changed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def start() -> ModuleType:
    spec = importlib.util.spec_from_file_location("start", ROOT / "start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_needs_only_the_standard_library() -> None:
    program = f"import sys; sys.argv[1:] = []; import runpy; runpy.run_path({str(ROOT / 'start.py')!r}, run_name='x')"
    done = subprocess.run([sys.executable, "-S", "-I", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_wrong_usage_shows_the_two_commands(start: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert start.main([]) == 2
    assert start.main(["fly"]) == 2
    said = capsys.readouterr().err
    assert "python3 start.py demo" in said
    assert "python3 start.py test" in said


def test_an_old_python_is_told_which_one_is_needed(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start.sys, "version_info", (3, 9, 2))
    assert start.main(["demo"]) == 2
    said = capsys.readouterr().err
    assert "3.11 or newer" in said
    assert "this is 3.9" in said


def test_a_python_without_venv_is_told_which_package_to_install(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda _name: None)
    assert start.main(["demo"]) == 2
    assert "-venv" in capsys.readouterr().err


def test_installs_once_and_again_only_when_the_wishes_changed(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []

    def pretend(command: list[str]) -> None:
        commands.append(command)
        if "venv" in command:
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", command[-1]], check=True)

    monkeypatch.setattr(start, "run", pretend)
    python = start.ready(tmp_path / "env", "[dev]")
    again = start.ready(tmp_path / "env", "[dev]")
    monkeypatch.setattr(start, "fingerprint", lambda: "changed")
    start.ready(tmp_path / "env", "[dev]")
    assert python == again
    assert python.exists()
    assert [command[2] for command in commands] == ["venv", "pip", "pip", "pip", "pip"]
    assert any("constraints.txt" in word for word in commands[1])
    assert "--no-deps" in commands[2]
    assert any("clients-without-dependencies.txt" in word for word in commands[2])


def test_the_demo_brings_no_programs_of_others(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []

    def pretend(command: list[str]) -> None:
        commands.append(command)
        (tmp_path / "env").mkdir(exist_ok=True)

    monkeypatch.setattr(start, "run", pretend)
    start.ready(tmp_path / "env", "")
    assert len(commands) == 2
    assert not any("clients-without-dependencies" in word for command in commands for word in command)


def test_a_changed_list_of_clients_is_installed_anew(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("pyproject.toml", "constraints.txt", start.CLIENTS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(start, "ROOT", tmp_path)
    before = start.fingerprint()
    with (tmp_path / start.CLIENTS).open("a", encoding="utf-8") as clients:
        clients.write("another==1.0\n")
    assert start.fingerprint() != before


def test_clients_without_dependencies_are_pinned_and_replace_nothing_that_is_asked_for() -> None:
    lines = (ROOT / "tests" / "clients-without-dependencies.txt").read_text(encoding="utf-8").splitlines()
    clients = [line.partition("#")[0].strip() for line in lines if not line.startswith("#")]
    assert clients
    assert all(client.count("==") == 1 for client in clients)
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    assert not [
        client for client in clients if f"\n{client.lower().replace('_', '-').partition('==')[0]}==" in constraints
    ]


def test_X15_the_constraints_name_exact_versions_of_everything_asked_for() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {line.partition("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    asked = {
        "pyserial",
        "pyqt6",
        "pyqtgraph",
        "numpy",
        "h5py",
        "pynwb",
        "pydantic",
        "typer",
        "matplotlib",
        "mypy",
        "ruff",
    }
    assert all("==" in line for line in lines if line and not line.startswith("#"))
    assert asked <= pins
    assert all(name in project.lower() for name in asked)
