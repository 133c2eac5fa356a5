"""The tap: programs on a real pty talk through it to a simulated instrument, and every byte is written down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nesp_lib
import pytest
import serial
from typer.testing import CliRunner

from amperfuse.cli import app
from drivers.capabilities import AmperometrySettings, DriverOptions, ElectrodeSettings, Potentiostat
from drivers.clock import SystemClock
from drivers.errors import PortLost
from drivers.registry import driver
from drivers.replay import ReplayOpener
from drivers.serial_port import SerialOpener
from drivers.tap import Tap
from drivers.transcripts import TranscriptHeader, TranscriptWriter, read_transcript

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@contextmanager
def tapped(*words: str, expect: int = 0) -> Iterator[str]:
    """Run ``amperfuse tap``; give the endpoint; end it by Ctrl-C."""
    command = [sys.executable, "-m", "amperfuse", "tap", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            if not line:
                raise AssertionError(process.communicate()[1])
            yield line.removeprefix("ready ")
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == expect, process.communicate()
        finally:
            process.kill()


def test_a_client_of_somebody_else_through_the_tap_and_its_talk_played_back(tmp_path: Path) -> None:
    link, file = str(tmp_path / "pump"), tmp_path / "pump.transcript"
    where = ("--pty", link)
    with tapped("sim://new-era?power_up_alarm=0", "--to", str(file), *where, "--baud", "19200") as endpoint:
        assert endpoint == link
        then = _use(link)
        # nothing is kept back until the end: what has been said is in the file already
        assert b"STP" in file.read_bytes()
    assert not Path(link).is_symlink()
    found = read_transcript(file)
    assert found.header.simulated
    assert found.header.baud == 19200
    assert found.ended_ns is not None
    sent = b"".join(r.data for r in found.records if r.way == "out")
    assert b"DIA" in sent
    assert b"RUN" in sent
    with tapped(f"replay://{file}", *where):  # without --to: only served
        assert _use(link) == then


def _use(link: str) -> list[Any]:
    with nesp_lib.Port(link) as port:
        pump = nesp_lib.Pump(port)
        said: list[Any] = [pump.model_number, pump.firmware_version]
        pump.syringe_diameter_mm = 4.699
        pump.pumping_direction = nesp_lib.PumpingDirection.INFUSE
        pump.pumping_volume_ml = 0.5
        pump.pumping_rate_ml_per_min = 0.2
        pump.run(wait_while_running=False)
        said.append(pump.status)
        pump.stop()
        return [*said, pump.status, pump.syringe_diameter_mm, pump.pumping_rate_ml_per_min]


def test_a_program_that_says_something_else_ends_the_replay_with_the_line(tmp_path: Path) -> None:
    file, copy = tmp_path / "t", tmp_path / "copy"
    file.write_text(
        "# amperfuse transcript 1\n# url: x\n# began: 2026-11-25T09:30:00.000000000Z\n# line: 9600 8N1\n"
        '0.000000000 > "VER\\r"\n0.010000000 < "ok"\n'
    )
    command = [sys.executable, "-m", "amperfuse", "tap", f"replay://{file}", "--to", str(copy)]
    with subprocess.Popen(
        [*command, "--pty", str(tmp_path / "pty")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with serial.Serial(str(tmp_path / "pty"), timeout=20) as line:
            line.write(b"VER\r")
            assert line.read(2) == b"ok"
            line.write(b"RUN\r")
            _, error = process.communicate(timeout=60)
        assert process.returncode == 3
        assert "has no further request, RUN\\r was written" in error
        assert "compare with the named line" in error
    last = read_transcript(copy).records[-1]
    assert (last.way, b"no further request" in last.data) == ("lost", True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sim://new-era", "--pty", "x"), "--to FILE"),
        (("sim://new-era", "--to", "T"), "say where to serve"),
        (("sim://new-era", "--to", "T", "--tcp", "nowhere"), "HOST:PORT"),
        (("sim://new-era", "--to", "T", "--tcp", ":0", "--frame", "7E1"), "8N1, 8N2"),
        (("sim://new-era", "--to", "HERE", "--tcp", ":0"), "File exists"),
        (("--from-session", "D", "--to", "T"), "--instrument NAME"),
        (("--from-session", "D", "--instrument", "p", "--to", "T"), "no journal"),
    ],
)
def test_bad_requests_are_refused_and_no_file_is_made(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "HERE").write_text("precious")
    paths = {"T": str(tmp_path / "T"), "HERE": str(tmp_path / "HERE"), "D": str(tmp_path)}
    done = CliRunner().invoke(app, ["tap", *(paths.get(word, word) for word in words)])
    assert done.exit_code == 2, done.output
    assert says in done.output
    assert not (tmp_path / "T").exists()
    assert (tmp_path / "HERE").read_text() == "precious"


class Client:
    """An endpoint whose client says what it is told to, and stops the tap when it has heard enough."""

    def __init__(self, say: list[bytes], stop: threading.Event, enough: int) -> None:
        self.say, self.stop, self.enough, self.heard = say, stop, enough, b""

    def appear(self) -> str:
        return "here"

    def vanish(self) -> None:
        pass

    def pump(self, outgoing: bytes, wait_s: float) -> bytes:
        self.heard += outgoing
        if len(self.heard) >= self.enough:
            self.stop.set()
        return self.say.pop(0) if self.say else b""


class Echo:
    """A line that sends back what it is sent, or is lost."""

    port = "x"

    def __init__(self, lost_after: int = 1 << 30) -> None:
        self.back, self.written, self.lost_after = b"", b"", lost_after

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        data, self.back = self.back[:max_bytes], self.back[max_bytes:]
        return data

    def write(self, data: bytes, timeout_s: float) -> None:
        if len(self.written) >= self.lost_after:
            raise PortLost("unplugged", port="x")
        self.written += data
        self.back += data

    def discard_input(self) -> bytes:
        return b""

    def close(self) -> None:
        pass


def test_it_adds_nothing_and_loses_nothing(tmp_path: Path) -> None:
    say = [bytes([n % 256]) * (n % 37 + 1) for n in range(500)]
    everything, clock, stop = b"".join(say), SystemClock(), threading.Event()
    writer = TranscriptWriter.create(tmp_path / "t", TranscriptHeader("x", 0), clock)
    line, client = Echo(), Client(list(say), stop, len(everything))
    Tap(line, client, writer, clock, pytest.fail).run(stop)
    assert line.written == client.heard == everything
    records = read_transcript(tmp_path / "t").records
    assert b"".join(r.data for r in records if r.way == "out") == everything
    assert b"".join(r.data for r in records if r.way == "in") == everything


def test_a_transcript_that_cannot_be_written_does_not_cut_the_talk(tmp_path: Path) -> None:
    clock, stop, said = SystemClock(), threading.Event(), list[str]()
    writer = TranscriptWriter.create(tmp_path / "t", TranscriptHeader("x", 0), clock)
    os.close(writer.file.fileno())  # the disk is gone
    line, client = Echo(), Client([b"abc", b"def"], stop, 6)
    tap = Tap(line, client, writer, clock, said.append)
    tap.run(stop)
    assert client.heard == b"abcdef"
    assert said == [tap.failed] == ["Bad file descriptor"]


def test_a_lost_line_ends_the_tap_and_stands_in_the_transcript(tmp_path: Path) -> None:
    clock, stop = SystemClock(), threading.Event()
    writer = TranscriptWriter.create(tmp_path / "t", TranscriptHeader("x", 0), clock)
    tap = Tap(Echo(lost_after=3), Client([b"abc", b"def"], stop, 99), writer, clock, pytest.fail)
    with pytest.raises(PortLost):
        tap.run(stop)
    records = read_transcript(tmp_path / "t").records
    assert [(r.way, r.data) for r in records] == [
        ("out", b"abc"),
        ("in", b"abc"),
        ("out", b"def"),
        ("lost", b"unplugged"),
    ]


def test_our_driver_through_the_tap_and_on_its_transcript_measures_the_same(tmp_path: Path) -> None:
    file, link = tmp_path / "t", str(tmp_path / "pty")
    clock = SystemClock()
    with tapped("sim://emstat", "--to", str(file), "--pty", link, "--baud", "230400"):
        then = _measure(SerialOpener(clock), link, clock)
    now = _measure(ReplayOpener(clock), f"replay://{file}?polls=any", clock)  # a busy computer may have asked twice
    assert now[0] == then[0]
    assert now[1][:15] == then[1][:15]
    assert len(now[1]) >= 15


def _measure(opener: Any, url: str, clock: SystemClock) -> tuple[Any, list[float]]:
    device = driver("methodscript")(opener, url, clock, DriverOptions("it"))
    assert isinstance(device, Potentiostat)
    identity = device.connect()
    device.start(AmperometrySettings(0.6, 0.1, (ElectrodeSettings("glu", "we1", 1e-7),)))
    currents: list[float] = []
    while len(currents) < 20:
        for block in device.read(1.0):
            currents += block.current_a[:, 0].tolist()
    device.stop()
    device.close()
    return identity, currents
