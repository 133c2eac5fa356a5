"""Twelve minutes of an 8401-HR, 1.4 million packets: each sample once and at its time, no gap but the lost bytes.

Twelve hours are ``benchmarks/pinnacle_hours.py``: they take minutes.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.clock import NS_PER_S
from drivers.pinnacle_8401.packets import SIZE
from tests.drivers.long_run import PERIOD_S, Damage, TellingCell, run
from tests.drivers.test_compliance_pinnacle_8401 import PinnacleSetUp

DELAY_S = -0.01
"""The simulated front end is asked every 20 ms, and held: what it gives is so old on average."""


class MeanCell(TellingCell):
    """A saw-tooth that is averaged over 0.1 s: where it jumps back, a mean tells no time."""

    def lateness_s(self, current_a: NDArray[np.float64], t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        phase_s = (t_ns / NS_PER_S + PERIOD_S / 2) % PERIOD_S - PERIOD_S / 2
        return np.where(np.abs(phase_s) < 0.08, DELAY_S, super().lateness_s(current_a, t_ns))


def packets(data: bytes) -> list[bytes]:
    """Cut what the instrument says while it streams."""
    assert len(data) % SIZE == 0
    return [data[at : at + SIZE] for at in range(0, len(data), SIZE)]


@pytest.mark.parametrize("interval_s", [0.1, 0.01])
def test_twelve_minutes_account_for_every_sample(interval_s: float) -> None:
    hours = 0.2 if interval_s == 0.1 else 0.02
    cell = MeanCell(full_scale_a=100e-9)
    bench = PinnacleSetUp({"burst_ms": "16"}, interval_s=interval_s, cell=cell)
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    first = bench.line.firmware._stream.made  # type: ignore[attr-defined] # sent before damage began
    bench.line.from_device = damage = Damage(packets, every=30_000)

    account = run(instrument, bench.clock, hours, cell=cell)

    every, window = round(interval_s * 2000), 200
    lacking = sorted(
        {
            sample
            for packet in (first + ordinal for ordinal in damage.ordinals)
            for sample in range(max(0, -(-(packet - window + 1) // every)), packet // every + 1)
        }
    )
    account.check_complete(bench.clock.now_ns(), lacking, in_flight=round(0.1 / interval_s) + 4)
    account.check_times(tolerance_s=0.012, delay_s=DELAY_S)
    assert len(damage.ordinals) > (40 if interval_s == 0.1 else 3)
    assert account.flagged == 0
    assert cell.switched == [True], "polarised without a break"
    bench.line.from_device = lambda data: [(0.0, data)]
    instrument.stop()
    assert not bench.cell_on()
