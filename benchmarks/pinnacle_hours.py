"""Runs hours of a simulated 8401-HR through bench and driver, every packet: each sample must be there, at its time.

    python benchmarks/pinnacle_hours.py [HOURS] [FAULT ...]

Twelve hours are 86.4 million packets, 2.7 GB on the simulated line. Prints counts, gaps and costs; fails if a sample is
missing that no fault took. Faults as for ``amperfuse rehearse``, for example ``drop~0.00001``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np

from drivers import registry
from drivers.capabilities import AmperometrySettings, DriverOptions, ElectrodeSettings
from drivers.clock import NS_PER_S, VirtualClock
from drivers.pinnacle_8401 import build

INTERVAL_NS = NS_PER_S // 10


def main(hours: float, faults: Sequence[str]) -> None:
    """Run, print, and fail if a sample is missing."""
    clock = VirtualClock()
    bench = registry.bench()(clock, {}, 1, faults)
    instrument = build(bench, "sim://pinnacle-8401", clock, DriverOptions("it", settings={"preamp": "7052"}))
    instrument.connect()
    electrodes = tuple(ElectrodeSettings(letter, letter, 50e-9) for letter in "abcd")
    instrument.start(AmperometrySettings(0.6, INTERVAL_NS / NS_PER_S, electrodes))
    cpu_s, end_ns = time.process_time(), clock.now_ns() + round(hours * 3600 * NS_PER_S)
    count, gaps, missing, epochs, last_ns, oldest_ms = 0, 0, 0, set[int](), 0, 0.0
    while clock.now_ns() < end_ns:
        clock.sleep_until_ns(instrument.next_read_ns())
        for block in instrument.read(0.0):
            t_ns = block.t_ns()
            steps = np.diff(t_ns, prepend=last_ns or t_ns[0] - INTERVAL_NS)
            assert np.all(steps > 0)
            gaps += int(np.count_nonzero(steps > 3 * INTERVAL_NS // 2))
            missing += int(np.rint(steps / INTERVAL_NS - 1).clip(0).sum())
            count, last_ns = count + t_ns.size, int(t_ns[-1])
            oldest_ms = max(oldest_ms, (block.received_ns - last_ns) / 1e6)
            epochs.add(block.epoch)
    cpu_s = time.process_time() - cpu_s
    instrument.stop()
    lines = bench.truth()["lines"]
    print(f"{hours:g} h: {count} samples, {missing} missing in {gaps} gaps, epochs {sorted(epochs)}")
    print(f"newest sample of a reading at most {oldest_ms:.1f} ms old; overflow {lines}")
    print(f"{cpu_s:.1f} s of processor time, {cpu_s / hours:.1f} s an hour, both sides and the mouse")
    assert faults or (missing == 0 and abs(count - hours * 36_000) <= 4)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 12.0, sys.argv[2:])
