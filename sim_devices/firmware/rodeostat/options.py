"""What differs between Rodeostats, as switches; what the reference leaves open is one too. Tables, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RANGES_UA = {
    "nanoAmp": {"60nA": 0.06, "100nA": 0.1, "1uA": 1.0, "10uA": 10.0},
    "microAmp": {"1uA": 1.0, "10uA": 10.0, "100uA": 100.0, "1000uA": 1000.0},
    "milliAmp": {"100uA": 100.0, "1000uA": 1000.0, "12000uA": 12000.0, "24000uA": 24000.0},
    "10MilliAmp": {"10uA": 10.0, "100uA": 100.0, "1000uA": 1000.0, "10000uA": 10000.0},
    "24MilliAmp": {"100uA": 100.0, "1000uA": 1000.0, "12000uA": 12000.0, "24000uA": 24000.0},
}
VOLT_RANGES = {"1V": 1.0, "2V": 2.0, "5V": 5.0, "10V": 10.0}
VOLT_RANGES_AD8251 = {"1V": 1.0, "2V": 2.0, "4V": 4.0, "8V": 8.0}
ADC_BITS = {"teensy": 16, "itsybitsy": 12}


@dataclass(frozen=True)
class RodeostatOptions:
    """Build, hardware, and switches."""

    variant: Literal["nanoAmp", "microAmp", "milliAmp", "10MilliAmp", "24MilliAmp"] = "nanoAmp"
    amplifier: Literal["10V", "AD8250", "AD8251", "unnamed"] = "10V"
    """What stands before the variant's name; the AD8251 has other voltage ranges (vendor's client)."""
    version_prefix: Literal["V", "HW"] = "V"
    """How ``getHardwareVersion`` writes it: the reference has V0.2, the vendor's client compares with HW0.2 [?]."""
    hardware: Literal["0.1", "0.2"] = "0.2"
    board: Literal["teensy", "itsybitsy"] = "teensy"
    version: str = "FW0.1.0"
    device_id: int = 1
    nano_table_fault: bool = True
    """On a Teensy with hardware 0.1 the nanoAmp build has the ranges of 24MilliAmp (3.5)."""
    negated: bool = False
    """Print oxidation as negative, as a firmware does that was built for the other hardware (3.5, #23)."""
    quantise: bool = True
    """Print whole steps of the converter; the real one averages, and shows finer ones."""
    deaf_while_running: bool = False
    """Whether anything but stopTest is heard during a test: that it is, is inferred [INF]."""
    le_before_i: bool = False
    """Place of the ``le`` key [?]."""

    @property
    def variant_text(self) -> str:
        """Return the answer to ``getVariant``."""
        front = "" if self.amplifier == "unnamed" else f"{self.amplifier}_"
        return f"{front}{self.variant}V{self.hardware}"

    @property
    def volt_ranges(self) -> dict[str, float]:
        """Return the voltage ranges of this build."""
        return VOLT_RANGES_AD8251 if self.amplifier == "AD8251" else VOLT_RANGES

    @property
    def ranges_ua(self) -> dict[str, float]:
        """Return the current ranges that this build believes in."""
        faulty = self.nano_table_fault and self.variant == "nanoAmp" and self.hardware == "0.1"
        return RANGES_UA["24MilliAmp" if faulty and self.board == "teensy" else self.variant]
