"""The MethodSCRIPT instrument as a whole: host lines in, replies and a running script's output out.

Joins the script's reader, its interpreter and the cell. Output of many samples is made in one go when somebody asks
for it, each piece with the time at which it left, so it does not matter when that is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sim_devices.firmware.emstat.backplane import Backplane
from sim_devices.firmware.emstat.cell import Cell
from sim_devices.firmware.emstat.families import (
    BIPOT_CM,
    COMMANDS_CC,
    COMMANDS_CM,
    FAMILIES,
    MULTI_CM,
    POLY_CM,
    capability_mask,
)
from sim_devices.firmware.emstat.interpreter import Aborted, Failed, Interpreter, LoopAborted, Run
from sim_devices.firmware.emstat.options import EmStatOptions
from sim_devices.firmware.emstat.script import Script, ScriptError, parse
from sim_devices.interfaces import ElectrodeFrontEnd

_XON_XOFF = (0x11, 0x13)
_NS_PER_MS = 1_000_000
_SCRIPT_LINES = 4000  # a script that never ends must not fill the memory

UNKNOWN, UNKNOWN_REGISTER, NOT_NOW, BAD_ARGUMENT, TOO_LONG = 0x0003, 0x0004, 0x0006, 0x0007, 0x0008
NO_SCRIPT, NOT_MULTI, TOO_LARGE = 0x000C, 0x0048, 0x4005


class EmStatFirmware:
    """One potentiostat. Implements ``sim_devices.interfaces.Firmware`` and ``Bursting``.

    Registers (G, S), files (fs_*) and scans are not simulated: their documented error answers.
    """

    def __init__(
        self, front_end: ElectrodeFrontEnd, options: EmStatOptions, backplane: Backplane | None = None
    ) -> None:
        self._options = options
        self._family = FAMILIES[options.model]
        self._backplane = backplane or Backplane()
        self._cell = Cell(
            self._family,
            front_end,
            quantise=options.quantise,
            noise=",40" if options.noise_metadata else "",
            usable_ranges=options.range_by == "usable",
            says_range=options.range_metadata,
            range_above=options.wrong_range,
        )
        self._has_bipot = self._family.bipot and not _is_below(options.version, (1, 8))
        self._powered = False
        self._power_up_state()

    def _power_up_state(self) -> None:
        self._line = bytearray()
        self._collecting = ""
        self._collected: list[str] = []
        self._too_long = False
        self._loaded: Script | None = None
        self._interpreter = Interpreter(self._cell, self._print, self._options, self._backplane)
        self._run: Run | None = None
        self._wake_ns = 0
        self._halted_since_ns: int | None = None
        self._deaf_until_ns: int | None = None
        self._out: list[tuple[int, str]] = []
        """What it has said and when."""
        self._now_ns = 0
        self._lines_out = 0

    def power_on(self, now_ns: int) -> None:
        self._power_up_state()
        self._cell.power_up(now_ns)
        self._powered = True

    def power_off(self, now_ns: int) -> None:
        self._advance(now_ns)
        self._power_up_state()
        self._cell.power_up(now_ns)
        self._powered = False

    def receive(self, data: bytes, now_ns: int) -> None:
        if not self._powered:
            return
        self._advance(now_ns)
        self._now_ns = now_ns
        for byte in data:
            if byte in _XON_XOFF or (self._deaf_until_ns is not None and now_ns < self._deaf_until_ns):
                continue
            if byte != 0x0A:
                if len(self._line) < self._options.line_limit:
                    self._line.append(byte)
                else:
                    self._too_long = True
                continue
            line, self._line = self._line.decode("latin-1"), bytearray()
            too_long, self._too_long = self._too_long, False
            self._take(line, now_ns, too_long=too_long)

    def transmit(self, now_ns: int) -> bytes:
        return b"".join([data for _left_ns, data in self.bursts(now_ns)])

    def bursts(self, now_ns: int) -> list[tuple[int, bytes]]:
        """See ``Bursting``: what was said at one moment is one piece."""
        self._advance(now_ns)
        bursts: list[tuple[int, bytes]] = []
        last_ns = -1
        for t_ns, text in self._out:
            data = (text.replace("\n", "\r\n") if self._options.carriage_returns else text).encode("latin-1")
            if t_ns == last_ns:
                data = bursts.pop()[1] + data
            bursts.append((t_ns, data))
            last_ns = t_ns
        self._out = []
        return bursts

    def next_event_ns(self, now_ns: int) -> int | None:
        if self._run is None or self._halted_since_ns is not None:
            return None
        return max(self._wake_ns, now_ns)

    # --- running -------------------------------------------------------------------------------------------

    def _advance(self, now_ns: int) -> None:
        self._interpreter.until_ns = now_ns
        while self._run is not None and self._halted_since_ns is None and self._wake_ns <= now_ns:
            self._interpreter.now_ns = self._wake_ns
            self._resume(self._run.__next__)

    def _resume(self, step: Callable[[], int]) -> None:
        """Let the script go on until it next waits for a time."""
        try:
            self._wake_ns = step()
        except StopIteration:
            self._run = None
        except Failed as error:  # the cell stays as it is: that is why a clean-up script is sent afterwards
            self._run = None
            self._now_ns = self._interpreter.now_ns
            self._complain(f"!{error.code:04X}: Line {error.line}\n", self._now_ns)
            if self._options.blank_after_error:
                self._emit("\n")

    def _start(self, script: Script, now_ns: int) -> None:
        self._interpreter = Interpreter(self._cell, self._print, self._options, self._backplane, now_ns=now_ns)
        self._run = self._interpreter.run(script)
        self._wake_ns = now_ns
        self._resume(self._run.__next__)

    # --- host lines ----------------------------------------------------------------------------------------

    def _take(self, line: str, now_ns: int, *, too_long: bool) -> None:
        if self._collecting:
            self._collect(line, now_ns, too_long=too_long)
        elif self._run is not None:
            self._while_running(line, now_ns)
        elif too_long:
            self._refuse(line, TOO_LONG, now_ns)
        elif not line:
            self._emit("\n")
        elif line in ("e", "l"):
            self._collecting, self._collected = line, []
        else:
            self._idle(line, now_ns)

    def _collect(self, line: str, now_ns: int, *, too_long: bool) -> None:
        if line:
            self._collected.append(line + ("\0" if too_long else ""))
            if len(self._collected) <= _SCRIPT_LINES:
                return
        command, self._collecting = self._collecting, ""
        lines, self._collected = self._collected, []
        try:
            _check_size(lines)
            script = parse(lines, bipot=self._has_bipot, poly=self._family.bipot, multi=self._family.multi)
        except ScriptError as error:
            self._complain(f"{command}!{error}\n", now_ns)
            return
        self._loaded = script
        if command == "l":
            self._emit("l\n")
            return
        self._emit("e" if self._options.joined_ack else "e\n")
        self._start(script, now_ns)

    def _while_running(self, line: str, now_ns: int) -> None:
        if line == "":
            return
        if line == "h":
            self._halted_since_ns = now_ns if self._halted_since_ns is None else self._halted_since_ns
            self._emit("h\n")
        elif line == "H":
            self._unhalt(now_ns)
            self._emit("H\n")
        elif line == "Z":
            self._abort(Aborted(), line, now_ns)
        elif line == "Y" and self._interpreter.measuring:
            self._abort(LoopAborted(), line, now_ns)
        else:
            self._refuse(line, NOT_NOW, now_ns)

    def _unhalt(self, now_ns: int) -> None:
        if self._halted_since_ns is not None:
            pause_ns = now_ns - self._halted_since_ns
            self._interpreter.halted_ns += pause_ns
            self._wake_ns += pause_ns
            self._halted_since_ns = None

    def _abort(self, reason: Exception, line: str, now_ns: int) -> None:
        self._unhalt(now_ns)
        self._emit(line + "\n")
        run = self._run
        if run is None or self._interpreter.finishing:
            return
        self._interpreter.now_ns = now_ns
        self._resume(lambda: run.throw(reason))

    def _idle(self, line: str, now_ns: int) -> None:
        texts = self._answers()
        if line in texts:
            self._emit(texts[line])
        elif line == "r" and self._loaded is not None:
            self._emit("r\n")
            self._start(self._loaded, now_ns)
        else:
            self._refuse(line, _refusal(line), now_ns)

    def _answers(self) -> dict[str, str]:
        """Return what it says to idle questions."""
        family, options = self._family, self._options
        identity = family.identity
        if options.sensit_as_pico and identity.startswith("senswb"):
            identity = "espico" + identity[6:]
        serial_number = options.serial_number or family.serial_number
        texts = {"t": f"t{identity}\nR*\n", "i": f"i{serial_number}\n"}
        if family.multi:
            texts["i"] = f"i{serial_number}CH{options.channel:03d}\n"
            texts["m"] = f"m{serial_number}\n"
        if options.capabilities:
            commands = COMMANDS_CM | (POLY_CM if family.bipot else {}) | (MULTI_CM if family.multi else {})
            commands |= BIPOT_CM if self._has_bipot else {}
            texts["CC"] = f"CC{capability_mask(COMMANDS_CC)}\n"
            texts["CM"] = f"CM{capability_mask(commands)}\n"
        if options.version:
            texts["v"] = f"v{options.version}\n"
        return texts

    def _refuse(self, line: str, code: int, now_ns: int) -> None:
        self._complain(f"{line[0]}!{code:04X}\n", now_ns)

    def _complain(self, text: str, now_ns: int) -> None:
        self._emit(text)
        self._deaf_until_ns = now_ns + round(self._options.deaf_ms * _NS_PER_MS)

    def _print(self, text: str) -> None:
        """Take output of the script; it may be ahead of what the host said last."""
        self._put(text, self._interpreter.now_ns)

    def _emit(self, text: str) -> None:
        self._put(text, self._now_ns)

    def _put(self, text: str, t_ns: int) -> None:
        self._out.append((t_ns, text))
        every = self._options.xon_xoff_every
        if every:
            self._lines_out += 1
            if self._lines_out % every == 0:
                self._out.append((t_ns, "\x13\x11"))


def _is_below(version: str, wanted: tuple[int, int]) -> bool:
    """Tell whether a version is older; one that answers no version is."""
    numbers = [int(part) for part in version.split(".")] if version else [0]
    return tuple(numbers[:2]) < wanted


def _check_size(lines: list[str]) -> None:
    for number, text in enumerate(lines, start=1):
        if text.endswith("\0"):
            raise ScriptError(TOO_LONG, number, len(text))
    if len(lines) > _SCRIPT_LINES:
        raise ScriptError(TOO_LARGE, len(lines), 1)


def _refusal(line: str) -> int:
    """Return the error of a command that this instrument does not obey while idle."""
    if line in ("Z", "Y", "h", "H", "R"):
        return NOT_NOW
    if line == "r":
        return NO_SCRIPT
    if line == "m":
        return NOT_MULTI
    if re.fullmatch(r"G[0-9A-Fa-f]{2}|S[0-9A-Fa-f]{2}.*", line):
        return UNKNOWN_REGISTER
    if re.fullmatch(r"[GS].{0,2}", line):
        return BAD_ARGUMENT
    return UNKNOWN
