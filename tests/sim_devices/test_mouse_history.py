"""What the animal was like is kept for hours and not for ever, and a bench lets no instrument ask for longer ago."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.clock import VirtualClock
from drivers.transport import LineSettings
from sim_devices.bench import build
from sim_devices.mouse.history import KEPT_S, History

S = 1_000_000_000


def test_the_latest_seconds_are_kept_and_memory_does_not_grow() -> None:
    history = History(0.0)
    for second in range(1, 10 * KEPT_S):
        history.append(float(second))
    assert len(history) == 10 * KEPT_S
    assert history.last == history[10 * KEPT_S - 1] == 10 * KEPT_S - 1
    assert history[9 * KEPT_S] == 9 * KEPT_S
    with pytest.raises(ValueError, match="forgotten"):
        history[0]
    with pytest.raises(IndexError):
        history[10 * KEPT_S]


SCRIPT = b"""e
var p
var c
set_pgstat_mode 2
set_range ba 100n
set_e 700m
cell_on
meas_loop_ca p c 700m 60 43200
pck_start
pck_add c
pck_end
endloop

"""


def read(jump_s: int) -> list[bytes]:
    """Measure once a minute for twelve hours on two instruments, and turn to each only after so long."""
    world: dict[str, Any] = {"potentiostats": {name: {"url": f"sim://emstat/{name}"} for name in ("left", "right")}}
    bench = build(VirtualClock(), world, 4, ())
    ports = [bench.open(f"sim://emstat/{name}", LineSettings(baud=230_400)) for name in ("left", "right")]
    for port in ports:
        port.write(SCRIPT, 1.0)
    data = [b"", b""]
    while bench.clock.now_ns() < 12 * 3600 * S:
        bench.clock.sleep_until_ns(bench.clock.now_ns() + jump_s * S)
        for at, port in enumerate(ports):
            data[at] += port.read(65536, 0.0)
    return data


def test_an_instrument_that_nobody_turned_to_for_half_a_day_has_measured_all_the_same() -> None:
    at_once, often = read(12 * 3600 + 1), read(3601)
    assert [len(data.splitlines()) for data in at_once] == [2 + 720 + 2] * 2
    assert at_once == often
