"""Every bad input is refused with a sentence that helps and a documented exit code; nothing is started by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from acquisition.service.exit_codes import ExitCode
from amperfuse.cli import app
from drivers.clock import SystemClock
from tests.process.engine_kit import LONG, RIG, Files, amperfuse, private_runtime, write_files


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    with private_runtime():
        yield write_files(tmp_path)


def real(url: str) -> str:
    """Return the rig with every simulated port replaced by ``url`` (and none shared)."""
    return RIG.replace("sim://new-era?seed=1", f"{url}0").replace("sim://emstat?seed=2", f"{url}1")


BAD = {
    "unknown key": (LONG.replace("loaded =", "load ="), RIG, ["protocol.toml", "load", 'Did you mean "loaded"']),
    "wrong unit": (LONG.replace('rate = "1 uL/min"', 'rate = "1 mL"'), RIG, ["protocol.toml", "rate", "mL"]),
    "dose above the hard limit": (LONG.replace('"10 uL"', '"9 mL"'), RIG, ["protocol.toml"]),
    "rate outside the pump's range": (LONG.replace('"1 uL/min"', '"0.000001 uL/min"'), RIG, ["rate"]),
    "volume that encodes to zero": (LONG.replace('"10 uL"', '"0.0001 uL"'), RIG, ["protocol.toml"]),
    "mixed rig": (LONG, RIG.replace("sim://emstat?seed=2", "/dev/ttyUSB7"), ["mixes simulated", "rig.toml"]),
    "not TOML": ("[protocol", RIG, ["protocol.toml", "line 1"]),
    "unknown driver": (LONG, RIG.replace('"new-era"', '"old-era"'), ["old-era"]),
}


BY_AN_ENGINE = ("dose above the hard limit", "mixed rig", "not TOML")
"""These are refused by an engine in a process of its own; it reads files with the same code as a rehearsal."""


def here(*words: str | Path) -> Result:
    """Run a command in this process: most refusals need no other."""
    done = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def rehearsed(files: Files) -> tuple[int, str]:
    done = here("rehearse", files.protocol, "--rig", files.rig, "--out", files.out)
    return done.exit_code, done.stderr


def run(files: Files) -> tuple[int, str]:
    done = amperfuse("run", files.protocol, "--rig", files.rig, "--out", files.out, "--headless")
    return done.returncode, done.stderr


@pytest.mark.parametrize("case", BAD, ids=str)
def test_bad_files_are_refused_with_place_and_reason(files: Files, case: str) -> None:
    protocol, rig, words = BAD[case]
    files.protocol.write_text(protocol, encoding="utf-8")
    files.rig.write_text(rig, encoding="utf-8")
    code, said = run(files) if case in BY_AN_ENGINE else rehearsed(files)
    assert code == ExitCode.REFUSED_INPUT, said
    for word in words:
        assert word in said
    assert "Traceback" not in said
    assert not files.out.exists()


def test_a_missing_port_is_refused_before_anything_is_made(files: Files) -> None:
    today = datetime.fromtimestamp(SystemClock().wall_ns() / 1e9, UTC).astimezone().date()
    files.protocol.write_text(LONG.replace("2026-01-01", today.isoformat()), encoding="utf-8")
    files.rig.write_text(real("/dev/no-such-port-"), encoding="utf-8")
    assert amperfuse("approve", "--rig", files.rig, "--by", "A. Vet").returncode == ExitCode.OK
    seen = ("--syringe", "drug=bd-plastic-1ml")
    ran = amperfuse("run", files.protocol, "--rig", files.rig, "--out", files.out, "--headless", *seen)
    assert ran.returncode == ExitCode.INSTRUMENT, ran.stderr
    assert "no such port" in ran.stderr
    assert "amperfuse ports" in ran.stderr
    assert not files.out.exists()


def test_the_wrong_instrument_on_a_port_is_refused(files: Files) -> None:
    rig = RIG.replace('driver = "new-era"', 'driver = "new-era"\nmodel = "NE-500"')
    files.rig.write_text(rig, encoding="utf-8")
    ran = amperfuse("run", files.protocol, "--rig", files.rig, "--out", files.out, "--headless")
    assert ran.returncode == ExitCode.INSTRUMENT, ran.stderr
    assert "NE-500" in ran.stderr
    assert "NE-1000" in ran.stderr
    assert not files.out.exists()


def test_a_rehearsal_never_opens_a_real_port(files: Files) -> None:
    files.rig.write_text(real("/dev/no-such-port-"), encoding="utf-8")
    ran = amperfuse("rehearse", files.protocol, "--rig", files.rig, "--out", files.out)
    assert "no such port" not in ran.stderr
    assert ran.returncode in (ExitCode.OK, ExitCode.NO_GO)
    assert "SIMULATED" in ran.stdout


def test_a_fault_that_stalls_the_pump_is_a_no_go(files: Files) -> None:
    ran = amperfuse("rehearse", files.protocol, "--rig", files.rig, "--out", files.out, "--fault", "drug:stall@60s")
    assert ran.returncode == ExitCode.NO_GO, ran.stdout
    assert "NO GO (SIMULATED)" in ran.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["status"], ExitCode.NO_ENGINE, "no engine is running"),
        (["stop"], ExitCode.NO_ENGINE, "no engine is running"),
        (["finish"], ExitCode.NO_ENGINE, "no engine is running"),
        (["verify", "nowhere"], ExitCode.REFUSED_INPUT, "session.journal"),
        (["recover", "nowhere"], ExitCode.REFUSED_INPUT, "session.journal"),
        (["identify", "/dev/no-such-port"], ExitCode.INSTRUMENT, "no such port"),
        (["identify", "sim://nothing"], ExitCode.INSTRUMENT, "nothing"),
        (["sim", "new-era"], ExitCode.REFUSED_INPUT, "--pty PATH or --tcp HOST:PORT"),
        (["sim", "new-error", "--tcp", "127.0.0.1:0"], ExitCode.REFUSED_INPUT, "new-error"),
        (["sim", "new-era", "--tcp", "127.0.0.1:0", "--fault", "flood@1s"], ExitCode.REFUSED_INPUT, "flood"),
        (["demo", "--headless", "--speed", "5"], ExitCode.REFUSED_INPUT, "--speed"),
        (["rehearse", "nowhere.toml", "--rig", "nowhere.toml"], ExitCode.REFUSED_INPUT, "no such file"),
        (["run"], ExitCode.REFUSED_INPUT, "PROTOCOL"),
        (["fly"], ExitCode.REFUSED_INPUT, "fly"),
        (["verify", "a\x1b[2Jb"], ExitCode.REFUSED_INPUT, "\\u001b"),
    ],
)
def test_every_refusal_has_its_exit_code(files: Files, words: list[str], code: ExitCode, said: str) -> None:
    ran = here(*words)
    assert ran.exit_code == code, ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "\x1b" not in ran.stderr + ran.stdout


def test_a_refusal_is_the_exit_code_of_the_process(files: Files) -> None:
    ran = amperfuse("verify", "a\x1b[2Jb")
    assert ran.returncode == ExitCode.REFUSED_INPUT, ran.stderr
    assert "\\u001b" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "\x1b" not in ran.stderr + ran.stdout


@pytest.mark.parametrize("command", ["run", "rehearse"])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_starts(files: Files, command: str) -> None:
    ran = amperfuse(command, files.protocol, "--rig", files.rig, "--out", files.rig / "sessions")
    assert ran.returncode == ExitCode.REFUSED_INPUT, ran.stderr
    assert "rig.toml is a file; sessions need a folder" in " ".join(ran.stderr.replace("│", " ").split())
    assert "Traceback" not in ran.stderr


def test_no_display_is_told_before_an_engine_is_started(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    ran = amperfuse("run", files.protocol, "--rig", files.rig, "--out", files.out)
    assert ran.returncode == ExitCode.MISSING_LIBRARY
    assert "no display" in ran.stderr
    assert "--headless" in ran.stderr
    assert not files.out.exists()
