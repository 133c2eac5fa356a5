"""A simulated instrument served to other programs: real ptys, real sockets, real processes, bounded waits."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import serial

from drivers.endpoints import parse_tcp
from drivers.errors import PortError
from sim_devices.serve import serve
from tests.sim_devices.serving import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


def ask(line: serial.Serial, text: bytes) -> bytes:
    line.write(text + b"\r")
    return bytes(line.read_until(b"\x03"))


def test_a_pty_serves_clients_that_come_and_go_and_its_link_is_removed(tmp_path: Path) -> None:
    link = tmp_path / "pump"
    with served("pty", str(link), "new-era") as server:
        assert server.endpoint == str(link)
        with serial.Serial(str(link), 9600, timeout=10) as first:
            assert ask(first, b"VER") == b"\x0200A?R\x03"
            assert ask(first, b"DIA4.699") == b"\x0200S\x03"
        with serial.Serial(str(link), 19200, timeout=10) as second:
            assert ask(second, b"DIA") == b"\x0200S4.699\x03"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
    assert not link.is_symlink()


def test_a_killed_client_does_not_disturb_the_next(tmp_path: Path) -> None:
    link = tmp_path / "pump"
    hold = (
        f"import serial, sys; s = serial.Serial({str(link)!r}); s.write(b'0DIA4.6'); print('x', flush=True); s.read()"
    )
    with served("pty", str(link), "new-era?power_up_alarm=0"):
        with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE) as client:
            assert client.stdout is not None
            client.stdout.readline()
            client.kill()
        with serial.Serial(str(link), timeout=10) as line:
            line.write(b"\r")
            line.read_until(b"\x03")
            assert ask(line, b"VER") == b"\x0200SNE1000V3.928\x03"


def test_tcp_on_any_free_port_serves_one_client_at_a_time() -> None:
    with served("tcp", "127.0.0.1:0", "emstat") as server:
        host, port = server.endpoint.rsplit(":", 1)
        for _ in range(2):
            with socket.create_connection((host, int(port)), timeout=20) as client:
                client.sendall(b"t\n")
                data = b""
                while not data.endswith(b"*\n"):
                    data += client.recv(100)
                assert data.startswith(b"tespico")
                with socket.create_connection((host, int(port)), timeout=20) as second:
                    assert second.recv(1) == b""
        with serial.serial_for_url(f"socket://{server.endpoint}", timeout=10) as line:
            line.write(b"xyz\n")
            assert line.read_until(b"\n") == b"x!0003\n"
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 0


def test_unplug_and_replug_of_a_served_pump(tmp_path: Path) -> None:
    link = tmp_path / "pump"
    with served("pty", str(link), "new-era", "unplug@1s+500ms"):
        line = serial.Serial(str(link), timeout=10)
        with pytest.raises((serial.SerialException, OSError)):
            line.read(1)
        line.close()
        again = _open_soon(link)
        with again:
            assert ask(again, b"VER") == b"\x0200A?R\x03"


def _open_soon(link: Path) -> serial.Serial:
    waited = threading.Event()
    for _ in range(200):
        try:
            return serial.Serial(str(link), timeout=10)
        except (serial.SerialException, OSError):
            waited.wait(0.05)
    raise AssertionError("the port did not come back")


def serve_briefly(**options: object) -> list[str]:
    """Serve in this thread, stopped before it begins: what is wrong is said anyway."""
    stop = threading.Event()
    stop.set()
    said: list[str] = []
    defaults: dict[str, object] = {"name": "new-era", "pty": None, "tcp": "127.0.0.1:0", "seed": 1, "faults": []}
    arguments = {**defaults, **options}
    name = str(arguments.pop("name"))
    serve(name, announce=said.append, stop=stop, **arguments)  # type: ignore[arg-type]
    return said


def test_serving_announces_its_endpoint_and_ends_when_told() -> None:
    (endpoint,) = serve_briefly()
    assert endpoint.startswith("127.0.0.1:")
    assert not endpoint.endswith(":0")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "toaster"}, "emstat, .*new-era"),
        ({"name": "new-era?saf=300"}, "0..255"),
        ({"faults": ["burn@1s"]}, "kinds are"),
        ({"faults": ["stall@soon"]}, "is no time"),
        ({"tcp": "nowhere"}, "HOST:PORT"),
        ({"tcp": None}, "--pty LINK"),
        ({"pty": Path("x")}, "--pty LINK"),
    ],
)
def test_bad_requests_are_refused_with_a_sentence_that_helps(options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        serve_briefly(**options)


def test_a_file_in_the_way_of_the_link_is_kept(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("data")
    with pytest.raises(FileExistsError):
        serve_briefly(pty=precious, tcp=None)
    assert precious.read_text() == "data"


def test_addresses_default_to_this_machine_only() -> None:
    assert (parse_tcp(":5").host, parse_tcp("5").tcp_port, parse_tcp("[::1]:7").host) == ("127.0.0.1", 5, "::1")


def test_a_taken_tcp_port_is_an_error_not_a_second_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=r"."):
        serve_briefly(tcp=f"127.0.0.1:{taken.getsockname()[1]}")
    assert issubclass(PortError, Exception)
