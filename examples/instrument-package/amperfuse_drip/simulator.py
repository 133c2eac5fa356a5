"""The Drip 1 as it behaves on its line: bytes in, bytes out, and a plunger that it moves.

Written from the protocol's table alone; shares nothing with the driver. Knows no mouse and no other instrument.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Protocol

import numpy as np

_COMMAND = re.compile(r"([DRT]) (\d{1,6}\.\d{3})")
_LIMITS = {"D": (0.1, 40.0), "R": (0.001, 75_000.0), "T": (0.001, 60_000.0)}
_NS = 1_000_000_000


class Plunger(Protocol):
    """What the bench hands to a pump's firmware."""

    def drive(self, speed_mm_per_min: float, now_ns: int) -> None: ...
    def travelled_mm(self, now_ns: int) -> float: ...


class Drip:
    """One pump. Implements the firmware's side of a simulated line."""

    def __init__(self, plunger: Plunger) -> None:
        self._plunger = plunger
        self._settings = {"D": 4.699, "R": 50.0, "T": 0.0}  # kept without power
        self._on = False
        self._begin(0)

    def _begin(self, now_ns: int) -> None:
        self._booted_ns = now_ns
        self._running = False
        self._counter_ul = 0.0
        self._from_mm = 0.0
        self._ends_ns = 0
        self._line = b""
        self._out = b""

    def power_on(self, now_ns: int) -> None:
        """Come up stopped, with the counter at zero."""
        self._begin(now_ns)
        self._on = True

    def power_off(self, now_ns: int) -> None:
        """Stand still at once."""
        self._advance(now_ns)
        self._plunger.drive(0.0, now_ns)
        self._on = False

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes of the host."""
        if not self._on:
            return
        self._advance(now_ns)
        *lines, self._line = (self._line + data).split(b"\n")
        self._line = self._line[-256:]
        for line in lines:
            self._out += self._answer(line.decode("latin-1").rstrip("\r"), now_ns).encode("latin-1") + b"\n"

    def transmit(self, now_ns: int) -> bytes:
        """Return what it has said."""
        self._advance(now_ns)
        out, self._out = self._out, b""
        return out

    def next_event_ns(self, now_ns: int) -> int | None:
        """Return None: it never speaks unasked. A target that is reached is looked after whenever somebody asks."""
        return max(self._ends_ns, now_ns) if self._running else None

    def _answer(self, text: str, now_ns: int) -> str:
        if text.endswith("?"):
            return self._tell(text, now_ns)
        found = _COMMAND.fullmatch(text)
        if found is None:
            return self._act(text, now_ns)
        if self._running:
            return f"{found[1]}!busy"
        low, high = _LIMITS[found[1]]
        if not low <= float(found[2]) <= high:
            return f"{found[1]}!range"
        self._settings[found[1]] = float(found[2])
        return f"{found[1]}={self._settings[found[1]]:.3f}"

    def _tell(self, question: str, now_ns: int) -> str:
        if question == "ID?":
            return "ID=DRIP-1,1.2,0042"
        if question == "S?":
            uptime_s = (now_ns - self._booted_ns) / _NS
            return f"S={'I' if self._running else 'S'},{self._delivered_ul(now_ns):.3f},{uptime_s:.3f}"
        setting = self._settings.get(question[:-1])
        return "?!unknown" if setting is None else f"{question[0]}={setting:.3f}"

    def _act(self, text: str, now_ns: int) -> str:
        if text == "HALT":
            self._stop(now_ns)
            return "HALT=1"
        if text not in ("Z", "GO"):
            return "?!unknown"
        if self._running:
            return f"{text}!busy"
        if text == "Z":
            self._counter_ul = 0.0
            return "Z=0.000"
        left_ul = self._settings["T"] - self._counter_ul
        if left_ul <= 0:
            return "GO!target"
        self._running, self._from_mm = True, self._plunger.travelled_mm(now_ns)
        self._plunger.drive(self._settings["R"] / self._area_mm2(), now_ns)
        self._ends_ns = now_ns + round(left_ul / self._settings["R"] * 60 * _NS)
        return "GO=1"

    def _advance(self, now_ns: int) -> None:
        if self._running and now_ns >= self._ends_ns:
            self._stop(self._ends_ns)

    def _stop(self, now_ns: int) -> None:
        if self._running:
            self._counter_ul = self._delivered_ul(now_ns)
            self._plunger.drive(0.0, now_ns)
            self._running = False

    def _delivered_ul(self, now_ns: int) -> float:
        if not self._running:
            return self._counter_ul
        return self._counter_ul + (self._plunger.travelled_mm(now_ns) - self._from_mm) * self._area_mm2()

    def _area_mm2(self) -> float:
        return math.pi * self._settings["D"] ** 2 / 4.0


def build(name: str, plunger: Plunger, options: Mapping[str, str], rng: np.random.Generator) -> Drip:
    """Build the pump called ``name``. Raises ValueError for an unknown option; it has none."""
    del name, rng
    if options:
        raise ValueError(f"a simulated drip has no option {next(iter(options))!r}")
    return Drip(plunger)


build.kind = "pump"  # type: ignore[attr-defined] # tells the bench to hand it a plunger
