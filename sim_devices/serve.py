"""Serves one simulated instrument to any program: on a pseudo-terminal or a TCP port, in real time.

Knows how bytes get from a client to the instrument's line and back, also when its cable is pulled. Does not know the
instrument; where clients connect is in ``drivers.endpoints``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from drivers.clock import Clock, SystemClock
from drivers.endpoints import Endpoint, signals_set
from drivers.endpoints import endpoint as make_endpoint
from drivers.errors import PortLost, PortMissing, ReplyTimeout
from drivers.transport import LineSettings
from sim_devices.bench import SimBench
from sim_devices.line import SimulatedPort
from sim_devices.truth_log import TruthLog

_BAUD = 115_200
"""Pace of a served line; the client's own setting does not reach us through a pty or TCP."""
_LONGEST_WAIT_S = 0.02  # how soon a stop is noticed
_CHUNK = 4096
_NS = 1_000_000_000


def serve(
    name: str,
    *,
    pty: Path | None,
    tcp: str | None,
    seed: int,
    faults: Sequence[str],
    announce: Callable[[str], None],
    stop: threading.Event,
    truth: Path | None = None,
) -> None:
    """Serve the simulated instrument ``name`` until ``stop`` is set, or SIGTERM or SIGINT comes to the main thread.

    ``name`` may carry options of the instrument: ``new-era?saf=5``. ``announce`` is given the endpoint once clients can
    connect: the link's path, or HOST:PORT. Clients may come, go and be killed; the instrument goes on. A link is
    removed at the end. ``truth`` is a new file for what really leaves the syringes (``sim_devices.truth_log``). Raises
    ValueError for bad names, options, faults or addresses, OSError when the endpoint is taken or impossible here.
    """
    endpoint = make_endpoint(pty, tcp)
    clock = SystemClock()
    bench = SimBench(clock, {}, seed, faults)
    url = f"sim://{name}"
    try:
        port = bench.open(url, LineSettings(baud=_BAUD))
    except PortMissing as error:
        raise ValueError(error.message) from error
    log = None if truth is None else TruthLog.begin(truth, bench)
    with signals_set(stop):
        try:
            announce(endpoint.appear())
            _bridge(endpoint, port, bench, log, stop)
        finally:
            endpoint.vanish()
            port.close()
            if log is not None:
                log.close()


def _bridge(
    endpoint: Endpoint, port: SimulatedPort, bench: SimBench, log: TruthLog | None, stop: threading.Event
) -> None:
    while not stop.is_set():
        if log is not None:
            log.look()
        try:
            outgoing = port.read(_CHUNK, 0.0)
            incoming = endpoint.pump(outgoing, 0.0 if outgoing else _wait_s(port, bench.clock))
            if incoming:
                with suppress(ReplyTimeout):  # written faster than the line takes it: lost, as on a real one
                    port.write(incoming, 0.0)
        except PortLost:
            endpoint.vanish()
            replugged = _await_replug(port.url, bench, stop)
            if replugged is None:
                return
            port = replugged
            endpoint.appear()


def _wait_s(port: SimulatedPort, clock: Clock) -> float:
    return min(max((port.next_ns() - clock.now_ns()) / _NS, 0.0), _LONGEST_WAIT_S)


def _await_replug(url: str, bench: SimBench, stop: threading.Event) -> SimulatedPort | None:
    while not stop.is_set():
        with suppress(PortMissing):
            return bench.open(url, LineSettings(baud=_BAUD))
        bench.clock.sleep_until_ns(bench.clock.now_ns() + round(_LONGEST_WAIT_S * _NS))
    return None
