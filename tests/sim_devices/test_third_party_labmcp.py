"""The labmcp clients of pumps and source-measure units on our simulators over TCP, and our driver on their pump."""

from __future__ import annotations

import threading

import pytest

from drivers.capabilities import DriverOptions, Motion, PumpProgram
from drivers.clock import SystemClock
from drivers.new_era import build
from tests.sim_devices.labmcp_parts import TheirLine, keithley, new_era, new_era_simulator, over_tcp
from tests.sim_devices.serving import served


def test_their_client_infuses_with_a_pump_over_tcp_to_its_target_and_stops() -> None:
    with served("tcp", "127.0.0.1:0", "new-era") as pump_served:
        pump = new_era.NewEraPump(over_tcp(pump_served.endpoint, sends="\r", hears="\x03"))
        try:
            assert pump.identify()["model"] == "NE-1000"
            assert pump.reset_alarm_seen
            pump.set_diameter(4.699)
            pump.clear_dispensed()
            plan = pump.start_pumping("INF", 0.002, 0.2)  # 0.6 s
            assert (plan.rate_text, plan.volume_text) == ("200.0UM", "2.000UL")
            for _look in range(200):
                threading.Event().wait(0.05)
                if pump.status().state == "stopped":
                    break
            assert pump.dispensed() == (2.0, 0.0, "UL")
            pump.start_pumping("INF", 1.0, 0.2)
            assert pump.status().state == "infusing"
            assert pump.stop().state == "stopped"
            infused_ul, _withdrawn, _unit = pump.dispensed()
            assert 2.0 <= infused_ul < 200.0
        finally:
            pump.close()


def test_their_client_measures_with_a_source_measure_unit_over_tcp_and_switches_off() -> None:
    name = "scpi-smu?model=2400&terminator=lf&executes_on=terminator"  # its line ends are set at the instrument
    with served("tcp", "127.0.0.1:0", name) as unit_served:
        line = over_tcp(unit_served.endpoint, sends="\n", hears="\n")
        unit = keithley.Keithley2400(line, line.query("*IDN?"))
        try:
            assert unit.identify()["model"] == "2400"
            unit.configure("voltage", 0.6, 1e-6, 2, 1.0)
            status = unit.status()
            assert (status.output_on, status.level, status.compliance) == (False, 0.6, 1e-6)
            unit.set_output(True)
            status, reading = unit.measure()
            assert status.output_on
            assert not status.in_compliance
            assert reading.voltage_v == pytest.approx(0.6)
            assert 0 < reading.current_a < 1e-6
            swept = unit.sweep("voltage", [0.0, 0.3, 0.6])
            assert [point.voltage_v for point in swept.readings] == pytest.approx([0.0, 0.3, 0.6])
            assert not unit.output_state()
            assert unit.error_list() == []
        finally:
            unit.close()


def test_our_driver_infuses_with_their_pump_and_stops_it() -> None:
    simulator = new_era_simulator.NewEraSimulator(firmware="3.928")
    pump = build(TheirLine(simulator, sends="\r", hears="\x03"), "labmcp", SystemClock(), DriverOptions("it"))
    assert pump.connect().model == "NE-1000"
    program = PumpProgram(diameter_mm=4.699, rate_ul_per_min=200.0, target_ul=2.0)
    assert pump.program(program) == program
    assert pump.read_back() == program
    assert pump.start().motion is Motion.INFUSING
    for _look in range(200):
        threading.Event().wait(0.05)
        status = pump.status()
        if status.motion.is_still:
            break
    assert status.motion is Motion.STOPPED
    assert status.infused_ul == pytest.approx(2.0, abs=status.counter_step_ul)

    pump.program(PumpProgram(diameter_mm=4.699, rate_ul_per_min=200.0, target_ul=900.0))
    pump.start()
    assert pump.stop().motion.is_still
    assert not simulator.running
    pump.close()
