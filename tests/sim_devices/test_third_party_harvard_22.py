"""Other people's clients of older Harvard pumps (pumpy, pymupump) on the simulated ones over real ptys.

pumpy was written for Python 2, where text and bytes were one: its line is given a Python 3 tongue here, its protocol is
left as it is. It reads as many bytes as real pumps send, which is where the field of eight characters comes from.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from pathlib import Path

import pymupump.pymupump as oem
import pytest

from tests.sim_devices.serving import served

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SyntaxWarning)  # it compares strings by identity, where nothing depends on it
    import pumpy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

PRINTS_LIKE_A_REAL_ONE = "&padded=on&prints_unit=off"


class TextChain(pumpy.Chain):  # type: ignore[misc] # it has no types
    """Its line, speaking text as in Python 2."""

    def write(self, text: str) -> None:
        super().write(text.encode("ascii"))

    def read(self, size: int = 1) -> str:
        return bytes(super().read(size)).decode("ascii")


@pytest.mark.parametrize(
    ("client", "options", "volume"),
    [
        (pumpy.Pump, "?model=11", "0.0050"),  # takes MLT for microlitres
        (pumpy.PHD2000, "?model=phd-2000&extra_cr=on", "0.0050"),  # and this one for millilitres
    ],
)
def test_pumpy_sets_up_infuses_to_its_target_and_stops(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, client: type, options: str, volume: str
) -> None:
    link = tmp_path / "pump"
    with served("pty", str(link), "harvard-22" + options + PRINTS_LIKE_A_REAL_ONE), TextChain(str(link)) as chain:
        chain.timeout = 0.3  # it reads more bytes than there are, and waits
        pump = client(chain)
        pump.write("MOD VLM")  # as its readme says: at the keypad of a PHD 2000; others do not know it
        pump.read(20)
        with caplog.at_level(logging.ERROR):
            pump.setdiameter(4.6)
            pump.setflowrate(600)
            pump.settargetvolume(5)
        assert not caplog.records, "it compares what it set with what it reads back"
        assert (pump.diameter, pump.flowrate, pump.targetvolume) == (4.6, "600", 5.0)
        pump.infuse()
        threading.Event().wait(0.9)  # 5 uL at 600 uL/min: 0.5 s
        pump.write("VOL")
        answer = pump.read(15)
        assert answer.split()[0] == volume
        assert answer.endswith(":")

        pump.settargetvolume(900)
        pump.write("CLV")
        pump.read(5)
        pump.infuse()
        pump.stop()


def test_pymupump_sets_up_an_oem_pump_infuses_waits_and_stops(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    link = tmp_path / "pump"
    with served("pty", str(link), "harvard-22?model=oem" + PRINTS_LIKE_A_REAL_ONE), oem.Chain(str(link)) as chain:
        chain.timeout = 0.3
        pump = oem.Microliter(chain)
        with caplog.at_level(logging.ERROR):
            pump.setdiameter(4.6)
            pump.setflowrate(600)
        assert not caplog.records, "it compares what it set with what it reads back"
        pump.settargetvolume(8)
        pump.infuse()
        pump.waituntiltarget()  # 8 uL at 600 uL/min: 0.8 s
        assert pump.query("VOL").split() == ["0.0080", "00*T"]
        pump.settargetvolume(500)
        pump.infuse()
        pump.stop()
        assert pump.query("VER").endswith("00:")
