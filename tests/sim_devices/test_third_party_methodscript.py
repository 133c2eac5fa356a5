"""Other people's MethodSCRIPT programs on the simulated instruments over a real pty, and our driver on their simulator.

``hardpotato`` (GPL) writes scripts for an EmStat Pico, also for its second electrode before version 1.8.
``labmcp-palmsens`` (Apache) has a client and a simulator. Clients by the maker are for the maker's own instruments
only, by their licence.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest
import serial

from drivers.capabilities import AmperometrySettings, DriverOptions, ElectrodeSettings
from drivers.clock import SystemClock
from drivers.errors import PortLost
from drivers.methodscript import one_port, script
from tests.sim_devices.labmcp_parts import SerialTransport, TheirLine, palmsens, palmsens_simulator
from tests.sim_devices.serving import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


def script_writer() -> ModuleType:
    """Load the one module of hardpotato that is its own, without the maker's and without its plots."""
    package = importlib.util.find_spec("hardpotato")
    assert package is not None
    assert package.origin is not None
    spec = importlib.util.spec_from_file_location("emstatpico", Path(package.origin).with_name("emstatpico.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("second", "kinds"), [(False, ["eb", "da", "ba"]), (True, ["eb", "da", "ba", "bb"])])
def test_a_script_of_hardpotato_measures(tmp_path: Path, second: bool, kinds: list[str]) -> None:
    technique = script_writer().CA(0.6, 0.05, 1.0, 1e-7, "", "", "")
    if second:
        technique.bipot(0.5, 1e-7)
    link = tmp_path / "stat"
    with served("pty", str(link), "emstat?version=01.06.00"), serial.Serial(str(link), timeout=3) as line:
        line.write(technique.text.encode())
        told = [line.readline().decode() for _ in range(24)]
    assert told[:2] == ["e\n", "M0007\n"]
    assert told[22:] == ["*\n", "\n"]
    packages = [package.rstrip()[1:].split(";") for package in told[2:22]]
    assert [[value[:2] for value in package] for package in packages] == [kinds] * 20
    currents = [(int(package[2][2:9], 16) - 0x8000000) * 1e-15 for package in packages if package[2][9] == "f"]
    assert all(0.0 < current_a < 100e-9 for current_a in currents)


def test_the_client_of_labmcp_identifies_measures_and_aborts(tmp_path: Path) -> None:
    link = tmp_path / "stat"
    with served("pty", str(link), "emstat?model=es4lr&line_limit=255"):
        device = palmsens.MethodScriptDevice(SerialTransport(str(link), baudrate=921_600))
        try:
            assert device.identify()["serial"] == "ES4LR20B0008"
            lines = palmsens.build_script(
                "meas_loop_ca p c 600m 50m 1", begin_potential_v=0.6, e_min=0.6, e_max=0.6, pgstat_mode=2,
                bandwidth_hz=120, current_range_a=100e-9, autorange=False, equilibration_s=0.1, with_timer=True,
            )  # fmt: skip
            result = device.execute(lines, timeout_s=10)
            assert (len(result.packets), result.error, result.malformed) == (20, None, [])
            assert {variable.range for _scan, package in result.packets for variable in package[2:]} == {9}
            long = [line.replace("50m 1", "50m 600") for line in lines]
            runs = threading.Thread(target=device.execute, args=(long, 30.0))
            runs.start()
            threading.Event().wait(0.5)
            assert device.abort() == {"was_running": True, "stopped": True, "note": "cell switched off"}
            runs.join(5)
        finally:
            device.close()


def test_our_driver_measures_on_the_simulator_of_labmcp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "RUN_TIME_S", 2)
    simulator = palmsens_simulator.MethodScriptSimulator(speed=1.0)
    line = TheirLine(simulator)
    instrument = one_port(line, "labmcp", SystemClock(), DriverOptions("it"))
    assert instrument.connect().model == "EmStat Pico"
    instrument.start(AmperometrySettings(0.6, 0.1, (ElectrodeSettings("glutamate", "we1", 40e-6),)))
    blocks = [block for _ in range(35) for block in instrument.read(0.1)]
    assert 25 <= sum(block.index.size for block in blocks) <= 36
    assert {block.epoch for block in blocks} >= {1, 2}
    instrument.stop()
    assert not simulator.running
    assert not simulator.cell_powered
    instrument.close()
    with pytest.raises(PortLost):
        instrument.start(AmperometrySettings(0.6, 0.1, (ElectrodeSettings("glutamate", "we1", 40e-6),)))
