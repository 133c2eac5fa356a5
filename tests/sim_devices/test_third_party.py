"""Other people's New Era clients on simulated pumps over a real pty: in both modes, in a chain, and one that dies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import nesp_lib
import pytest
import serial

from tests.sim_devices.serving import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.mark.parametrize(
    ("timeout_s", "options"),
    [
        (0, ""),  # Basic mode; the pending A?R is ignored once by the client
        (5, "?power_up_alarm=0"),  # Safe mode, alarm cleared on the keypad: see the corner in pumps.md a.6
        (5, "?saf=5"),  # Safe mode, pump powered up in it with A?R pending
    ],
)
def test_nesp_lib_sets_up_infuses_watches_and_stops(tmp_path: Path, timeout_s: int, options: str) -> None:
    link = tmp_path / "pump"
    with served("pty", str(link), "new-era" + options):
        if options == "?saf=5":
            _swallow_pushed_alarm(link)
        with nesp_lib.Port(str(link)) as port:  # at its default of 9600 baud: a pty has no baud rate
            pump = nesp_lib.Pump(port, safe_mode_timeout_s=timeout_s)
            try:
                _round_trip(pump, timeout_s)
            finally:
                pump.safe_mode_timeout_s = 0  # ends the client's heartbeat thread


def _swallow_pushed_alarm(link: Path) -> None:
    """Read the A?R that a Safe-mode pump sends unasked at power-up: this client takes it for a reply."""
    with serial.Serial(str(link), timeout=0.5) as line:  # opening discards it if it has come already
        line.read(10)


def _round_trip(pump: nesp_lib.Pump, timeout_s: int) -> None:
    assert (pump.model_number, pump.firmware_version) == (1000, (3, 928))
    assert pump.safe_mode_timeout_s == timeout_s
    pump.syringe_diameter_mm = 4.699
    pump.pumping_direction = nesp_lib.PumpingDirection.INFUSE
    pump.pumping_volume_ml = 0.002
    pump.pumping_rate_ml_per_min = 0.2
    pump.volume_infused_clear()
    pump.volume_withdrawn_clear()
    assert pump.syringe_diameter_mm == 4.699
    assert pump.pumping_volume_ml == pytest.approx(0.002)
    assert pump.pumping_rate_ml_per_min == pytest.approx(0.2)
    with pytest.raises(ValueError, match="rate"):
        pump.pumping_rate_ml_per_min = 5.0

    pump.run(wait_while_running=False)
    assert pump.running
    pump.wait_while_running()  # 2 uL at 200 uL/min: 0.6 s
    assert pump.volume_infused_ml == pytest.approx(0.002)

    pump.pumping_volume_ml = 1.0
    pump.run(wait_while_running=False)
    assert pump.status == nesp_lib.Status.INFUSING
    pump.stop()
    assert pump.status == nesp_lib.Status.PAUSED
    assert 0.002 <= pump.volume_infused_ml < 0.2
    assert pump.volume_withdrawn_ml == 0


@pytest.mark.parametrize(("timeout_s", "options"), [(0, ""), (5, "&power_up_alarm=0")])
def test_nesp_lib_runs_two_pumps_of_a_chain_at_once(tmp_path: Path, timeout_s: int, options: str) -> None:
    link = tmp_path / "chain"
    with served("pty", str(link), f"new-era?chain=0,12{options}"), nesp_lib.Port(str(link)) as port:
        pumps = [nesp_lib.Pump(port, address=address, safe_mode_timeout_s=timeout_s) for address in (0, 12)]
        try:
            for pump, volume_ml in zip(pumps, (1.0, 0.001), strict=True):
                pump.syringe_diameter_mm = 4.699
                pump.pumping_direction = nesp_lib.PumpingDirection.INFUSE
                pump.pumping_volume_ml = volume_ml
                pump.pumping_rate_ml_per_min = 0.2
                pump.volume_infused_clear()
                pump.run(wait_while_running=False)
            pumps[1].wait_while_running()
            assert pumps[0].running
            pumps[0].stop()
            assert pumps[1].volume_infused_ml == pytest.approx(0.001)
            assert 0.001 < pumps[0].volume_infused_ml < 0.2
        finally:
            for pump in pumps:
                pump.safe_mode_timeout_s = 0


YAQ_DAEMON = """
import asyncio, pathlib, sys
from yaqd_new_era._new_era_ne1000 import NewEraNe1000

async def main(serial_port, address):
    config = {"serial_port": serial_port, "address": address, "port": 0, "baud_rate": 19200, "diameter": 4.699,
              "volume_units": "microliter", "rate_units": "microliter/minute", "limits": [-1000.0, 1000.0],
              "out_of_limits": "closest"}
    pump = NewEraNe1000("pump", config, pathlib.Path("none"))
    pump._state["position"] = 0.0  # as after its homing
    pump.set_rate(150.0)
    await asyncio.sleep(1.0)
    pump.set_position(-2.0)
    for _tenth in range(100):
        await asyncio.sleep(0.1)
        if pump._state["position"] <= -2.0 and not pump._busy:
            break
    await asyncio.sleep(0.6)  # it clears both counters
    print(pump.get_rate(), pump._state["position"], flush=True)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    pump.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def test_yaqd_new_era_infuses_with_the_second_pump_of_a_chain_and_not_with_the_first(tmp_path: Path) -> None:
    link = tmp_path / "chain"
    home = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    with served("pty", str(link), "new-era?chain=0,3&diameter_mm=4.699"):
        command = [sys.executable, "-c", YAQ_DAEMON, str(link), "3"]
        daemon = subprocess.run(command, env=home, capture_output=True, text=True, timeout=60, check=False)
        assert daemon.stdout.split() == ["150.0", "-2.0"], daemon.stderr
        with serial.Serial(str(link), timeout=1) as line:
            for sent, answered in (
                (b"0DIS\r", b"\x0200A?R\x03"),  # nobody has spoken to it before
                (b"0DIS\r", b"\x0200SI0.000W0.000UL\x03"),
                (b"3VOL\r", b"\x0203S2.000UL\x03"),
            ):
                line.write(sent)
                assert line.read_until(b"\x03") == answered


CLIENT = """
import sys, threading, nesp_lib
port = nesp_lib.Port(sys.argv[1])
pump = nesp_lib.Pump(port, safe_mode_timeout_s=2)
pump.syringe_diameter_mm = 4.699
pump.pumping_volume_ml = 1.0
pump.pumping_rate_ml_per_min = 0.2
pump.volume_infused_clear()
pump.run(wait_while_running=False)
threading.Event().wait(2.5)
assert pump.running  # its heartbeat keeps the pump going longer than the time-out
print("infusing", flush=True)
threading.Event().wait(60)
"""


def test_R41_a_client_killed_in_safe_mode_stops_the_pump_by_its_own_watchdog(tmp_path: Path) -> None:
    link = tmp_path / "pump"
    with served("pty", str(link), "new-era?power_up_alarm=0"):
        with subprocess.Popen([sys.executable, "-c", CLIENT, str(link)], stdout=subprocess.PIPE) as client:
            assert client.stdout is not None
            try:
                assert client.stdout.readline() == b"infusing\n"
            finally:
                client.kill()
        with serial.Serial(str(link), timeout=5) as line:
            pushed = line.read(10)  # unasked, within the time-out of 2 s and without a single byte from us
            assert pushed == bytes.fromhex("02093030413F54054003")
            assert ask(line, b"\x02\x04\x00\x00\x03") == b"00A?T"
            assert ask(line, b"\x02\x04\x00\x00\x03") == b"00S"
            first = ask(line, DIS)
            threading.Event().wait(0.5)
            assert ask(line, DIS) == first
            infused_ul = float(first[4:].split(b"W")[0])
            assert 200 / 60 * 2.5 < infused_ul < 200 / 60 * 15  # it stopped; a running one would have gone on to 1000


DIS = bytes.fromhex("02074449531CAF03")


def ask(line: serial.Serial, packet: bytes) -> bytes:
    line.write(packet)
    head = line.read(2)
    return bytes((head + line.read(head[1] - 1))[2:-3])
