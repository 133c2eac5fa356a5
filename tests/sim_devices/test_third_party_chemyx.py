"""Another's client of Chemyx pumps (afl-automation, made from the vendor's own Python code) on the simulated one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from AFL.automation.loading.ChemyxSyringePump import ChemyxSyringePump

from tests.sim_devices.serving import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.mark.slow
def test_afl_automation_sets_up_infuses_to_its_target_and_stops(tmp_path: Path) -> None:
    link = tmp_path / "pump"
    with served("pty", str(link), "chemyx?echo_end=crlf"):
        pump = ChemyxSyringePump(str(link), 0, 0, flow_delay=0)  # each of its commands waits half a second
        try:
            assert (pump.max_rate, pump.min_rate) == (125.9622, 0.0002)
            assert pump.pump.setUnits("μL/min") == ["set units 2", "units = 2", ">"]
            assert pump.pump.setDiameter(4.7)[1] == "diameter = 4.700"
            pump.setRate(300)
            assert (pump.getRate(), pump.getValueFromParams("dia")) == (300.0, 4.7)
            pump.dispense(10, delay=False)  # 2 s; it starts twice, half a second apart
            assert pump.getLevel() == 10.0

            pump.pump.setVolume(900)
            pump.pump.startPump()
            assert pump.getStatus()
            pump.stop()
            assert not pump.getStatus()
            assert 0 < pump.getLevel() < 900
        finally:
            pump.pump.closeConnection()
