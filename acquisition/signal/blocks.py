"""Recorded blocks as a screen wants them that was opened late: long stretches, NaN where samples are missing.

Knows where samples are missing in a row of blocks. Does not know files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drivers.capabilities import SampleBlock

STRETCH_SAMPLES = 4000


@dataclass(frozen=True)
class Stretch:
    """Samples of one instrument in a row: ``t_ns`` (n,), ``current_a`` (n, channels) in amperes, a row of NaN a gap."""

    instrument: str
    channels: tuple[str, ...]
    t_ns: NDArray[np.int64]
    current_a: NDArray[np.float64]


@dataclass
class Stretcher:
    """Joins the blocks of each instrument, in the order of recording, into stretches."""

    _expected: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Epoch and index that the next block of an instrument should begin with."""
    _open: dict[str, list[SampleBlock]] = field(default_factory=dict)
    _samples: dict[str, int] = field(default_factory=dict)

    def add(self, block: SampleBlock) -> Stretch | None:
        """Take a block; return a stretch once it is long enough."""
        if not len(block.index):
            return None
        self._open.setdefault(block.instrument, []).append(block)
        self._samples[block.instrument] = self._samples.get(block.instrument, 0) + len(block.index)
        return self._joined(block.instrument) if self._samples[block.instrument] >= STRETCH_SAMPLES else None

    def rest(self) -> list[Stretch]:
        """Return what was not long enough."""
        return [self._joined(instrument) for instrument, blocks in self._open.items() if blocks]

    def _joined(self, instrument: str) -> Stretch:
        blocks, self._open[instrument] = self._open[instrument], []
        self._samples[instrument] = 0
        index = np.concatenate([block.index for block in blocks])
        epoch = np.repeat([block.epoch for block in blocks], [len(block.index) for block in blocks])
        t_ns = np.concatenate([block.t_ns() for block in blocks])
        current_a = np.concatenate([block.current_a for block in blocks])
        breaks = np.flatnonzero((np.diff(index) != 1) | (np.diff(epoch) != 0)) + 1
        expected = self._expected.get(instrument)
        if expected is not None and expected != (int(epoch[0]), int(index[0])):
            breaks = np.concatenate(([0], breaks))
        self._expected[instrument] = (int(epoch[-1]), int(index[-1]) + 1)
        # Just before the first sample after the gap: later than every sample before it.
        t_ns = np.insert(t_ns, breaks, t_ns[breaks] - 1)
        return Stretch(instrument, blocks[0].channels, t_ns, np.insert(current_a, breaks, np.nan, axis=0))
