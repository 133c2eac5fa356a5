"""An instrument package of somebody else: the template is installed as its user would, and everything finds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIP = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Return a copy of the template that is built and installed, and the environment in which it is found."""
    copy = tmp_path_factory.mktemp("somebody") / "instrument-package"
    shutil.copytree(ROOT / "examples" / "instrument-package", copy, ignore=shutil.ignore_patterns("__pycache__"))
    site = copy.parent / "site"
    subprocess.run([sys.executable, *PIP, "--target", str(site), str(copy)], check=True, timeout=120)
    return copy, os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}


def run(environment: dict[str, str], cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_its_tests_and_the_suite_from_outside_pass(installed: tuple[Path, dict[str, str]]) -> None:
    copy, environment = installed
    done = run(environment, copy, "pytest", "-q", "--driver", "drip", "--device", "sim://drip", "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "43 passed" in done.stdout  # its own 25, and 18 of the suite that the plug-in adds


def test_the_plug_in_alone_runs_the_suite_and_says_what_is_simulated(
    installed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    _copy, environment = installed
    done = run(environment, tmp_path, "pytest", "--driver", "drip", "--device", "sim://drip")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "driver drip on sim://drip (SIMULATED instrument)" in done.stdout
    assert "18 passed, 12 deselected" in done.stdout


def test_a_driver_that_breaks_a_rule_fails_the_suite(installed: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    _copy, environment = installed
    broken = tmp_path / "broken.py"
    broken.write_text(
        "from amperfuse_drip import driver\n"
        "driver.DripPump._check_identified = lambda self: None\n"  # sets a pump that nobody has identified
    )
    done = run(environment, tmp_path, "pytest", "-q", "-p", "broken", "--driver", "drip", "--device", "sim://drip")
    assert done.returncode == 1
    assert "test_R37_R40_after_the_cable_was_pulled_only_connect_and_stop_go_on" in done.stdout
    assert "1 failed, 17 passed" in done.stdout


def test_the_program_knows_the_new_instrument(installed: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    _copy, environment = installed
    done = run(environment, tmp_path, "amperfuse", "identify", "sim://drip")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DRIP-1" in done.stdout
    assert "SIMULATED" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--driver", "drip"], "--driver NAME and --device URL go together"),
        (["--driver", "drop", "--device", "sim://drip"], "offers no 'drop'"),
        (["--driver", "drip", "--device", "sim://drip", "--setting", "x"], "write KEY=VALUE"),
    ],
)
def test_wrong_words_are_said(
    installed: tuple[Path, dict[str, str]], tmp_path: Path, words: list[str], said: str
) -> None:
    _copy, environment = installed
    done = run(environment, tmp_path, "pytest", *words)
    assert done.returncode == 4
    assert said in done.stderr


def test_a_real_pump_is_not_moved_unless_somebody_says_so(
    installed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    _copy, environment = installed
    done = run(environment, tmp_path, "pytest", "-q", "-rs", "--driver", "drip", "--device", str(tmp_path / "no-port"))
    assert done.returncode == 0
    assert "18 skipped" in done.stdout
    assert "--may-move" in done.stdout
