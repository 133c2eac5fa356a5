"""Other people's clients on the simulated bench potentiostats, over a real pseudo-terminal.

Rodeostat: the vendor's ``iorodeo-potentiostat``. Source-measure units: ``pymeasure`` and ``keithley2400``, both over
PyVISA-py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keithley2400
import pytest
from potentiostat import Potentiostat
from pymeasure.instruments import keithley as pymeasure_keithley

from tests.sim_devices.serving import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.mark.filterwarnings("ignore:.*invalid escape sequence.*")
def test_the_vendors_client_runs_a_test_on_a_rodeostat(tmp_path: Path) -> None:
    link = tmp_path / "rodeo"
    with served("pty", str(link), "rodeostat?board=itsybitsy&version_prefix=HW"):
        client = Potentiostat(str(link))
        try:
            assert client.get_hardware_variant() == "10V_nanoAmpV0.2"
            assert client.get_firmware_version() == "FW0.1.0"
            assert client.set_curr_range("60nA") == "60nA"
            assert client.set_sample_period(20) == 20
            assert client.set_volt(0.25) == pytest.approx(0.25, abs=1e-3)
            client.set_auto_connect(False)
            client.set_all_elect_connected(True)
            assert client.get_wrk_elect_connected()
            param = {"quietValue": 0.0, "quietTime": 0, "value": 0.6, "duration": 400}
            assert client.set_param("constant", param) == param
            times, volts, currents = client.run_test("constant", display=None, timeunit="ms")
            assert times == list(range(20, 401, 20))
            assert set(volts) == {0.6}
            assert all(0 < current <= 0.06 for current in currents), "oxidation is positive, in microamperes"
            client.stop_test()
        finally:
            client.close()


def resource(link: Path) -> str:
    return f"ASRL{link}::INSTR"


def terminations(end: str) -> dict[str, str]:
    return {"read_termination": end, "write_termination": end}


def test_pymeasure_measures_with_an_electrometer(tmp_path: Path) -> None:
    link = tmp_path / "meter"
    with served("pty", str(link), "scpi-smu?model=6517B&terminator=lf"):
        meter = pymeasure_keithley.Keithley6517B(resource(link), visa_library="@py", **terminations("\n"))
        try:
            assert "MODEL 6517B" in meter.id
            meter.current_range = 2e-7
            meter.current_nplc = 1
            meter.source_voltage = 0.6
            meter.enable_source()
            assert meter.source_enabled
            meter.write(":SYST:ZCH OFF")
            assert 0 < meter.current < 2e-7
            meter.disable_source()
            assert not meter.source_enabled
        finally:
            meter.adapter.close()


def test_pymeasure_measures_with_a_source_measure_unit(tmp_path: Path) -> None:
    link = tmp_path / "smu"
    with served("pty", str(link), "scpi-smu?model=2400"):
        smu = pymeasure_keithley.Keithley2400(resource(link), visa_library="@py", **terminations("\r"))
        try:
            assert "MODEL 2400" in smu.id
            smu.reset()
            smu.source_mode = "voltage"
            smu.source_voltage_range = 2
            smu.compliance_current = 1e-6
            smu.source_voltage = 0.6
            smu.output_off_state = "disconnected"
            smu.current_nplc = 1
            smu.current_range = 1e-6
            smu.enable_source()
            assert smu.source_enabled
            assert smu.source_voltage == pytest.approx(0.6)
            assert 0 < smu.current < 1e-6
            smu.disable_source()
            assert not smu.source_enabled
            assert smu.check_errors() == []
        finally:
            smu.adapter.close()


def test_keithley2400_measures_with_a_source_measure_unit(tmp_path: Path) -> None:
    link = tmp_path / "smu"
    with (
        served("pty", str(link), "scpi-smu?model=2400"),
        keithley2400.Keithley2400(resource(link), auto_discover=False) as smu,
    ):
        smu.set_source_v(0.6)
        smu.set_current_compliance(1e-6)
        smu.configure_measure_vi(auto_range=False)
        smu.set_current_range(1e-6)
        smu.output_on()
        volt, current = smu.read_v_i()
        assert volt == pytest.approx(0.6)
        assert 0 < current < 1e-6
        smu.output_off()
        assert smu.query("OUTP?") == "0"
        assert smu.get_error() == '0,"No error"'
