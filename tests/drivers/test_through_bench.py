"""Drivers found by name, on the simulated bench with its line faults, and through ``sim://`` URLs of pyserial."""

from __future__ import annotations

import numpy as np
import pytest

from drivers import registry
from drivers.capabilities import (
    AmperometrySettings,
    DriverOptions,
    ElectrodeSettings,
    Motion,
    Potentiostat,
    PumpProgram,
    SyringePump,
)
from drivers.clock import NS_PER_S, SystemClock, VirtualClock
from drivers.errors import DeviceReset, DriverError, PortLost
from drivers.serial_port import SerialOpener
from drivers.transport import TransportOpener

PROGRAM = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=100.0)
WORLD = {
    "pumps": {"infusion": {"url": "/dev/ttyUSB0", "simulator": "new-era"}},
    "potentiostats": {"head": {"url": "/dev/ttyUSB1", "simulator": "emstat"}},
}
SETTINGS = AmperometrySettings(
    0.6, 0.1, (ElectrodeSettings("glutamate", "we1", 90e-9), ElectrodeSettings("sentinel", "we2", 90e-9))
)


def pump_on(opener: TransportOpener, url: str, clock: VirtualClock | SystemClock) -> SyringePump:
    factory = registry.driver("new-era")
    assert factory.kind == "pump"
    pump = factory(opener, url, clock, DriverOptions("infusion"))
    assert isinstance(pump, SyringePump)
    return pump


def potentiostat_on(opener: TransportOpener, url: str, clock: VirtualClock | SystemClock) -> Potentiostat:
    factory = registry.driver("methodscript")
    assert factory.kind == "potentiostat"
    instrument = factory(opener, url, clock, DriverOptions("head"))
    assert isinstance(instrument, Potentiostat)
    return instrument


def bench(*faults: str) -> tuple[TransportOpener, VirtualClock]:
    clock = VirtualClock()
    return registry.bench()(clock, WORLD, 1, faults), clock


def test_an_infusion_and_a_measurement_run_together() -> None:
    opener, clock = bench()
    pump, head = pump_on(opener, "/dev/ttyUSB0", clock), potentiostat_on(opener, "/dev/ttyUSB1", clock)
    pump.connect()
    head.connect()
    pump.arm_watchdog(5)
    pump.program(PROGRAM)
    head.start(SETTINGS)
    pump.start()
    index: list[int] = []
    end_ns = clock.now_ns() + 110 * NS_PER_S
    while clock.now_ns() < end_ns:
        index += [number for block in head.read(0.5) for number in block.index.tolist()]
        status = pump.status()
    assert status.motion is Motion.STOPPED
    assert status.infused_ul == pytest.approx(100.0, abs=status.counter_step_ul)
    assert index == list(range(len(index)))
    assert len(index) > 1050


@pytest.mark.parametrize(
    "fault",
    [
        "infusion:drop~0.1",
        "infusion:delay~0.1=1s",
        "infusion:duplicate~0.2",
        "infusion:garble~0.1",
        "infusion:cut~0.05",
    ],
)
def test_a_disturbed_pump_line_costs_time_and_no_truth(fault: str) -> None:
    opener, clock = bench(fault)
    pump = pump_on(opener, "/dev/ttyUSB0", clock)
    for _attempt in range(5):
        try:
            pump.connect()
            pump.arm_watchdog(60)
            assert pump.program(PROGRAM) == PROGRAM
            pump.start()
            break
        except DriverError:
            pump.stop()
    answered = 0
    last_ul = 0.0
    for _poll in range(100):
        try:
            status = pump.status()
        except DriverError:
            continue
        assert status.infused_ul >= last_ul - status.counter_step_ul
        last_ul = status.infused_ul
        answered += 1
    assert answered > 50


def test_a_power_cycle_and_an_unplugged_cable_are_told_apart() -> None:
    opener, clock = bench("infusion:power-cycle@60s", "infusion:unplug@120s+20s")
    pump = pump_on(opener, "/dev/ttyUSB0", clock)
    pump.connect()
    clock.sleep_until_ns(70 * NS_PER_S)
    with pytest.raises(DeviceReset):
        pump.status()
    clock.sleep_until_ns(125 * NS_PER_S)
    with pytest.raises(PortLost):
        pump.status()
    clock.sleep_until_ns(145 * NS_PER_S)
    pump.connect()


def test_lost_packages_are_holes_in_the_index() -> None:
    opener, clock = bench("head:drop~0.05")
    head = potentiostat_on(opener, "/dev/ttyUSB1", clock)
    for _attempt in range(5):
        try:
            head.connect()
            head.start(SETTINGS)
            break
        except DriverError:
            continue
    blocks = [block for _ in range(400) for block in head.read(0.1)]
    index = np.concatenate([block.index for block in blocks])
    assert np.all(np.diff(index) > 0)
    assert np.any(np.diff(index) > 1)
    assert index[-1] - index[0] + 1 - index.size < 0.2 * index.size


def test_sim_urls_of_pyserial_lead_to_the_same_instruments() -> None:
    clock = SystemClock()
    opener = SerialOpener()
    pump = pump_on(opener, "sim://new-era?seed=4", clock)
    assert pump.connect().model == "NE-1000"
    assert pump.program(PROGRAM) == PROGRAM
    assert pump.start().motion is Motion.INFUSING
    assert pump.stop().motion.is_still
    pump.close()
    head = potentiostat_on(opener, "sim://emstat", clock)
    head.connect()
    head.start(SETTINGS)
    blocks: list[int] = []
    deadline_ns = clock.now_ns() + 5 * NS_PER_S
    while len(blocks) < 3 and clock.now_ns() < deadline_ns:
        blocks += [number for block in head.read(0.5) for number in block.index.tolist()]
    assert blocks[:3] == [0, 1, 2]
    head.stop()
    head.close()
