"""Another's client of the Micro4 (fastcs-wpi-micro4, of a synchrotron's control system) on the simulated controller.

It needs a control system of some 80 packages to publish what it reads; what talks to the pump needs little of that.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.sim_devices.serving import served
from tests.sim_devices.stand_ins import stood_in

with stood_in("IPython", "pygelf", "prompt_toolkit"):  # a shell, a log server
    from fastcs_wpi_micro4.usb_connection import USBConnectionSettings
    from fastcs_wpi_micro4.wpi_micro4_controller import WpiMicro4Controller

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.mark.parametrize("line", [1, 2])
def test_fastcs_sets_up_a_line_infuses_to_its_target_and_stops(tmp_path: Path, line: int) -> None:
    link = tmp_path / "micro4"
    with served("pty", str(link), f"wpi-micro4?plunger_line={line}"):
        asyncio.run(_round_trip(str(link), line))


async def _round_trip(port: str, line: int) -> None:
    client = WpiMicro4Controller(USBConnectionSettings(port, 9600))
    await client.initialise()
    client.post_initialise()
    await client.connect()
    try:
        await client.pump_number.put(line)
        assert await _asked(client, f"type_l{line}") == "Type A"
        assert await _asked(client, f"pump_state_l{line}") == "Stopped"
        for name, value in (
            ("pump_direction", "Infuse"),
            ("rate_units", "nL/Sec"),
            ("delivery_rate", 10.0),
            ("volume", 20.0),
        ):
            attribute = getattr(client, f"{name}_l{line}")
            await attribute.put(value)
            assert attribute.get() == value, "it asks for what it has set"
        state = getattr(client, f"pump_state_l{line}")
        await state.put("Run")  # 2 s
        assert state.get() == "Running"
        for _look in range(100):
            await asyncio.sleep(0.05)
            if await _asked(client, f"pump_state_l{line}") == "Stopped":
                break
        assert await _asked(client, f"volume_couner_l{line}") == 20.0

        await getattr(client, f"volume_l{line}").put(900.0)
        await state.put("Run")
        assert state.get() == "Running"
        await state.put("Stop")
        assert state.get() == "Stopped"
        assert float(await _asked(client, f"volume_couner_l{line}")) < 900.0
    finally:
        await client.connection.close()


async def _asked(client: WpiMicro4Controller, name: str) -> str | float:
    """Let the client ask once, as its control system does twice a second."""
    attribute = getattr(client, name)
    await attribute.bind_update_callback()()
    value: str | float = attribute.get()
    return value
