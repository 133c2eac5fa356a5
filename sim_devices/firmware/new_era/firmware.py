"""The New Era pump as a whole: power, addresses, alarms, the Safe-mode watchdog, and the order of things.

Joins framing (wire), commands, program (motor) and memory. Every packet is answered in the order it came; everything
is computed when somebody asks, so time may jump.
"""

from __future__ import annotations

import re

from sim_devices.firmware.new_era.commands import UNKNOWN, Commands
from sim_devices.firmware.new_era.memory import Memory
from sim_devices.firmware.new_era.motor import PURGING, Motor
from sim_devices.firmware.new_era.options import NewEraOptions
from sim_devices.firmware.new_era.wire import Packet, Receiver, frame_reply
from sim_devices.interfaces import Plunger

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_ADDRESS = re.compile(r"(\*?)(\d{0,2})")
_BAUDS = ("19200", "9600", "2400", "1200", "300")


class NewEraFirmware:
    """One pump. Implements ``sim_devices.interfaces.Firmware`` and ``Disturbable``."""

    disturbances = frozenset({"brown-out", "speed", "keypad", "refuse", "runaway"})

    def __init__(self, plunger: Plunger, options: NewEraOptions) -> None:
        self._options = options
        self._memory = Memory.as_delivered(options)
        self._receiver = Receiver()
        self._motor = Motor(plunger, self._memory, round(options.stall_check_ms * _NS_PER_MS))
        self._commands = Commands(self._memory, self._motor, options)
        self.line_baud = options.baud
        """Rate at which it hears and speaks; 0 for any (``sim_devices.instrument``)."""
        self._powered = False
        self._alarm = ""
        self._watchdog_ns: int | None = None
        self._was_running = False
        self._out = bytearray()

    def power_on(self, now_ns: int) -> None:
        self._powered = True
        self._receiver.reset()
        self._motor.power_up(now_ns)
        self._commands.selected = 0
        self._watchdog_ns = None
        self._memory.flags["BUZ"] = "0"
        for phase in self._memory.phases:
            phase.running_rate = None
        self._alarm = ""
        if self._options.power_up_alarm:
            self._raise("R")
        if self._was_running and self._memory.flags["PF"] == "1":
            self._commands.execute("RUN", now_ns)  # nobody asked for it: the reason why PF0 is written
        self._was_running = False

    def power_off(self, now_ns: int) -> None:
        self._advance(now_ns)
        self._was_running = self._motor.operating
        self._motor.halt(now_ns)
        self._powered = False
        self._watchdog_ns = None
        self._out.clear()

    def receive(self, data: bytes, now_ns: int) -> None:
        if not self._powered:
            return
        self._advance(now_ns)
        for packet in self._receiver.feed(data, now_ns, self._safe_mode):
            self._handle(packet, now_ns)

    def disturb(self, kind: str, value: str, now_ns: int, *, begins: bool) -> None:
        """Begin or end what goes wrong inside (``sim_devices.faults``)."""
        self._advance(now_ns)
        if kind == "brown-out":
            self._brown_out(value or "counter", now_ns)
        elif kind == "keypad":
            self._commands.press(value or "stop", now_ns)
        elif kind == "speed":
            self._motor.speed_factor = int(value.removesuffix("%")) / 100.0 if begins else 1.0
            if self._motor.moving:
                self._motor.retune(now_ns)
        elif kind == "refuse":
            self._commands.refuses = begins
        else:
            self._commands.runs_away = begins

    def _brown_out(self, what: str, now_ns: int) -> None:
        """Lose what is not in non-volatile memory, without the alarm; or keep running with one number changed."""
        if what == "counter":
            self._motor.halt(now_ns)
            self._motor.clear_counters()
            return
        for phase in self._memory.phases[:1]:
            if what == "target":
                phase.volume *= 2.0
            else:
                phase.rate *= 1.02
        if self._motor.moving:
            self._motor.retune(now_ns)

    def transmit(self, now_ns: int) -> bytes:
        self._advance(now_ns)
        out, self._out = bytes(self._out), bytearray()
        return out

    def next_event_ns(self, now_ns: int) -> int | None:
        if self._out:  # an alarm pushed at power-on waits to be sent
            return now_ns
        if not self._powered:
            return None
        event_ns, watchdog_ns = self._motor.next_event_ns(), self._watchdog_ns
        if event_ns is None or (watchdog_ns is not None and watchdog_ns < event_ns):
            event_ns = watchdog_ns
        return now_ns if event_ns is not None and event_ns < now_ns else event_ns

    def _safe_mode(self) -> bool:
        return self._memory.safe_timeout_s > 0

    def _advance(self, now_ns: int) -> None:
        """Live through phase ends, stalls and the watchdog up to now, in the order in which they happen."""
        if not self._powered:
            return
        if self._watchdog_ns is not None and self._watchdog_ns <= now_ns:
            expiry_ns, self._watchdog_ns = self._watchdog_ns, None
            self._move(expiry_ns)
            self._motor.halt(expiry_ns)
            self._raise("T")
        self._move(now_ns)

    def _move(self, t_ns: int) -> None:
        alarm = self._motor.advance(t_ns)
        if alarm is not None:
            self._raise(alarm)

    def _raise(self, alarm: str) -> None:
        """Hold an alarm; in Safe mode the pump also says so unasked, which does not acknowledge it [M]."""
        self._alarm = alarm
        if self._memory.flags["AL"] == "1" and alarm != "R":
            self._memory.flags["BUZ"] = "1"
        if self._safe_mode():
            self._reply("A?" + alarm)

    def _handle(self, packet: Packet, now_ns: int) -> None:
        if not packet.intact:
            self._reply(self._status() + "?COM")
            return
        system, address, command = self._split(packet.text)
        meant = system or (not self._memory.paired and address == self._memory.address)
        was_safe = self._safe_mode()
        if was_safe and (meant or self._options.sibling_packets_feed):
            self._watchdog_ns = now_ns + self._memory.safe_timeout_s * _NS_PER_S
        if not meant:
            return
        if self._alarm:
            alarm, self._alarm = self._alarm, ""
            self._reply("A?" + alarm)
            return
        data = self._obey(system, command, now_ns)
        if command.startswith("SAF") and not data:
            self._mode_set(now_ns)
        before = was_safe if self._options.reply_framing == "before" else None
        if data.startswith("A?"):
            self._alarm = data[2:]
            self._reply(data, safe=before)
        else:
            self._reply(self._status() + data, safe=before)

    def _split(self, text: str) -> tuple[bool, int, str]:
        found = _ADDRESS.match(text)
        star, digits = (found[1], found[2]) if found else ("", "")
        if star:
            return True, self._memory.address, text[1:]
        return False, int(digits or "0"), text[len(digits) :]

    def _obey(self, system: bool, command: str, now_ns: int) -> str:
        began = self._motor.phase_began_ns
        if began is not None and now_ns - began < self._options.ign_window_ms * _NS_PER_MS and command:
            self._motor.phase_began_ns = None
            return "?IGN"
        if system and command.startswith("ADR"):
            return self._set_address(command[3:])
        if system and command == "RESET":
            self._reset(now_ns)
            return ""
        return self._commands.execute(command, now_ns)

    def _mode_set(self, now_ns: int) -> None:
        timeout_s = self._memory.safe_timeout_s
        armed = timeout_s > 0 and self._options.saf_arms_timer
        self._watchdog_ns = now_ns + timeout_s * _NS_PER_S if armed else None

    def _set_address(self, argument: str) -> str:
        if not argument:
            return f"{self._memory.address:02d}"
        if argument in ("DUAL", "RECP", "ALTR"):
            self._memory.paired = True
            return ""
        number, with_baud, baud = argument.partition("B")
        if not number.isdecimal() or len(number) > 2 or (with_baud and baud not in _BAUDS):
            return UNKNOWN
        self._memory.address = int(number)
        self._memory.paired = False
        if with_baud:
            self.line_baud = int(baud) if self.line_baud else 0
            self._watchdog_ns = None  # changing the baud rate disarms the timer until the next valid packet [M]
        return ""

    def _reset(self, now_ns: int) -> None:
        self._motor.halt(now_ns)
        self._memory = self._motor.memory = self._commands.memory = self._memory.reset()
        self._commands.selected = 0
        self._watchdog_ns = None

    def _status(self) -> str:
        if self._motor.state == PURGING and self._options.old_firmware:
            return "I"
        return self._motor.state

    def _reply(self, text: str, *, safe: bool | None = None) -> None:
        framed_safe = self._safe_mode() if safe is None else safe
        self._out += frame_reply(f"{self._memory.address:02d}{text}", safe=framed_safe)
