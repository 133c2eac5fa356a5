"""62 kB a second in real time: the driver reads a simulated 8401-HR in another process over a real pseudo-terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from drivers.capabilities import AmperometrySettings, DriverOptions, ElectrodeSettings
from drivers.clock import NS_PER_S, SystemClock
from drivers.pinnacle_8401 import build
from drivers.serial_port import SerialOpener
from tests.sim_devices.serving import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


def test_a_stream_is_read_in_real_time_and_stopped(tmp_path: Path) -> None:
    link = tmp_path / "pod"
    clock = SystemClock()
    settings = AmperometrySettings(0.6, 0.1, (ElectrodeSettings("glutamate", "a", 50e-9),))
    with served("pty", str(link), "pinnacle-8401?ttl1_every_s=1"):
        rig = DriverOptions("it", settings={"preamp": "8407-2BIO", "ttl1": "stimulus"})
        instrument = build(SerialOpener(), str(link), clock, rig)
        assert instrument.connect().model == "8401-HR"
        instrument.start(settings)
        end_ns, blocks = clock.now_ns() + 3 * NS_PER_S, []
        while clock.now_ns() < end_ns:
            blocks += instrument.read(0.1)
        edges = instrument.edges()
        instrument.stop()
        instrument.close()
    index = np.concatenate([block.index for block in blocks])
    assert np.all(np.diff(index) >= 1)
    assert index.size >= 20, "a busy computer may lose some, and then there is a gap"
    assert {block.epoch for block in blocks} == {1}
    ages_ms = [(block.received_ns - int(block.t_ns()[-1])) / 1e6 for block in blocks]
    assert 30 < np.median(ages_ms) < 300, "half a window and what is on its way"
    assert not np.concatenate([block.flags for block in blocks]).any()
    rises_ns = [edge.t_ns for edge in edges if edge.is_high]
    assert len(rises_ns) >= 2
    assert np.all(np.abs(np.diff(rises_ns) - NS_PER_S) <= NS_PER_S // 1000)
