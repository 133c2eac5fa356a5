"""Other people's clients of Legato pumps (python-syringe-pump, KDSautolib) on the simulated one over real ptys.

The first reads everything back and names what the prompts say; the second only ever writes, so the pump is asked here.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import timedelta
from pathlib import Path

import aioserial
import pytest
import serial
from KDSautolib.legato110 import Legato110
from quantiphy import Quantity
from syringe_pump import Pump
from syringe_pump.exceptions import PumpCommandError, TargetReachedError

from tests.sim_devices.serving import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.mark.parametrize(("options", "address"), [("", 0), ("?address=7&model=legato-110&poll=remote", 7)])
def test_python_syringe_pump_sets_up_infuses_to_its_target_and_stops(
    tmp_path: Path, options: str, address: int
) -> None:
    link = tmp_path / "pump"
    with served("pty", str(link), "harvard-ultra" + options):
        asyncio.run(_round_trip(str(link), address))


async def _round_trip(port: str, address: int) -> None:
    async with Pump(aioserial.AioSerial(port, timeout=3)) as pump:
        version = await pump.version()
        assert (version.firmware, version.address, version.serial_number) == ("v3.0.6", address, "D101754")
        await pump.syringe.set_diameter(4.699)
        assert await pump.syringe.get_diameter() == pytest.approx(4.699e-3)
        low, high = await pump.infusion_rate.get_limits()
        assert (low, high) == pytest.approx((2.65534e-9, 2.75746e-3))
        await _ramp_is_set_and_reset(pump)
        await pump.infusion_rate.set(Quantity("300 ul/min"))
        assert await pump.infusion_rate.get() == pytest.approx(300e-6)
        with pytest.raises(PumpCommandError):
            await pump.infusion_rate.set(Quantity("30 ml/min"))
        await pump.set_force(40)
        assert await pump.get_force() == 40

        await pump.infusion_volume.clear()
        await pump.target_volume.set(Quantity("2 ul"))
        assert await pump.target_volume.get() == pytest.approx(2e-6)
        await pump.run()  # 0.4 s
        for _look in range(100):
            await asyncio.sleep(0.05)
            if await pump.infusion_volume.get() == pytest.approx(2e-6):
                break
        with pytest.raises(TargetReachedError):
            await pump.run()  # its target is reached: the prompt says so
        await pump.target_volume.clear()
        await pump.stop()
        await pump.run("withdraw")
        await asyncio.sleep(0.2)
        await pump.stop()
        assert await pump.withdrawal_volume.get() > 0


async def _ramp_is_set_and_reset(pump: Pump) -> None:
    assert await pump.infusion_rate.get_ramp() is None
    await pump.infusion_rate.set_ramp(Quantity("110 ul/min"), Quantity("417 ul/min"), 7.036)
    ramp = await pump.infusion_rate.get_ramp()
    assert ramp is not None
    assert (ramp.start, ramp.end, ramp.duration) == (pytest.approx(110e-6), pytest.approx(417e-6), 7.036)
    await pump.infusion_rate.reset_ramp()  # by clearing the target time
    assert await pump.infusion_rate.get_ramp() is None
    assert await pump.target_time.get() is None
    await pump.target_time.set(timedelta(minutes=3))
    assert await pump.target_time.get() == timedelta(minutes=3)
    await pump.infusion_rate.reset_ramp()


def test_kdsautolib_sets_up_and_infuses_to_its_target(tmp_path: Path) -> None:
    link = tmp_path / "pump"
    with served("pty", str(link), "harvard-ultra?model=legato-110"):
        pump = Legato110(str(link), 115200)
        line = pump.kds.ser
        assert line is not None
        try:
            pump.poll("on")
            pump.set_syringe_size(4.699, 1.0, "ml")
            pump.set_syringe_count(1)
            pump.force(30)
            pump.clear_volume("infuse")
            pump.clear_time("both")
            pump.set_infuse_rate("ul/min", 600)
            pump.set_target_volume(5, "ul")
            assert ask(line, "irate") == "600 ul/min"
            assert ask(line, "tvolume") == "5 ul"
            assert ask(line, "svolume") == "1 ml"
            assert ask(line, "force") == "30%"
            pump.run_motors("infuse")
            threading.Event().wait(0.8)
            assert ask(line, "ivolume") == "5 ul"
            assert ask(line, "status").endswith("i..TIT")
            pump.clear_volume("target")
            pump.run_motors("withdraw")
            pump.stop()
            assert ask(line, "status").split()[-1][0] == "w"
        finally:
            line.close()


def ask(line: serial.Serial, text: str) -> str:
    """Return the answer to a question; what the client left unread is dropped."""
    threading.Event().wait(0.1)
    line.reset_input_buffer()
    line.write(f"{text}\r\n".encode())
    return line.read_until(b"\x11").decode().strip("\n\x11").split("\r")[0]
