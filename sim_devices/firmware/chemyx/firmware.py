"""The Chemyx pump as a whole: power, lines in, echo, lines and prompt out.

Every command is answered in the order it came; everything is computed when somebody asks, so time may jump. It never
speaks unasked.
"""

from __future__ import annotations

from sim_devices.firmware.chemyx.commands import INVALID, Commands, Lines
from sim_devices.firmware.chemyx.options import ChemyxOptions
from sim_devices.firmware.chemyx.settings import Settings
from sim_devices.firmware.motor import Motor
from sim_devices.interfaces import Plunger

_CR, _LF = 0x0D, 0x0A
_LINE_LIMIT = 255
_NS_PER_MS = 1_000_000
_ECHO_ENDS = {"cr": "\r", "crlf": "\r\n", "lfcr": "\n\r"}
_SEPARATORS = {"crlf": "\r\n", "lfcr": " \n\r"}


class _NothingFitted:
    """The other channel's place: nothing of this world is in it, so it is not moved."""

    def drive(self, speed_mm_per_min: float, now_ns: int) -> None:
        """Move nothing."""

    def travelled_mm(self, now_ns: int) -> float:
        del now_ns
        return 0.0

    def stalled(self, now_ns: int) -> bool:
        del now_ns
        return False


class ChemyxFirmware:
    """One pump. Implements ``sim_devices.interfaces.Firmware``."""

    def __init__(self, plunger: Plunger, options: ChemyxOptions) -> None:
        self._options = options
        self._settings = self._fresh()
        self._motor = Motor(plunger, round(options.stall_check_ms * _NS_PER_MS))
        self._commands = Commands(self._settings, self._motor, options)
        self._beside = Commands(self._fresh(), Motor(_NothingFitted(), 1 << 62), options)
        self._powered = False
        self._line = bytearray()
        self._out = bytearray()

    def _fresh(self) -> Settings:
        return Settings(keeps_old=self._options.out_of_range == "keep", zero_is_endless=self._options.zero_is_endless)

    def power_on(self, now_ns: int) -> None:
        self._powered = True
        self._line.clear()
        self._commands.echo = self._options.echo
        self._motor.power_up(now_ns)
        if not self._options.remembers:
            self._commands.forget(self._fresh())

    def power_off(self, now_ns: int) -> None:
        self._motor.advance(now_ns)
        self._motor.stop(now_ns)
        self._powered = False
        self._out.clear()

    def receive(self, data: bytes, now_ns: int) -> None:
        if not self._powered:
            return
        self._motor.advance(now_ns)
        for byte in data:
            if byte == _CR:
                line, self._line = self._line.decode("latin-1"), bytearray()
                self._handle(line.strip(" "), now_ns)
            elif byte != _LF and len(self._line) < _LINE_LIMIT:  # LF alone ends nothing [M]
                self._line.append(byte)

    def transmit(self, now_ns: int) -> bytes:
        if self._powered:
            self._motor.advance(now_ns)
        out, self._out = bytes(self._out), bytearray()
        return out

    def next_event_ns(self, now_ns: int) -> int | None:
        if self._out:
            return now_ns
        event_ns = self._motor.next_event_ns() if self._powered else None
        return None if event_ns is None else max(event_ns, now_ns)

    def _execute(self, text: str, now_ns: int) -> Lines:
        if self._options.channel == "none" or not text or text.startswith("echo "):
            return self._commands.execute(text, now_ns)
        number, _, command = text.partition(" ")
        if command == "read limit parameter 0":
            command = "read limit parameter"
        elif number not in ("1", "2") or command == "read limit parameter":
            return INVALID
        channel = self._commands if number == self._options.channel else self._beside
        return channel.execute(command, now_ns)

    def _handle(self, text: str, now_ns: int) -> None:
        echo = text + _ECHO_ENDS[self._options.echo_end] if self._commands.echo else ""
        lines = self._execute(text, now_ns)
        separator = _SEPARATORS[self._options.view_separator] if text.endswith("view parameter") else "\r\n"
        self._out += (echo + separator.join(lines) + "\r\n>").encode("utf-8")
