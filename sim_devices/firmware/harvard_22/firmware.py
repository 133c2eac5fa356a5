"""The older Harvard pump as a whole: power, address, lines in, lines and prompt out.

Every command for its address is answered in the order it came; other addresses hear nothing from it. It never speaks
unasked.
"""

from __future__ import annotations

import re

from sim_devices.firmware.harvard_22.commands import Commands
from sim_devices.firmware.harvard_22.options import Harvard22Options
from sim_devices.firmware.motor import RUNNING, STALLED, Motor
from sim_devices.interfaces import Plunger

_CR = 0x0D
_LINE_LIMIT = 64
_ADDRESSED = re.compile(r"([0-9]{0,2})\s*(.*)")
_NS_PER_MS = 1_000_000


class Harvard22Firmware:
    """One pump. Implements ``sim_devices.interfaces.Firmware``."""

    def __init__(self, plunger: Plunger, options: Harvard22Options) -> None:
        self._options = options
        self._motor = Motor(plunger, round(options.stall_check_ms * _NS_PER_MS))
        self.commands = Commands(self._motor, options)
        self._was_running = False
        self._powered = False
        self._line = bytearray()
        self._out = bytearray()

    def power_on(self, now_ns: int) -> None:
        self._powered, self._was_running = True, False
        self._line.clear()
        self._motor.power_up(now_ns)
        if not self._options.remembers:
            self.commands = Commands(self._motor, self._options)
        self.commands.clear()
        self.commands.interrupted = self.commands.reached = False

    def power_off(self, now_ns: int) -> None:
        self._motor.advance(now_ns)
        self._motor.stop(now_ns)
        self._powered = False
        self._out.clear()

    def receive(self, data: bytes, now_ns: int) -> None:
        if not self._powered or self._options.keypad:
            return
        self._advance(now_ns)
        for byte in data:
            if byte == _CR:
                line, self._line = self._line.decode("latin-1"), bytearray()
                self._handle(line.strip(" \n"), now_ns)
            elif len(self._line) < _LINE_LIMIT:
                self._line.append(byte)

    def transmit(self, now_ns: int) -> bytes:
        if self._powered:
            self._advance(now_ns)
        out, self._out = bytes(self._out), bytearray()
        return out

    def next_event_ns(self, now_ns: int) -> int | None:
        if self._out:
            return now_ns
        event_ns = self._motor.next_event_ns() if self._powered else None
        return None if event_ns is None else max(event_ns, now_ns)

    def _advance(self, now_ns: int) -> None:
        self._motor.advance(now_ns)
        if self._was_running and not self._motor.busy and self._motor.state != STALLED:
            self.commands.reached = not self.commands.interrupted
        self._was_running = self._motor.busy

    def _handle(self, text: str, now_ns: int) -> None:
        found = _ADDRESSED.fullmatch(text)
        if found is None or int(found[1] or 0) != self._options.address:
            return
        answer = self.commands.execute(found[2].upper(), now_ns) if found[2] else None
        self._advance(now_ns)
        data = ""
        if answer is not None:
            data = f"\r\n{answer}" if self._options.line_ends == "crlf" else f"\n{answer}"
        extra = "\r" if self._options.extra_cr else ""
        self._out += f"{data}{extra}\r\n{self._address()}{self._prompt()}".encode("latin-1")

    def _address(self) -> str:
        digits = self._options.address_digits
        if digits == "model":
            digits = "one" if self._options.model == "phd-2000" else "two"
        if digits == "none":
            return ""
        return f"{self._options.address:02d}" if digits == "two" else str(self._options.address)

    def _prompt(self) -> str:
        commands, options = self.commands, self._options
        if self._motor.state == RUNNING:
            return "<" if commands.refills else ">"
        if self._motor.state == STALLED:
            return "*"
        if commands.interrupted:
            star = {"model": options.model == "phd-2000"}.get(options.stop_prompt, options.stop_prompt == "star")
            return "*" if star else ":"
        if commands.reached:
            if options.model == "oem":
                return "*T"
            return "*" if options.end_prompt == "star" else ":"
        return ":"
