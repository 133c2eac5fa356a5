"""Recorded blocks as the live feed would have brought them: for a screen that was opened late.

Knows where samples are missing in a row of blocks. Does not know files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from acquisition.messages import ChannelSamples
from drivers.capabilities import SampleBlock


@dataclass
class GapMarker:
    """Turns blocks, in the order of recording, into samples with a row of NaN wherever device samples are missing."""

    _expected: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Epoch and index that the next block of an instrument should begin with."""

    def samples(self, block: SampleBlock, sequence: int) -> ChannelSamples:
        """Return one block, not empty, from journal record ``sequence``."""
        breaks = np.flatnonzero(np.diff(block.index) > 1) + 1
        expected = self._expected.get(block.instrument)
        if expected is not None and expected != (block.epoch, int(block.index[0])):
            breaks = np.concatenate(([0], breaks))
        self._expected[block.instrument] = (block.epoch, int(block.index[-1]) + 1)
        t_ns = block.t_ns()
        # Just before the first sample after the gap: later than every sample before it.
        t_ns = np.insert(t_ns, breaks, t_ns[breaks] - 1)
        current_a = np.insert(block.current_a, breaks, np.nan, axis=0)
        return ChannelSamples(
            instrument=block.instrument,
            channels=block.channels,
            journal_sequence=sequence,
            t_ns=tuple(t_ns.tolist()),
            current_a=tuple(tuple(column) for column in current_a.T.tolist()),
        )
