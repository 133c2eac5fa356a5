"""The pairs (recorded time, time of arrival) of a journal's blocks, and what they say of each instrument's clock.

Knows how the derived clock is written in ``session.nwb`` and said to people. Does not know how it is fitted.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from acquisition.recording.records import StreamSpec
from acquisition.signal.device_clock import MODEL_VERSION, ClockLine, best, device_clock
from drivers.capabilities import SampleBlock

_UNKNOWN_PPM = 1000.0
"""An uncertainty beyond this says nothing: no crystal is so far off."""


class ClockPairs:
    """Takes every block of a session; 24 bytes per block."""

    def __init__(self) -> None:
        self._pairs: dict[str, tuple[array[int], array[int], array[int]]] = {}

    def add(self, block: SampleBlock) -> None:
        """Take one block, in the order of the journal."""
        if not len(block.index):
            return
        columns = self._pairs.setdefault(block.instrument, (array("q"), array("q"), array("q")))
        t_ns = block.t_ns()
        # the first sample too: a line counts from it, as the driver has placed it
        for t in sorted({int(t_ns[0]), int(t_ns[-1])}):
            for column, value in zip(columns, (t, block.received_ns, block.epoch), strict=True):
                column.append(value)

    def lines(self, instrument: str) -> tuple[ClockLine, ...]:
        """Return the clock of one instrument; empty when nothing long enough was recorded."""
        if instrument not in self._pairs:
            return ()
        t_ns, received_ns, epoch = (np.frombuffer(column, np.int64) for column in self._pairs[instrument])
        return device_clock(t_ns, received_ns, epoch)

    def sentence(self, instrument: str) -> str:
        """Say how far the clock of one instrument is off."""
        line = best(self.lines(instrument))
        if line is None or line.ppm_uncertainty > _UNKNOWN_PPM:
            return f"device clock not known, too little was recorded at a time, model {MODEL_VERSION}"
        uncertainty = max(math.ceil(line.ppm_uncertainty * 10) / 10, 0.1)
        return f"device clock {line.ppm:+.1f} ppm +- {uncertainty:.1f}, model {MODEL_VERSION}"

    def as_json(self, streams: Sequence[StreamSpec], started_ns: int) -> str:
        """Return all lines as they stand in the file; times in seconds since session start."""
        return json.dumps(
            {
                "model": MODEL_VERSION,
                "corrected": "t + offset_s + slope * (t - first_s), for first_s <= t <= last_s of the epoch",
                "streams": {
                    spec.instrument: [_in_seconds(line, started_ns) for line in self.lines(spec.instrument)]
                    for spec in streams
                },
            },
            sort_keys=True,
        )


def _in_seconds(line: ClockLine, started_ns: int) -> dict[str, float]:
    seconds: dict[str, float] = {"ppm": line.ppm, "ppm_uncertainty": line.ppm_uncertainty}
    for name, value in asdict(line).items():
        if name.endswith("_ns"):
            zero_ns = started_ns if name in {"first_ns", "last_ns"} else 0
            seconds[name.removesuffix("_ns") + "_s"] = (value - zero_ns) / 1e9
        else:
            seconds[name] = value
    return seconds
