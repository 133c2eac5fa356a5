"""The exchanges of the protocol's table, byte for byte, on both sides: the two may not agree on a mistake."""

from __future__ import annotations

import numpy as np
import pytest
from amperfuse_drip import simulator
from amperfuse_drip.driver import DripPump

from drivers.capabilities import DriverOptions, PumpProgram
from drivers.clock import NS_PER_S, VirtualClock
from drivers.compliance.simulated import FirmwareLine, IdealPlunger
from drivers.errors import DeviceRefused

PROGRAM = PumpProgram(diameter_mm=4.699, rate_ul_per_min=50.0, target_ul=20.0)
TALK = [
    (b"ID?\n", b"ID=DRIP-1,1.2,0042\n"),
    (b"S?\n", b"S=S,0.000,1.000\n"),
    (b"D 4.699\n", b"D=4.699\n"),
    (b"R 50.000\n", b"R=50.000\n"),
    (b"T 20.000\n", b"T=20.000\n"),
    (b"Z\n", b"Z=0.000\n"),
    (b"D?\n", b"D=4.699\n"),
    (b"R?\n", b"R=50.000\n"),
    (b"T?\n", b"T=20.000\n"),
    (b"GO\n", b"GO=1\n"),
    (b"S?\n", b"S=I,0.000,1.000\n"),
]


def test_the_simulator_answers_as_the_table_says() -> None:
    drip = simulator.build("it", IdealPlunger(), {}, np.random.default_rng(1))
    drip.power_on(0)
    for sent, answered in TALK:
        drip.receive(sent, NS_PER_S)
        assert drip.transmit(NS_PER_S) == answered


def test_the_driver_says_exactly_this() -> None:
    line = FirmwareLine(simulator.build("it", IdealPlunger(), {}, np.random.default_rng(1)))
    pump = DripPump(line, "sim://drip", line.clock, DriverOptions("it"))
    pump.connect()
    pump.program(PROGRAM)
    pump.start()
    assert line.sent == [sent for sent, _answered in TALK]


@pytest.mark.parametrize(
    ("sent", "answered"),
    [(b"D 0.000\n", b"D!range\n"), (b"GO\n", b"GO!target\n"), (b"XY\n", b"?!unknown\n"), (b"D 4.7\n", b"?!unknown\n")],
)
def test_the_simulator_refuses_as_the_table_says(sent: bytes, answered: bytes) -> None:
    drip = simulator.build("it", IdealPlunger(), {}, np.random.default_rng(1))
    drip.power_on(0)
    drip.receive(sent, 0)
    assert drip.transmit(0) == answered


def test_a_refused_start_is_said() -> None:
    clock = VirtualClock()
    line = FirmwareLine(simulator.build("it", IdealPlunger(), {}, np.random.default_rng(1)), clock)
    pump = DripPump(line, "sim://drip", clock, DriverOptions("it"))
    pump.connect()
    with pytest.raises(DeviceRefused, match="GO!target"):
        pump.start()
