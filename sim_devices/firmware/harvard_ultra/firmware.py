"""The Ultra pump as a whole: power, addresses, prompts, poll modes, and the order of things.

Joins framing (wire), commands and motor. Every command is answered in the order it came; everything is computed when
somebody asks, so time may jump.
"""

from __future__ import annotations

import math

from sim_devices.firmware.harvard_ultra.commands import Commands, Refused
from sim_devices.firmware.harvard_ultra.motor import Motor, Ramp, Settings
from sim_devices.firmware.harvard_ultra.options import HarvardUltraOptions
from sim_devices.firmware.harvard_ultra.wire import Command, LineReceiver, prompt_line, text_line
from sim_devices.interfaces import Plunger

_NS_PER_MS = 1_000_000


class HarvardUltraFirmware:
    """One pump. Implements ``sim_devices.interfaces.Firmware``."""

    def __init__(self, plunger: Plunger, options: HarvardUltraOptions) -> None:
        self._options = options
        settings = Settings(options.diameter_mm)
        if options.leftover_ramp:
            settings.ramp["i"] = Ramp(10.0, 100.0, 60.0)
        self._stored = settings.copy()
        self._motor = Motor(
            plunger, settings, round(options.stall_check_ms * _NS_PER_MS), switch_ul=options.switch_ul or math.inf
        )
        self._commands = Commands(
            self._motor,
            options,
            address=options.address,
            poll=options.poll,
            echo=options.echo,
            quick_start=options.quick_start,
        )
        self._receiver = LineReceiver()
        self._powered = False
        self._was_running = False
        self._out = bytearray()

    def power_on(self, now_ns: int) -> None:
        self._powered = True
        self._receiver.reset()
        self._motor.power_up(now_ns)
        options = self._options
        if not options.poll_persists:
            self._commands.poll = options.poll
        if not options.counters_persist:
            self._motor.volume_ul = {"i": 0.0, "w": 0.0}
            self._motor.time_ns = {"i": 0, "w": 0}
        if options.forgets:
            self._motor.settings = Settings(options.diameter_mm)
        elif not options.settings_persist:
            self._motor.settings = self._stored.copy()
        self._commands.storing = True
        if self._was_running and options.resumes:
            self._motor.run(self._motor.direction, now_ns)  # nobody asked for it
        self._was_running = False

    def power_off(self, now_ns: int) -> None:
        self._advance(now_ns)
        self._was_running = self._motor.running
        self._motor.stop(now_ns)
        self._powered = False
        self._out.clear()

    def receive(self, data: bytes, now_ns: int) -> None:
        if not self._powered:
            return
        self._advance(now_ns)
        for command in self._receiver.feed(data):
            self._handle(command, now_ns)

    def transmit(self, now_ns: int) -> bytes:
        self._advance(now_ns)
        out, self._out = bytes(self._out), bytearray()
        return out

    def next_event_ns(self, now_ns: int) -> int | None:
        if self._out:
            return now_ns
        event_ns = self._motor.next_event_ns() if self._powered else None
        return None if event_ns is None else max(event_ns, now_ns)

    def _advance(self, now_ns: int) -> None:
        if not self._powered:
            return
        ended = self._motor.advance(now_ns)
        # With poll off a reached target is told of unasked; a stall is not [D].
        if ended and self._motor.state == "target" and self._commands.poll == "off":
            self._out += prompt_line(self._prompt(), self._prefix(addressed=False), xon=False)

    def _handle(self, command: Command, now_ns: int) -> None:
        if command.address is not None and command.address != self._commands.address:
            return
        if self._commands.echo:
            self._out += command.raw + b"\r"
        prefix_before = self._prefix(addressed=command.address is not None)
        try:
            lines = self._commands.execute(command.words, now_ns)
        except Refused as refused:
            lines = refused.lines
        else:
            if self._commands.storing:
                self._stored = self._motor.settings.copy()
        text = b"".join(text_line(line, prefix_before) for line in lines)
        self._reply(command, text)

    def _reply(self, command: Command, text: bytes) -> None:
        if self._commands.poll == "remote":
            self._out += text
            return
        prefix = self._prefix(addressed=command.address is not None)  # an address just set stands here already [R]
        prompt = prompt_line(self._prompt(), prefix, xon=self._commands.poll == "on")
        swapped = self._options.status_after_prompt and command.words[:1] == ("status",)
        self._out += prompt + text if swapped else text + prompt

    def _prefix(self, *, addressed: bool) -> str:
        rule = self._options.prefix_at_zero
        shown = self._commands.address != 0 or rule == "always" or (rule == "addressed" and addressed)
        return f"{self._commands.address:02d}" if shown else ""

    def _prompt(self) -> str:
        if self._motor.state == "running":
            return ">" if self._motor.direction == "i" else "<"
        return {"idle": ":", "stalled": "*", "switch": ">*", "target": self._options.target_prompt}[self._motor.state]
