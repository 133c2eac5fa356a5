"""The one simulated bench that all ``sim://`` ports of a process share: one world, real time.

Kept apart from the handler, which Python may load under two module names. Knows when the bench is built, nothing else.
"""

from __future__ import annotations

import threading

from drivers.clock import SystemClock
from drivers.transport import LineSettings
from sim_devices.bench import SimBench
from sim_devices.catalogue import url_seed
from sim_devices.line import SimulatedPort

_lock = threading.Lock()
_benches: list[SimBench] = []


def open_port(url: str, settings: LineSettings) -> SimulatedPort:
    """Open a ``sim://`` URL; the first one's seed is the seed of the world. Raises PortMissing, PortBusy."""
    with _lock:
        if not _benches:
            _benches.append(SimBench(SystemClock(), {}, url_seed(url), []))
        bench = _benches[0]
    return bench.open(url, settings)
