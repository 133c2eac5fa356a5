"""A rig's entry means an adapter, not a name: found wherever it is plugged in, and never taken for another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import os_support
from drivers.bound_port import PortInfo, binding_url, changes_on_replug, is_bound, parse, resolve
from drivers.errors import PortBusy, PortError, PortLost, PortMissing
from drivers.os_support import Pty, open_pty
from drivers.serial_port import SerialOpener
from drivers.text import printable
from drivers.transport import LineSettings

PUMP = PortInfo("/dev/ttyUSB0", "FT231X", "0403:6015", "A50285BI", "FTDI", "1-1.2")
OTHER = PortInfo("/dev/ttyUSB1", "FT231X", "0403:6015", "A50285BJ", "FTDI", "1-1.3")
NAMELESS = PortInfo("/dev/ttyUSB2", "CH340", "1A86:7523", "", "QinHeng", "1-1.4")
TWIN = replace(NAMELESS, path="/dev/ttyUSB3", location="1-2")
FOUR = [
    PortInfo(f"/dev/ttyUSB{4 + n}", "FT4232H", "0403:6011", "FT4X", "FTDI", f"1-3:1.{n}") for n in range(4)
]  # one adapter with four ports
BUILT_IN = PortInfo("/dev/ttyS0", "ttyS0", "", "", "")
PORTS = [PUMP, OTHER, NAMELESS, TWIN, *FOUR, BUILT_IN]


def test_the_forms_are_as_documented() -> None:
    assert binding_url(PUMP, PORTS) == "usb:0403:6015/A50285BI"
    assert binding_url(NAMELESS, PORTS) == "usb:1A86:7523@1-1.4"
    assert binding_url(FOUR[2], PORTS) == "usb:0403:6011/FT4X#2"
    assert binding_url(BUILT_IN, PORTS) == ""


@pytest.mark.parametrize("port", PORTS[:-1], ids=lambda port: port.path)
def test_each_binding_leads_back_to_its_port_and_to_no_other(port: PortInfo) -> None:
    assert resolve(binding_url(port, PORTS), PORTS) == port.path


def test_R37_the_adapter_is_found_under_another_name_and_another_is_not_taken_for_it() -> None:
    url = binding_url(PUMP, PORTS)
    swapped = [replace(PUMP, path="/dev/ttyUSB1", location="1-4"), replace(OTHER, path="/dev/ttyUSB0")]
    assert resolve(url, swapped) == "/dev/ttyUSB1"
    with pytest.raises(PortMissing, match=r"/dev/ttyUSB0 \(0403:6015 A50285BJ\)"):
        resolve(url, swapped[1:])
    with pytest.raises(PortMissing, match="no serial port at all"):
        resolve(url, [])


def test_several_that_fit_are_an_error_that_names_them() -> None:
    with pytest.raises(PortError, match="/dev/ttyUSB0, /dev/ttyUSB9"):
        resolve("usb:0403:6015/A50285BI", [PUMP, replace(PUMP, path="/dev/ttyUSB9")])
    with pytest.raises(PortError, match="several ports"):
        resolve("usb:0403:6011/FT4X", FOUR)


def test_two_that_cannot_be_told_apart_have_no_binding() -> None:
    same = replace(NAMELESS, path="/dev/ttyUSB8", location="")
    assert binding_url(same, [same, replace(same, path="/dev/ttyUSB9")]) == ""


@pytest.mark.parametrize(
    "url",
    ["usb:", "usb:0403:6015", "usb:0403:6015/", "usb:0403:6015@", "usb:403:6015/A", "usb:0403:6015/A B",
     "usb:0403:6015/A/B", "usb:abcd:6015/A", "USB:0403:6015/A", "usb:0403:6015/A#x", "usb:0403:6015/%41",
     "usb:0403:6015/A@1-1", "usb:0403:6015/é"],
)  # fmt: skip
def test_anything_else_is_refused_and_opens_nothing(url: str) -> None:
    with pytest.raises(ValueError, match="written"):
        parse(url)
    with pytest.raises(PortMissing):
        SerialOpener(ports=lambda: PORTS).open(url, LineSettings())
    assert is_bound(url)


@given(st.text(min_size=1, max_size=40))
def test_whatever_a_device_calls_itself_is_one_word_and_comes_back(raw: str) -> None:
    """X8: a serial number is the device's own text; with a blank it would read as two ports, with a # as another."""
    serial_number = printable(raw)
    port = replace(PUMP, serial_number=serial_number)
    url = binding_url(port, [port, OTHER])
    assert len(url.split()) == 1
    assert url.isascii()
    assert resolve(url, [port, OTHER]) == port.path


@pytest.mark.parametrize(
    "name", ["/dev/ttyUSB0", "/dev/ttyACM12", "COM3", "/dev/cu.usbmodem14101", "/dev/tty.usbserial-110"]
)
def test_names_that_go_to_the_next_adapter_are_known(name: str) -> None:
    assert changes_on_replug(name)


@pytest.mark.parametrize(
    "name",
    ["/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0", "/dev/cu.usbserial-A50285BI", "usb:0403:6015/A5",
     "sim://new-era", "/dev/ttyS0", "socket://127.0.0.1:4000"],
)  # fmt: skip
def test_names_that_stay_are_known(name: str) -> None:
    assert not changes_on_replug(name)


# --- real ports ---


@pytest.fixture
def two_ptys() -> Iterator[tuple[Pty, Pty]]:
    first, second = open_pty(), open_pty()
    yield first, second
    first.close()
    second.close()


needs_ptys = pytest.mark.skipif(os_support.is_windows(), reason="has no pseudo-terminals")


@needs_ptys
def test_R37_a_line_is_opened_where_its_adapter_is_at_every_opening(two_ptys: tuple[Pty, Pty]) -> None:
    first, second = two_ptys
    now = [replace(PUMP, path=str(first.path)), replace(OTHER, path=str(second.path))]
    opener = SerialOpener(ports=lambda: now)
    line = opener.open("usb:0403:6015/A50285BI", LineSettings())
    line.write(b"one", 0.5)
    assert os.read(first.master_fd, 10) == b"one"
    line.close()
    now[:] = [replace(PUMP, path=str(second.path)), replace(OTHER, path=str(first.path))]
    line = opener.open("usb:0403:6015/A50285BI", LineSettings())
    line.write(b"two", 0.5)
    assert os.read(second.master_fd, 10) == b"two"
    assert line.port == str(second.path)
    line.close()


@needs_ptys
def test_R39_a_binding_and_a_name_for_the_same_port_exclude_each_other(
    two_ptys: tuple[Pty, Pty], tmp_path: Path
) -> None:
    link = tmp_path / "by-id"
    link.symlink_to(two_ptys[0].path)
    opener = SerialOpener(ports=lambda: [replace(PUMP, path=str(two_ptys[0].path))])
    line = opener.open("usb:0403:6015/A50285BI", LineSettings())
    with pytest.raises(PortBusy):
        opener.open(str(link), LineSettings())
    line.close()


@needs_ptys
def test_an_adapter_that_moves_while_it_is_opened_is_let_go_before_a_byte_is_sent(two_ptys: tuple[Pty, Pty]) -> None:
    first, second = two_ptys
    answers = iter([[replace(PUMP, path=str(first.path))], [replace(PUMP, path=str(second.path))], []])
    opener = SerialOpener(ports=lambda: next(answers))
    with pytest.raises(PortLost, match="moved"):
        opener.open("usb:0403:6015/A50285BI", LineSettings())
    SerialOpener(ports=list).open(str(first.path), LineSettings()).close()  # it is free again
