"""The vendor's client of the 8401-HR (ptech-morelia) on the simulated one.

Its analysis, its databases and its streams to other programs are stood in for; what talks to the instrument is its own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim_devices.serving import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

ROOT = Path(__file__).resolve().parents[2]
CLIENT = """
import atexit, json, sys
from drivers.clock import SystemClock
from tests.sim_devices.stand_ins import stood_in

with stood_in("reactivex", "influxdb_client", "pyedflib", "pythonosc", "pvfs_tools"):
    from Morelia.Devices import Pod8401HR, Preamp
    from Morelia.Devices.SerialPorts import PortIO
    from Morelia.packet import ControlPacket, PrimaryChannelMode, SecondaryChannelMode

PortIO.is_port_in_use = staticmethod(lambda port: False)  # it would find the simulator, which holds the other end
bio, eeg = PrimaryChannelMode.BIOSENSOR, PrimaryChannelMode.EEG_EMG
pod = Pod8401HR(sys.argv[1], Preamp.Preamp8407_SE_2BIO, (bio, bio, eeg, eeg),
                (SecondaryChannelMode.ANALOG,) * 2 + (SecondaryChannelMode.DIGITAL,) * 4,
                ss_gain=(1, 1, 5, 5), preamp_gain=(None, None, 10, 10))
atexit.register(pod.cleanup)

def ground(connected):
    for channel in (0, 1):
        setattr(pod, f"input_ground{channel}", connected)
        pod.read_pod_packet(timeout_sec=5)  # the echo, which it leaves lying and would take for the next answer

told = {"answers": pod.test_connection(), "type": pod.pod_type,
        "firmware": bytes(pod.write_read("FIRMWARE VERSION").payload).decode()}
pod.sample_rate = int(sys.argv[2])
pod._sample_rate = None  # ask the instrument
told["rate"] = pod.sample_rate
pod.bias_0, pod.dc_mode_0, pod.lowpass_ch0 = 0.6, 0, 100
ground(1)
told["set"] = [pod.bias_0, pod.dc_mode_0, pod.lowpass_ch0, pod.write_read("GET INPUT GROUND").payload[0]]
clock, packets = SystemClock(), []
with pod:
    end_ns = clock.now_ns() + 1_500_000_000
    while clock.now_ns() < end_ns:
        packet = pod.read_pod_packet_streaming(timeout_sec=5)
        if not isinstance(packet, ControlPacket):
            packets.append(packet)
counters = [packet.packet_counter for packet in packets]
told["gaps"] = sum((after - before) % 256 != 1 for before, after in zip(counters, counters[1:]))
told["samples"] = len(packets)
told["currents"] = [min(packet.ch0 for packet in packets), max(packet.ch0 for packet in packets)]
ground(0)
pod.bias_0 = 0
told["after"] = [pod.test_connection(), pod.bias_0, pod.write_read("GET INPUT GROUND").payload[0]]
print(json.dumps(told), flush=True)
"""


@pytest.mark.parametrize(("options", "rate"), [("", 2000), ("?rates=100-2000", 500)])
def test_the_vendors_client_sets_up_streams_and_leaves_all_off(tmp_path: Path, options: str, rate: int) -> None:
    name = f"COM{_free_place()}"  # it wants such a name, and counts the port of its own queue server from it
    with served("pty", str(tmp_path / name), "pinnacle-8401" + options):
        command = [sys.executable, "-c", CLIENT, name, str(rate)]
        home = {**os.environ, "PYTHONPATH": str(ROOT)}
        client = subprocess.run(
            command, cwd=tmp_path, env=home, capture_output=True, text=True, timeout=60, check=False
        )
    assert client.returncode == 0, client.stderr
    told = json.loads(client.stdout.splitlines()[-1])
    assert (told["answers"], told["type"], told["rate"]) == (True, "Pod8401HR", rate)
    assert told["firmware"] == "10A"
    assert told["set"] == [0.6, 0, 100, 0b11]
    assert told["gaps"] <= 2, "a busy computer may lose some"
    assert told["samples"] > rate / 2
    assert 0 < told["currents"][0] <= told["currents"][1] < 0.1, "microamperes of a sensor at +0.6 V"
    assert told["after"] == [True, 0.0, 0]


def _free_place() -> int:
    for place in range(os.getpid() % 9000, 14_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", 51_000 + place)):
                return place
    raise AssertionError("every port is taken")
