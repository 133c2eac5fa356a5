"""Opens real lines through pyserial: device paths, ``usb:`` bindings, ``socket://``, ``rfc2217://``, and ``sim://`` for
simulators; ``replay://`` is handed on to ``drivers.replay``.

The only module that knows pyserial: how it opens exclusively, how it waits, and in how many ways it says that a cable
was pulled. Knows nothing of what the bytes mean. The handler of ``sim://`` is found by name, never imported here.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import serial
from serial.tools import list_ports as _serial_list_ports

from drivers.bound_port import PortInfo, is_bound, open_bound
from drivers.clock import NS_PER_S, Clock, SystemClock
from drivers.errors import PortBusy, PortError, PortLost, PortMissing, ReplyTimeout
from drivers.replay import ReplayOpener, is_replay_url
from drivers.text import printable
from drivers.transport import LineSettings, Transport

SLICE_S: Final = 0.02
"""Longest single wait inside pyserial: who waits above can be called off this often."""
TERMINAL_LAYER_BYTES: Final = 4095
"""What Linux holds ready at once; up to some 64 kB more wait below it."""
INPUT_QUEUE_BYTES: Final = 65_536
"""Asked of Windows, which keeps 4 kB otherwise: 66 ms of an 8401-HR."""
_DISCARD_RETURN_MAX = 4096
_DISCARD_MAX = 1 << 20  # a line that babbles faster than it can be read must not hold us for ever
_URL_HANDLERS = "sim_devices.url"
_LINE_ERRORS = (OSError, serial.SerialException, TypeError, ValueError, AttributeError)
# TypeError, ValueError, AttributeError: what pyserial raises from half-closed ports (fd None, select on -1).


def is_simulated_url(url: str) -> bool:
    """Tell whether ``url`` leads to a simulated instrument in this process, or to a recording of any."""
    return url.lower().startswith("sim://") or is_replay_url(url)


def _is_device_path(url: str) -> bool:
    return "://" not in url


class _SerialTransport:
    """An open pyserial line. After the first failure it is closed and says PortLost for ever."""

    def __init__(self, url: str, line: Any, clock: Clock, on_close: Callable[[], None]) -> None:
        self._url = url
        self._line = line
        self._clock = clock
        self._on_close = on_close
        # pyserial's socket handler reports 1 byte waiting whatever there is, but may change its timeout at no cost.
        self._counts_waiting = not url.lower().startswith("socket://")
        self._may_set_write_timeout = not url.lower().startswith("rfc2217://")  # would negotiate the port anew
        self._closed = False

    @property
    def port(self) -> str:
        return self._url

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        self._check_open()
        deadline_ns = self._clock.now_ns() + round(max(timeout_s, 0.0) * NS_PER_S)
        try:
            while True:
                waiting = int(self._line.in_waiting)  # raises when the device is gone, even if read() would not
                left_ns = deadline_ns - self._clock.now_ns()
                if not waiting and left_ns <= 0:
                    return b""
                data = self._take(waiting, max_bytes)
                if data:
                    return data + self._from_below(waiting, max_bytes - len(data))
        except _LINE_ERRORS as error:
            raise self._lost(error) from error

    def _from_below(self, waiting: int, max_bytes: int) -> bytes:
        """Return what waited below a full terminal layer: it comes up a moment after that was emptied, not at once."""
        more = bytearray()
        with suppress(*_LINE_ERRORS):  # what came before is delivered first; the next read reports it
            while self._counts_waiting and waiting >= TERMINAL_LAYER_BYTES and len(more) < max_bytes:
                first = bytes(self._line.read(1))  # waits up to SLICE_S
                more += first
                up = int(self._line.in_waiting)
                more += self._line.read(min(up, max_bytes - len(more)))
                waiting = len(first) + up
        return bytes(more)

    def _take(self, waiting: int, max_bytes: int) -> bytes:
        if self._counts_waiting:
            if waiting:
                return bytes(self._line.read(min(waiting, max_bytes)))
            first = bytes(self._line.read(1))  # waits up to SLICE_S
            rest = min(int(self._line.in_waiting), max_bytes - 1) if first else 0
            return first + (bytes(self._line.read(rest)) if rest > 0 else b"")
        first = bytes(self._line.read(1))
        if not first or max_bytes == 1:
            return first
        return first + self._read_without_waiting(max_bytes - 1)

    def _read_without_waiting(self, max_bytes: int) -> bytes:
        self._line.timeout = 0
        try:
            return bytes(self._line.read(max_bytes))
        except serial.SerialException:
            return b""  # the peer closed behind its last bytes: deliver those first, the next read reports it
        finally:
            self._line.timeout = SLICE_S

    def write(self, data: bytes, timeout_s: float) -> None:
        self._check_open()
        try:
            if self._may_set_write_timeout and self._line.write_timeout != timeout_s:
                self._line.write_timeout = timeout_s
            written = self._line.write(data)
        except serial.SerialTimeoutException as error:
            raise ReplyTimeout("the line took no data in time (flow control held it?)", port=self._url) from error
        except _LINE_ERRORS as error:
            raise self._lost(error) from error
        if written is not None and written != len(data):
            raise self._lost(f"only {written} of {len(data)} bytes were taken")

    def discard_input(self) -> bytes:
        self._check_open()
        kept = bytearray()
        total = 0
        try:
            while total < _DISCARD_MAX and (waiting := int(self._line.in_waiting)):
                data = self._take(waiting, 4096)
                if not data:
                    break
                total += len(data)
                kept += data[: _DISCARD_RETURN_MAX - len(kept)]
        except _LINE_ERRORS as error:
            raise self._lost(error) from error
        return bytes(kept)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        peer = getattr(self._line, "_socket", None)  # pyserial forgets to close it where the other end is gone
        with suppress(*_LINE_ERRORS):  # the line may be gone already, and closing must always succeed
            self._line.close()
        if peer is not None:
            peer.close()
        self._on_close()

    def _check_open(self) -> None:
        if self._closed:
            raise PortLost("the line is closed", port=self._url)

    def _lost(self, why: object) -> PortLost:
        self.close()
        return PortLost(
            f"the line went away (unplugged, or the other end closed): {printable(str(why))}", port=self._url
        )


@dataclass
class SerialOpener:
    """Opens lines by URL, each at most once at a time. Thread-safe."""

    clock: Clock = field(default_factory=SystemClock)
    ports: Callable[[], Sequence[PortInfo]] = field(default_factory=lambda: list_ports)
    """Lists the ports of this machine, asked anew whenever a ``usb:`` binding is opened."""
    _open: set[str] = field(default_factory=set, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _replays: ReplayOpener = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._replays = ReplayOpener(self.clock)

    @property
    def simulated(self) -> bool:
        return False

    def is_simulated_url(self, url: str) -> bool:
        """Tell whether this opener would give a simulated line for ``url``."""
        return is_simulated_url(url)

    def open(self, url: str, settings: LineSettings) -> Transport:
        """Open ``url``; a ``usb:`` binding wherever its adapter is now. Raises PortMissing, PortBusy or PortError."""
        if is_replay_url(url):
            return self._replays.open(url, settings)
        if is_bound(url):
            return open_bound(url, self.ports, lambda path: self._open_here(path, settings))
        return self._open_here(url, settings)

    def _open_here(self, url: str, settings: LineSettings) -> Transport:
        _register_url_handlers()
        key = os.path.realpath(url) if _is_device_path(url) and "/" in url else url
        with self._lock:
            if key in self._open:
                raise PortBusy("another instrument of this rig uses this port already", port=url)
            self._open.add(key)
        try:
            line = _open_line(url, settings)
        except BaseException:
            self._release(key)
            raise
        return _SerialTransport(url, line, self.clock, lambda: self._release(key))

    def _release(self, key: str) -> None:
        with self._lock:
            self._open.discard(key)


def _register_url_handlers() -> None:
    if _URL_HANDLERS not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append(_URL_HANDLERS)


def _open_line(url: str, settings: LineSettings) -> Any:
    options: dict[str, Any] = {
        "baudrate": settings.baud,
        "bytesize": settings.data_bits,
        "parity": settings.parity,
        "stopbits": settings.stop_bits,
        "xonxoff": settings.xon_xoff,
        "rtscts": settings.rts_cts,
        "timeout": SLICE_S,
    }
    if not url.lower().startswith("rfc2217://"):  # knows no such thing and refuses it
        options["write_timeout"] = 0.5
    if _is_device_path(url):
        options["exclusive"] = True  # flock on POSIX; Windows opens exclusively anyway
    try:
        line = serial.serial_for_url(url, **options)
        if hasattr(line, "set_buffer_size"):  # on Windows
            line.set_buffer_size(INPUT_QUEUE_BYTES)
    except _LINE_ERRORS as error:
        raise _explain(error, url) from error
    return line


def _explain(error: Exception, url: str) -> PortError:
    """Return the error of our tree for a failed open, with what to do about it."""
    number = getattr(error, "errno", None)
    text = printable(str(error), 200 if _is_device_path(url) else 800)  # a simulator lists its options
    lowered = text.lower()
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in lowered or "access is denied" in lowered:
        kind: type[PortError] = PortBusy
        what = f"another program holds this port ({text}); close it (a vendor program, another session) and try again"
    elif number in (errno.EACCES, errno.EPERM) or "permission denied" in lowered:
        kind = PortError
        what = (
            "no permission to open this port; on Linux add yourself to the group that owns it "
            "(Debian, Ubuntu, Fedora: sudo usermod -a -G dialout $USER; Arch: uucp), then log in again"
        )
    elif not _is_device_path(url):
        kind = PortMissing
        on_network = not url.lower().startswith(("sim://", "replay://"))
        where = "nobody answers at this address" if on_network else "it cannot be opened"
        what = f"{where} ({text}); lines are a device path, socket://, rfc2217://, sim:// or replay://"
    elif Path(url).exists() and number not in (errno.ENODEV, errno.ENXIO):
        kind = PortError
        what = f"this cannot be opened as a serial port ({text})"
    else:
        kind = PortMissing
        what = (
            f"there is no such port ({text}); is it plugged in and switched on? `amperfuse ports` lists what is there"
        )
    return kind(what, port=url)


def list_ports() -> list[PortInfo]:
    """Return the serial ports of this machine, sorted by path. Opens none of them."""
    return [_port_info(port) for port in sorted(_serial_list_ports.comports(), key=lambda port: str(port.device))]


def _port_info(port: Any) -> PortInfo:
    usb_id = f"{port.vid:04X}:{port.pid:04X}" if port.vid is not None and port.pid is not None else ""
    description = "" if port.description in (None, "n/a") else printable(port.description)
    return PortInfo(
        path=printable(port.device, 200),
        description=description,
        usb_id=usb_id,
        serial_number=printable(port.serial_number or ""),
        manufacturer=printable(port.manufacturer or ""),
        location=printable(getattr(port, "location", None) or ""),
    )
