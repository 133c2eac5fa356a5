"""``ports``, ``identify`` and ``scan`` on virtual lines: which ports are touched, what is said, what is written."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from acquisition.experiment.problems import RefusedInput
from acquisition.experiment.rig import load_rig
from acquisition.experiment.rig_draft import FILL_IN
from acquisition.service.exit_codes import ExitCode
from amperfuse.cli import app
from amperfuse.commands import finding
from drivers import os_support
from drivers.bound_port import PortInfo
from drivers.clock import VirtualClock
from drivers.errors import PortBusy, PortMissing
from drivers.transport import LineSettings, Transport
from tests.drivers.test_finding_matrix import Bench

FIRST = PortInfo("/dev/ttyUSB0", "FT231X", "0403:6015", "A50285BI", "FTDI", "1-1")
SECOND = PortInfo("/dev/ttyUSB1", "FT231X", "0403:6015", "EVIL#1 %", "FTDI", "1-2")
THIRD = PortInfo("/dev/ttyACM0", "CH340", "1A86:7523", "", "QinHeng", "1-3")
BUILT_IN = PortInfo("/dev/ttyS0", "", "", "", "")
PORTS = [THIRD, BUILT_IN, FIRST, SECOND]


@dataclass
class Computer:
    """Serial ports with simulated instruments behind them; remembers which were opened."""

    behind: dict[str, Bench]
    busy: frozenset[str] = frozenset()
    opened: list[str] = field(default_factory=list)
    clock: VirtualClock = field(default_factory=VirtualClock)

    def open(self, url: str, settings: LineSettings) -> Transport:
        self.opened.append(url)
        if url in self.busy:
            raise PortBusy("another program holds this port", port=url)
        if url not in self.behind:
            raise PortMissing("there is no such port", port=url)
        line = self.behind[url].line
        line.clock = self.clock
        return line.open(url, settings)

    def is_simulated_url(self, url: str) -> bool:
        return False


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch) -> Computer:
    made = Computer({FIRST.path: Bench("new-era"), SECOND.path: Bench("emstat"), THIRD.path: Bench("chemyx")})
    monkeypatch.setattr(finding, "list_ports", lambda: PORTS)
    monkeypatch.setattr(finding, "SystemClock", lambda: made.clock)
    monkeypatch.setattr(finding, "SerialOpener", lambda _clock: made)
    return made


def run(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, words, input=typed)


def test_ports_prints_how_a_rig_binds_to_each_and_opens_none(computer: Computer) -> None:
    said = run("ports").stdout
    assert "url = usb:0403:6015/A50285BI" in said
    assert "url = usb:0403:6015/EVIL%231%20%25" in said
    assert "url = usb:1A86:7523@1-3" in said
    assert computer.opened == []


@pytest.mark.parametrize("words", [(), ("--family", "new-era"), ("--write", "rig.toml")])
def test_without_leave_no_port_is_touched(computer: Computer, words: Sequence[str]) -> None:
    ran = run("scan", *words)
    assert ran.exit_code == ExitCode.REFUSED_INPUT
    assert "No port was touched" in ran.stderr
    assert FIRST.path in ran.stderr
    assert computer.opened == []


def test_only_the_ports_named_are_touched(computer: Computer) -> None:
    ran = run("scan", "--port", FIRST.path)
    assert ran.exit_code == ExitCode.OK
    assert set(computer.opened) == {FIRST.path}
    assert "NE-1000" in ran.stdout


def test_a_person_at_the_terminal_is_asked_port_by_port(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_somebody_is_there", lambda: True)
    ran = run("scan", typed="n\ny\n\n")  # in the order of the list: the built-in port is not even offered
    assert set(computer.opened) == {FIRST.path}
    assert ran.exit_code == ExitCode.OK
    assert BUILT_IN.path not in ran.stderr


def test_all_usb_says_so_and_leaves_built_in_ports_alone(computer: Computer) -> None:
    ran = run("scan", "--all-usb")
    assert "All 3 USB serial ports of this computer will be asked" in ran.stderr
    assert set(computer.opened) == {FIRST.path, SECOND.path, THIRD.path}
    assert all(family in ran.stdout for family in ("new-era", "methodscript", "chemyx"))


def test_a_port_that_another_program_holds_is_left_alone_and_the_rest_is_asked(computer: Computer) -> None:
    computer.busy = frozenset({FIRST.path})
    ran = run("scan", "--port", FIRST.path, "--port", SECOND.path)
    assert ran.exit_code == ExitCode.OK
    assert f"{FIRST.path}: held by another program" in ran.stdout
    assert "EmStat Pico" in ran.stdout
    assert computer.opened.count(FIRST.path) == 1


def test_a_port_held_without_a_lock_is_not_even_opened(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os_support, "holders", lambda _path: ["vendor (77)"])
    ran = run("identify", FIRST.path)
    assert ran.exit_code == ExitCode.INSTRUMENT
    assert "vendor (77)" in ran.stderr
    assert computer.opened == []


def test_nobody_there_is_an_error_of_its_own(computer: Computer) -> None:
    ran = run("scan", "--port", BUILT_IN.path)
    assert ran.exit_code == ExitCode.INSTRUMENT
    assert "No instrument was found" in ran.stderr


def filled(text: str) -> str:
    """Fill in what is marked, as a person would."""
    values = {
        "syringe": "hamilton-1001", "line_dead_volume": "8 uL", "potential": "600 mV", "interval": "100 ms",
        "role": "glutamate", "range": "100 nA",
    }  # fmt: skip
    for key, value in values.items():
        text = text.replace(f'{key} = "{FILL_IN}"', f'{key} = "{value}"')
    return text


def test_what_is_written_loads_once_the_marks_are_filled_in_and_not_before(computer: Computer, tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    ran = run("scan", "--all-usb", "--write", str(path))
    assert ran.exit_code == ExitCode.OK, ran.stderr
    text = path.read_text("utf-8")
    with pytest.raises(RefusedInput, match=FILL_IN):
        load_rig(path)
    path.write_text(filled(text), "utf-8")
    assert FILL_IN not in filled(text).partition("[rig]")[2]
    rig = load_rig(path)
    assert [(pump.driver, pump.url, pump.baud) for pump in rig.pumps] == [
        ("chemyx", "usb:1A86:7523@1-3", 9600), ("new-era", "usb:0403:6015/A50285BI", 19_200),
    ]  # fmt: skip
    (stat,) = rig.potentiostats
    assert (stat.url, stat.expected_model) == ("usb:0403:6015/EVIL%231%20%25", "EmStat Pico")
    assert stat.expected_serial_number.startswith("ES")


def test_a_file_that_is_there_is_not_touched_and_nobody_is_asked(computer: Computer, tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    path.write_text("mine", "utf-8")
    ran = run("scan", "--all-usb", "--write", str(path))
    assert ran.exit_code == ExitCode.REFUSED_INPUT
    assert path.read_text("utf-8") == "mine"
    assert computer.opened == []


def test_X8_what_a_device_says_of_itself_stays_text(computer: Computer, tmp_path: Path) -> None:
    evil = '"]\x1b[2J\x7f#\\"'
    computer.behind[SECOND.path] = Bench("emstat", {"serial_number": evil})
    path = tmp_path / "rig.toml"
    ran = run("scan", "--port", SECOND.path, "--write", str(path))
    assert "\x1b" not in ran.stdout + ran.stderr
    written = tomllib.loads(path.read_text("utf-8"))["potentiostats"]["potentiostat-1"]
    assert written["serial_number"].isprintable()
    path.write_text(filled(path.read_text("utf-8")), "utf-8")
    told = Bench("emstat", {"serial_number": evil}).device.connect()
    assert load_rig(path).potentiostats[0].expected_serial_number == told.serial_number, "R19: as connect tells it"


def test_naming_a_family_that_is_not_installed_is_refused(computer: Computer) -> None:
    ran = run("identify", FIRST.path, "--family", "newera")
    assert ran.exit_code == ExitCode.REFUSED_INPUT
    assert computer.opened == []


def test_an_address_is_passed_on(computer: Computer) -> None:
    computer.behind[FIRST.path] = Bench("new-era", {"address": "4", "power_up_alarm": "0"})
    said = run("identify", FIRST.path, "--address", "4").stdout
    assert "model: NE-1000" in said
    assert "address: 4" in said


def test_a_port_without_a_number_to_bind_to_says_so_in_the_file(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "list_ports", lambda: [replace(FIRST, serial_number="", location="")])
    said = run("scan", "--port", FIRST.path).stdout
    assert f'url = "{FIRST.path}"' in said
    assert "after replugging" in said


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells who has a file open")
def test_who_holds_a_port_without_a_lock_is_known() -> None:
    pty = os_support.open_pty()
    holding = f"import sys; held = open({str(pty.path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        (holder,) = os_support.holders(pty.path)
        assert holder.endswith(f" ({other.pid})")
        other.communicate("")
    assert os_support.holders(pty.path) == []
    assert os_support.holders(pty.path, "win32") == []
    pty.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells who has a file open")
def test_who_serves_a_pseudo_terminal_is_the_instrument_and_no_rival() -> None:
    serving = "import os, sys; _, near = os.openpty(); print(os.ttyname(near), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", serving], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as instrument:
        assert instrument.stdout is not None
        port = Path(instrument.stdout.readline().strip())
        assert os_support.holders(port) == []
        with port.open("rb"), subprocess.Popen(
            [sys.executable, "-c", f"import sys; held = open({str(port)!r}); print(flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as rival:  # fmt: skip
            assert rival.stdout is not None
            rival.stdout.readline()
            assert [holder.endswith(f" ({rival.pid})") for holder in os_support.holders(port)] == [True]
            rival.communicate("")
        instrument.communicate("")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pseudo-terminals")
def test_an_instrument_that_sim_serves_can_be_identified(tmp_path: Path) -> None:
    link = tmp_path / "pump"
    command = [sys.executable, "-m", "amperfuse", "sim", "new-era", "--pty", str(link)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"ready {link}\n"
            ran = run("identify", str(link))
            assert (ran.exit_code, "model: NE-1000" in ran.stdout) == (ExitCode.OK, True), ran.stderr
        finally:
            process.terminate()
