"""``amperfuse presets`` and ``rehearse --preset`` as a person uses them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from acquisition.service.exit_codes import ExitCode
from sim_devices.presets import shelf
from tests.front_door.test_bad_input import here
from tests.process.engine_kit import private_runtime, write_files


def test_the_list_names_every_preset_with_what_it_is() -> None:
    done = here("presets")

    assert done.exit_code == ExitCode.OK
    for name, kind in shelf.names().items():
        (line,) = [line for line in done.stdout.splitlines() if line.split()[1] == name]
        assert line.startswith(kind)
        assert line.endswith(shelf.load(name).title)


@pytest.mark.parametrize("name", ["wire", "depressed-mouse", "calibration"])
def test_what_is_shown_of_a_preset_is_a_file_that_can_be_changed_and_rehearsed(name: str, tmp_path: Path) -> None:
    shown = here("presets", name).stdout
    mine = tmp_path / "mine.toml"
    mine.write_text(shown, encoding="utf-8")

    assert "SIMULATED" in shown
    assert tomllib.loads(shown)["kind"] == shelf.names()[name]
    assert here("presets", mine).stdout == shown.replace(f'"{name}"', f'"{mine}"')


def test_an_unknown_preset_is_refused_with_a_hint_and_nothing_is_started(tmp_path: Path) -> None:
    with private_runtime():
        files = write_files(tmp_path)
        shown = here("presets", "awake-mose")
        done = here("rehearse", files.protocol, "--rig", files.rig, "--out", files.out, "--preset", "awake-mose")

    assert (shown.exit_code, done.exit_code) == (ExitCode.REFUSED_INPUT, ExitCode.REFUSED_INPUT)
    assert 'Did you mean "awake-mouse"' in shown.stderr
    assert 'Did you mean "awake-mouse"' in done.stderr
    assert not files.out.exists() or list(files.out.iterdir()) == []


def test_a_rig_that_names_a_preset_that_there_is_not_is_refused_in_words(tmp_path: Path) -> None:
    with private_runtime():
        files = write_files(tmp_path)
        rig = files.rig.read_text().replace("sim://new-era?seed=1", "sim://new-era?seed=1&animal=cat")
        files.rig.write_text(rig)
        done = here("rehearse", files.protocol, "--rig", files.rig, "--out", files.out)

    assert done.exit_code == ExitCode.REFUSED_INPUT
    assert "there is no preset 'cat'" in done.stderr
