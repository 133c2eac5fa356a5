"""The Micro4 as a whole: power, bytes in, the selected line, echo and answers out.

Every command acts on the line that is selected at that moment, by ``L#`` or on the front panel. It never speaks
unasked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sim_devices.firmware.motor import RUNNING, Motor
from sim_devices.firmware.wpi_micro4.channel import TYPES, Channel
from sim_devices.firmware.wpi_micro4.options import Micro4Options
from sim_devices.interfaces import Plunger

LINES = 4
_LINE_LIMIT = 32
_NUMBERED = "VCRLT"
_NUMBER = re.compile(r"[0-9]*\.?[0-9]*")
_TERMINATORS = {"both": "\r;", "cr": "\r", "semicolon": ";"}
_FIELD = {"V": 6, "C": 6, "R": 4}
"""Characters of a number that are looked at, point included [I from the manual's V######; R####;]."""
_PLAIN_OK = ("V", "R", "C", "L")


@dataclass
class LoosePlunger:
    """The pump of a line on which this simulation has no syringe: it moves as driven, into air."""

    _speed: float = 0.0
    _since_ns: int = 0
    _travelled: float = 0.0

    def drive(self, speed_mm_per_min: float, now_ns: int) -> None:
        self._travelled = self.travelled_mm(now_ns)
        self._speed, self._since_ns = speed_mm_per_min, now_ns

    def travelled_mm(self, now_ns: int) -> float:
        return self._travelled + self._speed * (now_ns - self._since_ns) / 60e9

    def stalled(self, now_ns: int) -> bool:
        del now_ns
        return False


class Micro4Firmware:
    """One controller with four lines. Implements ``sim_devices.interfaces.Firmware``."""

    def __init__(self, plunger: Plunger, options: Micro4Options) -> None:
        self._options = options
        self.channels = [
            Channel(Motor(plunger if number == options.line else LoosePlunger(), None), options)
            for number in range(1, LINES + 1)
        ]
        self.selected = options.selected
        self._powered = False
        self._command = ""
        self._out = bytearray()

    @property
    def channel(self) -> Channel:
        """Return the line that is selected now."""
        return self.channels[self.selected - 1]

    def power_on(self, now_ns: int) -> None:
        self._powered, self._command, self.selected = True, "", self._options.selected
        for channel in self.channels:
            channel.motor.power_up(now_ns)
            channel.set_counter(0.0)
            if not self._options.remembers:
                channel.reset()

    def power_off(self, now_ns: int) -> None:
        self._advance(now_ns)
        for channel in self.channels:
            channel.motor.stop(now_ns)
        self._powered = False
        self._out.clear()

    def receive(self, data: bytes, now_ns: int) -> None:
        if not self._powered:
            return
        self._advance(now_ns)
        for character in data.decode("latin-1"):
            self._take(character, now_ns)

    def transmit(self, now_ns: int) -> bytes:
        if self._powered:
            self._advance(now_ns)
        out, self._out = bytes(self._out), bytearray()
        return out

    def next_event_ns(self, now_ns: int) -> int | None:
        if self._out:
            return now_ns
        if not self._powered:
            return None
        times = [t for channel in self.channels if (t := channel.motor.next_event_ns()) is not None]
        return max(min(times), now_ns) if times else None

    def _advance(self, now_ns: int) -> None:
        for channel in self.channels:
            channel.motor.advance(now_ns)

    # --- commands ---

    def _take(self, character: str, now_ns: int) -> None:
        if character in _TERMINATORS[self._options.terminator]:
            command, self._command = self._command, ""
            if command:
                self._obey(command, now_ns)
        elif len(self._command) < _LINE_LIMIT and character not in "\r\n":
            self._command += character
            if self._options.terminator == "semicolon" and self._ends_by_itself():
                command, self._command = self._command, ""
                self._obey(command, now_ns)

    def _ends_by_itself(self) -> bool:
        """Tell whether letters are complete: a query has two, B, E and T another letter, other commands one [M]."""
        head = self._command[0]
        if head in "?BE":
            return len(self._command) == 2
        if head == "T":
            return len(self._command) == 2 and self._command[1] in "ABC"
        return head not in _NUMBERED

    def _obey(self, command: str, now_ns: int) -> None:
        if command[0] == "?" and command[1:] in self._tells:
            self._answer(command, command[1:], self._tells[command[1:]](self))
        elif command[0] in _NUMBERED and self._set(command[0], command[1:]):
            pass
        elif command in self._acts:
            self._acts[command](self, now_ns)
            about = self._shown_after.get(command)
            self._answer(command, command[0], self._tells[about](self) if about and self._options.told else "")
        elif self._options.unknown != "silent":
            self._answer(command, "", "" if self._options.unknown == "ok" else "Error")

    def _set(self, letter: str, text: str) -> bool:
        if letter == "T":
            return self._set_type(text)
        if not _NUMBER.fullmatch(text) or not any(c.isdigit() for c in text):
            return False
        if letter == "L":
            if text not in ("1", "2", "3", "4"):
                return False
            self.selected = int(text)
            self._answer("L" + text, "L", "")
            return True
        before = self._tells[letter](self)
        value = float(text[: _FIELD[letter]])
        {"V": self.channel.set_target, "C": self.channel.set_counter, "R": self.channel.set_rate}[letter](value)
        shown = before if letter == "R" and self._options.wrong_r else self._tells[letter](self)
        self._answer(letter + text, letter, shown if self._options.told else "")
        return True

    def _set_type(self, text: str) -> bool:
        if not self.channel.set_type(text):
            return False
        self._answer("T" + text, "S", self._tells["S"](self) if self._options.told else "")
        return True

    def _go(self, now_ns: int) -> None:
        together = [c for c in self.channels if c.mode == "Grouped"] if self.channel.mode == "Grouped" else []
        for channel in together or [self.channel]:
            channel.go(now_ns)

    def _pause(self, now_ns: int) -> None:
        if self.channel.motor.state == RUNNING:
            self.channel.motor.pause(now_ns)

    def _halt(self, now_ns: int) -> None:
        self.channel.motor.stop(now_ns)

    def _cut(self, value: float) -> str:
        """Cut off, not rounded: a counter shows what is complete; the addend only undoes binary fractions."""
        scale = 10.0**self._options.decimals
        return f"{math.floor(value * scale + 1e-4) / scale:.{self._options.decimals}f}"

    def _syringe(self) -> str:
        volume_ul, length_mm = TYPES[self.channel.syringe]
        return f"Type {self.channel.syringe}, {volume_ul:.1f}uL, {length_mm:.1f}"

    def _answer(self, command: str, about: str, text: str) -> None:
        plain = {"mixed": about in _PLAIN_OK, "plain": True, "prompt": False}[self._options.ok]
        head = command if self._options.echo == "on" else ""
        body = (text if self._options.echo == "off" else ">" + text) if text else ""
        pad = " " if text and about in ("V", "R", "C") else ""
        self._out += f"{head}{body}{pad}\n\r{'OK' if plain else '>OK'}\n\r".encode("latin-1")

    _tells: ClassVar[dict[str, Callable[[Micro4Firmware], str]]] = {
        "V": lambda self: f"Target Volume = {self._cut(self.channel.target_nl)}nL",
        "C": lambda self: f"Volume Counter = {self._cut(self.channel.counter_nl)}nL",
        "R": lambda self: f"Rate = {self._cut(self.channel.rate)}",
        "D": lambda self: f"Direction: {'Infuse' if self.channel.infuses else 'Withdraw'}",
        "G": lambda self: f"Motor State: {self.channel.state}",
        "U": lambda self: f"Rate Units: {'nL/Sec' if self.channel.per_second else 'nL/Min'}",
        "M": lambda self: f"Mode: {self.channel.mode}",
        "B": lambda self: "Smooth Drive" if self.channel.smooth else "Max Load Drive",
        "E": lambda self: "Delivered Volume" if self.channel.shows_delivered else "Remaining Volume",
        "S": lambda self: self._syringe(),
    }
    _acts: ClassVar[dict[str, Callable[[Micro4Firmware, int], None]]] = {
        "G": _go,
        "H": _halt,
        "Z": _halt,
        "U": _pause,
        "I": lambda self, _now_ns: setattr(self.channel, "infuses", True),
        "W": lambda self, _now_ns: setattr(self.channel, "infuses", False),
        "S": lambda self, _now_ns: self.channel.set_units(per_second=True),
        "M": lambda self, _now_ns: self.channel.set_units(per_second=False),
        "N": lambda self, _now_ns: setattr(self.channel, "mode", "Non-Grouped"),
        "P": lambda self, _now_ns: setattr(self.channel, "mode", "Grouped"),
        "D": lambda self, _now_ns: setattr(self.channel, "mode", "Disabled"),
        "BT": lambda self, _now_ns: setattr(self.channel, "smooth", False),
        "BS": lambda self, _now_ns: setattr(self.channel, "smooth", True),
        "EN": lambda self, _now_ns: setattr(self.channel, "shows_delivered", True),
        "EI": lambda self, _now_ns: setattr(self.channel, "shows_delivered", False),
    }
    _shown_after: ClassVar[dict[str, str]] = {
        "G": "G", "H": "G", "Z": "G", "U": "G", "I": "D", "W": "D", "S": "U", "M": "U",
        "N": "M", "P": "M", "D": "M", "BT": "B", "BS": "B", "EN": "E", "EI": "E",
    }  # fmt: skip
