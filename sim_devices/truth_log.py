"""Writes down what really leaves the syringes of a served bench: to be compared with what a program believes.

One JSON object per line and change: ``ul`` per pump, ``t_ns`` when that was so, ``since_ns`` when it was looked at
before, both of the machine's monotonic clock. What is new in a line has left a syringe between the two, however late a
busy computer looked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TextIO

from sim_devices.bench import SimBench

_EVERY_NS = 20_000_000


@dataclass
class TruthLog:
    """The log of one bench. Call ``look`` as often as possible."""

    bench: SimBench
    _file: TextIO
    _since_ns: int
    _given_ul: dict[str, float] = field(default_factory=dict)

    @classmethod
    def begin(cls, path: Path, bench: SimBench) -> Self:
        """Begin a new file. Raises ValueError for a bench without pumps, OSError (also when the file exists)."""
        now_ns, given_ul = bench.given_ul()
        if not given_ul:
            raise ValueError("no volume leaves this instrument: a log of the truth is for pumps")
        log = cls(bench, path.open("x", encoding="utf-8"), now_ns)
        log._write(now_ns, given_ul)
        return log

    def look(self) -> None:
        """Write a line if something has left a syringe."""
        if self.bench.clock.now_ns() < self._since_ns + _EVERY_NS:
            return
        now_ns, given_ul = self.bench.given_ul()
        if given_ul != self._given_ul:
            self._write(now_ns, given_ul)
        self._since_ns = now_ns

    def close(self) -> None:
        """Look once more, and end the file."""
        self._since_ns -= _EVERY_NS
        self.look()
        self._file.close()

    def _write(self, now_ns: int, given_ul: dict[str, float]) -> None:
        line = {"since_ns": self._since_ns, "t_ns": now_ns, "ul": given_ul}
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()
        self._given_ul = given_ul
