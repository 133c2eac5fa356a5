"""Real lines: pseudo-terminals and TCP, opened exclusively, pulled out while reading, and in the wrong hands."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import serial
import serial.tools.list_ports
from serial.rfc2217 import PortManager

from drivers.bound_port import PortInfo
from drivers.clock import NS_PER_S, SystemClock
from drivers.errors import PortBusy, PortError, PortLost, PortMissing, ReplyTimeout
from drivers.os_support import Pty, open_pty
from drivers.serial_port import SerialOpener, is_simulated_url, list_ports
from drivers.transport import LineSettings, Transport

CLOCK = SystemClock()


@pytest.fixture
def pty() -> Iterator[Pty]:
    pair = open_pty()
    yield pair
    pair.close()


def elapsed_s(since_ns: int) -> float:
    return (CLOCK.now_ns() - since_ns) / NS_PER_S


def test_bytes_cross_a_pseudo_terminal_in_blocks(pty: Pty) -> None:
    line = SerialOpener().open(str(pty.path), LineSettings())
    line.write(b"0VER\r", 0.5)
    assert os.read(pty.master_fd, 100) == b"0VER\r"
    os.write(pty.master_fd, b"x" * 1000)
    received = line.read(4096, 1.0)
    while len(received) < 1000:
        received += line.read(4096, 1.0)
    assert received == b"x" * 1000
    assert line.port == str(pty.path)
    line.close()
    line.close()


def test_reading_waits_no_longer_than_asked_and_takes_no_more_than_asked(pty: Pty) -> None:
    line = SerialOpener().open(str(pty.path), LineSettings())
    since_ns = CLOCK.now_ns()
    assert line.read(10, 0.1) == b""
    assert 0.09 <= elapsed_s(since_ns) < 3.0
    os.write(pty.master_fd, b"abcdef")
    first = line.read(4, 1.0)
    assert len(first) <= 4
    assert line.read(100, 0.0) + b"" == b"abcdef"[len(first) :]
    line.close()


def test_nothing_of_what_waits_below_a_full_terminal_layer_is_lost(pty: Pty) -> None:
    line = SerialOpener().open(str(pty.path), LineSettings())
    os.set_blocking(pty.master_fd, False)
    sent = bytearray()
    with suppress(BlockingIOError):
        while True:
            block = bytes(at % 251 for at in range(len(sent), len(sent) + 992))
            sent += block[: os.write(pty.master_fd, block)]
    assert len(sent) > 8 * 1024, "more than the terminal layer holds"
    received = bytearray()
    while len(received) < len(sent):
        received += line.read(len(sent), 1.0)
    assert received == sent
    line.close()


class _TwoLayers:
    """A line as Linux has it: so much is ready at once, the rest comes up while somebody waits for a byte."""

    def __init__(self, waiting: int) -> None:
        self._below = bytes(at % 251 for at in range(waiting))
        self._ready = b""
        self._come_up()

    def _come_up(self) -> None:
        self._ready, self._below = self._ready + self._below[:4095], self._below[4095:]

    @property
    def in_waiting(self) -> int:
        return len(self._ready)

    def read(self, size: int) -> bytes:
        if not self._ready:
            self._come_up()
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def close(self) -> None:
        """Nothing is held."""


def test_what_waits_below_a_full_terminal_layer_comes_with_the_same_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = 2 * 4095 + 1000
    monkeypatch.setattr(serial, "serial_for_url", lambda *_words, **_options: _TwoLayers(waiting))
    line = SerialOpener().open("COM4", LineSettings())
    received = line.read(65_536, 0.0)
    assert received == bytes(at % 251 for at in range(waiting))
    line.close()


def test_windows_is_asked_for_a_longer_input_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    windows = SimpleNamespace(set_buffer_size=asked.append, close=lambda: None)
    monkeypatch.setattr(serial, "serial_for_url", lambda *_words, **_options: windows)
    SerialOpener().open("COM4", LineSettings()).close()
    assert asked == [65_536]


def test_input_can_be_thrown_away_and_is_shown_for_the_log(pty: Pty) -> None:
    line = SerialOpener().open(str(pty.path), LineSettings())
    os.write(pty.master_fd, b"stale")
    thrown = b""
    deadline_ns = CLOCK.now_ns() + NS_PER_S
    while thrown != b"stale" and CLOCK.now_ns() < deadline_ns:
        thrown += line.discard_input()
    assert thrown == b"stale"
    assert line.discard_input() == b""
    line.close()


def test_R39_a_port_is_opened_once_only(pty: Pty) -> None:
    opener = SerialOpener()
    line = opener.open(str(pty.path), LineSettings())
    with pytest.raises(PortBusy, match="another instrument of this rig"):
        opener.open(str(pty.path), LineSettings())
    with pytest.raises(PortBusy, match="another program"):
        SerialOpener().open(str(pty.path), LineSettings())
    line.close()
    opener.open(str(pty.path), LineSettings()).close()


def test_R39_a_link_to_an_open_port_is_the_same_port(pty: Pty, tmp_path: Path) -> None:
    link = tmp_path / "pump"
    link.symlink_to(pty.path)
    opener = SerialOpener()
    line = opener.open(str(pty.path), LineSettings())
    with pytest.raises(PortBusy, match="another instrument of this rig"):
        opener.open(str(link), LineSettings())
    line.close()


def test_R40_a_pulled_cable_is_noticed_within_a_second_and_for_ever() -> None:
    pair = open_pty()
    line = SerialOpener().open(str(pair.path), LineSettings())
    threading.Timer(0.1, pair.close).start()
    since_ns = CLOCK.now_ns()
    with pytest.raises(PortLost, match="unplugged"):
        line.read(10, 5.0)
    assert elapsed_s(since_ns) < 3.0
    for act in (lambda: line.read(1, 0.0), lambda: line.write(b"x", 0.1), line.discard_input):
        with pytest.raises(PortLost):
            act()


def serve_once(act: object) -> tuple[str, threading.Thread]:
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with server, server.accept()[0] as peer:
            act(peer)  # type: ignore[operator]

    thread = threading.Thread(target=run)
    thread.start()
    return f"socket://127.0.0.1:{server.getsockname()[1]}", thread


def read_all(line: Transport, size: int) -> bytes:
    received = b""
    deadline_ns = CLOCK.now_ns() + 5 * NS_PER_S
    while len(received) < size and CLOCK.now_ns() < deadline_ns:
        received += line.read(4096, 0.5)
    return received


def test_bytes_cross_tcp_and_a_closed_peer_is_a_lost_port() -> None:
    def echo(peer: socket.socket) -> None:
        peer.sendall(peer.recv(100) * 100)

    url, thread = serve_once(echo)
    line = SerialOpener().open(url, LineSettings())
    line.write(b"0123456789", 0.5)
    assert read_all(line, 1000) == b"0123456789" * 100, "the last bytes come before the news of the end"
    since_ns = CLOCK.now_ns()
    with pytest.raises(PortLost):
        line.read(10, 5.0)
    assert elapsed_s(since_ns) < 3.0
    thread.join(5)
    assert not thread.is_alive()


def test_a_peer_that_takes_nothing_is_a_timeout_not_a_hang() -> None:
    done = threading.Event()
    url, thread = serve_once(lambda _peer: done.wait(10))
    line = SerialOpener().open(url, LineSettings())
    since_ns = CLOCK.now_ns()
    with pytest.raises(ReplyTimeout):
        line.write(b"x" * 50_000_000, 0.2)
    assert elapsed_s(since_ns) < 5
    done.set()
    line.close()
    thread.join(5)


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("/dev/there-is-no-such-port", PortMissing, "amperfuse ports"),
        ("COM77", PortMissing, "amperfuse ports"),
        ("socket://127.0.0.1:1", PortMissing, "nobody answers"),
        ("socket://nonsense", PortMissing, "nobody answers"),
        ("nonsense://x", PortMissing, "socket://"),
        ("sim://nonsense", PortMissing, "it cannot be opened .*new-era.*wpi-micro4"),
        ("sim://emstat?model=nonsense", PortMissing, "it cannot be opened .*pico.*nexus"),
        ("/dev/null", PortError, "cannot be opened as a serial port"),
    ],
)
def test_a_failed_open_says_what_to_do(url: str, kind: type[PortError], says: str) -> None:
    opener = SerialOpener()
    for _again in range(2):  # the second failure must not be "busy"
        with pytest.raises(kind, match=says) as caught:
            opener.open(url, LineSettings())
        assert type(caught.value) is kind
        assert caught.value.port == url


def raising(error: Exception) -> object:
    def open_(*_args: object, **_options: object) -> None:
        raise error

    return open_


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (serial.SerialException(13, "Permission denied"), PortError, "dialout"),
        (serial.SerialException(16, "Device or resource busy"), PortBusy, "another program"),
        (
            serial.SerialException("could not open port 'COM3': PermissionError(13, 'Access is denied.')"),
            PortBusy,
            "vendor",
        ),
    ],
)
def test_refusals_of_the_system_are_explained(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[PortError], says: str
) -> None:
    monkeypatch.setattr(serial, "serial_for_url", raising(error))
    with pytest.raises(kind, match=says):
        SerialOpener().open("/dev/null", LineSettings())


class Gone:
    """A line as pyserial leaves it after an unplug: read gives nothing, asking how much waits raises."""

    write_timeout = 0.5
    timeout = 0.02

    @property
    def in_waiting(self) -> int:
        raise OSError(5, "Input/output error")

    def read(self, _size: int) -> bytes:
        return b""

    def write(self, data: bytes) -> int:
        return len(data) - 1

    def close(self) -> None:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("act", ["read", "write", "discard"])
def test_R40_a_port_that_is_gone_but_looks_open_is_a_lost_port(monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    monkeypatch.setattr(serial, "serial_for_url", lambda *_args, **_options: Gone())
    opener = SerialOpener()
    line = opener.open("/dev/ttyUSB0", LineSettings())
    acts = {"read": lambda: line.read(1, 1.0), "write": lambda: line.write(b"ab", 0.5), "discard": line.discard_input}
    with pytest.raises(PortLost):
        acts[act]()
    opener.open("/dev/ttyUSB0", LineSettings())  # given back, although closing failed


def share_over_rfc2217(peer: socket.socket) -> None:
    """Serve a port that returns what it gets, as RFC 2217 says, with pyserial's own server side."""
    port: Any = serial.serial_for_url("loop://", timeout=0)
    back: Any = SimpleNamespace(write=peer.sendall)
    manager = PortManager(port, back)
    peer.settimeout(0.02)
    while True:
        peer.sendall(b"".join(manager.escape(port.read(1024))))
        try:
            arrived = peer.recv(1024)
        except TimeoutError:
            continue
        except ConnectionError:
            return
        if not arrived:
            return
        port.write(b"".join(manager.filter(arrived)))


@pytest.mark.filterwarnings("ignore:set(Daemon|Name)\\(:DeprecationWarning")  # by pyserial 3.5
def test_bytes_cross_a_network_port_that_speaks_rfc2217() -> None:
    url, server = serve_once(share_over_rfc2217)
    line = SerialOpener().open(url.replace("socket", "rfc2217"), LineSettings())
    message = b"0VER\r\xff\x03"  # 0xFF is telnet's own escape and must come through
    line.write(message, 2.0)
    received = b""
    deadline_ns = CLOCK.now_ns() + 5 * NS_PER_S
    while len(received) < len(message) and CLOCK.now_ns() < deadline_ns:
        received += line.read(100, 0.2)
    line.close()
    server.join(10)
    assert received == message
    assert not server.is_alive()


def test_simulated_lines_say_so() -> None:
    assert is_simulated_url("sim://new-era?seed=4")
    assert is_simulated_url("SIM://emstat")
    assert not is_simulated_url("/dev/ttyUSB0")
    assert not is_simulated_url("socket://sim:1")
    assert SerialOpener().simulated is False
    assert SerialOpener().is_simulated_url("sim://emstat")


def test_listed_ports_are_escaped_and_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    usb = SimpleNamespace(
        device="/dev/ttyUSB1",
        description="evil\x1b[2J",
        vid=0x403,
        pid=0x6001,
        serial_number="A1\n",
        manufacturer="FTDI",
    )
    plain = SimpleNamespace(
        device="/dev/ttyS0", description="n/a", vid=None, pid=None, serial_number=None, manufacturer=None
    )
    monkeypatch.setattr(serial.tools.list_ports, "comports", lambda: [usb, plain])
    first, second = list_ports()
    assert first == PortInfo("/dev/ttyS0", "", "", "", "")
    assert second == PortInfo("/dev/ttyUSB1", "evil\\x1b[2J", "0403:6001", "A1\\n", "FTDI")
