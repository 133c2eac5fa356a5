"""``sim://`` in any pyserial program: found without our being imported, and the full surface of a serial port."""

from __future__ import annotations

import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import serial
from serial.serialutil import PortNotOpenError

ROOT = Path(__file__).parents[2]
PTH = ROOT / "sim_devices" / "url" / "sim_url.pth"


def python(code: str, *flags: str) -> str:
    done = subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def pump(request: pytest.FixtureRequest) -> Iterator[serial.Serial]:
    """Open a pump of this test's own, without the power-up alarm."""
    name = request.node.name.replace("[", "-").replace("]", "")
    with serial.serial_for_url(f"sim://new-era/{name}?power_up_alarm=0", baudrate=19200, timeout=1) as line:
        yield line


def test_any_program_of_this_python_opens_sim_urls_with_just_pyserial() -> None:
    said = python(
        "import serial; s = serial.serial_for_url('sim://new-era', timeout=1); s.write(b'VER\\r');"
        "print(s.read_until(b'\\x03'))"
    )
    assert said == "b'\\x0200A?R\\x03'\n"


def test_start_up_of_other_programs_imports_nothing_of_ours() -> None:
    ours = ("serial", "sim_devices", "drivers", "numpy")
    assert python(f"import sys; print([m for m in sys.modules if m.split('.')[0] in {ours}])") == "[]\n"


def test_the_hook_survives_a_package_that_is_gone() -> None:
    line = PTH.read_text()
    assert line.startswith("import ")
    assert line.count("\n") == 1  # one line: that is what Python runs
    code = f"""
exec({line!r})
import sys
hook = sys.meta_path[-1]
assert hook.find_spec('serial') is None
try:
    hook.find_spec('serial.urlhandler.protocol_sim')
except ImportError:
    print('not known')
"""
    assert python(code, "-I", "-S") == "not known\n"


def test_wheel_and_editable_installs_carry_the_hook_beside_the_packages() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"sim_devices/url/sim_url.pth": "amperfuse_sim_url.pth"}


def test_unknown_simulators_and_options_are_serial_exceptions_that_help() -> None:
    with pytest.raises(serial.SerialException, match=r"emstat, .*new-era"):
        serial.serial_for_url("sim://toaster")
    with pytest.raises(serial.SerialException, match="no option"):
        serial.serial_for_url("sim://new-era/bad?colour=red")


def test_ports_share_one_process_and_are_exclusive(pump: serial.Serial) -> None:
    with pytest.raises(serial.SerialException, match="open already"):
        serial.serial_for_url(str(pump.port))
    with pytest.raises(serial.SerialException, match="already open"):
        pump.open()
    pump.write(b"DIA4.699\r")
    assert pump.read_until(b"\x03") == b"\x0200S\x03"
    pump.close()
    pump.open()
    pump.write(b"DIA\r")
    assert pump.read_until(b"\x03") == b"\x0200S4.699\x03"


def test_reading_what_is_there_and_waiting_no_longer_than_told(pump: serial.Serial) -> None:
    pump.timeout = 0
    assert pump.read(10) == b""
    pump.timeout = 5
    pump.write(b"VER\r")
    pump.flush()
    assert pump.out_waiting == 0
    assert pump.read(3) == b"\x0200"
    for _ in range(400):
        if pump.in_waiting == 14:
            break
        threading.Event().wait(0.005)
    assert pump.in_waiting == 14
    pump.reset_input_buffer()
    assert pump.in_waiting == 0
    pump.timeout = 0.05
    assert pump.read(1) == b""


def test_inter_byte_timeout_ends_a_read_after_the_reply(pump: serial.Serial) -> None:
    pump.timeout, pump.inter_byte_timeout = None, 0.1
    pump.write(b"VER\r")
    assert pump.read(1000) == b"\x0200SNE1000V3.928\x03"


def test_a_blocked_read_can_be_cancelled_and_ends_when_the_port_is_closed(pump: serial.Serial) -> None:
    pump.timeout = None
    timer = threading.Timer(0.1, pump.cancel_read)
    timer.start()
    assert pump.read(1) == b""
    timer.join()
    timer = threading.Timer(0.1, pump.close)
    timer.start()
    with suppress(serial.SerialException):  # either is what real ports do, depending on the instant
        pump.read(1)
    timer.join()
    with pytest.raises(PortNotOpenError):
        pump.read(1)
    with pytest.raises(PortNotOpenError):
        pump.write(b"x")


def test_a_write_from_another_thread_wakes_a_reader(pump: serial.Serial) -> None:
    timer = threading.Timer(0.1, pump.write, [b"VER\r"])
    timer.start()
    pump.timeout = 5
    assert pump.read(17) == b"\x0200SNE1000V3.928\x03"
    timer.join()


def test_settings_and_modem_lines_are_accepted(pump: serial.Serial) -> None:
    pump.baudrate, pump.parity, pump.stopbits, pump.rtscts, pump.exclusive = 300, "E", 2, True, True
    pump.rts = pump.dtr = False
    assert (pump.cts, pump.dsr, pump.ri, pump.cd) == (False, False, False, True)
    pump.send_break(0)
    pump.write(b"VER\r")
    pump.reset_output_buffer()  # at 300 baud the command is still on its way
    pump.timeout = 0.5
    assert pump.read(1) == b""


def test_an_unplugged_instrument_is_a_serial_exception() -> None:
    line = serial.serial_for_url("sim://new-era/unplugged?fault=unplug@100ms", timeout=5)
    with line, pytest.raises(serial.SerialException, match="unplugged"):
        line.read(1)
    with pytest.raises(serial.SerialException, match="unplugged"):
        serial.serial_for_url("sim://new-era/unplugged?fault=unplug@100ms")
